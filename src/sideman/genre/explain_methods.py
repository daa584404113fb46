"""Which parts of a picture carried the answer: by occlusion, and the check that the parts found do matter.

Occlusion: Zeiler, Fergus 2014 (arXiv:1311.2901). Deletion check: Samek et al., "Evaluating the visualization of what a
deep neural network has learned", 2017 (arXiv:1509.06321).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.genre.explain_pieces import Float32, Floats, Scorer

Ints = NDArray[np.intp]
_PATCHES = 8
"""A patch spans about so many parts of each axis, and moves by half of its size."""
_CELLS = 16
"""The deletion check deletes cells of a grid of about so many by so many."""


def gradients_available() -> bool:
    """Whether torch and onnx are installed, which integrated gradients need."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "onnx"))


def occlusion(score: Scorer, x: Float32, neutral: Float32) -> Float32:
    """Fall of ``score`` when a patch around each value is made neutral, shared out over the patch.

    Args:
        score: pictures (n, bands, frames) to log-odds (n,).
        x: pictures (rows, bands, frames).
        neutral: what a patch becomes.

    Returns:
        (rows, bands, frames), the mean over the patches that cover a value.
    """
    patches = _patches(x.shape[1], x.shape[2])
    result = np.zeros(x.shape, np.float32)
    for row, (picture, blank) in enumerate(zip(x, neutral, strict=True)):
        whole = float(score(picture[None])[0])
        total, count = np.zeros(picture.shape), np.zeros(picture.shape)
        for first in range(0, len(patches), 64):
            part = patches[first : first + 64]
            hidden = np.repeat(picture[None], len(part), 0)
            for copy, patch in zip(hidden, part, strict=True):
                copy[patch] = blank[patch]
            for patch, fall in zip(part, whole - score(hidden), strict=True):
                total[patch] += fall / blank[patch].size
                count[patch] += 1
        result[row] = total / np.maximum(count, 1)
    return result


def _patches(bands: int, frames: int) -> list[tuple[slice, slice]]:
    return [(rows, columns) for rows in _spans(bands) for columns in _spans(frames)]


def _spans(n: int) -> list[slice]:
    size = max(1, round(n / _PATCHES))
    starts = np.unique(np.linspace(0, n - size, max(1, round(2 * (n - size) / size) + 1)).round().astype(int))
    return [slice(int(start), int(start) + size) for start in starts]


@dataclass(frozen=True)
class Deletion:
    """What happens to the log-odds of the answer when parts of the picture are made neutral.

    Attributes:
        share: of the picture that was deleted, about.
        most: mean fall when the parts that the map calls most important are deleted.
        random: mean fall when as many random parts are.
        random_sd: standard deviation of that fall over the draws.
        least: mean fall when the parts that the map calls least important, for or against, are deleted.
        draws: number of random draws.
    """

    share: float
    most: float
    random: float
    random_sd: float
    least: float
    draws: int

    @property
    def faithful(self) -> bool:
        """Whether the important parts matter more than random ones."""
        return self.most > self.random


def deletion_check(
    score: Scorer,
    x: Float32,
    neutral: Float32,
    importance: Float32,
    *,
    share: float = 0.15,
    draws: int = 10,
    seed: int = 0,
) -> Deletion:
    """Delete the most, the least and random cells of pictures (rows, bands, frames), and compare the falls.

    Cells are blocks of the same grid in all three cases, so that none tears the picture more than another.
    """
    grid = _Grid.of(x.shape[1], x.shape[2])
    chosen = max(1, round(share * grid.count))
    rng = np.random.default_rng(seed)
    whole = score(x)
    weight = np.stack([grid.sums(picture) for picture in importance])

    def fall(cells: Ints) -> Floats:
        hidden = x.copy()
        for row, own in enumerate(cells):
            mask = np.isin(grid.cell_of, own)
            hidden[row][mask] = neutral[row][mask]
        return whole - score(hidden)

    most = fall(np.argsort(-weight, 1, kind="stable")[:, :chosen])
    least = fall(np.argsort(np.abs(weight), 1, kind="stable")[:, :chosen])
    random = [float(fall(np.stack([rng.permutation(grid.count)[:chosen] for _ in x])).mean()) for _ in range(draws)]
    return Deletion(
        chosen / grid.count,
        float(most.mean()),
        float(np.mean(random)),
        float(np.std(random)),
        float(least.mean()),
        draws,
    )


@dataclass(frozen=True)
class _Grid:
    """Cells of about equal size: number of the cell per value (bands, frames)."""

    cell_of: Ints
    count: int

    @classmethod
    def of(cls, bands: int, frames: int) -> _Grid:
        rows, columns = min(_CELLS, bands), min(_CELLS, frames)
        row = np.arange(bands) * rows // bands
        column = np.arange(frames) * columns // frames
        return cls(row[:, None] * columns + column, rows * columns)

    def sums(self, picture: Float32) -> Floats:
        sums = np.bincount(self.cell_of.ravel(), picture.ravel().astype(np.float64), minlength=self.count)
        return np.asarray(sums, np.float64)
