"""What a person may ask of a piece; every part may be left open (None, or no instruments)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

GENRES = (
    "blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock",
    "folk", "ragtime", "soul", "latin", "soundtrack", "electronic", "world", "religious", "children", "ambient",
)  # fmt: skip
STYLES = ("piano", "lead-sheet", "band", "drums", "voices")
DENSITY_EDGES = (3.0, 6.0, 9.0, 13.0, 18.0, 26.0, 40.0)  # notes per whole-note of time (a 4/4 bar): 8 levels
LEVEL_EDGES = (-0.6, -0.2, 0.2, 0.6)  # of valence and arousal: 5 levels
SLOWEST_BPM, FASTEST_BPM = 20.0, 400.0
MOST_BARS = 512


@dataclass(frozen=True)
class Controls:
    """A wish for a piece of music.

    Attributes:
        genre: one of `GENRES`.
        valence: how pleasant, -1 (sad, dark) to 1 (happy).
        arousal: how excited, -1 (calm) to 1 (wild).
        tempo_bpm: quarter notes per minute, 20 to 400. Where metre is compound (6/8, 9/8, 12/8) the beat that is
            counted is the dotted quarter: `beat_bpm` tells.
        key: (tonic 0..11 with C as 0, is minor).
        metre: numerator and denominator, one of `sideman.symbolic.score.METRES`.
        bars: length, 1 to 512.
        instruments: General MIDI programmes 0..127, 128 for drums; all of them play, and no others.
        density: level 0 (sparse) to 7 (dense) of notes per time.
        style: how the music is set, one of `STYLES`.
    """

    genre: str | None = None
    valence: float | None = None
    arousal: float | None = None
    tempo_bpm: float | None = None
    key: tuple[int, bool] | None = None
    metre: tuple[int, int] | None = None
    bars: int | None = None
    instruments: tuple[int, ...] = ()
    density: int | None = None
    style: str | None = None

    @classmethod
    def from_plain(cls, row: Mapping[str, Any]) -> Controls:
        """Controls from JSON, where tuples are lists; keys that are no controls are passed over."""
        names = {f.name for f in fields(cls)}
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items() if k in names}
        return cls(**plain)

    def given(self) -> dict[str, Any]:
        """The controls that are set, by name."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}

    def merged(self, other: Controls) -> Controls:
        """These controls, and those of ``other`` where these are open."""
        mine, theirs = self.given(), other.given()
        return Controls(
            **{f.name: mine[f.name] if f.name in mine else theirs.get(f.name, f.default) for f in fields(self)}
        )


def density_level(notes_per_whole: float) -> int:
    """Level 0..7 of a number of notes per whole note of time."""
    return sum(notes_per_whole >= edge for edge in DENSITY_EDGES)


def mood_level(value: float) -> int:
    """Level 0..4 of valence or arousal."""
    return sum(value >= edge for edge in LEVEL_EDGES)
