"""How far apart two sets of recordings lie, each recording a point (or some) in an embedding: the kernel distance.

An unbiased estimate of the squared maximum mean discrepancy (MMD): of a hundred clips it is noisy, but not too large as
a Fréchet distance (:mod:`sideman.compose.spectra.frechet`) is.

Sources: Gretton et al. 2012, "A kernel two-sample test"; Bińkowski et al. 2018, "Demystifying MMD GANs" (polynomial
kernel, KID); Jayasumana et al. 2024, "Rethinking FID" (Gaussian kernel, CMMD).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.core.errors import UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
Kernel = Callable[[Floats, Floats], Floats]
_ROWS = 1024
"""Rows of a kernel matrix that are held at once."""


@dataclass(frozen=True)
class Sample:
    """A set of recordings as points.

    Attributes:
        points: (n, d).
        bags: which recording a point is of, (n,), 0 to the number of bags - 1. Recordings weigh alike, and two points
            of one are never taken for two independent ones.
        strata: per bag, what the design of the set fixes the number of, such as the genre; (bags,).
    """

    points: Floats
    bags: Ints
    strata: Ints

    @classmethod
    def of(cls, points: ArrayLike, bags: ArrayLike | None = None, strata: ArrayLike | None = None) -> Sample:
        """Check and number: ``bags`` any labels (n,), every point its own by default; ``strata`` any integers (n,).

        Raises:
            UsageError: wrong shapes, numbers that are not finite, or a bag in two strata.
        """
        rows = np.asarray(points, np.float64)
        if rows.ndim != 2 or not rows.size:
            raise UsageError(f"a set of recordings needs points of shape (n, d), got {rows.shape}")
        if not np.isfinite(rows).all():
            raise UsageError("a set of recordings holds NaN or infinite numbers: leave out what could not be embedded")
        labels = np.arange(len(rows)) if bags is None else np.asarray(bags)
        layers = np.zeros(len(rows), int) if strata is None else np.asarray(strata)
        if labels.shape != (len(rows),) or layers.shape != (len(rows),):
            raise UsageError(f"bags and strata need shape ({len(rows)},), got {labels.shape} and {layers.shape}")
        _, first, bag = np.unique(labels, return_index=True, return_inverse=True)
        if (layers[first][bag] != layers).any():
            raise UsageError("a recording is in two strata")
        return cls(rows, bag.reshape(-1), layers[first])

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.strata)

    @property
    def weights(self) -> Floats:
        """Weight of each point, (n,); they sum to 1."""
        weights: Floats = 1.0 / (np.bincount(self.bags)[self.bags] * len(self))
        return weights

    def take(self, chosen: ArrayLike) -> Sample:
        """Only some of the recordings, by number."""
        kept = np.isin(self.bags, chosen)
        return Sample.of(self.points[kept], self.bags[kept], self.strata[self.bags[kept]])


def polynomial_kernel(x: Floats, y: Floats) -> Floats:
    """Kernel of KID, (x·y / d + 1)³: points (n, d) and (m, d) -> (n, m)."""
    values: Floats = (x @ y.T / x.shape[1] + 1.0) ** 3
    return values


def gaussian_kernel(bandwidth: float) -> Kernel:
    """Kernel of CMMD, exp(-|x - y|² / 2 bandwidth²); raises :class:`UsageError` unless the bandwidth is positive."""
    if not bandwidth > 0:
        raise UsageError(f"a bandwidth must be positive, got {bandwidth:g}")

    def kernel(x: Floats, y: Floats) -> Floats:
        squares = (x * x).sum(1)[:, None] + (y * y).sum(1) - 2.0 * (x @ y.T)
        values: Floats = np.exp(-np.maximum(squares, 0.0) / (2.0 * bandwidth**2))
        return values

    return kernel


def median_distance(sample: Sample) -> float:
    """Median Euclidean distance between points of different recordings: a bandwidth that fits the data."""
    x = sample.points
    squares = (x * x).sum(1)[:, None] + (x * x).sum(1) - 2.0 * (x @ x.T)
    apart = sample.bags[:, None] != sample.bags
    if not apart.any():
        raise UsageError("a median distance needs at least two recordings")
    return float(np.sqrt(np.median(np.maximum(squares[apart], 0.0))))


def kernel_distance(x: Sample, y: Sample, kernel: Kernel = polynomial_kernel, *, paired: bool = False) -> float:
    """Unbiased estimate of the squared MMD between what ``x`` and ``y`` were drawn from; 0 on average if that is one.

    Each pair of recordings counts as the mean over its pairs of points. Where the numbers per stratum were fixed,
    pairs within and between strata are averaged apart and weighed by the shares of ``y``: a plain mean over all pairs
    would hold too few of the same genre within a set, and so be biased.

    Args:
        x, y: the sets.
        kernel: positive definite.
        paired: ``x`` holds the recordings of ``y``, changed; a recording and its own change are no independent pair.

    Raises:
        UsageError: a stratum has fewer than two recordings, the sets differ in strata or in dimension, or are paired
            and have not the same recordings.
    """
    return float(_Pairs(x, y, kernel, paired).distances(np.ones((1, len(x))), np.ones((1, len(y))))[0])


def kernel_draws(
    x: Sample,
    y: Sample,
    kernel: Kernel = polynomial_kernel,
    *,
    paired: bool = False,
    draws: int = 1000,
    seed: int = 0,
) -> Floats:
    """The same under ``draws`` random weights of the recordings of both sets, (draws,): quantiles make an interval.

    The Bayesian bootstrap (Rubin 1981) within strata. Drawing with replacement would put copies of a recording side
    by side, and lose small strata. Equal ``seed`` and ``y`` have equal weights of ``y``, so that draws of several sets
    against one reference can be compared pairwise.
    """
    x_rng, y_rng = np.random.default_rng((seed, 1)), np.random.default_rng((seed, 0))
    y_weights = y_rng.standard_exponential((draws, len(y)))
    x_weights = y_weights if paired else x_rng.standard_exponential((draws, len(x)))
    return _Pairs(x, y, kernel, paired).distances(x_weights, y_weights)


class _Pairs:
    """Kernel values between recordings of two sets."""

    def __init__(self, x: Sample, y: Sample, kernel: Kernel, paired: bool) -> None:
        check_dimensions(x, y)
        if set(x.strata) != set(y.strata):
            raise UsageError("both sets need recordings of the same strata")
        if paired and not np.array_equal(x.strata, y.strata):
            raise UsageError("paired sets need the same recordings")
        self.x, self.y, self.paired = x, y, paired
        self.xx, self.yy, self.xy = (_between_bags(a, b, kernel) for a, b in ((x, x), (y, y), (x, y)))

    def distances(self, x_weights: Floats, y_weights: Floats) -> Floats:
        """Squared MMD for weights (draws, bags) of both sets, (draws,)."""
        shares = {int(s): float((self.y.strata == s).mean()) for s in np.unique(self.y.strata)}
        x_weights = _shared_out(x_weights, self.x.strata, shares)
        y_weights = _shared_out(y_weights, self.y.strata, shares)
        if self.paired:
            crossed = _between_others(self.xy, x_weights, y_weights, self.y.strata)
        else:
            crossed = ((x_weights @ self.xy) * y_weights).sum(1)
        within = _between_others(self.xx, x_weights, x_weights, self.x.strata)
        within = within + _between_others(self.yy, y_weights, y_weights, self.y.strata)
        distances: Floats = within - 2.0 * crossed
        return distances


def _between_bags(x: Sample, y: Sample, kernel: Kernel) -> Floats:
    """Mean kernel value between the points of each recording of ``x`` and of ``y``, (bags of x, bags of y)."""
    to_x, to_y = _averaging(x), _averaging(y)
    total = np.zeros((len(x), len(y)))
    for first in range(0, len(x.points), _ROWS):
        rows = slice(first, first + _ROWS)
        total += to_x[:, rows] @ (kernel(x.points[rows], y.points) @ to_y.T)
    return total


def _averaging(sample: Sample) -> Floats:
    """Matrix (bags, n) that takes the mean over the points of each recording."""
    matrix = np.zeros((len(sample), len(sample.bags)))
    matrix[sample.bags, np.arange(len(sample.bags))] = len(sample) * sample.weights
    return matrix


def _shared_out(weights: Floats, strata: Ints, shares: dict[int, float]) -> Floats:
    """Weights (draws, bags), scaled so that each stratum has its share."""
    scaled = weights.astype(np.float64)
    for stratum, share in shares.items():
        inside = strata == stratum
        scaled[:, inside] *= share / scaled[:, inside].sum(1, keepdims=True)
    return scaled


def _between_others(values: Floats, left: Floats, right: Floats, strata: Ints) -> Floats:
    """Weighted mean of kernel values (bags, bags) over pairs of different recordings, (draws,)."""
    same = strata[:, None] == strata
    total: Floats = ((left @ np.where(same, 0.0, values)) * right).sum(1)
    for stratum in np.unique(strata):
        inside = np.flatnonzero(strata == stratum)
        if len(inside) < 2:
            raise UsageError("an unbiased distance needs at least two recordings of every stratum in both sets")
        a, b, block = left[:, inside], right[:, inside], values[np.ix_(inside, inside)]
        pairs = ((a @ block) * b).sum(1) - (a * b) @ np.diag(block)
        whole = a.sum(1) * b.sum(1)
        total += pairs * whole / (whole - (a * b).sum(1))
    return total


def check_dimensions(x: Sample, y: Sample) -> None:
    """Raises :class:`UsageError` where the points of two sets have different dimensions."""
    if x.points.shape[1] != y.points.shape[1]:
        raise UsageError(f"both sets need points of one dimension, got {x.points.shape[1]} and {y.points.shape[1]}")
