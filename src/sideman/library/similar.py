"""Tracks that sound like another: nearest embeddings, by different artists, each recording once, moved by taste."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import LibraryError, UsageError
from sideman.library import approximate, nearest, tracks
from sideman.library import taste as tastes
from sideman.library.duplicates_view import Seen
from sideman.library.nearest import Vectors
from sideman.library.ordering import key_cost, tempo_cost
from sideman.library.store import Store
from sideman.library.taste import Taste
from sideman.library.track import Track

if TYPE_CHECKING:
    from sideman.genre.embed import Embedding
    from sideman.library.query import Query

Float32 = NDArray[np.float32]

PER_ARTIST = 2
SPACING = 3
_POOL = 300  # nearest vectors that are looked at first; doubled while there are too few
_GENRE = 0.5  # share of taste's weight that a corrected genre has


@dataclass(frozen=True)
class Weights:
    """What tempo, key and mood count beside the sound, each 0..1: the most that a misfit takes from the cosine."""

    tempo: float = 0.0
    key: float = 0.0
    mood: float = 0.0

    def __post_init__(self) -> None:
        """Check the range."""
        for name in self.__dataclass_fields__:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(f"weight of {name} {getattr(self, name)}: must be from 0 to 1")

    def misfit(self, a: Track, b: Track) -> float:
        """What two tracks lose in likeness."""
        lost = 0.0
        if self.tempo:
            lost += self.tempo * tempo_cost(a.tempo_bpm, b.tempo_bpm)
        if self.key:
            lost += self.key * key_cost(a.key, b.key)
        if self.mood:
            lost += self.mood * mood_distance(a, b)
        return lost


def mood_distance(a: Track, b: Track) -> float:
    """0..1: distance in the plane of valence and arousal over its diagonal; 0.5 where one is unknown."""
    if a.valence is None or a.arousal is None or b.valence is None or b.arousal is None:
        return 0.5
    return float(np.hypot(a.valence - b.valence, a.arousal - b.arousal) / np.hypot(2.0, 2.0))


def similar(
    store: Store,
    track: Track,
    n: int = 20,
    *,
    query: Query | str | None = None,
    per_artist: int | None = PER_ARTIST,
    spacing: int = SPACING,
    other_artists: bool = False,
    weights: Weights = Weights(),
    taste: bool = True,
    cache: Path | None = None,
    heard: Embedding | None = None,
) -> list[tuple[Track, float]]:
    """Tracks of the library that sound like ``track``, best first.

    They are ranked by cosine similarity less the misfit of ``weights``, plus at most 0.1 of taste; then artists are
    spaced. Files that are missing, the track itself and second copies of a recording are left out.

    Args:
        store: the library.
        track: of the library, or one with a path only: that file is then listened to.
        n: how many.
        query: only among tracks that answer it.
        per_artist: at most so many by one artist, the seed's own included; None for any number.
        spacing: no artist twice among so many in a row, as far as possible.
        other_artists: none by the seed's own artist.
        weights: of tempo, key and mood.
        taste: whether likes, skips and corrections count.
        cache: folder of the cached vectors; by default the user's.
        heard: the embedding of ``track``, where it is known already.

    Returns:
        tracks with their cosine similarity, -1..1 (which need not fall evenly, for the ranking has more in it).

    Raises:
        LibraryError: the track, or nothing, was analysed.
        UsageError: ``n`` < 1, ``per_artist`` < 1, a query that makes no sense.
        AudioError: the file cannot be read.
    """
    if n < 1 or (per_artist is not None and per_artist < 1):
        raise UsageError("the numbers of tracks and of tracks per artist must be at least 1")
    seed, vectors = seed_of(store, track, cache, heard)
    known = tastes.taste(store) if taste else Taste()
    rows = rows_of(store, vectors, query)
    count, pool = len(vectors) if rows is None else len(rows), max(_POOL, 10 * n)
    while True:
        near = _nearest(vectors, seed, pool, rows)
        found = _choose(store, vectors, track, seed, near, n, per_artist, other_artists, weights, known)
        if len(found) >= n or pool >= count:
            return spaced(found, spacing)
        pool *= 2


def similar_to_file(store: Store, path: str | os.PathLike[str], n: int = 20) -> list[tuple[Track, float]]:
    """:func:`similar` for a file that need not be in the library."""
    return similar(store, Track(0, os.fspath(path)), n)


def seed_of(
    store: Store, track: Track, cache: Path | None = None, heard: Embedding | None = None
) -> tuple[Float32, Vectors]:
    """The embedding of a track, and the library's vectors of the same network; errors as :func:`similar`."""
    if heard is not None:
        return heard.vector, nearest.load(store, heard.model_sha256, cache=cache)
    if not track.audio_hash:
        if track.id:
            raise LibraryError(f"{track.path}: could not be read by the last scan; repair it and scan again")
        from sideman.genre.embed import embed

        heard = embed(track.path)
        return heard.vector, nearest.load(store, heard.model_sha256, cache=cache)
    vectors = nearest.load(store, _model_of(store, track), cache=cache)
    row = vectors.row(track.audio_hash)
    if row is None:
        raise LibraryError(f"{track.path}: was not listened to yet; 'sideman scan' does it")
    return np.array(vectors.matrix[row]), vectors


