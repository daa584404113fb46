"""A smooth walk from one song to another: each step small, none back, no song or artist twice in a row.

Points are laid evenly on the great circle from one embedding to the other. Near each, tracks are gathered, and among
all ways through them a beam search keeps those whose steps are small: what is minimised is the sum of the fourth powers
of the angles between neighbours (one large step is worse than several middling ones) and, less heavily, from the
points.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import LibraryError, UsageError
from sideman.library import nearest, tracks
from sideman.library import taste as tastes
from sideman.library.duplicates_view import Seen
from sideman.library.nearest import Vectors
from sideman.library.similar import rows_of, seed_of
from sideman.library.store import Store
from sideman.library.taste import Taste
from sideman.library.track import Track

if TYPE_CHECKING:
    from sideman.library.query import Query

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

MOST = 200
_NEAR_POINT = 48  # tracks gathered near each point
_BEAM = 96
_STRAY = 0.6  # weight of the angle from the point
_TASTE = 0.5  # what a full like is worth, times WEIGHT
_SKIPPED = 1.0  # what a skipped song itself costs


@dataclass(frozen=True)
class Walk:
    """Songs from one to another.

    Attributes:
        tracks: the first is where it begins, the last where it ends.
        steps: cosine distances (1 - cosine) between neighbours, one fewer than tracks.
        direct: cosine distance from the first to the last.
    """

    tracks: tuple[Track, ...]
    steps: tuple[float, ...]
    direct: float

    @property
    def largest(self) -> float:
        """The largest step; a walk is smooth where it is far below ``direct``."""
        return max(self.steps, default=0.0)


def path(
    store: Store,
    start: Track,
    end: Track,
    n: int = 10,
    *,
    query: Query | str | None = None,
    taste: bool = True,
    cache: Path | None = None,
) -> Walk:
    """Walk from one track to another.

    The same library, tracks and options give the same walk. Missing files and second copies are left out.

    Args:
        store: the library.
        start: where it begins.
        end: where it ends.
        n: songs in all, both ends included; fewer where the library has no more.
        query: only through tracks that answer it.
        taste: whether likes and skips count.
        cache: folder of the cached vectors; by default the user's.

    Raises:
        UsageError: ``n`` is not 2..200, or both are the same track.
        LibraryError: one of them was not analysed, or by another version of the network.
    """
    if not 2 <= n <= MOST:
        raise UsageError(f"a walk of {n} songs: the number must be from 2 to {MOST}")
    if start.audio_hash and start.audio_hash == end.audio_hash:
        raise UsageError(f"{end.path}: is where the walk begins; name two different tracks")
    first, vectors = seed_of(store, start, cache)
    last, others = seed_of(store, end, cache)
    if others.model != vectors.model:
        raise LibraryError(f"{end.path}: was heard by another version of the network; run 'sideman scan' again")
    known = tastes.taste(store) if taste else Taste()
    points = great_circle(first, last, n)
    found, matrix, pools = _gather(store, vectors, (start, first), (end, last), points, rows_of(store, vectors, query))
    liking = _TASTE * tastes.WEIGHT * known.scores(matrix).astype(np.float64)
    liking[[track.audio_hash in known.skipped for track in found]] -= _SKIPPED
    chosen = _through(found, matrix, pools, points, liking, (start, first), (end, last))
    way = [first, *(matrix[i] for i in chosen), last]
    steps = tuple(max(0.0, 1.0 - float(a @ b)) for a, b in pairwise(way))
    return Walk((start, *(found[i] for i in chosen), end), steps, max(0.0, 1.0 - float(first @ last)))


def great_circle(a: Float32, b: Float32, n: int) -> Float32:
    """``n`` unit vectors at equal angles from ``a`` to ``b``, both included; of shape (n, d)."""
    angle = float(np.arccos(np.clip(a @ b, -1.0, 1.0)))
    t = np.linspace(0.0, 1.0, n)[:, None]
    on_circle = np.sin(angle) > 1e-6  # else they are one point, or opposite
    mixed = np.sin((1 - t) * angle) * a + np.sin(t * angle) * b if on_circle else (1 - t) * a + t * b
    norms = np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-9)
    unit: Float32 = (mixed / norms).astype(np.float32)
    return unit


def _gather(
    store: Store,
    vectors: Vectors,
    start: tuple[Track, Float32],
    end: tuple[Track, Float32],
    points: Float32,
    rows: NDArray[np.int64] | None,
) -> tuple[list[Track], Float32, list[NDArray[np.int64]]]:
    """Tracks near the points, their vectors, and for each inner point the indices of those near it."""
    matrix = vectors.matrix if rows is None else np.asarray(vectors.matrix[rows])
    n_near = _NEAR_POINT + 2 * len(points)
    near = [nearest.nearest(matrix, point, n_near)[0] for point in points[1:-1]]
    near = near if rows is None else [rows[some] for some in near]
    union = sorted({int(row) for some in near for row in some})
    present = tracks.by_hash(store, [vectors.hash(row) for row in union])
    seen = Seen()
    for track, vector in (start, end):
        seen.add(track, vector)
    found: list[Track] = []
    index: dict[int, int] = {}
    for row in union:
        candidate = present.get(vectors.hash(row))
        if candidate is not None and seen.take(candidate, np.asarray(vectors.matrix[row])):
            index[row] = len(found)
            found.append(candidate)
    kept = np.array(vectors.matrix[sorted(index)]) if index else np.zeros((0, nearest.SIZE), np.float32)
    return found, kept, [np.array([index[int(r)] for r in some if int(r) in index], np.int64) for some in near]


def _prices(cosines: NDArray[np.float32]) -> Float64:
    prices: Float64 = np.arccos(np.clip(cosines.astype(np.float64), -1.0, 1.0)) ** 4
    return prices


def _through(
    found: list[Track],
    matrix: Float32,
    pools: list[NDArray[np.int64]],
    points: Float32,
    liking: Float64,
    start: tuple[Track, Float32],
    end: tuple[Track, Float32],
) -> list[int]:
    """The cheapest way through the pools that a beam search finds; a pool with nobody left is passed over."""
    artists = _numbered([*(track.artist_key for track in found), start[0].artist_key, end[0].artist_key])
    costs, used = np.zeros(1), np.zeros((1, len(found)), bool)
    ways: list[tuple[int, ...]] = [()]
    here, last = start[1][None], artists[[-2]]
    for place, pool in enumerate(pools):
        if not len(pool):
            continue
        own = _STRAY * _prices(matrix[pool] @ points[place + 1]) - liking[pool]
        price = costs[:, None] + _prices(here @ matrix[pool].T) + own
        price[used[:, pool] | (last[:, None] == artists[pool])] = np.inf
        best = np.argsort(price, axis=None, kind="stable")[:_BEAM]
        best = best[np.isfinite(price.flat[best])]
        if not len(best):
            continue
        beams, steps = best // len(pool), pool[best % len(pool)]
        ways = [(*ways[b], i) for b, i in zip(beams.tolist(), steps.tolist(), strict=True)]
        costs, used = price.flat[best], used[beams]
        used[np.arange(len(steps)), steps] = True
        here, last = matrix[steps], artists[steps]
    costs = costs + _prices(here @ end[1])
    apart = last != artists[-1]
    if apart.any():
        return list(ways[int(np.argmin(np.where(apart, costs, np.inf)))])
    return list(ways[int(np.argmin(costs))][:-1])


def _numbered(artists: list[str | None]) -> NDArray[np.int64]:
    """A number for each artist; who is untold gets one of their own."""
    numbers: dict[str | int, int] = {}
    return np.array([numbers.setdefault(i if a is None else a, len(numbers)) for i, a in enumerate(artists)], np.int64)
