"""How a library is spread over genre, mood, tempo, key, decade and loudness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sideman.library.keys import camelot
from sideman.library.track import Track
from sideman.mood.names import QUADRANT_WORDS, quadrant

TEMPO_STEP_BPM, LOUDNESS_STEP_LUFS = 10, 2
MOOD_CELLS = 12
"""Cells of the valence-arousal plane per axis."""
WHEEL = tuple(f"{number}{ring}" for ring in "AB" for number in range(1, 13))
"""Places of Camelot's wheel, minor keys first."""


@dataclass(frozen=True)
class Distribution:
    """Tracks by one property.

    Attributes:
        name: what is counted, such as "tempo".
        counts: (value, tracks) in the order of a chart; ranges are named by their lower edge.
        unknown: tracks of which it is not known.
        step: width of a range; None where values are names.
    """

    name: str
    counts: tuple[tuple[str, int], ...]
    unknown: int = 0
    step: int | None = None

    @property
    def total(self) -> int:
        """Tracks of which it is known."""
        return sum(n for _, n in self.counts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"counts": dict(self.counts), "unknown": self.unknown, "step": self.step}


def distributions(tracks: Sequence[Track]) -> dict[str, Distribution]:
    """All distributions by name: genre, quadrant, mood, tempo, key, decade, loudness."""
    return {
        "genre": _named("genre", (t.genre for t in tracks)),
        "quadrant": _in_order("quadrant", tracks, _quadrant, tuple(QUADRANT_WORDS)),
        "mood": _named("mood", (t.mood for t in tracks)),
        "tempo": _ranged("tempo", (t.tempo_bpm for t in tracks), TEMPO_STEP_BPM),
        "key": _in_order("key", tracks, lambda t: camelot(t.key) if t.key else None, WHEEL),
        "decade": _ranged("decade", (t.year for t in tracks), 10),
        "loudness": _ranged("loudness", (t.loudness_lufs for t in tracks), LOUDNESS_STEP_LUFS),
    }


def mood_grid(tracks: Iterable[Track]) -> dict[tuple[int, int], int]:
    """Tracks by cell (valence, arousal) of the plane, each 0..`MOOD_CELLS` - 1 from -1 to 1."""
    counts: Counter[tuple[int, int]] = Counter()
    for track in tracks:
        if track.valence is not None and track.arousal is not None:
            counts[_cell(track.valence), _cell(track.arousal)] += 1
    return dict(counts)


def _cell(value: float) -> int:
    return min(max(int((value + 1) / 2 * MOOD_CELLS), 0), MOOD_CELLS - 1)


def _quadrant(track: Track) -> str | None:
    return None if track.valence is None or track.arousal is None else quadrant(track.valence, track.arousal)


def _named(name: str, values: Iterable[str | None]) -> Distribution:
    counts = Counter(values)
    unknown = counts.pop(None, 0)
    return Distribution(name, tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))), unknown)  # type: ignore[arg-type]


def _in_order(
    name: str, tracks: Sequence[Track], value: Callable[[Track], str | None], order: Sequence[str]
) -> Distribution:
    counts = Counter(map(value, tracks))
    return Distribution(name, tuple((place, counts[place]) for place in order), counts[None])


def _ranged(name: str, values: Iterable[float | None], step: int) -> Distribution:
    counts: Counter[int] = Counter()
    unknown = 0
    for value in values:
        if value is None:
            unknown += 1
        else:
            counts[int(value // step) * step] += 1
    edges = range(min(counts), max(counts) + step, step) if counts else ()
    return Distribution(name, tuple((str(edge), counts[edge]) for edge in edges), unknown, step)
