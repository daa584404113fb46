"""Scores: notes on tracks, with tempo and metre, on an integer time grid; and their quantised form.

A quantised score has 12 ticks per quarter note (sixteenths and eighth-note triplets are exact), one track per General
MIDI programme, tempi and metres that change at bar lines only, and values on the steps that the compose vocabulary
has words for (`GRID_DURATIONS`, `velocity_step`, `TEMPO_STEPS_BPM`, `METRES`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Notes = NDArray[np.int64]  # (n, 4): start, duration, pitch, velocity; in ticks, ticks, MIDI number, 1..127

START, DURATION, PITCH, VELOCITY = range(4)
GRID = 12  # ticks per quarter note of a quantised score
GRID_DURATIONS = (1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 14, 16, 18, 21, 24, 30, 36, 42, 48, 60, 72, 96)
VELOCITY_STEPS = 8
TEMPO_STEPS_BPM = tuple(round(40 * 6 ** (i / 31), 2) for i in range(32))  # 40 to 240 in steps of 6 %
METRES = (
    (4, 4), (3, 4), (2, 4), (6, 8), (2, 2), (12, 8), (9, 8), (5, 4), (6, 4), (3, 8), (7, 8), (5, 8), (7, 4), (3, 2),
    (1, 4), (4, 8), (8, 8), (4, 2), (2, 8),
)  # fmt: skip
LOWEST_DRUM, HIGHEST_DRUM = 27, 87  # General MIDI percussion with the GS additions
DRUM_TRACK = 128  # stands for the drum set where a programme number is asked for
DEFAULT_TEMPO_BPM, DEFAULT_METRE = 120.0, (4, 4)


def no_notes() -> Notes:
    """An empty array of notes, shape (0, 4)."""
    return np.zeros((0, 4), np.int64)


def sort_notes(notes: Notes) -> Notes:
    """By start, then from the highest pitch down, then by duration: the order of notes everywhere in Sideman."""
    return notes[np.lexsort((notes[:, DURATION], -notes[:, PITCH], notes[:, START]))]


@dataclass(frozen=True)
class Track:
    """One instrument.

    Attributes:
        program: General MIDI programme, 0..127; 128 (`DRUM_TRACK`) is the drum set.
        notes: shape (n, 4), columns `START`, `DURATION`, `PITCH`, `VELOCITY`, sorted by `sort_notes`.
        name: as the file has it; may be empty.
    """

    program: int
    notes: Notes = field(default_factory=no_notes)
    name: str = ""

    @property
    def is_drums(self) -> bool:
        """Whether pitches are drums rather than tones."""
        return self.program == DRUM_TRACK


@dataclass(frozen=True)
class Bar:
    """A bar: its first tick, the tick after it, and its metre."""

    start: int
    end: int
    metre: tuple[int, int]


@dataclass(frozen=True)
class Score:
    """A piece of music.

    Attributes:
        tracks: in the order of the file; in a quantised score by programme, drums last, each with notes.
        ticks_per_quarter: the time grid.
        tempos: (tick, bpm in quarter notes per minute), sorted, the first at tick 0.
        metres: (tick, numerator, denominator), sorted, the first at tick 0.
        key: (tonic 0..11, is minor) if it is known, from a key signature or an analysis.
        title: may be empty.
    """

    tracks: tuple[Track, ...]
    ticks_per_quarter: int = GRID
    tempos: tuple[tuple[int, float], ...] = ((0, DEFAULT_TEMPO_BPM),)
    metres: tuple[tuple[int, int, int], ...] = ((0, *DEFAULT_METRE),)
    key: tuple[int, bool] | None = None
    title: str = ""

    @property
    def end(self) -> int:
        """The tick at which the last note ends; 0 without notes."""
        return max(
            (int((t.notes[:, START] + t.notes[:, DURATION]).max()) for t in self.tracks if len(t.notes)), default=0
        )

    @property
    def n_notes(self) -> int:
        """Number of notes of all tracks."""
        return sum(len(t.notes) for t in self.tracks)

    @property
    def tempo_bpm(self) -> float:
        """The tempo that holds for the longest time, in quarter notes per minute."""
        edges = [tick for tick, _ in self.tempos] + [max(self.end, self.tempos[-1][0] + 1)]
        held: dict[float, float] = {}
        for (start, bpm), stop in zip(self.tempos, edges[1:], strict=True):
            held[bpm] = held.get(bpm, 0.0) + max(0, min(stop, max(self.end, 1)) - start) / bpm
        return max(held, key=lambda bpm: held[bpm])

    def seconds(self, ticks: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
        """Time of each tick in seconds, shape as given."""
        at = np.asarray([tick for tick, _ in self.tempos], np.float64)
        per_tick = np.asarray([60 / bpm / self.ticks_per_quarter for _, bpm in self.tempos])
        begun = np.concatenate([[0.0], np.cumsum(np.diff(at) * per_tick[:-1])])
        ticks = np.asarray(ticks, np.float64)
        which = np.maximum(np.searchsorted(at, ticks, "right") - 1, 0)
        return np.asarray(begun[which] + (ticks - at[which]) * per_tick[which])

    @property
    def duration_s(self) -> float:
        """Until the last note ends, in seconds."""
        return float(self.seconds([self.end])[0])

    def bars(self) -> list[Bar]:
        """All bars up to the end of the last note; a metre that changes within a bar cuts that bar short."""
        return list(_bars(self.metres, self.end, self.ticks_per_quarter))

    def with_tracks(self, tracks: Iterable[Track]) -> Score:
        """The same with other tracks."""
        return replace(self, tracks=tuple(tracks))

    def transposed(self, semitones: int) -> Score:
        """All but the drums moved; notes that would leave 0..127 are moved back by octaves."""
        moved = []
        for track in self.tracks:
            notes = track.notes.copy()
            if not track.is_drums and len(notes):
                pitch = notes[:, PITCH] + semitones
                pitch = np.where(pitch > 127, pitch - 12 * -(-(pitch - 127) // 12), pitch)
                notes[:, PITCH] = np.where(pitch < 0, pitch + 12 * -(pitch // 12), pitch)
            moved.append(replace(track, notes=sort_notes(notes)))
        key = None if self.key is None else ((self.key[0] + semitones) % 12, self.key[1])
        return replace(self, tracks=tuple(moved), key=key)


def bar_ticks(metre: tuple[int, int], ticks_per_quarter: int = GRID) -> int:
    """Length of a bar, at least one tick."""
    return max(1, ticks_per_quarter * 4 * metre[0] // metre[1])


def _bars(metres: Sequence[tuple[int, int, int]], end: int, ticks_per_quarter: int) -> Iterator[Bar]:
    changes = [*(change for change in metres if change[0] < end), (end, 0, 0)]
    for (start, numerator, denominator), (stop, *_) in pairwise(changes):
        length = bar_ticks((numerator, denominator), ticks_per_quarter)
        is_last = stop == end
        while start < stop:
            bar_end = start + length if is_last else min(start + length, stop)
            yield Bar(start, bar_end, (numerator, denominator))
            start += length


def velocity_step(velocity: NDArray[np.int64]) -> NDArray[np.int64]:
    """Velocity 1..127 as one of 8 steps."""
    return np.clip(velocity, 0, 127) * VELOCITY_STEPS // 128


def velocity_of(step: NDArray[np.int64]) -> NDArray[np.int64]:
    """The velocity in the middle of a step."""
    return (2 * step + 1) * 64 // VELOCITY_STEPS


def tempo_step(bpm: float) -> int:
    """Index of the nearest of `TEMPO_STEPS_BPM`."""
    return int(np.abs(np.log(np.asarray(TEMPO_STEPS_BPM) / max(bpm, 1e-3))).argmin())


def _nearest_metre(metre: tuple[int, int]) -> tuple[int, int]:
    if metre in METRES:
        return metre
    length = metre[0] / metre[1]
    return next((m for m in METRES if m[0] / m[1] == length), DEFAULT_METRE)


def quantise(score: Score, *, tempo_changes: bool = True) -> Score:
    """The score on the grid of the vocabulary: what ``score -> tokens -> score`` gives back exactly.

    Tracks of one programme become one; of notes of one pitch that start together the longest stays, and one that
    still sounds when its pitch is struck again ends there. Drums have the shortest duration. Metres without a word
    become one of the same length, or 4/4. With ``tempo_changes`` False one tempo, that which holds longest, is left.
    A silence before the first bar with notes is dropped.
    """
    factor = GRID / score.ticks_per_quarter
    by_program: dict[int, list[Notes]] = {}
    for track in score.tracks:
        if len(track.notes):
            by_program.setdefault(track.program, []).append(track.notes)
    tracks = {p: _on_grid(np.concatenate(parts), factor, p == DRUM_TRACK) for p, parts in by_program.items()}
    tracks = {p: notes for p, notes in tracks.items() if len(notes)}
    end = max((int((n[:, START] + n[:, DURATION]).max()) for n in tracks.values()), default=0)
    metres = _grid_metres(score.metres, factor, end)
    bars = list(_bars(metres, end, GRID))
    starts = np.asarray([bar.start for bar in bars] or [0])
    tempos = [(0, TEMPO_STEPS_BPM[tempo_step(score.tempo_bpm)])]
    if tempo_changes:
        tempos = _grid_tempos(score.tempos, factor, starts)
    first = min((int(n[0, START]) for n in tracks.values()), default=0)
    offset = int(starts[np.searchsorted(starts, first, "right") - 1])
    return Score(
        tuple(Track(p, notes - np.asarray([offset, 0, 0, 0])) for p, notes in sorted(tracks.items())),
        GRID,
        _moved(tempos, offset),
        tuple((t, n, d) for t, (n, d) in _moved([(t, (n, d)) for t, n, d in metres], offset)),
        score.key,
        score.title,
    )


def _moved(changes: Sequence[tuple[int, T]], offset: int) -> tuple[tuple[int, T], ...]:
    """Changes counted from ``offset``, with what holds there first and nothing said twice."""
    before = [value for tick, value in changes if tick <= offset][-1]
    kept: list[tuple[int, T]] = [(0, before)]
    for tick, value in changes:
        if tick > offset and value != kept[-1][1]:
            kept.append((tick - offset, value))
    return tuple(kept)


def _grid_tempos(
    tempos: Sequence[tuple[int, float]], factor: float, starts: NDArray[np.int64]
) -> list[tuple[int, float]]:
    """At each bar line the tempo that holds there, on a step."""
    ticks = np.asarray([round(tick * factor) for tick, _ in tempos])
    which = np.maximum(np.searchsorted(ticks, starts, "right") - 1, 0)
    steps = [TEMPO_STEPS_BPM[tempo_step(bpm)] for _, bpm in tempos]
    return [(int(start) if i else 0, steps[w]) for i, (start, w) in enumerate(zip(starts, which, strict=True))]


def _grid_metres(metres: Sequence[tuple[int, int, int]], factor: float, end: int) -> list[tuple[int, int, int]]:
    """Metres with a word, each from a bar line of the one before it."""
    kept: list[tuple[int, int, int]] = []
    for tick, numerator, denominator in metres:
        metre = _nearest_metre((numerator, denominator))
        tick = round(tick * factor)
        if not kept:
            kept.append((0, *metre))
            continue
        start, *before = kept[-1]
        length = bar_ticks((before[0], before[1]))
        tick = start + length * round((tick - start) / length)
        if tick >= max(end, 1):
            break
        if tick <= start:
            kept.pop()
            tick = start
        if kept and kept[-1][1:] == metre:
            continue
        kept.append((tick, *metre))
    return kept


def _on_grid(notes: Notes, factor: float, is_drums: bool) -> Notes:
    start = np.round(notes[:, START] * factor).astype(np.int64)
    stop = np.round((notes[:, START] + notes[:, DURATION]) * factor).astype(np.int64)
    velocity = velocity_of(velocity_step(notes[:, VELOCITY]))
    pitch = notes[:, PITCH]
    if is_drums:
        kept = (pitch >= LOWEST_DRUM) & (pitch <= HIGHEST_DRUM)
        drums = np.stack([start, np.ones_like(start), pitch, velocity], 1)[kept]
        order = np.lexsort((-drums[:, VELOCITY], -drums[:, PITCH], drums[:, START]))
        drums = drums[order]
        return drums[_first_of(drums)]
    steps = np.asarray(GRID_DURATIONS)
    wanted = np.clip(stop - start, 1, steps[-1])
    # The longest of those that start together, then each only until its pitch is struck again.
    order = np.lexsort((-velocity, -wanted, start, pitch))
    start, wanted, pitch, velocity = start[order], wanted[order], pitch[order], velocity[order]
    first = np.concatenate([[True], (np.diff(start) != 0) | (np.diff(pitch) != 0)]) if len(start) else np.zeros(0, bool)
    start, wanted, pitch, velocity = start[first], wanted[first], pitch[first], velocity[first]
    following = np.concatenate([start[1:] - start[:-1], [1 << 40]]) if len(start) else wanted
    if len(start):
        following[:-1][pitch[1:] != pitch[:-1]] = 1 << 40
    middles = (steps[1:] + steps[:-1]) / 2
    nearest = steps[np.searchsorted(middles, wanted, "left")]
    floor = steps[np.searchsorted(steps, np.minimum(following, steps[-1]), "right") - 1]
    duration = np.minimum(nearest, floor)
    return sort_notes(np.stack([start, duration, pitch, velocity], 1))


def _first_of(notes: Notes) -> NDArray[np.bool_]:
    """Of neighbours with one start and pitch, the first."""
    if not len(notes):
        return np.zeros(0, bool)
    changed = (np.diff(notes[:, START]) != 0) | (np.diff(notes[:, PITCH]) != 0)
    return np.asarray(np.concatenate([[True], changed]))
