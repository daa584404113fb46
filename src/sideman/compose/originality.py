"""How much of a piece was heard before: the longest run that it shares with other pieces, transposed or not.

A run is a stretch of successive notes of one instrument's top line with the same pitch intervals and the same times
between onsets. `Index` keeps a 32-bit hash of every stretch of `GRAM` steps of the pieces that a model has learnt
from, so that copies are found without the pieces: the weights ship with it. A stretch of n + GRAM - 1 steps is taken
for shared where all its n hashes are known; hashes that meet by chance (about 1 in 1000 per piece of the index's size)
can only make a run look longer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sideman.core.atomic import atomic_write
from sideman.core.errors import ModelError
from sideman.symbolic.analysis import skyline
from sideman.symbolic.score import PITCH, START, Score

GRAM = 8  # steps (intervals) in one hash: 9 notes
_LONGEST_STEP = 96  # ticks between onsets that count as different; longer ones are the same silence
_MAGIC = b"SIDEMAN-GRAMS-1\n"

Hashes = NDArray[np.uint32]


def lines_of(score: Score) -> list[NDArray[np.int64]]:
    """Steps of every top line of a quantised score: shape (n, 2), semitones and ticks to the next onset."""
    out = []
    for track in score.tracks:
        if track.is_drums or len(track.notes) <= GRAM:
            continue
        line = skyline(track.notes)
        steps = np.diff(line[:, [PITCH, START]], axis=0)
        steps[:, 1] = np.minimum(steps[:, 1], _LONGEST_STEP)
        out.append(steps)
    return out


def grams(steps: NDArray[np.int64]) -> Hashes:
    """A hash of every `GRAM` successive steps, shape (max(0, n - GRAM + 1),); 0 where they hold no tune.

    A stretch in which fewer than three different steps occur (a repeated note, a trill, a scale in even notes) belongs
    to nobody: it has no hash and ends no run and begins none.
    """
    n = len(steps) - GRAM + 1
    if n <= 0:
        return np.zeros(0, np.uint32)
    symbols = ((steps[:, 0] + 128) * (_LONGEST_STEP + 1) + steps[:, 1]).astype(np.uint64)
    stretches = np.lib.stride_tricks.sliding_window_view(symbols, GRAM)
    value = np.full(n, 14695981039346656037, np.uint64)
    for column in stretches.T:  # FNV-1a over symbols, then mixed
        value = (value ^ column) * np.uint64(1099511628211)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    hashes = (value >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
    ordered = np.sort(stretches, axis=1)
    different = 1 + (np.diff(ordered, axis=1) != 0).sum(1)
    return np.where(different >= 3, hashes, np.uint32(0))


class Index:
    """Hashes of the stretches of many pieces."""

    def __init__(self, hashes: Hashes) -> None:
        """Take sorted, unique hashes without 0."""
        self.hashes = hashes

    @classmethod
    def of(cls, scores: Iterable[Score]) -> Index:
        """The index of quantised scores."""
        found = [grams(steps) for score in scores for steps in lines_of(score)]
        return cls.of_hashes(found)

    @classmethod
    def of_hashes(cls, found: list[Hashes]) -> Index:
        """The index of hashes as `grams` gives them."""
        hashes = np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint32)
        return cls(hashes[hashes != 0])

    def longest_run(self, score: Score) -> int:
        """Notes in the longest run of a quantised score that the indexed pieces have too; 0 if below `GRAM` + 1."""
        return max((self._longest(grams(steps)) for steps in lines_of(score)), default=0)

    def _longest(self, found: Hashes) -> int:
        if not len(found) or not len(self.hashes):
            return 0
        at = np.minimum(np.searchsorted(self.hashes, found), len(self.hashes) - 1)
        known = np.concatenate([[False], (self.hashes[at] == found) & (found != 0), [False]])
        edges = np.flatnonzero(np.diff(known.astype(np.int8)))
        runs = edges[1::2] - edges[::2]
        return int(runs.max()) + GRAM if len(runs) else 0

    def write(self, path: Path) -> None:
        """Keep the index as a file: differences of the sorted hashes, compressed."""
        differences = np.diff(self.hashes, prepend=np.uint32(0)).astype(np.uint32)
        columns = differences.view(np.uint8).reshape(-1, 4).T  # like bytes side by side compress better
        with atomic_write(path, "wb") as file:
            file.write(_MAGIC + zlib.compress(columns.tobytes(), 9))

    @classmethod
    def read(cls, path: Path) -> Index:
        """Read what `write` wrote; raises :class:`ModelError` where it is missing or damaged."""
        try:
            data = path.read_bytes()
            if not data.startswith(_MAGIC):
                raise ValueError("unknown format")
            columns = np.frombuffer(zlib.decompress(data[len(_MAGIC) :]), np.uint8).reshape(4, -1)
        except (OSError, ValueError, zlib.error) as error:
            raise ModelError(f"{path}: not a usable index of learnt pieces ({error}); reinstall sideman") from error
        return cls(np.cumsum(np.ascontiguousarray(columns.T).view(np.uint32).ravel(), dtype=np.uint32))
