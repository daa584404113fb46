"""Which songs a playlist is chosen from: those that answer a query, or, of a whole library, those that can matter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from sideman.library import nearest, tracks
from sideman.library.nearest import Vectors
from sideman.library.playlists.arcs import Arc
from sideman.library.playlists.choosing import Material
from sideman.library.schema import analyses
from sideman.library.store import Store
from sideman.library.taste import Taste
from sideman.library.track import Track

if TYPE_CHECKING:
    from sideman.library.query import Query

Float32 = NDArray[np.float32]

_SKIPPED = 1.5  # what a skipped song itself loses beside what skipping takes from its like
_WHOLE = 5_000  # a library so small is looked at whole
_FOR_ONE = 25  # songs looked at for each that is wanted
_POINTS = 9


def candidates(
    store: Store,
    query: Query | str | None,
    known: Taste,
    *,
    wanted: int,
    seed_vector: Float32 | None,
    arc: Arc | None,
    model: str | None,
    cache: Path | None,
) -> Material:
    """Analysed songs with their vectors and how they are liked.

    Args:
        store: the library.
        query: which songs; None for all. Without one, a large library is narrowed to the songs nearest to the seed or
            to the arc.
        known: what the listener said.
        wanted: about how many songs will be chosen.
        seed_vector: of the song to resemble.
        arc: moods over time; songs without a mood are then left out.
        model: sha256 of the network whose vectors are compared.
        cache: folder of the cached vectors; by default the user's.
    """
    vectors: Vectors | None = None
    narrowed: list[str] | None = None
    if not query and (seed_vector is not None or arc is not None):
        vectors = nearest.load(store, model, cache=cache)
        if len(vectors) > _WHOLE:
            most = max(_WHOLE, _FOR_ONE * wanted)
            narrowed = _in_mood(store, arc, most, known) if arc is not None else _like(vectors, seed_vector, most)
    if narrowed is None:
        found = tracks.find(store, query)
    else:
        found = sorted(tracks.by_hash(store, narrowed).values(), key=lambda track: track.path)
    usable = [known.corrected(track) for track in found if track.audio_hash and track.duration_s]
    if arc is not None:
        usable = [track for track in usable if track.valence is not None and track.arousal is not None]
    if not usable:
        return Material([], np.zeros((0, nearest.SIZE), np.float32), np.zeros(0))
    return _material(usable, vectors or nearest.load(store, model, cache=cache), known)


def _material(usable: list[Track], vectors: Vectors, known: Taste) -> Material:
    rows = [vectors.row(track.audio_hash) for track in usable]
    matrix = np.zeros((len(usable), nearest.SIZE), np.float32)
    there = [i for i, row in enumerate(rows) if row is not None]
    matrix[there] = vectors.matrix[[row for row in rows if row is not None]]
    liking = known.scores(matrix).astype(np.float64)
    liking[[track.audio_hash in known.skipped for track in usable]] -= _SKIPPED
    return Material(usable, matrix, liking)


def _like(vectors: Vectors, seed_vector: Float32 | None, most: int) -> list[str]:
    assert seed_vector is not None
    return [vectors.hash(int(row)) for row in nearest.nearest(vectors.matrix, seed_vector, most)[0]]


def _in_mood(store: Store, arc: Arc, most: int, known: Taste) -> list[str]:
    """Hashes of the songs nearest to points of the arc, and of all whose mood the listener corrected."""
    columns = analyses.c.audio_hash, analyses.c.valence, analyses.c.arousal
    with store.read() as connection:
        statement = select(*columns).where(analyses.c.valence.is_not(None), analyses.c.arousal.is_not(None))
        rows = connection.execute(statement.order_by(analyses.c.audio_hash)).all()
    moods = np.array([(row[1], row[2]) for row in rows], np.float64).reshape(-1, 2)
    points = arc.points(np.linspace(0.0, 1.0, _POINTS if len(arc.corners) > 1 else 1))
    near: set[int] = set()
    for point in points:
        near.update(np.argsort(np.hypot(*(moods - point).T), kind="stable")[: most // len(points)].tolist())
    corrected = (audio_hash for audio_hash, said in known.corrections.items() if "mood" in said)
    return [*(rows[i][0] for i in sorted(near)), *corrected]