def rows_of(store: Store, vectors: Vectors, query: Query | str | None) -> NDArray[np.int64] | None:
    """Rows of the tracks that answer a query, ascending; None for all."""
    if query is None or query == "":
        return None
    found = {vectors.row(track.audio_hash) for track in tracks.find(store, query)}
    return np.array(sorted(row for row in found if row is not None), np.int64)


def spaced(found: list[tuple[Track, float]], k: int) -> list[tuple[Track, float]]:
    """The same in an order where no artist appears twice among k in a row, as far as taking the next best goes."""
    left, chosen = list(found), list[tuple[Track, float]]()
    while left:
        recent = {match.artist_key for match, _ in chosen[len(chosen) - k + 1 :]} if k > 1 else set()
        fit = (i for i, (match, _) in enumerate(left) if match.artist_key is None or match.artist_key not in recent)
        chosen.append(left.pop(next(fit, 0)))
    return chosen


def _model_of(store: Store, track: Track) -> str | None:
    from sqlalchemy import select

    from sideman.library.schema import analyses

    with store.read() as connection:
        wanted = select(analyses.c.model).where(analyses.c.audio_hash == track.audio_hash, analyses.c.state == "done")
        found = connection.execute(wanted).scalar()
    if found is None:
        raise LibraryError(f"{track.path}: was not listened to yet; 'sideman scan' does it")
    return str(found)


def _nearest(vectors: Vectors, seed: Float32, n: int, rows: NDArray[np.int64] | None) -> NDArray[np.int64]:
    if rows is not None:
        return rows[nearest.nearest(vectors.matrix[rows], seed, n)[0]]
    near = approximate.search(vectors, seed, n)
    return nearest.nearest(vectors.matrix, seed, n)[0] if near is None else near


def _choose(
    store: Store,
    vectors: Vectors,
    seed_track: Track,
    seed: Float32,
    near: NDArray[np.int64],
    n: int,
    per_artist: int | None,
    other_artists: bool,
    weights: Weights,
    known: Taste,
) -> list[tuple[Track, float]]:
    seen, artists = Seen(), Counter[str]()
    seen.add(seed_track, seed)
    found: list[tuple[Track, float]] = []
    for match, row, cosine in _ranked(store, vectors, known.corrected(seed_track), seed, near, weights, known):
        artist = match.artist_key
        if artist is not None and per_artist is not None and artists[artist] >= per_artist:
            continue
        if other_artists and artist is not None and artist == seed_track.artist_key:
            continue
        if not seen.take(match, vectors.matrix[row]):
            continue
        artists[artist or ""] += 1
        found.append((match, cosine))
        if len(found) == n:
            break
    return found


def _ranked(
    store: Store,
    vectors: Vectors,
    seed_track: Track,
    seed: Float32,
    near: NDArray[np.int64],
    weights: Weights,
    known: Taste,
) -> Iterator[tuple[Track, int, float]]:
    """Tracks, rows and cosines, best first."""
    present = tracks.by_hash(store, [vectors.hash(int(row)) for row in near])
    matrix = np.asarray(vectors.matrix[near])
    cosines, liking = matrix @ seed, tastes.WEIGHT * known.scores(matrix)
    ranked = []
    for i, row in enumerate(map(int, near)):
        match = present.get(vectors.hash(row))
        if match is None:
            continue
        match = known.corrected(match)
        score = float(cosines[i] + liking[i]) - weights.misfit(seed_track, match)
        if seed_track.genre and (known.genre_corrected(match) or known.genre_corrected(seed_track)):
            alike = (match.genre or "").casefold() == seed_track.genre.casefold()
            score += _GENRE * tastes.WEIGHT * (1 if alike else -1)
        ranked.append((score, -match.id, match, row, min(1.0, float(cosines[i]))))
    ranked.sort(key=lambda item: item[:2], reverse=True)
    for _, _, match, row, cosine in ranked:
        yield match, row, cosine
