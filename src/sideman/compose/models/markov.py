"""The baseline: how often a token followed the last few, and nothing else.

Chains of order k with interpolated Witten-Bell smoothing (Witten, Bell 1991, "The zero-frequency problem"; in the
recursive form of Chen, Goodman 1999, "An empirical study of smoothing techniques for language modeling"):

    p(w | h) = (count(h, w) + kinds(h) * p(w | h without its first token)) / (count(h) + kinds(h))

where kinds(h) is how many different tokens followed h. Below no context at all stands the uniform distribution.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sideman.compose.vocabulary import SIZE
from sideman.core.errors import DatasetError

DEFAULT_ORDER = 3
MOST_GRAMS = 8_000_000  # of one length: 96 MB; the rarest are forgotten beyond
_CHUNK = 2_000_000  # tokens counted at a time

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]


class Markov:
    """Token statistics of order ``order``; a `sideman.compose.decoder.Decoder`.

    Grams of each length are numbers in base SIZE, sorted, with their counts: a context's followers lie side by side.
    """

    def __init__(self, order: int = DEFAULT_ORDER, *, most_grams: int = MOST_GRAMS) -> None:
        """Begin without any music; raises ValueError unless ``order`` is 0 to 5 (what fits in 64 bits)."""
        if not 0 <= order <= 5 or most_grams < 1:
            raise ValueError("order is 0 to 5, most_grams at least 1")
        self.order, self.most_grams = order, most_grams
        self._grams: list[Keys] = [np.zeros(0, np.uint64) for _ in range(order + 1)]
        self._before = [np.zeros(1, np.int64) for _ in range(order + 1)]  # counts of all grams before each, summed
        self._heard: list[int] = []

    def fit(self, pieces: Iterable[Sequence[int] | NDArray[np.integer]]) -> Markov:
        """Count the tokens of ``pieces`` (rows of tokens; no gram spans two of them); returns itself.

        Raises:
            DatasetError: there is no token.
        """
        counted: list[tuple[Keys, NDArray[np.int64]]] = [
            (np.zeros(0, np.uint64), np.zeros(0, np.int64)) for _ in range(self.order + 1)
        ]
        waiting: list[NDArray[np.uint64]] = []

        def count() -> None:
            for n in range(self.order + 1):
                found = np.concatenate([_keys(piece, n + 1) for piece in waiting])
                counted[n] = _merged(*counted[n], *np.unique(found, return_counts=True))
            waiting.clear()

        for piece in pieces:
            waiting.append(np.asarray(piece, np.uint64))
            if sum(map(len, waiting)) >= _CHUNK:
                count()
        if waiting:
            count()
        if not len(counted[0][0]):
            raise DatasetError("a Markov chain needs at least one token to learn from; name some music")
        for n, (keys, counts) in enumerate(counted):
            if len(keys) > self.most_grams:
                kept = np.sort(np.argsort(-counts, kind="stable")[: self.most_grams])
                keys, counts = keys[kept], counts[kept]
            self._grams[n] = keys
            self._before[n] = np.concatenate([[0], np.cumsum(counts)])
        self.reset()
        return self

    @property
    def n_grams(self) -> int:
        """How many grams of all lengths are remembered."""
        return sum(map(len, self._grams))

    def reset(self) -> None:
        """Forget what was heard, not what was learnt."""
        self._heard = []

    def feed(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Hear tokens; returns the log-probabilities (natural) of what follows, shape (SIZE,)."""
        self._heard = [*self._heard, *map(int, tokens)][-max(self.order, 1) :]
        p = np.full(SIZE, 1.0 / SIZE)
        for n in range(min(self.order, len(self._heard)) + 1):
            context = _number(self._heard[len(self._heard) - n :])
            first, stop = np.searchsorted(self._grams[n], [context * _BASE, (context + _ONE) * _BASE])
            if first == stop:  # never heard: shorter contexts say all
                continue
            counts = np.zeros(SIZE)
            counts[(self._grams[n][first:stop] % _BASE).astype(np.int64)] = np.diff(self._before[n][first : stop + 1])
            kinds = stop - first
            p = (counts + kinds * p) / (counts.sum() + kinds)
        return np.asarray(np.log(p), np.float32)

    def bits(self, tokens: Sequence[int] | NDArray[np.integer], *, given: int = 0) -> Floats:
        """-log2 p of each token from the ``given``-th on, each with all before it heard: shape (n - given,)."""
        row = np.asarray(tokens, np.uint64)
        p = np.full(len(row), 1.0 / SIZE)
        for n in range(self.order + 1):
            grams = _keys(row, n + 1)  # of the tokens n, n + 1, ...
            before = self._before[n]
            context = grams // _BASE
            first = np.searchsorted(self._grams[n], context * _BASE)
            stop = np.searchsorted(self._grams[n], (context + _ONE) * _BASE)
            at = np.searchsorted(self._grams[n], grams)
            known = at < stop
            known[known] = self._grams[n][at[known]] == grams[known]
            count = np.where(known, before[np.minimum(at + 1, len(before) - 1)] - before[at], 0)
            kinds, total = stop - first, before[stop] - before[first]
            heard = kinds > 0
            p[n:] = np.where(heard, (count + kinds * p[n:]) / np.maximum(total + kinds, 1), p[n:])
        return np.asarray(-np.log2(p[given:]))


_BASE, _ONE = np.uint64(SIZE), np.uint64(1)


def _number(tokens: Sequence[int]) -> np.uint64:
    value = 0
    for token in tokens:
        value = value * SIZE + token
    return np.uint64(value)


def _keys(row: NDArray[np.uint64], n: int) -> Keys:
    """The number of every ``n`` successive tokens."""
    if len(row) < n:
        return np.zeros(0, np.uint64)
    value = np.zeros(len(row) - n + 1, np.uint64)
    for i in range(n):
        value = value * _BASE + row[i : len(row) - n + 1 + i]
    return value


def _merged(
    keys: Keys, counts: NDArray[np.int64], more: Keys, more_counts: NDArray[np.int64]
) -> tuple[Keys, NDArray[np.int64]]:
    """Two sorted tables of counts as one."""
    joined, where = np.unique(np.concatenate([keys, more]), return_inverse=True)
    both = np.concatenate([counts, more_counts])
    return joined, np.bincount(where, both, minlength=len(joined)).astype(np.int64)
