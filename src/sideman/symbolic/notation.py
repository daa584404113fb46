"""From notes on the grid to what is written: voices, ties, rests and tuplets, bar by bar.

A bar is cut into cells, a quarter or, in eighth-based metres, an eighth long. A cell whose notes begin and end on
thirty-seconds' worth of three ticks is written plainly; any other as one complete triplet, so that every bar adds up in
a notation program.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sideman.symbolic.score import DURATION, GRID, PITCH, START, VELOCITY, Bar, Notes

VOICES = 4  # per staff; what notation programs have
PLAIN = {96: ("breve", 0), 72: ("whole", 1), 48: ("whole", 0), 36: ("half", 1), 24: ("half", 0), 18: ("quarter", 1),
         12: ("quarter", 0), 9: ("eighth", 1), 6: ("eighth", 0), 3: ("16th", 0)}  # fmt: skip
TRIPLET = {12: ("quarter", 1), 8: ("quarter", 0), 6: ("eighth", 1), 4: ("eighth", 0), 3: ("16th", 1), 2: ("16th", 0),
           1: ("32nd", 0)}  # fmt: skip


class Tone(NamedTuple):
    """A note of a chord: MIDI number, velocity, whether it goes on from before and into what follows."""

    pitch: int
    velocity: int
    tied_from: bool
    tied_to: bool


@dataclass
class Symbol:
    """One written chord, or a rest if there are no tones.

    Attributes:
        start: tick within the bar.
        ticks: its length.
        kind: MusicXML's name of the note value.
        dots: 0 or 1.
        tones: from the highest down.
        triplet: length of the cell whose triplet it is part of, or 0.
        bracket: "start" or "stop" at the ends of a triplet.
        whole_bar: a rest for the bar.
    """

    start: int
    ticks: int
    kind: str
    dots: int
    tones: tuple[Tone, ...]
    triplet: int = 0
    bracket: str = ""
    whole_bar: bool = False


class _Piece(NamedTuple):
    """A stretch of a voice in a bar with the tones that sound in it."""

    start: int
    stop: int
    tones: tuple[Tone, ...]


class _Chord(NamedTuple):
    start: int
    stop: int
    notes: tuple[tuple[int, int], ...]  # pitch, velocity


def voices_of(notes: Notes) -> list[list[_Chord]]:
    """Notes in voices without overlaps, at least one, at most four.

    Notes that begin and end together are a chord. What three voices cannot hold goes to the fourth, cut wherever
    anything in it begins or ends, to be tied.
    """
    chords: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for start, duration, pitch, velocity in notes.tolist():
        chords.setdefault((start, start + duration), []).append((pitch, velocity))
    voices: list[list[_Chord]] = [[]]
    rest: list[_Chord] = []
    # The longer of two that begin together goes to the lower voice, where a held bass belongs.
    for (start, stop), tones in sorted(chords.items()):
        chord = _Chord(start, stop, tuple(tones))
        for voice in voices:
            if not voice or voice[-1].stop <= start:
                voice.append(chord)
                break
        else:
            if len(voices) < VOICES - 1:
                voices.append([chord])
            else:
                rest.append(chord)
    return [*voices, rest] if rest else voices


def write_bar(voice: list[_Chord], bar: Bar) -> list[Symbol]:
    """The symbols of one voice in one bar; they fill it. A voice that is silent in the bar gives one rest."""
    length = bar.end - bar.start
    inside = [c for c in voice if c.start < bar.end and c.stop > bar.start]
    if not inside:
        return [Symbol(0, length, "whole", 0, (), whole_bar=True)]
    cell = GRID // 2 if bar.metre[1] >= 8 else GRID
    beat = 3 * cell if bar.metre[1] >= 8 and bar.metre[0] % 3 == 0 else 2 * cell if bar.metre[1] >= 8 else cell
    out: list[Symbol] = []
    plain: list[_Piece] = []
    pieces = _pieces(inside, bar)
    for first in range(0, length, cell):
        last = min(first + cell, length)
        of_cell = _within(pieces, first, last)
        if all(p.start % 3 == 0 and p.stop % 3 == 0 for p in of_cell):
            plain += of_cell
            continue
        out += _plainly(_joined(plain, pieces), beat)
        plain = []
        out += _as_triplet(of_cell, last - first)
    return out + _plainly(_joined(plain, pieces), beat)


def _pieces(chords: list[_Chord], bar: Bar) -> list[_Piece]:
    """Everything that sounds, and the silences, from bar line to bar line."""
    edges = sorted({bar.start, bar.end, *(min(max(t, bar.start), bar.end) for c in chords for t in (c.start, c.stop))})
    pieces = []
    for start, stop in itertools.pairwise(edges):
        tones: dict[int, Tone] = {}
        for chord in chords:
            if chord.start < stop and chord.stop > start:
                for pitch, velocity in chord.notes:
                    tones[pitch] = Tone(pitch, velocity, chord.start < start, chord.stop > stop)
        pieces.append(_Piece(start - bar.start, stop - bar.start, tuple(tones[p] for p in sorted(tones, reverse=True))))
    return pieces


def _cut(piece: _Piece, start: int, stop: int) -> _Piece:
    """A part of a piece, tied to what is cut off."""
    tones = tuple(
        Tone(t.pitch, t.velocity, t.tied_from or start > piece.start, t.tied_to or stop < piece.stop)
        for t in piece.tones
    )
    return _Piece(start, stop, tones)


def _within(pieces: list[_Piece], first: int, last: int) -> list[_Piece]:
    return [
        _cut(p, max(p.start, first), min(p.stop, last)) for p in pieces if p.start < last and p.stop > first
    ]  # fmt: skip


def _joined(cells: list[_Piece], pieces: list[_Piece]) -> list[_Piece]:
    """Neighbouring plain cells put together again, cut only where a triplet or the bar ends."""
    if not cells:
        return []
    return _within(pieces, cells[0].start, cells[-1].stop)


def _plainly(pieces: list[_Piece], beat: int) -> list[Symbol]:
    out = []
    for piece in pieces:
        at = piece.start
        while at < piece.stop:
            ticks = _plain_length(at, piece.stop - at, beat, not piece.tones)
            kind, dots = PLAIN.get(ticks, ("32nd", 0))
            out.append(Symbol(at, ticks, kind, dots, _cut(piece, at, at + ticks).tones))
            at += ticks
    return out


def _plain_length(at: int, left: int, beat: int, is_rest: bool) -> int:
    """The longest note value from ``at`` that shows where the beats are."""
    into = at % beat
    for ticks in PLAIN:
        if ticks > left or (is_rest and ticks > beat and at % ticks):
            continue
        if not into or ticks <= beat - into:
            return ticks
        if not is_rest and beat == GRID and into == GRID // 2 and ticks == GRID:  # the usual syncopation
            return ticks
    return left


def _as_triplet(pieces: list[_Piece], cell: int) -> list[Symbol]:
    out: list[Symbol] = []
    for piece in pieces:
        at = piece.start
        while at < piece.stop:
            ticks = next(t for t in TRIPLET if t <= piece.stop - at)
            kind, dots = TRIPLET[ticks]
            out.append(Symbol(at, ticks, kind, dots, _cut(piece, at, at + ticks).tones, cell))
            at += ticks
    if len(out) > 1:
        out[0].bracket, out[-1].bracket = "start", "stop"
    return out


def drums_as_written(notes: Notes, bars: list[Bar]) -> Notes:
    """Drums until the next stroke, or the end of the cell: as drum parts are written, without rests in between."""
    if not len(notes):
        return notes
    onsets = np.unique(notes[:, START])
    ends = np.append(onsets[1:], 1 << 40)
    starts_of_bars = np.asarray([bar.start for bar in bars])
    ends_of_bars = np.asarray([bar.end for bar in bars])
    which = np.searchsorted(starts_of_bars, onsets, "right") - 1
    cells = np.asarray([GRID // 2 if bar.metre[1] >= 8 else GRID for bar in bars])[which]
    into = onsets - starts_of_bars[which]
    stop = np.minimum(np.minimum(ends, onsets - into % cells + cells), ends_of_bars[which])
    lengths = dict(zip(onsets.tolist(), (stop - onsets).tolist(), strict=True))
    written = {(s, p): v for s, _, p, v in notes[:, [START, DURATION, PITCH, VELOCITY]].tolist()}
    return np.asarray([[s, lengths[s], p, v] for (s, p), v in written.items()], np.int64)
