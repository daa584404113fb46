"""Random crops of a corpus of sound, for training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sideman.compose.spectra.corpus import Piece, SoundCorpus

Floats = NDArray[np.float32]
_SOFTEST_DB, _LOUDEST_DB = -14.0, 6.0
_PEAK = 0.99


class Pool(Protocol):
    """Somewhere that sound can be drawn from."""

    def draw(self, rng: Generator, n: int) -> Floats:
        """A random stretch of ``n`` samples."""


class Recordings:
    """Sound of a corpus: every genre alike, within it every piece."""

    def __init__(self, corpus: SoundCorpus, pieces: Sequence[Piece] | None = None) -> None:
        self._corpus = corpus
        self._pieces = list(corpus.pieces if pieces is None else pieces)
        self._chances = even_chances([p.recording.genre for p in self._pieces])

    def draw(self, rng: Generator, n: int) -> Floats:
        """A random stretch of ``n`` samples; a shorter piece is followed by silence."""
        piece = self._pieces[rng.choice(len(self._pieces), p=self._chances)]
        start = piece.start + int(rng.integers(max(1, piece.n - n + 1)))
        sound = np.asarray(self._corpus.samples[start : min(start + n, piece.start + piece.n)], np.float32)
        sound /= np.float32(32_767)
        return np.pad(sound, (0, n - len(sound)))


class Rows:
    """Sound in rows of int16 (k, length), such as rendered excerpts."""

    def __init__(self, rows: NDArray[np.int16]) -> None:
        self._rows = rows

    def draw(self, rng: Generator, n: int) -> Floats:
        """A random stretch of ``n`` samples of a random row."""
        row, start = rng.integers(len(self._rows)), rng.integers(self._rows.shape[1] - n + 1)
        return np.asarray(self._rows[row, start : start + n], np.float32) / np.float32(32_767)


@dataclass(frozen=True)
class SoundBatches:
    """Batches of sound at random levels from pools, each with its share."""

    pools: tuple[tuple[Pool, float], ...]
    batch: int
    n: int
    seed: int = 0

    def sound(self, step: int) -> Floats:
        """Batch of step ``step``: (batch, n), peaks below 1."""
        rng = np.random.default_rng((self.seed, step))
        shares = np.array([share for _, share in self.pools])
        rows = []
        for which in rng.choice(len(self.pools), self.batch, p=shares / shares.sum()):
            sound = self.pools[which][0].draw(rng, self.n)
            sound = sound * np.float32(10 ** (rng.uniform(_SOFTEST_DB, _LOUDEST_DB) / 20))
            rows.append(sound * np.float32(min(1.0, _PEAK / max(float(np.abs(sound).max()), 1e-9))))
        return np.asarray(np.stack(rows), np.float32)


def even_chances(labels: Sequence[str | None]) -> NDArray[np.float64]:
    """Chance of each row such that every label is as likely as any other."""
    counts = Counter(labels)
    chances = np.array([1 / counts[label] for label in labels])
    return np.asarray(chances / chances.sum())
