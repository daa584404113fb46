"""Tokens: one vocabulary for headers and music, and the way from a quantised score to tokens and back.

After REMI (Huang, Yang 2020, "Pop Music Transformer") with tracks as in MMM and FIGARO, made short: a note is a pitch
and one token for duration and loudness together; position and instrument stand only where they change. Bars count
down to the end of the piece, so that a length is kept and an ending is prepared. No chord tokens: the notes say the
same, and each token costs time.

    header: [genre] [valence] [arousal] [tempo] [key] [metre] [bars] [density] [style] [instrument...]  mode
    bar:    bar-n [metre] [tempo]  then for each position  pos-k  [instrument] note...  [instrument] note...
    note:   pitch duration-velocity   or   drum velocity

Within a position instruments rise (drums last) and pitches fall. Every part of the header may be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sideman.compose.controls import GENRES, STYLES, Controls, density_level, mood_level
from sideman.core.errors import ScoreError
from sideman.symbolic.score import (
    DEFAULT_METRE,
    DEFAULT_TEMPO_BPM,
    DRUM_TRACK,
    DURATION,
    GRID_DURATIONS,
    HIGHEST_DRUM,
    LOWEST_DRUM,
    METRES,
    PITCH,
    START,
    TEMPO_STEPS_BPM,
    VELOCITY,
    VELOCITY_STEPS,
    Score,
    Track,
    bar_ticks,
    no_notes,
    sort_notes,
    tempo_step,
    velocity_of,
    velocity_step,
)

Tokens = NDArray[np.uint16]
MOST_POSITIONS = 96  # ticks in the longest bar, 4/2
MOST_LEFT = 17  # bar-17 stands for 17 and more bars to come
BAR_COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 40, 48, 64, 96, 128)

# kind: number of tokens, in the order in which a header has them
_KINDS = {
    "special": 8,
    "genre": 24,
    "valence": 5,
    "arousal": 5,
    "tempo": len(TEMPO_STEPS_BPM),
    "key": 24,
    "metre": len(METRES),
    "bars": len(BAR_COUNTS),
    "density": 8,
    "style": 8,
    "instrument": 129,
    "bar": MOST_LEFT,
    "position": MOST_POSITIONS,
    "pitch": 128,
    "drum": HIGHEST_DRUM - LOWEST_DRUM + 1,
    "length": len(GRID_DURATIONS) * VELOCITY_STEPS,
    "loudness": VELOCITY_STEPS,
}
OFFSET: dict[str, int] = {}
_next = 0
for _kind, _count in _KINDS.items():
    OFFSET[_kind] = _next
    _next += _count
SIZE = _next
END_OF = {kind: OFFSET[kind] + count for kind, count in _KINDS.items()}

PAD, EOS, PLAIN, INFILL, HARMONISE, GAP, FILL, _SPARE = range(8)
MODES = (PLAIN, INFILL, HARMONISE)


def token(kind: str, index: int = 0) -> int:
    """The token of a kind and an index within it; raises ValueError outside the kind."""
    if not 0 <= index < _KINDS[kind]:
        raise ValueError(f"{kind} has no token {index}")
    return OFFSET[kind] + index


@cache
def kinds() -> NDArray[np.str_]:
    """Kind of every token, shape (SIZE,)."""
    return np.concatenate([np.full(count, kind) for kind, count in _KINDS.items()])


def kind_of(number: int) -> tuple[str, int]:
    """Kind of a token, and its index within the kind."""
    kind = str(kinds()[number])
    return kind, number - OFFSET[kind]


def names(tokens: Sequence[int] | Tokens) -> list[str]:
    """Tokens in words, for people: ``genre-jazz``, ``pos-12``, ``pitch-60``."""
    return [_name(int(number)) for number in tokens]


def _name(number: int) -> str:
    kind, index = kind_of(number)
    match kind:
        case "special":
            return ("pad", "end", "plain", "infill", "harmonise", "gap", "fill", "spare")[index]
        case "genre" if index < len(GENRES):
            return f"genre-{GENRES[index]}"
        case "style" if index < len(STYLES):
            return f"style-{STYLES[index]}"
        case "tempo":
            return f"tempo-{TEMPO_STEPS_BPM[index]:g}"
        case "metre":
            return f"metre-{METRES[index][0]}/{METRES[index][1]}"
        case "bars":
            return f"bars-{BAR_COUNTS[index]}"
        case "bar":
            return f"bar-{index + 1}"
        case "drum":
            return f"drum-{index + LOWEST_DRUM}"
        case "length":
            return f"length-{GRID_DURATIONS[index // VELOCITY_STEPS]}-{index % VELOCITY_STEPS}"
    return f"{kind}-{index}"


def bar_token(left: int) -> int:
    """Token of a bar with ``left`` bars to go, itself included."""
    return token("bar", min(max(left, 1), MOST_LEFT) - 1)


def bars_level(bars: int) -> int:
    """Index of the nearest of `BAR_COUNTS`, never one that is longer than ``bars`` unless bars is 0."""
    return max(0, int(np.searchsorted(BAR_COUNTS, bars, "right")) - 1)


def header(controls: Controls, mode: int = PLAIN, genres: Sequence[str] = GENRES) -> list[int]:
    """Header tokens of what is set in ``controls``, ended by the mode; ``genres`` are those that the model knows."""
    out: list[int] = []
    if controls.genre is not None and controls.genre in genres:
        out.append(token("genre", genres.index(controls.genre)))
    if controls.valence is not None:
        out.append(token("valence", mood_level(controls.valence)))
    if controls.arousal is not None:
        out.append(token("arousal", mood_level(controls.arousal)))
    if controls.tempo_bpm is not None:
        out.append(token("tempo", tempo_step(controls.tempo_bpm)))
    if controls.key is not None:
        out.append(token("key", controls.key[0] + 12 * controls.key[1]))
    if controls.metre is not None:
        out.append(token("metre", METRES.index(controls.metre)))
    if controls.bars is not None:
        out.append(token("bars", bars_level(controls.bars)))
    if controls.density is not None:
        out.append(token("density", controls.density))
    if controls.style is not None:
        out.append(token("style", STYLES.index(controls.style)))
    out += [token("instrument", program) for program in sorted(set(controls.instruments))]
    return [*out, mode]


@dataclass(frozen=True)
class Body:
    """The music of a piece in tokens.

    Attributes:
        tokens: all bars one after the other; a bar's first token is ``bar-n``.
        starts: index of each bar's first token, and the number of tokens: shape (bars + 1,).
        metre: of the first bar.
        tempo: step of the first bar.
    """

    tokens: Tokens
    starts: NDArray[np.int64]
    metre: tuple[int, int]
    tempo: int


def encode_body(score: Score) -> Body:
    """The bars of a quantised score (`sideman.symbolic.score.quantise`) as tokens.

    Raises:
        ScoreError: the score has no notes.
    """
    bars = score.bars()
    if not bars:
        raise ScoreError("a piece without notes has no tokens; name a file with music in it")
    columns = [
        np.column_stack([t.notes[:, START], np.full(len(t.notes), t.program), 127 - t.notes[:, PITCH], t.notes])
        for t in score.tracks
    ]
    rows = np.concatenate(columns) if columns else np.zeros((0, 7), np.int64)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    tempos = dict(score.tempos)
    lengths = {value: i for i, value in enumerate(GRID_DURATIONS)}
    out: list[int] = []
    starts: list[int] = []
    edges = np.searchsorted(rows[:, 0], [bar.start for bar in bars] + [bars[-1].end])
    loud = velocity_step(rows[:, 3 + VELOCITY])
    metre, current = bars[0].metre, -1
    listed = rows.tolist()
    for index, bar in enumerate(bars):
        starts.append(len(out))
        out.append(bar_token(len(bars) - index))
        if bar.metre != metre:
            metre = bar.metre
            out.append(token("metre", METRES.index(metre)))
        if index and bar.start in tempos:
            out.append(token("tempo", tempo_step(tempos[bar.start])))
        position = -1
        for i in range(edges[index], edges[index + 1]):
            start, program, _, _, duration, pitch, _ = listed[i]
            if start - bar.start != position:
                position = start - bar.start
                out.append(OFFSET["position"] + position)
            if program != current:
                current = program
                out.append(OFFSET["instrument"] + program)
            if program == DRUM_TRACK:
                out += (OFFSET["drum"] + pitch - LOWEST_DRUM, OFFSET["loudness"] + int(loud[i]))
            else:
                step = lengths[duration] * VELOCITY_STEPS + int(loud[i])
                out += (OFFSET["pitch"] + pitch, OFFSET["length"] + step)
    starts.append(len(out))
    return Body(np.asarray(out, np.uint16), np.asarray(starts), bars[0].metre, tempo_step(score.tempos[0][1]))


def encode(score: Score, controls: Controls | None = None) -> Tokens:
    """A quantised score as tokens: header, bars, end. Metre and tempo of the header are the score's own."""
    body = encode_body(score)
    asked = controls or Controls()
    own = Controls(tempo_bpm=TEMPO_STEPS_BPM[body.tempo], metre=body.metre)
    return np.asarray([*header(own.merged(asked)), *body.tokens.tolist(), EOS], np.uint16)


