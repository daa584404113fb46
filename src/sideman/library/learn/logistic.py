"""Logistic regression on embeddings: one label of several (softmax) or any of them (sigmoid), labels weighing alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STRENGTHS = (3.0, 0.3, 0.03, 0.003)
"""Regularisations that are tried, strongest first: each fit starts where the stronger one ended."""
_STEPS = 60
_LEAST_SCALE = 0.1  # of the mean spread: directions that hardly vary are not blown up


@dataclass(frozen=True)
class Weights:
    """A linear classifier of standardised vectors.

    Attributes:
        mean, scale: of the training vectors, (d,).
        coefficients: (labels, d), ``bias`` (labels,).
    """

    mean: Floats
    scale: Floats
    coefficients: Floats
    bias: Floats

    def scores(self, vectors: NDArray[np.floating]) -> Floats:
        """Raw scores (n, labels) of vectors (n, d)."""
        x = (np.asarray(vectors, np.float64) - self.mean) / self.scale
        return np.asarray(x @ self.coefficients.T + self.bias)


def fit(vectors: NDArray[np.floating], has: Bools, strength: float, *, several: bool) -> Weights:
    """Fit at one regularisation, coming from the stronger ones.

    Args:
        vectors: (n, d).
        has: which label each has, (n, labels).
        strength: weight of half the squared coefficients against the mean loss, more than 0.
        several: labels do not exclude each other.
    """
    return path(vectors, has, [s for s in STRENGTHS if s > strength] + [strength], several=several)[-1]


def path(vectors: NDArray[np.floating], has: Bools, strengths: Sequence[float], *, several: bool) -> list[Weights]:
    """Fits at several regularisations, each starting from the one before; parameters as :func:`fit`."""
    from scipy.optimize import minimize

    x = np.asarray(vectors, np.float64)
    mean, spread = x.mean(0), x.std(0)
    scale = np.maximum(spread, max(_LEAST_SCALE * float(spread.mean()), 1e-9))
    x = (x - mean) / scale
    weight = balance(has, several=several)
    target = has.astype(np.float64)
    labels, d = has.shape[1], x.shape[1]
    found = []
    start = np.zeros(labels * (d + 1))

    def loss(flat: Floats, strength: float) -> tuple[float, Floats]:
        coefficients, bias = flat[: labels * d].reshape(labels, d), flat[labels * d :]
        scores = x @ coefficients.T + bias
        if several:
            missed = np.logaddexp(0.0, np.where(has, -scores, scores))
            slope = weight * (expit(scores) - target)
        else:
            missed = -log_softmax(scores, 1) * target
            slope = weight * (softmax(scores, 1) - target)
        value = float((weight * missed).sum()) / len(x) + 0.5 * strength * float((coefficients**2).sum())
        gradient = slope.T @ x / len(x) + strength * coefficients
        return value, np.concatenate([gradient.ravel(), slope.sum(0) / len(x)])

    for strength in strengths:
        start = minimize(loss, start, (strength,), "L-BFGS-B", jac=True, options={"maxiter": _STEPS}).x
        found.append(Weights(mean, scale, start[: labels * d].reshape(labels, d).copy(), start[labels * d :].copy()))
    return found


def balance(has: Bools, *, several: bool) -> Floats:
    """Weights under which every label counts alike, mean about 1: (n, 1), or (n, labels) with ``several``."""
    n, labels = has.shape
    count = np.maximum(has.sum(0), 1)
    if several:
        return np.asarray(np.where(has, n / (2 * count), n / (2 * np.maximum(n - count, 1))))
    return np.asarray((has * (n / (labels * count))).sum(1, keepdims=True))


def mean_loss(scores: Floats, has: Bools, *, several: bool) -> float:
    """Balanced log loss per recording of raw scores."""
    missed = np.logaddexp(0.0, np.where(has, -scores, scores)) if several else -log_softmax(scores, 1) * has
    return float((balance(has, several=several) * missed).sum() / len(has))
