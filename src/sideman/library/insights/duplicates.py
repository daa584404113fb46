"""The same music in several files: equal audio, and recordings that sound the same, compared by fingerprint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import SidemanError
from sideman.library.track import Track

COSINE, DURATION_S = 0.99, 1.0
MOST_PAIRS = 1000
"""Pairs that are told, the most similar: a folder of test tones would bring millions."""
_LEAST_OVERLAP = 0.5  # of the shorter recording, for two to be the same one
_BLOCK = 1000


@dataclass(frozen=True)
class Pair:
    """Two recordings that sound alike and are equally long.

    Attributes:
        first, second: tracks.
        cosine: of their embeddings.
        same: whether their fingerprints tell the same recording; None where they were not compared.
    """

    first: Track
    second: Track
    cosine: float
    same: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        files = [{"id": t.id, "path": t.path} for t in (self.first, self.second)]
        return {"files": files, "cosine": round(self.cosine, 4), "same_recording": self.same}


def equal_audio(tracks: Sequence[Track]) -> tuple[tuple[Track, ...], ...]:
    """Files whose audio is equal to the last sample, in groups of two or more."""
    groups: dict[str, list[Track]] = defaultdict(list)
    for track in tracks:
        if track.audio_hash is not None:
            groups[track.audio_hash].append(track)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def alike(tracks: Sequence[Track], vectors: NDArray[np.float32]) -> tuple[Pair, ...]:
    """Pairs with a cosine above 0.99 and lengths within 1 s, the most similar first.

    Args:
        tracks: one per audio payload.
        vectors: their embeddings, unit rows (n, 256).
    """
    known = [i for i, track in enumerate(tracks) if track.duration_s is not None]
    order = sorted(known, key=lambda i: (tracks[i].duration_s or 0.0, tracks[i].path))
    durations = np.array([tracks[i].duration_s for i in order], float)
    x = vectors[order] if order else vectors[:0]
    found: list[tuple[float, int, int]] = []
    for first in range(0, len(order), _BLOCK):
        last = min(first + _BLOCK, len(order))
        end = int(np.searchsorted(durations, durations[last - 1] + DURATION_S, "right"))
        for begin in range(first, end, _BLOCK):
            stop = min(begin + _BLOCK, end)
            similar = x[first:last] @ x[begin:stop].T
            close = (similar > COSINE) & (durations[begin:stop] - durations[first:last, None] <= DURATION_S)
            close &= np.arange(begin, stop) > np.arange(first, last)[:, None]
            rows, columns = np.nonzero(close)
            found += [
                (float(similar[r, c]), first + int(r), begin + int(c)) for r, c in zip(rows, columns, strict=True)
            ]
        found = sorted(found, key=lambda pair: (-pair[0], pair[1], pair[2]))[:MOST_PAIRS]
    return tuple(Pair(tracks[order[a]], tracks[order[b]], min(cosine, 1.0)) for cosine, a, b in found)


def confirmed(
    pairs: Sequence[Pair], *, most_files: int = 40, advance: Callable[[int], None] = lambda _: None
) -> tuple[Pair, ...]:
    """Compare the sound of the first pairs by fingerprint, as long as that takes no more than so many files.

    Files that are not there or cannot be decoded leave their pairs undecided. ``advance`` is told 1 per file heard.
    """
    from sideman.datasets.duplicates import Words, find_matches, fingerprint_file

    prints: dict[str, Words | None] = {}
    told = []
    for pair in pairs:
        paths = (pair.first.path, pair.second.path)
        new = [path for path in paths if path not in prints]
        if len(prints) + len(new) > most_files or not all(Path(path).is_file() for path in paths):
            told.append(pair)
            continue
        for path in new:
            try:
                prints[path] = fingerprint_file(path)
            except SidemanError:
                prints[path] = None
            advance(1)
        a, b = prints[paths[0]], prints[paths[1]]
        if a is None or b is None:
            told.append(pair)
            continue
        shorter_s = min(pair.first.duration_s or 0.0, pair.second.duration_s or 0.0)
        matches = find_matches({"a": a, "b": b})
        told.append(replace(pair, same=any(m.overlap_s >= _LEAST_OVERLAP * shorter_s for m in matches)))
    return tuple(told)
