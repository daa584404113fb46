"""A labelled score made short, and played by others: so that a piano's sound is not what mood means."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from sideman.symbolic.score import DRUM_TRACK, DURATION, PITCH, START, VELOCITY, Notes, Score, Track, sort_notes

Players = Literal["written", "other", "band"]
"""The instruments of the score; one other instrument; a band with bass and drums."""
_OTHERS = (4, 5, 6, 11, 16, 19, 24, 25, 26, 27, 29, 30, 40, 46, 48, 50, 56, 61, 65, 66, 71, 73, 80, 81, 88, 90, 105)
_LEADS = (0, 4, 16, 18, 24, 25, 26, 27, 28, 29, 29, 30, 30, 48, 50, 56, 61, 65, 66, 80, 81, 90)
_BASSES = (32, 33, 34, 35, 38)
_KICK, _SNARE, _HAT = 36, 38, 42
_BASS_BELOW = 50
_TOGETHER_S = 0.04
_DRUM_HIT_S = 0.1


def excerpt(score: Score, length_s: float) -> Score:
    """The middle ``length_s`` seconds of a score: the notes that begin there, from tick 0 on; a shorter one whole."""
    if not score.n_notes or score.duration_s <= length_s:
        return score
    begin_s = (score.duration_s - length_s) / 2
    ticks = np.arange(score.end + 1)
    begin, end = (int(np.searchsorted(score.seconds(ticks), at_s)) for at_s in (begin_s, begin_s + length_s))
    tracks = []
    for track in score.tracks:
        notes = track.notes[(track.notes[:, START] >= begin) & (track.notes[:, START] < end)].copy()
        notes[:, START] -= begin
        notes[:, DURATION] = np.minimum(notes[:, DURATION], end - begin - notes[:, START])
        tracks.append(replace(track, notes=notes))
    tempos = [(max(0, tick - begin), bpm) for tick, bpm in score.tempos if tick < end]
    before = [i for i, (tick, _) in enumerate(tempos) if tick == 0]
    return replace(score, tracks=tuple(tracks), tempos=tuple(tempos[before[-1] :]), metres=((0, 4, 4),))


def arranged(score: Score, players: Players, seed: int) -> Score:
    """The score for ``players``; ``seed`` chooses instruments. Drums that it has stay."""
    rng = np.random.default_rng(seed)
    drums = [track for track in score.tracks if track.is_drums]
    tones = [track for track in score.tracks if not track.is_drums and len(track.notes)]
    if players == "written" or not tones:
        return score
    if players == "other":
        program = int(rng.choice(_OTHERS))
        return score.with_tracks([*(Track(program, track.notes) for track in tones), *drums])
    notes = sort_notes(np.concatenate([track.notes for track in tones]))
    low = notes[:, PITCH] < _BASS_BELOW
    parts = [Track(int(rng.choice(_BASSES)), notes[low]), Track(int(rng.choice(_LEADS)), notes[~low])]
    drums = drums or [Track(DRUM_TRACK, _beaten(score, notes))]
    return score.with_tracks([*(part for part in parts if len(part.notes)), *drums])


def _beaten(score: Score, notes: Notes) -> Notes:
    """Drums that go along with the notes: hi-hat with every stroke, kick with low ones, snare with the loudest quarter.

    So they are as dense and as loud as the music itself, and nothing is asked of its label.
    """
    at_s = score.seconds(notes[:, START])
    strokes = np.split(np.arange(len(notes)), np.flatnonzero(np.diff(at_s) > _TOGETHER_S) + 1)
    loudness = np.array([notes[stroke, VELOCITY].max() for stroke in strokes])
    loud = loudness >= np.quantile(loudness, 0.75)
    per_second = score.ticks_per_quarter * score.tempo_bpm / 60
    length = max(1, round(_DRUM_HIT_S * per_second))
    hits = []
    for number, stroke in enumerate(strokes):
        start, velocity = int(notes[stroke[0], START]), int(loudness[number])
        hits.append((start, length, _HAT, max(1, round(0.8 * velocity))))
        if notes[stroke, PITCH].min() < _BASS_BELOW:
            hits.append((start, length, _KICK, velocity))
        if loud[number] and number % 2:
            hits.append((start, length, _SNARE, velocity))
    return sort_notes(np.array(hits, np.int64).reshape(-1, 4))
