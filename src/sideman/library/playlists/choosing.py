"""Choosing songs for a playlist until its time is filled: down a ranking, or song by song along an arc of moods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.library.duplicates_view import Seen
from sideman.library.ordering import MOST, transitions
from sideman.library.playlists.arcs import Arc
from sideman.library.track import Track

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

DRAW = 0.02
"""Size of the seeded noise, in cosine."""
MOOD = 2.0
"""Weight of a song's distance from the arc, against transitions."""
_NEAR_ARC = 200  # tracks near each point of an arc that are looked at
_ARC_POINTS = 9
_ARC_TASTE = 0.4  # a like is worth 0.2 of the distance in the plane of moods


@dataclass
class Material:
    """What can be chosen from: tracks, unit vectors (n, 256; zero where there is none), taste -1..1 (n,)."""

    tracks: list[Track]
    vectors: Float32
    liking: Float64

    def only(self, rows: Sequence[int] | NDArray[np.int64]) -> Material:
        """Some of them, in the order of ``rows``."""
        rows = list(map(int, rows))
        return Material([self.tracks[i] for i in rows], self.vectors[rows], self.liking[rows])


@dataclass
class Room:
    """How much still fits: seconds (None for any), and songs."""

    seconds: float | None
    songs: int
    taken_s: float = 0.0
    taken: int = 0

    def take(self, duration_s: float) -> bool:
        """Take a song if that brings the length nearer to what was asked."""
        if self.taken == self.songs:
            return False
        if self.seconds is not None and self.taken and self.taken_s + duration_s / 2 > self.seconds:
            return False
        self.taken += 1
        self.taken_s += duration_s
        return True

    @property
    def share(self) -> float:
        """How much of it is filled, 0..1."""
        if self.seconds is not None:
            return min(1.0, self.taken_s / self.seconds)
        return min(1.0, self.taken / max(1, self.songs - 1))


def _artist(found: Material, i: int) -> Hashable | None:
    return found.tracks[i].artist_key


def fill(found: Material, ranked: NDArray[np.int64], room: Room, spacing: int, first: int | None) -> list[int]:
    """The first of a ranking that fill the room; at first only as many by an artist as spacing leaves place for."""
    lengths = [track.duration_s or 0.0 for track in found.tracks]
    expected = room.songs if room.seconds is None else room.seconds / max(1.0, float(np.median(lengths)))
    most = max(1, int(min(expected, len(lengths)) // spacing))
    seen, artists = Seen(), Counter[Hashable]()
    chosen: list[int] = []
    order_of_choice = [*([] if first is None else [first]), *(i for i in map(int, ranked) if i != first)]
    for limit in (most, len(lengths)):
        for i in order_of_choice:
            artist = _artist(found, i)
            if (artist is not None and artists[artist] >= limit) or seen.has(found.tracks[i], found.vectors[i]):
                continue
            if not room.take(lengths[i]):
                return chosen
            seen.add(found.tracks[i], found.vectors[i])
            artists[artist] += 1
            chosen.append(i)
    return chosen


def along(
    found: Material,
    arc: Arc,
    room: Room,
    spacing: int,
    first: int | None,
    seed_vector: Float32 | None,
    rng: np.random.Generator,
) -> list[int]:
    """Song by song the one that keeps to the arc best, and follows well."""
    moods = np.array([(track.valence, track.arousal) for track in found.tracks], np.float64)
    luck = DRAW * rng.gumbel(size=len(moods)) + _ARC_TASTE * found.liking
    if seed_vector is not None:
        luck += found.vectors @ seed_vector
    near = {0} if first is not None else set[int]()
    per_point = max(_NEAR_ARC, 4 * min(room.songs, int((room.seconds or 0) / 60)))
    for point in arc.points(np.linspace(0.0, 1.0, _ARC_POINTS)):
        near.update(map(int, np.argsort(MOOD * np.hypot(*(moods - point).T) - luck, kind="stable")[:per_point]))
    pool = sorted(near)
    some, moods, luck = found.only(pool), moods[pool], luck[pool]
    seen, free = Seen(), np.ones(len(pool), bool)
    chosen: list[int] = []
    follows = transitions(some.tracks, some.vectors) if len(pool) <= MOST else None
    while free.any():
        (point,) = arc.points([room.share])
        price = MOOD * np.hypot(*(moods - point).T) - luck
        if chosen and follows is not None:
            price = price + 0.5 * follows[chosen[-1]]
        recent = {_artist(some, i) for i in chosen[max(0, len(chosen) - spacing + 1) :]} - {None}
        ranked = [first] if first is not None and not chosen else np.argsort(price, kind="stable").tolist()
        taken = None
        for i in ranked:
            if free[i] and seen.has(some.tracks[i], some.vectors[i]):
                free[i] = False
            if free[i]:
                taken = i if taken is None else taken
                if _artist(some, i) not in recent:
                    taken = i
                    break
        if taken is None or not room.take(some.tracks[taken].duration_s or 0.0):
            break
        seen.add(some.tracks[taken], some.vectors[taken])
        free[taken] = False
        chosen.append(taken)
    return [pool[i] for i in chosen]
