"""``sideman.classify``: the genre, tempo and key of a recording, and its mood."""

from __future__ import annotations

import os
from dataclasses import replace

from sideman.audio.limits import DEFAULT_LIMITS, Limits
from sideman.genre import predict
from sideman.genre.classification import Classification
from sideman.genre.predict import Listener
from sideman.mood.recording import mood_of


def classify(
    path: str | os.PathLike[str],
    *,
    mood: bool = True,
    timeline: bool = False,
    tempo: bool = True,
    key: bool = True,
    embedding: bool = False,
    start_s: float = 0.0,
    duration_s: float | None = None,
    model: str | os.PathLike[str] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    also: tuple[Listener, ...] = (),
) -> Classification:
    """Name the genre of a recording and, unless turned off, its mood, tempo and key.

    Args:
        path: a recording in any format that :func:`sideman.audio.decode.stream` reads.
        mood: tell how pleasant and how excited it sounds; key and tempo, where they are estimated, help with
            that: without ``tempo`` no onsets are heard, and arousal is a guess.
        timeline: also tell the genre over time.
        tempo: estimate the tempo.
        key: estimate the key.
        embedding: also give the embedding, as :func:`sideman.embed`.
        start_s: begin this many seconds into the file.
        duration_s: hear this many seconds only.
        model: folder of a model that ``sideman train genre`` made; None for the one that comes with Sideman. The mood
            is always told by the one that comes with it.
        limits: what the recording may cost, such as ``sideman.audio.decode.SERVER_LIMITS`` for strangers' files.
        also: called with every block of mono samples at 22,050 Hz, 30 s each but the last, as they are heard.

    Returns:
        The answer, see :class:`Classification`.

    Raises:
        AudioError: the file cannot be read, is too short, too long for ``limits`` or silent throughout.
        ModelError: the weights are damaged, or ``model`` is no model folder.

    Example:
        >>> import sideman
        >>> sideman.classify("song.mp3").mood  # doctest: +SKIP
        'peaceful'
    """
    answer = predict.classify(
        path,
        timeline=timeline,
        tempo=tempo,
        key=key,
        embedding=embedding or mood,
        start_s=start_s,
        duration_s=duration_s,
        model=model,
        limits=limits,
        also=also,
    )
    if not mood or answer.embedding is None:
        return answer
    onsets = answer.tempo.onsets if answer.tempo else None
    felt = mood_of(answer.embedding, key=answer.key_estimate, onsets=onsets)
    return replace(
        answer,
        valence=felt.valence,
        arousal=felt.arousal,
        mood=felt.name,
        mood_confidence=felt.confidence,
        embedding=answer.embedding if embedding else None,
    )
