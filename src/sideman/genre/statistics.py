"""Figures beside those of :mod:`sideman.genre.metrics`: intervals, tests, tables and curves for evaluations.

Pure functions. ``probabilities`` is (n, classes), ``labels`` (n,) of integers, ``right`` (n,) of booleans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import UsageError
from sideman.genre.metrics import best_temperature
from sideman.genre.predict import log_softmax

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
Bools = NDArray[np.bool_]
_DRAWS_AT_ONCE = 250


def wilson(right: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Score interval of a share of ``right`` out of ``n`` (Wilson 1927).

    ``right`` may be a mean over seeds and so no whole number. Raises :class:`UsageError` unless 0 <= right <= n > 0.
    """
    from scipy.special import ndtri

    if not 0 <= right <= n or n <= 0:
        raise UsageError(f"an interval needs 0 <= right <= n and n > 0, got {right:g} of {n:g}")
    z = float(ndtri((1 + level) / 2))
    share = right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def top_k(probabilities: Floats, labels: Ints, k: int = 2) -> float:
    """Share of items whose class is among the ``k`` likeliest; among equals the first class counts as likelier."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((order == labels[:, None]).any(1).mean())


def confusion(predicted: Ints, labels: Ints, classes: int) -> Ints:
    """Items by true class (rows) and predicted class (columns), (classes, classes)."""
    matrix = np.zeros((classes, classes), int)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


@dataclass(frozen=True)
class PerClass:
    """Precision, recall and F1 per class, 0..1, (classes,).

    Precision is 0 for a class that is never named; all three are NaN for a class without items.
    """

    precision: Floats
    recall: Floats
    f1: Floats


def per_class(matrix: NDArray[np.number]) -> PerClass:
    """Figures per class from counts by true (rows) and predicted class (columns), (..., classes, classes)."""
    right = np.diagonal(matrix, axis1=-2, axis2=-1).astype(float)
    there, named = matrix.sum(-1).astype(float), matrix.sum(-2).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = right / there
        precision = np.where(named > 0, right / named, 0.0)
        f1 = 2 * right / (there + named)
    unknown = there == 0
    return PerClass(np.where(unknown, np.nan, precision), recall, np.where(unknown, np.nan, f1))


def macro_f1(matrix: NDArray[np.number]) -> float:
    """Mean F1 over the classes that have items."""
    return float(np.nanmean(per_class(matrix).f1))


@dataclass(frozen=True)
class Bin:
    """Items whose confidence is in (low, high]: how many, their mean confidence and accuracy (None where empty)."""

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


def reliability(probabilities: Floats, labels: Ints, bins: int = 10) -> tuple[Bin, ...]:
    """Confidence against accuracy in bins of equal width, as :func:`metrics.expected_calibration_error` has them."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    made = []
    for number in range(bins):
        mine = place == number
        some = bool(mine.any())
        made.append(
            Bin(
                number / bins,
                (number + 1) / bins,
                int(mine.sum()),
                float(confidence[mine].mean()) if some else None,
                float(right[mine].mean()) if some else None,
            )
        )
    return tuple(made)


def risk_coverage(probabilities: Floats, labels: Ints) -> tuple[Floats, Floats]:
    """Error rate among the most confident items, for 1, 2, ..., n of them: coverage (n,) and risk (n,), both 0..1.

    Items of equal confidence count as mixed, so that the curve does not depend on their order (El-Yaniv, Wiener 2010).
    """
    confidence = probabilities.max(1)
    wrong = (probabilities.argmax(1) != labels).astype(float)
    order = np.argsort(-confidence, kind="stable")
    _, tie, size = np.unique(-confidence[order], return_inverse=True, return_counts=True)
    wrong = (np.bincount(tie, wrong[order]) / size)[tie]
    kept = np.arange(1, len(labels) + 1)
    return kept / len(labels), np.cumsum(wrong) / kept


def aurc(probabilities: Floats, labels: Ints) -> float:
    """Area under the risk-coverage curve: the mean risk over all coverages (Geifman et al. 2019), 0..1."""
    return float(risk_coverage(probabilities, labels)[1].mean())


@dataclass(frozen=True)
class McNemar:
    """Items that only the first and only the second model names right, and the two-sided exact p-value."""

    only_first: int
    only_second: int
    p: float


def mcnemar(first_right: Bools, second_right: Bools) -> McNemar:
    """Exact test whether two models err alike on the same items (McNemar 1947, binomial form); p is 1 without a gap."""
    from scipy.stats import binomtest

    if first_right.shape != second_right.shape:
        raise UsageError(f"both models need the same items, got {first_right.shape} and {second_right.shape}")
    first = int((first_right & ~second_right).sum())
    second = int((second_right & ~first_right).sum())
    p = float(binomtest(min(first, second), first + second, 0.5).pvalue) if first + second else 1.0
    return McNemar(first, second, p)


def group_interval(
    sums: Floats,
    groups: NDArray[np.str_] | Ints,
    statistic: Callable[[Floats], Floats],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval when whole groups are drawn with replacement.

    Args:
        sums: what is summed over the drawn items, (n, k).
        groups: group per item, (n,).
        statistic: of drawn sums (draws, k): values (draws,); NaN values do not count.
        draws: number of samples.
        level: share of samples inside the interval.
        seed: of the draws.
    """
    _, group = np.unique(groups, return_inverse=True)
    total = np.zeros((int(group.max()) + 1, sums.shape[1]))
    np.add.at(total, group, sums)
    n = len(total)
    generator = np.random.default_rng(seed)
    values = []
    for start in range(0, draws, _DRAWS_AT_ONCE):
        count = generator.multinomial(n, np.full(n, 1 / n), size=min(_DRAWS_AT_ONCE, draws - start))
        values.append(statistic(count @ total))
    low, high = np.nanquantile(np.concatenate(values), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def fitted_temperature(log_probabilities: Floats, labels: Ints) -> float:
    """Return :func:`metrics.best_temperature`, or 1 where all is right and the likelihood has no maximum."""
    if (log_probabilities.argmax(1) == labels).all():
        return 1.0
    return best_temperature(log_probabilities, labels)


def cross_fitted_temperatures(log_probabilities: Floats, labels: Ints, fold: Ints) -> Floats:
    """Temperature per item, fitted on the items of all other folds: no item has a say in its own, (n,).

    Raises :class:`UsageError` where there is one fold only.
    """
    numbers = np.unique(fold)
    if len(numbers) < 2:
        raise UsageError("a temperature is fitted on the other folds: at least two are needed")
    temperatures = np.ones(len(labels))
    for number in numbers:
        inside = fold == number
        temperatures[inside] = fitted_temperature(log_probabilities[~inside], labels[~inside])
    return temperatures


def calibrated(log_probabilities: Floats, temperatures: Floats | float) -> Floats:
    """Probabilities (n, classes) of mean log-probabilities that are divided by temperatures (n,)."""
    divided = log_probabilities / np.asarray(temperatures, float).reshape(-1, 1)
    return np.exp(log_softmax(divided))
