"""Running mean and variance, merged block by block without cancellation.

Source: T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance", The American
Statistician 37(3), 1983.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Moments:
    """Mean and population variance of each column of the blocks it is given."""

    def __init__(self, columns: int) -> None:
        """Begin with no rows."""
        self.count = 0
        self.mean: NDArray[np.float64] = np.zeros(columns)
        self._squares: NDArray[np.float64] = np.zeros(columns)

    def update(self, rows: NDArray[np.floating]) -> None:
        """Add a block of shape (b, columns)."""
        if not len(rows):
            return
        mean = rows.mean(axis=0, dtype=np.float64)
        deviation = rows - mean
        self._merge(len(rows), mean, np.einsum("ij,ij->j", deviation, deviation))

    def update_flat(self, values: NDArray[np.float32]) -> None:
        """Add a vector to a single column, in single precision; up to some 100,000 values keep it exact enough.

        Sums are taken about the mean so far (of the vector itself if it is the first), so that they do not cancel.
        """
        if not values.size:
            return
        centre = np.float32(self.mean[0] if self.count else values.sum() / np.float32(values.size))
        deviation = values - centre
        rest = float(deviation.sum()) / values.size
        squares = float(np.einsum("i,i->", deviation, deviation)) - values.size * rest * rest
        self._merge(values.size, np.array([float(centre) + rest]), np.array([max(squares, 0.0)]))

    def _merge(self, count: int, mean: NDArray[np.float64], squares: NDArray[np.float64]) -> None:
        total = self.count + count
        step = mean - self.mean
        self._squares += squares + step * step * (self.count * count / total)
        self.mean = self.mean + step * (count / total)
        self.count = total

    @property
    def variance(self) -> NDArray[np.float64]:
        """Population variance (divided by the count) of each column; 0 where nothing was added."""
        return self._squares / max(self.count, 1)
