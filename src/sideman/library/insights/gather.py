"""Everything that the report tells, gathered from the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import LibraryError
from sideman.library import tracks as collection
from sideman.library.insights import duplicates
from sideman.library.insights.disagreements import Disagreement, disagreements
from sideman.library.insights.distributions import Distribution, distributions, mood_grid
from sideman.library.insights.faults import Faults, faults
from sideman.library.insights.map import kept, layout, nearest, principal
from sideman.library.store import Store
from sideman.library.track import Track

MOST_POINTS = 50_000
"""Points of the map; of more, a sample is shown."""
SIMILAR = 5
_JUDGED = 5000  # points on which the map is compared with the plane of the principal components


@dataclass(frozen=True)
class Map:
    """Recordings on a plane.

    Attributes:
        tracks: one per recording.
        positions: (n, 2) within -1..1.
        similar: for each the numbers of its nearest in sound, nearest first, (n, up to 5).
        total: recordings with an embedding; more than n where a sample is shown.
        kept: share of the 10 nearest neighbours in sound that are so on the map, and on the plane of the two
            principal components.
    """

    tracks: tuple[Track, ...]
    positions: NDArray[np.float32]
    similar: NDArray[np.intp]
    total: int
    kept: tuple[float, float]


@dataclass(frozen=True)
class Insights:
    """A library, or what a query finds in it, as a whole.

    Attributes:
        tracks: files that are present.
        missing: files that the last scan did not find.
        distributions: by name, see :mod:`sideman.library.insights.distributions`.
        moods: tracks by cell of the valence-arousal plane.
        disagreements: by field.
        equal: groups of files with equal audio.
        alike: pairs that sound the same.
        faults: files that something is wrong with.
        map: the plane.
    """

    tracks: tuple[Track, ...]
    missing: int
    distributions: dict[str, Distribution]
    moods: dict[tuple[int, int], int]
    disagreements: dict[str, tuple[Disagreement, ...]]
    equal: tuple[tuple[Track, ...], ...]
    alike: tuple[duplicates.Pair, ...]
    faults: Faults
    map: Map

    def totals(self) -> dict[str, float]:
        """Figures of the whole."""
        return {
            "tracks": len(self.tracks),
            "missing": self.missing,
            "analysed": sum(t.analysed for t in self.tracks),
            "unsure": sum(bool(t.unsure) for t in self.tracks),
            "artists": len({t.artist_key for t in self.tracks} - {None}),
            "albums": len({(t.albumartist or t.artist, t.album) for t in self.tracks if t.album}),
            "hours": round(sum(t.duration_s or 0.0 for t in self.tracks) / 3600, 2),
            "gigabytes": round(sum(t.size for t in self.tracks) / 1e9, 3),
        }

    def to_dict(self) -> dict[str, Any]:
        """All numbers as plain values for JSON."""
        return {
            **self.totals(),
            "distributions": {name: found.to_dict() for name, found in self.distributions.items()},
            "disagreements": {name: [d.to_dict() for d in found] for name, found in self.disagreements.items()},
            "equal_audio": [[{"id": t.id, "path": t.path} for t in group] for group in self.equal],
            "alike": [pair.to_dict() for pair in self.alike],
            "faults": self.faults.to_dict(),
            "map": {
                "points": len(self.map.tracks),
                "of": self.map.total,
                "neighbours_kept": round(self.map.kept[0], 4),
                "neighbours_kept_by_principal_components": round(self.map.kept[1], 4),
            },
        }


def gather(
    store: Store,
    query: str | None = None,
    *,
    most_files: int = 40,
    seed: int = 0,
    most_points: int = MOST_POINTS,
    advance: Callable[[int], None] = lambda _: None,
) -> Insights:
    """Look at all tracks of a query.

    Args:
        store: the library.
        query: which tracks; None for all.
        most_files: files that are read to confirm duplicates; 0 for none.
        seed: of the map.
        most_points: points on the map.
        advance: told 1 per file read.

    Raises:
        UsageError: the query makes no sense.
        LibraryError: no track answers it.
    """
    found = tuple(collection.find(store, query))
    if not found:
        raise LibraryError(f"{store.url}: no track answers; 'sideman ls' shows what there is")
    missing = collection.count(store, query, missing=True) - len(found)
    single = {t.audio_hash: t for t in reversed(found) if t.audio_hash is not None}
    hashes, vectors = collection.vectors(store, sorted(single))
    heard = [single[h] for h in hashes]
    pairs = duplicates.alike(heard, vectors)
    return Insights(
        found,
        max(missing, 0),
        distributions(found),
        mood_grid(found),
        disagreements(found),
        duplicates.equal_audio(found),
        duplicates.confirmed(pairs, most_files=most_files, advance=advance),
        faults(found),
        plane(heard, vectors, seed=seed, most_points=most_points),
    )


def plane(
    heard: Sequence[Track], vectors: NDArray[np.float32], *, seed: int = 0, most_points: int = MOST_POINTS
) -> Map:
    """Lay recordings out on a plane.

    Args:
        heard: one track per recording.
        vectors: their embeddings, unit rows (n, 256).
        seed: the same one gives the same plane.
        most_points: of more recordings, a sample of so many is laid out; 0 for none.
    """
    total = len(heard)
    rng = np.random.default_rng(seed)
    if not most_points:
        return Map((), np.zeros((0, 2), np.float32), np.zeros((0, 0), np.intp), total, (1.0, 1.0))
    if total > most_points:
        some = np.sort(rng.permutation(total)[:most_points])
        heard, vectors = [heard[i] for i in some], vectors[some]
    positions = layout(vectors, seed=seed)
    near = nearest(vectors, SIMILAR)
    # Of equal similarity the first: the page must not depend on how the rows were partitioned.
    similarity = np.einsum("nd,nkd->nk", vectors, vectors[near])
    near = np.take_along_axis(near, np.lexsort((near, -similarity)), 1)
    judged = np.sort(rng.permutation(len(heard))[:_JUDGED])
    on_map, on_plane = 1.0, 1.0
    if len(judged) > 2:
        on_map = kept(vectors[judged], positions[judged])
        on_plane = kept(vectors[judged], principal(vectors[judged]))
    return Map(tuple(heard), positions, near, total, (on_map, on_plane))
