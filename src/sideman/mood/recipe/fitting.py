"""A logistic regression that stays sober on recordings: fitted on labelled scores, held back on unlabelled sound.

The labelled music is rendered, most of it piano, and spans few directions of the embedding. An ordinary ridge grows
wild along all others: on real recordings its log odds reach the hundreds. So the penalty is the mean square of what the
model says, before its constant, of recordings without labels: directions in which music at large varies cost, and so
does the one from rendered music to recordings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_STEPS = 50


def fit(x: Floats, signs: NDArray[np.int_], weight: Floats, penalty: Floats) -> tuple[Floats, float]:
    """Weights (columns,) and constant of the log odds that a sign is 1.

    Minimises the weighted mean logistic loss plus half the quadratic form ``penalty`` of the weights, by Newton's
    method.

    Args:
        x: (rows, columns), about centred.
        signs: (rows,), -1 or 1; 0 where nothing is known.
        weight: (rows,) of each row, at least 0.
        penalty: (columns, columns), positive definite.
    """
    known = signs != 0
    rows = np.column_stack([x[known], np.ones(int(known.sum()))])
    share = weight[known] / weight[known].sum()
    target = (signs[known] > 0).astype(np.float64)
    held = np.zeros((rows.shape[1], rows.shape[1]))
    held[:-1, :-1] = penalty
    solution = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(rows @ solution, -40, 40)))
        gradient = rows.T @ (share * (p - target)) + held @ solution
        curvature = (rows * (share * np.maximum(p * (1 - p), 1e-9))[:, None]).T @ rows + held
        step = np.linalg.solve(curvature, gradient)
        solution -= step
        if np.abs(step).max() < 1e-8 * max(1.0, np.abs(solution).max()):
            break
    return solution[:-1], float(solution[-1])


def penalty_of(unlabelled: Floats, weight: Floats, centre: Floats, *, strength: float, ridge: float) -> Floats:
    """The penalty (columns, columns) from unlabelled rows (n, columns), seen from the labelled music's ``centre``.

    ``strength`` multiplies the mean square of the model's answers; ``ridge`` is added for directions that no music has.
    """
    apart = unlabelled - centre
    share = weight / weight.sum()
    moments: Floats = (apart * share[:, None]).T @ apart + ridge * np.eye(apart.shape[1])
    return strength * moments


def temperature_of(log_odds: Floats, signs: NDArray[np.int_], weight: Floats) -> float:
    """What to divide held-out log odds (rows,) by so that they are true probabilities: least log loss."""
    known = signs != 0
    margin, share = log_odds[known] * signs[known], weight[known] / weight[known].sum()
    tried = np.geomspace(0.1, 20, 400)
    losses = [float((share * np.logaddexp(0, -margin / temperature)).sum()) for temperature in tried]
    return float(tried[int(np.argmin(losses))])


def gain_of(log_odds: Floats, weight: Floats, spread: float) -> float:
    """Factor of log odds (rows,) whose hyperbolic tangents have the root mean square ``spread``."""
    share = weight / weight.sum()
    tried = np.geomspace(0.01, 20, 800)
    spreads = np.array([np.sqrt((share * np.tanh(gain * log_odds) ** 2).sum()) for gain in tried])
    return float(tried[int(np.argmin(np.abs(spreads - spread)))])
