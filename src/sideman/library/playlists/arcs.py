"""Moods over time: from one point of valence and arousal to the next while a playlist plays."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sideman.core.errors import UsageError
from sideman.mood.names import mood, nearest

Point = tuple[float, float]  # valence, arousal

_STAY, _THERE = 0.2, 0.85  # shares of a lift until which the mood stays, and from which the aim is reached
_CALM: Point = mood("calm")
_HAPPY: Point = mood("happy")


@dataclass(frozen=True)
class Arc:
    """A line through the plane of moods.

    Attributes:
        corners: (share of the playlist 0..1, (valence, arousal)), ascending.
        title: for people.
    """

    corners: tuple[tuple[float, Point], ...]
    title: str = ""

    def points(self, shares: Iterable[float]) -> tuple[Point, ...]:
        """Valence and arousal at shares of the playlist, straight between the corners."""
        at = [share for share, _ in self.corners]
        where = np.fromiter(shares, float)
        columns = (np.interp(where, at, [point[axis] for _, point in self.corners]) for axis in (0, 1))
        return tuple((float(v), float(a)) for v, a in zip(*columns, strict=True))


def arc(moods: str) -> Arc:
    """An arc in words: ``calm``, ``calm->energetic``, ``sad -> calm -> happy``; corners at equal times.

    Raises:
        UsageError: a word that is no mood; the message names near ones.
    """
    words = [word.strip() for word in re.split("->|→", moods)]
    if not all(words):
        raise UsageError(f"{moods[:60]!r}: a mood is missing; write one word, or two with -> between them")
    points = [mood(word) for word in words]
    if len(points) == 1:
        return Arc(((0.0, points[0]),), words[0])
    return Arc(tuple((i / (len(points) - 1), point) for i, point in enumerate(points)), " to ".join(words))


def match(point: Point) -> Arc:
    """The same mood all the time."""
    return Arc(((0.0, checked(point)),), nearest(*point))


def lift(point: Point) -> Arc:
    """From a mood to a better one: a fifth of the time where the listener is, then evenly to the aim, 15 % there.

    The aim is calm for who is unhappy and excited (tense, angry), for whom the next step is down, not up; else happy.
    """
    aim = _CALM if checked(point)[0] < 0 <= point[1] else _HAPPY
    return Arc(((0.0, point), (_STAY, point), (_THERE, aim)), f"{nearest(*point)} to {nearest(*aim)}")


def checked(point: Point) -> Point:
    """The point; :class:`UsageError` where it lies outside -1..1."""
    if not all(-1.0 <= value <= 1.0 for value in point):
        raise UsageError(f"valence {point[0]:g}, arousal {point[1]:g}: both must be from -1 to 1")
    return point
