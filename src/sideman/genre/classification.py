"""What was heard in one recording: genre, and what else was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sideman.audio.rhythm import TempoEstimate
    from sideman.audio.tonality import KeyEstimate


@dataclass(frozen=True)
class Segment:
    """Genre probabilities of a stretch of a recording; times in seconds from its start."""

    start_s: float
    end_s: float
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Classification:
    """What :func:`sideman.classify` heard.

    Attributes:
        path: the recording as it was named.
        duration_s: length of what was heard, in seconds.
        genre: the most probable genre, also when unsure.
        unsure: no genre is probable enough, or it does not sound like music that the model knows.
        probabilities: of all genres, most probable first; they sum to 1.
        not_music: share in 0..1 that the model gives to "this is no music".
        tempo_bpm: beats per minute; None where there is no clear beat or it was not asked for.
        key: such as "A minor"; None where there is no clear key or it was not asked for.
        timeline: genre over time, where asked for.
        tempo: tempo with confidence, alternatives and beats.
        key_estimate: key with confidence and alternatives.
        model: name and first 12 digits of the checksum of the weights.
        valence, arousal: how pleasant and how excited it sounds, each -1..1; None where the mood was not asked for.
        mood: the word of :mod:`sideman.mood.names` that is nearest to them.
        mood_confidence: probability that the signs of both are what listeners would say.
        embedding: (256,) float32 of unit length as :func:`sideman.embed` gives it, where asked for.
    """

    path: str
    duration_s: float
    genre: str
    unsure: bool
    probabilities: dict[str, float]
    not_music: float
    tempo_bpm: float | None = None
    key: str | None = None
    timeline: tuple[Segment, ...] | None = None
    tempo: TempoEstimate | None = field(default=None, repr=False)
    key_estimate: KeyEstimate | None = field(default=None, repr=False)
    model: str = ""
    valence: float | None = None
    arousal: float | None = None
    mood: str | None = None
    mood_confidence: float | None = None
    embedding: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, rounded to 4 digits; ``timeline`` only where there is one, ``embedding`` never."""
        plain: dict[str, Any] = {
            "path": self.path,
            "duration_s": round(self.duration_s, 3),
            "genre": self.genre,
            "unsure": self.unsure,
            "probabilities": _rounded_all(self.probabilities),
            "not_music": round(self.not_music, 4),
            "tempo_bpm": None if self.tempo_bpm is None else round(self.tempo_bpm, 2),
            "key": self.key,
            "valence": _rounded(self.valence),
            "arousal": _rounded(self.arousal),
            "mood": self.mood,
            "mood_confidence": _rounded(self.mood_confidence),
            "model": self.model,
        }
        if self.timeline is not None:
            plain["timeline"] = [
                {
                    "start_s": round(segment.start_s, 3),
                    "end_s": round(segment.end_s, 3),
                    "probabilities": _rounded_all(segment.probabilities),
                }
                for segment in self.timeline
            ]
        return plain


def _rounded_all(probabilities: dict[str, float]) -> dict[str, float]:
    return {genre: round(p, 4) for genre, p in probabilities.items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
