"""Playlists from the library: by query, like a song, or along moods; chosen by a seeded draw, then put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import LibraryError, UsageError
from sideman.library import taste as tastes
from sideman.library.ordering import MOST, SPACING, order, transitions
from sideman.library.playlists.arcs import Arc, Point
from sideman.library.playlists.candidates import candidates
from sideman.library.playlists.choosing import DRAW, MOOD, Material, Room, along, fill
from sideman.library.similar import seed_of
from sideman.library.store import Store
from sideman.library.taste import Taste
from sideman.library.track import Track

if TYPE_CHECKING:
    from sideman.library.query import Query

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

MINUTES = 60.0
_LIKED = 2.0  # a like makes a draw e^2 times as probable, a skip as improbable
_LONGEST_MINUTES = 7 * 24 * 60.0


@dataclass(frozen=True)
class Playlist:
    """Songs in order.

    Attributes:
        title: for people.
        tracks: the songs, corrected by what the listener said of them.
        points: valence and arousal that each song was to have, where moods were asked for.
    """

    title: str
    tracks: tuple[Track, ...]
    points: tuple[Point, ...] = field(default=(), repr=False)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return sum(track.duration_s or 0.0 for track in self.tracks)


def build(
    store: Store,
    query: Query | str | None = None,
    *,
    seed: Track | None = None,
    arc: Arc | None = None,
    minutes: float | None = MINUTES,
    n: int | None = None,
    spacing: int = SPACING,
    random_seed: int = 0,
    taste: bool = True,
    title: str | None = None,
    cache: Path | None = None,
) -> Playlist:
    """Make a playlist.

    Songs that answer the query, were analysed and are there are drawn until the time is filled: those nearest to the
    seed, those that keep to the arc of moods, or any. Second copies of a recording are left out. They are then ordered
    by tempo, key, sound and loudness, and along the arc; no artist twice among ``spacing`` songs in a row wherever the
    material allows.

    Args:
        store: the library.
        query: which songs; None for all.
        seed: a song to begin with and to resemble.
        arc: moods over time.
        minutes: how long, to the nearest song; None for no limit.
        n: how many songs instead of a length.
        spacing: of artists.
        random_seed: another one, another playlist; the same, the same.
        taste: whether likes, skips and corrections count.
        title: by default made of what was asked.
        cache: folder of the cached vectors; by default the user's.

    Raises:
        UsageError: a query, length, number or spacing that makes no sense.
        LibraryError: no song answers, or the seed was not analysed.
    """
    if minutes is not None and not 0 < minutes <= _LONGEST_MINUTES:
        raise UsageError(f"a playlist of {minutes:g} minutes: must be more than 0 and at most {_LONGEST_MINUTES:.0f}")
    if n is not None and not 1 <= n <= MOST:
        raise UsageError(f"a playlist of {n} songs: must be from 1 to {MOST}")
    if spacing < 1:
        raise UsageError(f"spacing {spacing}: must be at least 1")
    room = Room(None if n is not None or minutes is None else 60 * minutes, MOST if n is None else n)
    known = tastes.taste(store) if taste else Taste()
    rng = np.random.default_rng(random_seed)
    seed_vector, model = None, None
    if seed is not None:
        seed_vector, vectors = seed_of(store, seed, cache)
        model = vectors.model
    wanted = room.songs if room.seconds is None else min(MOST, int(room.seconds / 60))
    found = candidates(store, query, known, wanted=wanted, seed_vector=seed_vector, arc=arc, model=model, cache=cache)
    if seed is not None and seed_vector is not None and seed.id:
        found = _with_first(found, known.corrected(seed), seed_vector)
    if not found.tracks:
        asked = f"{query if isinstance(query, str) else query.text}: " if query else ""
        raise LibraryError(f"{asked}no analysed track answers this; 'sideman ls' shows what is there")
    first = 0 if seed is not None and seed.id else None
    if arc is not None:
        chosen = along(found, arc, room, spacing, first, seed_vector, rng)
    else:
        price = _prices(found, seed_vector, rng)
        chosen = fill(found, np.argsort(price, kind="stable"), room, spacing, first)
    picked = found.only(chosen)
    ranks = _order(picked, arc, spacing, 0 if first is not None else None, random_seed)
    listed = tuple(picked.tracks[i] for i in ranks)
    points = arc.points(_shares(listed)) if arc is not None else ()
    return Playlist(title or _title(query, seed, arc), listed, points)


def _with_first(found: Material, track: Track, vector: Float32) -> Material:
    """The same with the seed in front, whether or not it answers the query."""
    rest = [i for i, other in enumerate(found.tracks) if other.id != track.id]
    liking = np.r_[0.0, found.liking[rest]]
    return Material([track, *(found.tracks[i] for i in rest)], np.vstack([vector[None], found.vectors[rest]]), liking)


def _prices(found: Material, seed_vector: Float32 | None, rng: np.random.Generator) -> Float64:
    """What a song costs: a seeded draw in which likes weigh, or the distance from the seed with a little of a draw."""
    luck = rng.gumbel(size=len(found.tracks))
    if seed_vector is None:
        return -(luck + _LIKED * found.liking)
    likeness = (found.vectors @ seed_vector).astype(np.float64)
    return -(likeness + DRAW * luck + tastes.WEIGHT * found.liking)


def _shares(listed: Sequence[Track]) -> Float64:
    """Where the middle of each song lies in the playlist, 0 the middle of the first and 1 that of the last."""
    lengths = np.array([track.duration_s or 0.0 for track in listed])
    middles = np.cumsum(lengths) - lengths / 2
    span = middles[-1] - middles[0] if len(middles) else 0.0
    shares: Float64 = (middles - middles[0]) / span if span > 0 else np.zeros(len(middles))
    return shares


def _order(picked: Material, arc: Arc | None, spacing: int, first: int | None, random_seed: int) -> list[int]:
    costs = transitions(picked.tracks, picked.vectors)
    places = None
    if arc is not None and len(picked.tracks) > 1:
        even = arc.points(np.linspace(0.0, 1.0, len(picked.tracks)))
        moods = np.array([(track.valence or 0.0, track.arousal or 0.0) for track in picked.tracks])
        gaps = moods[:, None] - np.array(even)[None]
        places = 2 * MOOD * np.hypot(gaps[..., 0], gaps[..., 1])
    artists = [track.artist_key for track in picked.tracks]
    begin = None if arc is None else list(range(len(artists)))  # they were chosen along the arc
    return order(costs, artists, k=spacing, first=first, places=places, begin=begin, random_seed=random_seed)


def _title(query: Query | str | None, seed: Track | None, arc: Arc | None) -> str:
    asked = "" if query is None else query if isinstance(query, str) else query.text
    parts = [f"Like {seed.label}" if seed else "", arc.title if arc else "", asked]
    return ", ".join(part for part in parts if part) or "Sideman"
