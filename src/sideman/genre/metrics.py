"""How good a genre model is: accuracy per genre, calibration, and intervals that respect artists.

Pure functions of ``probabilities`` (n, classes) and integer ``labels`` (n,).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]


def _check(probabilities: Floats, labels: Ints) -> None:
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise UsageError(f"need probabilities (n, classes) and labels (n,), got {probabilities.shape}, {labels.shape}")
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise UsageError(f"labels must be 0..{probabilities.shape[1] - 1}, got {labels.min()}..{labels.max()}")


def recall_per_class(probabilities: Floats, labels: Ints) -> Floats:
    """Share of each class's items that were named right, (classes,); NaN for a class without items."""
    _check(probabilities, labels)
    classes = probabilities.shape[1]
    hit = probabilities.argmax(1) == labels
    count = np.bincount(labels, minlength=classes)
    right = np.bincount(labels[hit], minlength=classes)
    recall: Floats = np.divide(right, count, out=np.full(classes, np.nan), where=count > 0)
    return recall


def balanced_accuracy(probabilities: Floats, labels: Ints) -> float:
    """Mean recall over the classes that occur; chance is one over their number."""
    return float(np.nanmean(recall_per_class(probabilities, labels)))


def negative_log_likelihood(probabilities: Floats, labels: Ints) -> float:
    """Mean of ``-ln p(label)`` in nats; probabilities are kept above 1e-12."""
    _check(probabilities, labels)
    return float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12)).mean())


def brier_score(probabilities: Floats, labels: Ints) -> float:
    """Mean squared distance to the one-hot label, 0..2 (Brier 1950)."""
    _check(probabilities, labels)
    target = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - target) ** 2).sum(1).mean())


def expected_calibration_error(probabilities: Floats, labels: Ints, bins: int = 10) -> float:
    """Mean gap between confidence and accuracy over ``bins`` equal-width bins, 0..1 (Naeini et al. 2015)."""
    _check(probabilities, labels)
    confidence = probabilities.max(1)
    hit = probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.abs(np.bincount(place, confidence - hit, minlength=bins))
    return float(gap.sum() / len(labels))


def calibrated_ece_quantile(
    probabilities: Floats, quantile: float = 0.95, *, bins: int = 10, draws: int = 2000, seed: int = 0
) -> float:
    """Quantile of the calibration error that a perfectly calibrated model with these probabilities would show.

    Labels are drawn from the probabilities themselves: the error that chance alone leaves on so few items.
    """
    rng = np.random.default_rng(seed)
    cumulative = probabilities.cumsum(1)
    errors = []
    for _ in range(draws):
        drawn = (rng.random((len(probabilities), 1)) > cumulative).sum(1).clip(0, probabilities.shape[1] - 1)
        errors.append(expected_calibration_error(probabilities, drawn, bins))
    return float(np.quantile(errors, quantile))


def grouped_bootstrap(
    statistic: Callable[[Ints], float],
    groups: NDArray[np.str_],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of ``statistic(indices)`` when whole groups (artists) are drawn with replacement."""
    rng = np.random.default_rng(seed)
    _, inverse = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(inverse == g) for g in range(int(inverse.max()) + 1)]
    values = [
        statistic(np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))]))
        for _ in range(draws)
    ]
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def best_temperature(mean_log_probabilities: Floats, labels: Ints) -> float:
    """Temperature in 0.05..20 that minimises the negative log-likelihood (Guo et al. 2017, arXiv:1706.04599)."""
    from scipy.optimize import minimize_scalar

    _check(mean_log_probabilities, labels)

    def loss(log_temperature: float) -> float:
        scaled = mean_log_probabilities / np.exp(log_temperature)
        scaled = scaled - scaled.max(1, keepdims=True)
        normaliser = np.log(np.exp(scaled).sum(1))
        return float((normaliser - scaled[np.arange(len(labels)), labels]).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))
