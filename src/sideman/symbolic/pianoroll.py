"""A piano roll of a score: time across, pitch upwards, one colour per instrument, drums in a lane below.

Needs the extra ``plot``.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sideman.core.errors import MissingExtraError, ScoreError, UsageError
from sideman.symbolic.midi import key_fifths
from sideman.symbolic.names import drum_name, key_name, program_name
from sideman.symbolic.score import DURATION, PITCH, START, VELOCITY, Score, Track

PICTURE_SUFFIXES = (".png", ".pdf", ".svg")
WIDTH_PX, HEIGHT_PX = 1600, 900
_DPI = 100
# Eight hues that stay apart for colour-blind readers as well (Okabe, Ito 2008), then darker ones.
_COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6a3d9a", "#8c564b",
    "#1b4f72", "#a04000", "#0b5345", "#7d3c98",
)  # fmt: skip
_DRUM_COLOUR = "#444444"
_BLACK_KEYS = frozenset([1, 3, 6, 8, 10])
_MOST_LABELLED_BARS = 24
_MOST_BAR_LINES = 400
_MOST_DRUM_LABELS = 14


def write_pianoroll(score: Score, path: str | Path, title: str = "") -> None:
    """Draw a score, 1600 pixels wide; the file appears whole or not at all.

    Args:
        score: with notes.
        path: .png, .pdf or .svg.
        title: by default the score's.

    Raises:
        UsageError: an unknown kind of picture.
        ScoreError: the score has no notes.
        MissingExtraError: matplotlib is missing.
        OutputError: the picture cannot be written.
    """
    from sideman.core.atomic import atomic_write

    suffix = Path(path).suffix.lower()
    if suffix not in PICTURE_SUFFIXES:
        raise UsageError(f"{path}: a picture's name must end in one of {', '.join(PICTURE_SUFFIXES)}")
    if not score.n_notes:
        raise ScoreError(f"{title or score.title or 'the score'}: holds no notes; there is nothing to draw")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("drawing pictures", "plot") from None
    figure = _figure(Figure, score, title or score.title)
    with atomic_write(path) as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # a title in a script the font lacks
        figure.savefig(file, format=suffix[1:])


def _figure(make: Any, score: Score, title: str) -> Any:
    tracks = [track for track in score.tracks if len(track.notes)]
    tonal = [track for track in tracks if not track.is_drums]
    drums = [track for track in tracks if track.is_drums]
    figure = make(figsize=(WIDTH_PX / _DPI, HEIGHT_PX / _DPI), dpi=_DPI, layout="constrained")
    struck = sorted({int(p) for track in drums for p in track.notes[:, PITCH]})
    shares = [4.0] * bool(tonal) + [min(0.5 + 0.13 * len(struck), 2.0) if tonal else 1.0] * bool(drums)
    lanes = figure.subplots(len(shares), 1, sharex=True, squeeze=False, height_ratios=shares)[:, 0]
    figure.suptitle("\n".join(filter(None, [title, describe(score)])), fontsize=13, parse_math=False)
    if tonal:
        _draw_tonal(lanes[0], score, tonal)
    if drums:
        _draw_drums(lanes[-1], drums, struck, score.end)
    for lane in lanes:
        _draw_bars(lane, score)
        lane.set_xlim(0, score.end)
        for side in ("top", "right"):
            lane.spines[side].set_visible(False)
    lanes[-1].set_xlabel("bar")
    if tonal:
        handles, labels = lanes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 8), frameon=False)
    return figure


def describe(score: Score) -> str:
    """Tempo, key, metre and length in a line, such as "110 bpm, C major, 4/4, 16 bars, 0:35"."""
    told = [f"{score.tempo_bpm:.0f} bpm"]
    if len({bpm for _, bpm in score.tempos}) > 1:
        told[0] += " (changing)"
    if score.key is not None:
        told.append(key_name(score.key, key_fifths(score.key)))
    metres = list(dict.fromkeys(f"{numerator}/{denominator}" for _, numerator, denominator in score.metres))
    told.append(", ".join(metres[:3]) + (", ..." if len(metres) > 3 else ""))
    bars, seconds = len(score.bars()), round(score.duration_s)
    told += [f"{bars} bar{'s' * (bars != 1)}", f"{seconds // 60}:{seconds % 60:02d}"]
    return ", ".join(told)


def _draw_tonal(lane: Any, score: Score, tracks: list[Track]) -> None:
    from matplotlib.collections import PolyCollection

    low = min(int(track.notes[:, PITCH].min()) for track in tracks) - 2
    high = max(int(track.notes[:, PITCH].max()) for track in tracks) + 2
    for pitch in range(low, high + 1):
        if pitch % 12 in _BLACK_KEYS:
            lane.axhspan(pitch - 0.5, pitch + 0.5, color="#f3f3f6", linewidth=0, zorder=0)
        if pitch % 12 == 0:
            lane.axhline(pitch - 0.5, color="#c8c8d0", linewidth=0.8, zorder=1)
    narrowest = score.end / 1500  # about a pixel
    for index, track in enumerate(tracks):
        colour = _COLOURS[index % len(_COLOURS)]
        boxes = [
            _box(start, max(duration * 0.96, narrowest), pitch, 0.42)
            for start, duration, pitch, _ in track.notes[:, [START, DURATION, PITCH, VELOCITY]].tolist()
        ]
        opacity = 0.4 + 0.6 * track.notes[:, VELOCITY] / 127
        notes = PolyCollection(boxes, facecolors=colour, alpha=opacity, linewidths=0, zorder=3)
        lane.add_collection(notes, autolim=False)
        lane.plot([], [], color=colour, linewidth=6, label=program_name(track.program))
    labelled = [pitch for pitch in range(low, high + 1) if pitch % 12 == 0]
    lane.set_yticks(labelled, [f"C{pitch // 12 - 1}" for pitch in labelled])
    lane.set(ylim=(low - 0.5, high + 0.5), ylabel="pitch")


def _box(left: float, width: float, middle: float, half: float) -> list[tuple[float, float]]:
    return [
        (left, middle - half), (left, middle + half), (left + width, middle + half), (left + width, middle - half),
    ]  # fmt: skip


def _draw_drums(lane: Any, tracks: list[Track], struck: list[int], end: int) -> None:
    from matplotlib.collections import PolyCollection

    rows = {key: row for row, key in enumerate(struck)}
    notes = np.concatenate([track.notes for track in tracks])
    width = max(end / 400, 0.5)
    boxes = [_box(start, width, rows[pitch], 0.34) for start, _, pitch, _ in notes.tolist()]
    opacity = 0.25 + 0.75 * notes[:, VELOCITY] / 127
    lane.add_collection(
        PolyCollection(boxes, facecolors=_DRUM_COLOUR, alpha=opacity, linewidths=0, zorder=3), autolim=False
    )
    for row in range(len(struck)):
        lane.axhline(row, color="#ebebef", linewidth=0.8, zorder=0)
    every = -(-len(struck) // _MOST_DRUM_LABELS)
    named = struck[::every]
    lane.set_yticks([rows[key] for key in named], [drum_name(key) for key in named], fontsize=8)
    lane.set(ylim=(-0.6, len(struck) - 0.4), ylabel="drums")


def _draw_bars(lane: Any, score: Score) -> None:
    bars = score.bars()
    every = _round_step(len(bars) / _MOST_LABELLED_BARS)
    line_every = _round_step(len(bars) / _MOST_BAR_LINES)
    for index, bar in enumerate(bars):
        if index % line_every == 0:
            strong = index % every == 0
            lane.axvline(bar.start, color="#9a9aa6" if strong else "#dcdce2", linewidth=0.7, zorder=2 if strong else 1)
    labelled = range(0, len(bars), every)
    lane.set_xticks([bars[i].start for i in labelled], [str(i + 1) for i in labelled])


def _round_step(least: float) -> int:
    """The smallest of 1, 2, 4, 8, 16... that is not under ``least``."""
    step = 1
    while step < least:
        step *= 2
    return step
