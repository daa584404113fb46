"""The Fréchet distance between two sets of recordings, and how much of it comes from their small sizes.

Sources: Kilgour et al. 2019, "Fréchet audio distance"; Chong and Forsyth 2020, "Effectively unbiased FID and Inception
score and where to find them".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sideman.compose.spectra.distances import Floats, Ints, Sample, check_dimensions
from sideman.core.errors import UsageError


def frechet_distance(x: Sample, y: Sample, *, shrinkage: float = 0.0) -> float:
    """Fréchet distance |mean - mean'|² + tr(C + C' - 2 (C C')^½) between Gaussians fitted to both sets.

    With covariances from fewer points than dimensions it is far too large even for one and the same source; read it
    beside :func:`extrapolated_frechet`. The root's trace is the sum of the singular values of the product of the two
    covariances' factors, exact also where these are singular.

    Args:
        x, y: of at least two recordings.
        shrinkage: 0 to 1, how far each covariance is moved towards a ball of the same trace.

    Raises:
        UsageError: fewer than two recordings, different dimensions, or a shrinkage outside 0 to 1.
    """
    check_dimensions(x, y)
    if not 0 <= shrinkage <= 1:
        raise UsageError(f"shrinkage must be 0 to 1, got {shrinkage:g}")
    (x_mean, x_factor), (y_mean, y_factor) = _moments(x, shrinkage), _moments(y, shrinkage)
    offset = float(((x_mean - y_mean) ** 2).sum())
    root = float(np.linalg.svd(x_factor @ y_factor.T, compute_uv=False).sum())
    spread = float((x_factor**2).sum() + (y_factor**2).sum())
    return max(0.0, offset + spread - 2.0 * root)


def _moments(sample: Sample, shrinkage: float) -> tuple[Floats, Floats]:
    """Mean (d,) and a factor F (k, d) of the covariance, which is F'F."""
    if len(sample) < 2:
        raise UsageError("a covariance needs at least two recordings")
    weights = sample.weights
    mean: Floats = weights @ sample.points
    factor: Floats = (sample.points - mean) * np.sqrt(weights / (1.0 - (weights**2).sum()))[:, None]
    if shrinkage:
        d = sample.points.shape[1]
        ball = np.sqrt(shrinkage * (factor**2).sum() / d) * np.eye(d)
        factor = np.concatenate([np.sqrt(1.0 - shrinkage) * factor, ball])
    return mean, factor


@dataclass(frozen=True)
class Extrapolated:
    """A Fréchet distance and what it would be of endless sets.

    Attributes:
        distance: of the sets as they are.
        infinite: intercept of a line through the distances of ever smaller parts, by 1 / n.
        standard_error: of ``distance``, by leaving out one recording of either set (jackknife).
    """

    distance: float
    infinite: float
    standard_error: float

    @property
    def bias(self) -> float:
        """How much of the distance comes from the sets' small sizes."""
        return self.distance - self.infinite


def extrapolated_frechet(
    x: Sample,
    y: Sample,
    *,
    paired: bool = False,
    shrinkage: float = 0.0,
    sizes: int = 8,
    parts: int = 8,
    seed: int = 0,
) -> Extrapolated:
    """Fréchet distance with its bias, by a straight line in 1 / n through parts of both sets (FAD∞).

    The line holds once there are more points than dimensions; with fewer, what is left of the bias is not small, only
    smaller.

    Args:
        x, y: of at least eight recordings each.
        paired: ``x`` holds the recordings of ``y``, changed: parts of both take the same ones.
        shrinkage: as :func:`frechet_distance`.
        sizes: sizes of parts, from half of the smaller set to all of it.
        parts: random parts of each size.
        seed: of the parts.

    Raises:
        UsageError: as :func:`frechet_distance`; fewer than eight recordings.
    """
    if paired and len(x) != len(y):
        raise UsageError("paired sets need the same recordings")
    most = min(len(x), len(y))
    if most < 8:
        raise UsageError(f"extrapolating needs at least 8 recordings in both sets, got {most}")
    rng = np.random.default_rng(seed)
    inverse, found = [], []
    for n in np.unique(np.linspace(most / 2, most, sizes).astype(int)):
        for _ in range(parts):
            of_x = rng.choice(len(x), n, replace=False)
            of_y = of_x if paired else rng.choice(len(y), n, replace=False)
            inverse.append(1.0 / n)
            found.append(frechet_distance(x.take(of_x), y.take(of_y), shrinkage=shrinkage))
    infinite = float(np.polyfit(inverse, found, 1)[1])
    if paired:
        left_out = [[(x.take(_but(x, i)), y.take(_but(y, i))) for i in range(len(x))]]
    else:
        left_out = [[(x.take(_but(x, i)), y) for i in range(len(x))], [(x, y.take(_but(y, i))) for i in range(len(y))]]
    variance = 0.0
    for some in left_out:
        values = [frechet_distance(a, b, shrinkage=shrinkage) for a, b in some]
        variance += float(np.var(values)) * (len(values) - 1)
    return Extrapolated(frechet_distance(x, y, shrinkage=shrinkage), infinite, float(np.sqrt(variance)))


def _but(sample: Sample, i: int) -> Ints:
    return np.delete(np.arange(len(sample)), i)