def decode(tokens: Sequence[int] | Tokens) -> Score:
    """Tokens back to a quantised score; the inverse of :func:`encode`.

    Tokens without a sense where they stand (a length without a pitch) are passed over: the grammar never writes them.
    """
    tempo, metre = DEFAULT_TEMPO_BPM, DEFAULT_METRE
    tempos: list[tuple[int, float]] = []
    metres: list[tuple[int, int, int]] = []
    notes: dict[int, list[tuple[int, int, int, int]]] = {}
    bar_start, bar_end, position = 0, 0, 0
    program, pitch = -1, -1
    in_music = False
    key: tuple[int, bool] | None = None
    for number in tokens:
        kind, index = kind_of(int(number))
        if kind == "special":
            if index == EOS:
                break
            in_music = in_music or index in MODES
        elif kind == "key":
            key = (index % 12, index >= 12)
        elif kind == "tempo":
            tempo = TEMPO_STEPS_BPM[index]
            _set(tempos, bar_start, tempo)
        elif kind == "metre":
            metre = METRES[index]
            if bar_end:
                bar_end = bar_start + bar_ticks(metre)
                metres = [m for m in metres if m[0] < bar_start]
            if not metres or metres[-1][1:] != metre:
                metres.append((bar_start, *metre))
        elif kind == "bar":
            bar_start = bar_end
            bar_end = bar_start + bar_ticks(metre)
        elif kind == "position":
            position = index
        elif kind == "instrument" and in_music:
            program = index
        elif kind in ("pitch", "drum"):
            pitch = index + (LOWEST_DRUM if kind == "drum" else 0)
        elif kind == "length" and program >= 0:
            duration, step = GRID_DURATIONS[index // VELOCITY_STEPS], index % VELOCITY_STEPS
            notes.setdefault(program, []).append((bar_start + position, duration, pitch, step))
        elif kind == "loudness":
            notes.setdefault(DRUM_TRACK, []).append((bar_start + position, 1, pitch, index))
    if not tempos or tempos[0][0]:  # the header left it open
        tempos.insert(0, (0, DEFAULT_TEMPO_BPM))
    if not metres or metres[0][0]:
        metres.insert(0, (0, *DEFAULT_METRE))
    return Score(
        tuple(Track(p, _array(rows)) for p, rows in sorted(notes.items())),
        tempos=tuple(tempos),
        metres=tuple(metres),
        key=key,
    )


def _set(tempos: list[tuple[int, float]], tick: int, bpm: float) -> None:
    if tempos and tempos[-1][0] == tick:
        tempos.pop()
    if not tempos or tempos[-1][1] != bpm:
        tempos.append((tick, bpm))


def _array(rows: list[tuple[int, int, int, int]]) -> NDArray[np.int64]:
    notes = np.asarray(rows, np.int64) if rows else no_notes()
    notes[:, VELOCITY] = velocity_of(notes[:, VELOCITY])
    return sort_notes(notes)


def describe(score: Score) -> Controls:
    """Tempo, metre, bars, instruments and density of a quantised score, as controls."""
    bars = score.bars()
    wholes = max(score.end / (4 * score.ticks_per_quarter), 0.25)
    return Controls(
        tempo_bpm=score.tempo_bpm,
        metre=score.metres[0][1:],
        bars=len(bars),
        instruments=tuple(t.program for t in score.tracks),
        density=density_level(score.n_notes / wholes),
        key=score.key,
    )


assert DURATION == 1  # the column order of `_array`'s rows
