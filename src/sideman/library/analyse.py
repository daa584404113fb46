"""Everything that the library knows of one recording, from one pass over its samples."""

from __future__ import annotations

import os
import zlib
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 1
"""Of what is measured and how; a scan makes older analyses again."""

_TIMELINE_STEP = 255  # a probability is stored in one byte


@dataclass(frozen=True)
class Analysis:
    """What :func:`analyse` heard; the names are those of the table ``analyses``.

    Attributes:
        model: sha256 of the genre network, whose embedding ``vector`` is.
        duration_s: length in seconds.
        genre, genre_probability, unsure, not_music, probabilities: as ``sideman classify`` tells them.
        valence, arousal, mood, mood_confidence: as :func:`sideman.mood.recording.mood_of` tells them.
        tempo_bpm, tempo_confidence, first_beat_s: None where there is no clear beat.
        key, key_confidence: None where there is no clear key.
        loudness_lufs, peak_db: integrated loudness and highest sample; None for silence.
        vector: (256,) float32 of unit length.
        timeline: genre over time, as :func:`pack_timeline` packs it.
        beats: little-endian float32 seconds.
    """

    model: str
    duration_s: float
    genre: str
    genre_probability: float
    unsure: bool
    not_music: float
    probabilities: dict[str, float]
    valence: float | None
    arousal: float | None
    mood: str | None
    mood_confidence: float | None
    tempo_bpm: float | None
    tempo_confidence: float
    first_beat_s: float | None
    key: str | None
    key_confidence: float
    loudness_lufs: float | None
    peak_db: float | None
    vector: bytes = field(repr=False)
    timeline: bytes = field(repr=False)
    beats: bytes = field(repr=False)

    def rows(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values of the tables ``analyses`` and ``details``, without the hash."""
        values = asdict(self)
        bulky = {name: values.pop(name) for name in ("vector", "timeline", "beats")}
        return values, bulky


def analyse(path: str | os.PathLike[str]) -> Analysis:
    """Hear a recording once: genre over time, mood, tempo, key, loudness, embedding.

    Raises:
        AudioError: it cannot be decoded, is shorter than 0.25 s, or is silent throughout.
        ModelError: the installed weights are damaged.
    """
    from sideman.audio.rhythm import TempoTracker
    from sideman.audio.tonality import KeyTracker
    from sideman.genre.frontend import SAMPLE_RATE_HZ
    from sideman.genre.predict import DEFAULT_MODEL, Calibration, by_genre, listen, unit_mean
    from sideman.inference.sessions import open_session
    from sideman.library.loudness import LoudnessMeter
    from sideman.mood.recording import mood_of

    session = open_session(DEFAULT_MODEL)
    calibration = Calibration.of(session)
    tempo, key, meter = TempoTracker(SAMPLE_RATE_HZ), KeyTracker(SAMPLE_RATE_HZ), LoudnessMeter()
    heard = listen(path, session, also=(tempo.update, key.update), tap=meter.update)
    probabilities = calibration.probabilities(heard.scores)
    not_music = calibration.not_music(heard.scores)
    named = by_genre(probabilities, calibration.genres)
    genre, likely = next(iter(named.items()))
    beat, tone = tempo.result(), key.result()
    mood = mood_of(heard.embeddings, key=tone, onsets=beat.onsets)
    loudness_lufs, peak_db = meter.result()
    segments = np.stack([calibration.probabilities(scores[None]) for scores in heard.scores])
    return Analysis(
        model=session.card.sha256,
        duration_s=heard.duration_s,
        genre=genre,
        genre_probability=likely,
        unsure=bool(calibration.unsure(probabilities, not_music)),
        not_music=float(not_music),
        probabilities={name: round(p, 5) for name, p in named.items()},
        valence=mood.valence,
        arousal=mood.arousal,
        mood=mood.name,
        mood_confidence=mood.confidence,
        tempo_bpm=beat.tempo_bpm,
        tempo_confidence=float(beat.confidence),
        first_beat_s=float(beat.beats_s[0]) if len(beat.beats_s) else None,
        key=tone.key,
        key_confidence=float(tone.confidence),
        loudness_lufs=loudness_lufs,
        peak_db=peak_db,
        vector=unit_mean(heard.embeddings).astype("<f4").tobytes(),
        timeline=pack_timeline(heard.starts_s, heard.ends_s, segments),
        beats=beat.beats_s.astype("<f4").tobytes(),
    )


def pack_timeline(
    starts_s: NDArray[np.float64], ends_s: NDArray[np.float64], probabilities: NDArray[np.float64]
) -> bytes:
    """Pack genre over time: (k,) starts and ends in seconds, (k, genres) probabilities to 1/255."""
    k = len(starts_s)
    shares = np.round(probabilities * _TIMELINE_STEP).astype(np.uint8)
    times = np.concatenate([starts_s, ends_s]).astype("<f4")
    return zlib.compress(np.array([k], "<u4").tobytes() + times.tobytes() + shares.tobytes(), 6)


def unpack_timeline(
    packed: bytes,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
    """Starts and ends (k,) in seconds and probabilities (k, genres) that :func:`pack_timeline` packed.

    The genres are those of the model's card, in its order.
    """
    raw = zlib.decompress(packed)
    k = int(np.frombuffer(raw, "<u4", 1)[0])
    times = np.frombuffer(raw, "<f4", 2 * k, 4)
    shares = np.frombuffer(raw, np.uint8, offset=4 + 8 * k).reshape(k, -1)
    return times[:k], times[k:], shares / _TIMELINE_STEP
