"""Figures of a piece, and how far a set of pieces is from real ones.

Each figure is a function of one score (`FIGURES`); `measure` gives all of them. NaN stands where a figure has no
meaning (the scale of a drum solo) and is left out of means and distances. `compare` sets a distance beside its floor:
the distance that two samples of real pieces, as large as these, have from each other.

Sources: Wu, Yang 2020, "The Jazz Transformer on the front line"; Dong et al. 2020, "MusPy"; Yang, Lerch 2020, "On the
evaluation of generative models in music"; Müller, Grosche, Jiang 2011, "A segment-based fitness measure".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import UsageError
from sideman.symbolic.analysis import MAJOR_SCALE
from sideman.symbolic.score import DRUM_TRACK, DURATION, PITCH, START, Notes, Score, no_notes

Floats = NDArray[np.float64]
Content = frozenset[tuple[int, ...]]

LAGS = (1, 2, 4, 8)  # bars; what `measure` gives of the curve that `similarity_by_lag` draws
MOST_PAIRS_OF_BARS = 200  # bars of which all pairs are compared; of longer pieces the first ones
FLOOR_DRAWS = 200
_CURVE_POINTS = 256


def _tones(score: Score) -> Notes:
    """Notes of all tracks but drums, as they come."""
    return np.concatenate([t.notes for t in score.tracks if not t.is_drums] or [no_notes()])


def _notes(score: Score) -> Notes:
    return np.concatenate([t.notes for t in score.tracks] or [no_notes()])


def n_bars(score: Score) -> int:
    """Bars up to the one in which the last note starts; 0 without notes."""
    notes = _notes(score)
    return sum(bar.start <= int(notes[:, START].max()) for bar in score.bars()) if len(notes) else 0


def pitch_class_entropy(score: Score) -> float:
    """Entropy of the histogram of pitch classes, -sum p log2 p: 0 (one class) to 3.585 bits; drums do not count.

    Every note counts once, however long (Wu, Yang 2020, over a piece as in MusPy). NaN without tones.
    """
    tones = _tones(score)
    if not len(tones):
        return float("nan")
    share = np.bincount(tones[:, PITCH] % 12, minlength=12) / len(tones)
    share = share[share > 0]
    return float(max(0.0, -(share * np.log2(share)).sum()))


def scale_consistency(score: Score) -> float:
    """The largest share of notes that belong to one diatonic scale, 7/12 to 1; drums do not count (MusPy).

    Natural minor scales are the same sets as major ones, so twelve are tried. NaN without tones.
    """
    tones = _tones(score)
    if not len(tones):
        return float("nan")
    share = np.bincount(tones[:, PITCH] % 12, minlength=12) / len(tones)
    return float(max(share[[(tonic + step) % 12 for step in MAJOR_SCALE]].sum() for tonic in range(12)))


def n_pitch_classes(score: Score) -> float:
    """Different pitch classes used, 1 to 12 (MusPy); NaN without tones."""
    tones = _tones(score)
    return float(len(np.unique(tones[:, PITCH] % 12))) if len(tones) else float("nan")


def pitch_range(score: Score) -> float:
    """Highest minus lowest pitch, 0 to 127 semitones; drums do not count (MusPy). NaN without tones."""
    tones = _tones(score)
    return float(np.ptp(tones[:, PITCH])) if len(tones) else float("nan")


def _sounding(score: Score) -> NDArray[np.int64]:
    """Different pitches that sound at each tick at which any sounds."""
    tones = _tones(score)
    spans: list[tuple[int, int]] = []
    for pitch in np.unique(tones[:, PITCH]):
        last = -1  # a pitch that two tracks hold counts once
        for start, length in sorted(tones[tones[:, PITCH] == pitch][:, [START, DURATION]].tolist()):
            begin, stop = max(start, last), start + length
            if stop > begin:
                spans.append((begin, stop))
                last = stop
    change = np.zeros(score.end + 2, np.int64)
    if spans:
        at = np.asarray(spans)
        np.add.at(change, at[:, 0], 1)
        np.add.at(change, at[:, 1], -1)
    count = np.cumsum(change)
    return np.asarray(count[count > 0])


def polyphony(score: Score) -> float:
    """Mean number of different pitches that sound together, where any sounds: from 1 up; no drums (MusPy)."""
    sounding = _sounding(score)
    return float(sounding.mean()) if len(sounding) else float("nan")


def polyphony_rate(score: Score) -> float:
    """Share of the time with tones in which two or more pitches sound, 0 to 1; no drums. NaN without tones."""
    sounding = _sounding(score)
    return float((sounding > 1).mean()) if len(sounding) else float("nan")


def notes_per_bar(score: Score) -> float:
    """Notes, drums included, divided by bars (`n_bars`); NaN without notes."""
    return score.n_notes / n_bars(score) if score.n_notes else float("nan")


def notes_per_second(score: Score) -> float:
    """Notes, drums included, divided by the seconds from the first tick to the end of the last note."""
    return score.n_notes / score.duration_s if score.n_notes else float("nan")


def empty_bar_rate(score: Score) -> float:
    """Share of bars (up to `n_bars`) in which nothing starts and nothing sounds, 0 to 1 (MusPy)."""
    bars = score.bars()[: n_bars(score)]
    if not bars:
        return float("nan")
    notes = _notes(score)
    change = np.zeros(score.end + 2, np.int64)
    np.add.at(change, notes[:, START], 1)
    np.add.at(change, notes[:, START] + notes[:, DURATION], -1)
    sounds = np.concatenate([[0], np.cumsum(np.cumsum(change) > 0)])
    return float(np.mean([sounds[min(bar.end, len(sounds) - 1)] == sounds[bar.start] for bar in bars]))


def _grooves(score: Score) -> list[NDArray[np.bool_]]:
    """Per bar whether a note, drums included, starts at each of its ticks."""
    bars = score.bars()[: n_bars(score)]
    onset = np.zeros(bars[-1].end if bars else 0, bool)
    onset[_notes(score)[:, START]] = True
    return [onset[bar.start : bar.end] for bar in bars]


def groove_consistency(score: Score) -> float:
    """Mean over neighbouring bars of 1 - (positions at which only one of them has an onset) / positions, 0 to 1.

    Of all instruments together (MusPy). Bars of different length are not compared. NaN where none can be.
    """
    return _mean([1 - float((a != b).mean()) for a, b in pairwise(_grooves(score)) if len(a) == len(b)])


def groove_similarity(score: Score) -> float:
    """As `groove_consistency`, but over all pairs of bars (Wu, Yang 2020): does one rhythm hold throughout?"""
    by_length: dict[int, list[NDArray[np.bool_]]] = {}
    for groove in _grooves(score)[:MOST_PAIRS_OF_BARS]:
        by_length.setdefault(len(groove), []).append(groove)
    alike, pairs = 0.0, 0
    for length, grooves in by_length.items():
        n = len(grooves)
        on = np.sum(grooves, axis=0)
        alike += n * (n - 1) / 2 - float((on * (n - on)).sum()) / length  # pairs that differ at a position: on * off
        pairs += n * (n - 1) // 2
    return alike / pairs if pairs else float("nan")


def _contents(score: Score) -> tuple[list[Content], list[Content], list[Content]]:
    """Per bar: onsets; notes by instrument, place and height over the bar's lowest; notes by place and pitch class."""
    rows = np.concatenate(
        [np.column_stack([np.full(len(t.notes), t.program), t.notes]) for t in score.tracks if len(t.notes)]
        or [np.zeros((0, 5), np.int64)]
    )
    rows = rows[np.argsort(rows[:, 1 + START], kind="stable")]
    bars = score.bars()[: n_bars(score)]
    edges = np.searchsorted(rows[:, 1 + START], [bar.start for bar in bars] + [bars[-1].end if bars else 0])
    rhythms: list[Content] = []
    shapes: list[Content] = []
    classes: list[Content] = []
    for bar, first, stop in zip(bars, edges, edges[1:], strict=False):
        mine = [(row[0], row[1] - bar.start, row[1 + PITCH]) for row in rows[first:stop].tolist()]
        lowest = min((pitch for program, _, pitch in mine if program != DRUM_TRACK), default=0)
        rhythms.append(frozenset((at,) for _, at, _ in mine))
        shapes.append(frozenset((program, at, pitch - lowest * (program != DRUM_TRACK)) for program, at, pitch in mine))
        classes.append(
            frozenset((at, 12 + pitch if program == DRUM_TRACK else pitch % 12) for program, at, pitch in mine)
        )
    return rhythms, shapes, classes


def _repeats(contents: Sequence[Content]) -> float:
    heard: set[Content] = set()
    said = []
    for content in contents:
        if content:
            said.append(float(content in heard))
            heard.add(content)
    return _mean(said[1:])


def repeated_rhythms(score: Score) -> float:
    """Share of bars with notes, after the first, whose onsets are exactly those of an earlier bar, 0 to 1.

    NaN with fewer than two bars that have notes.
    """
    return _repeats(_contents(score)[0])


def repeated_bars(score: Score) -> float:
    """Share of bars with notes, after the first, that repeat an earlier bar, transposed or not, 0 to 1.

    A repeat has the same instruments, onsets and intervals; lengths and loudness may differ. NaN as above.
    """
    return _repeats(_contents(score)[1])


def similarity_by_lag(score: Score, longest: int = 16) -> Floats:
    """Mean likeness of bars that are 1, 2, ..., ``longest`` bars apart: shape (longest,), each 0 to 1.

    Likeness of two bars is the Jaccard index of their notes as (place in the bar, pitch class); two empty bars do not
    count. Peaks of the curve tell the lengths of phrases; its height, how much returns: the lags at which a
    self-similarity matrix (Müller et al. 2011) has its diagonals. NaN where no two bars are that far apart.
    """
    return _curve(_contents(score)[2], longest)


def _curve(contents: Sequence[Content], longest: int) -> Floats:
    curve = []
    for lag in range(1, longest + 1):
        pairs = [(a, b) for a, b in zip(contents, contents[lag:], strict=False) if a or b]
        curve.append(_mean([len(a & b) / len(a | b) for a, b in pairs]))
    return np.asarray(curve)


def _structure(curve: Floats) -> float:
    """Likeness at a distance of 4, 8, ... bars minus that at other distances from 2 bars on."""
    square = np.arange(1, len(curve) + 1) % 4 == 0
    there = ~np.isnan(curve)
    if not (square & there).any():
        return float("nan")
    others = ~square & there
    others[0] = False
    return float(curve[square & there].mean() - curve[others].mean())


def structure(score: Score) -> float:
    """How much more alike bars 4, 8, 12 and 16 apart are than those at other lags from 2 to 16, -1 to 1.

    Positive where phrases of four bars return, about 0 in music without form. NaN below 5 bars.
    """
    return _structure(similarity_by_lag(score))


def _mean(values: Sequence[float] | Floats) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


FIGURES: Mapping[str, Callable[[Score], float]] = {
    figure.__name__: figure
    for figure in (
        pitch_class_entropy, scale_consistency, n_pitch_classes, pitch_range, polyphony, polyphony_rate, notes_per_bar,
        notes_per_second, empty_bar_rate, groove_consistency, groove_similarity, repeated_rhythms, repeated_bars,
        structure,
    )
}  # fmt: skip
NAMES = (*FIGURES, *(f"similarity_{lag}" for lag in LAGS))


def measure(score: Score) -> dict[str, float]:
    """All figures of a quantised score by name (`NAMES`): those of `FIGURES`, and the curve of likeness at `LAGS`."""
    rhythms, shapes, classes = _contents(score)
    curve = _curve(classes, 16)
    known = {"repeated_rhythms": _repeats(rhythms), "repeated_bars": _repeats(shapes), "structure": _structure(curve)}
    out = {name: known[name] if name in known else figure(score) for name, figure in FIGURES.items()}
    return {**out, **{f"similarity_{lag}": float(curve[lag - 1]) for lag in LAGS}}


def distance(real: Sequence[float] | Floats, generated: Sequence[float] | Floats) -> float:
    """Wasserstein-1 distance of two samples of a figure, in standard deviations of the real one; 0 or more.

    NaN values do not count. NaN where either is empty; where the real values are all alike, 0 or infinite.
    """
    a, b = np.sort(_known(real)), np.sort(_known(generated))
    if not len(a) or not len(b):
        return float("nan")
    # the area between both distribution functions (scipy.stats has this too, but is slow to load)
    points = np.sort(np.concatenate([a, b]))
    below = [np.searchsorted(x, points[:-1], "right") / len(x) for x in (a, b)]
    moved = float((np.abs(below[0] - below[1]) * np.diff(points)).sum())
    spread = float(a.std())
    if spread < 1e-12:
        return 0.0 if moved < 1e-12 else float("inf")
    return moved / spread


def overlap(real: Sequence[float] | Floats, generated: Sequence[float] | Floats) -> float:
    """Area that the densities of two samples share, 0 to 1 (Yang, Lerch 2020, on values rather than distances).

    Densities are Gaussian kernel estimates with Scott's bandwidth of the joint sample. NaN where either is empty.
    """
    a, b = _known(real), _known(generated)
    if not len(a) or not len(b):
        return float("nan")
    both = np.concatenate([a, b])
    width = float(both.std()) * len(both) ** -0.2
    if width < 1e-12:
        return 1.0
    points = np.linspace(both.min() - 4 * width, both.max() + 4 * width, _CURVE_POINTS)
    first, second = (np.exp(-0.5 * ((points[:, None] - x) / width) ** 2).mean(1) for x in (a, b))
    return float(np.minimum(first / first.sum(), second / second.sum()).sum())


def floor(real: Sequence[float] | Floats, n: int, draws: int = FLOOR_DRAWS, seed: int = 0) -> tuple[float, float]:
    """Mean and 95th percentile of `distance` between real pieces and ``n`` others of them, drawn at random.

    At most half of the real pieces are drawn, so the floor of a small collection is a little high, never low.
    NaN with fewer than two pieces.
    """
    values = _known(real)
    n = min(n, len(values) // 2)
    if n < 1:
        return float("nan"), float("nan")
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        order = generator.permutation(len(values))
        found.append(distance(values[order[n:]], values[order[:n]]))
    finite = np.asarray(found)[np.isfinite(found)]
    return (float(finite.mean()), float(np.quantile(finite, 0.95))) if len(finite) else (float("nan"), float("nan"))


def _known(values: Sequence[float] | Floats) -> Floats:
    out = np.asarray(values, np.float64)
    return out[~np.isnan(out)]


@dataclass(frozen=True)
class Row:
    """One figure of one set of pieces beside real ones.

    Attributes:
        name: of the set.
        figure: one of `NAMES`.
        n: pieces that have the figure.
        mean: of the set.
        real_mean: of the real pieces.
        distance: as the function `distance` gives.
        floor: mean distance of as many real pieces from the other real ones.
        floor_high: 95th percentile of that distance; a set above it differs from real pieces.
        overlap: as the function `overlap` gives.
    """

    name: str
    figure: str
    n: int
    mean: float
    real_mean: float
    distance: float
    floor: float
    floor_high: float
    overlap: float


def compare(sets: Mapping[str, Sequence[Score]], real: Sequence[Score]) -> list[Row]:
    """Every figure of every set of quantised scores beside real ones; raises :class:`UsageError` without real ones."""
    measured = {name: [measure(score) for score in scores] for name, scores in sets.items()}
    return compare_measured(measured, [measure(score) for score in real])


def compare_measured(
    sets: Mapping[str, Sequence[Mapping[str, float]]], real: Sequence[Mapping[str, float]]
) -> list[Row]:
    """As `compare`, of what `measure` gave."""
    if not real:
        raise UsageError("a comparison needs real pieces; name a folder or corpus that has some")
    rows = []
    for name, measured in sets.items():
        for figure in NAMES:
            theirs = _known([values[figure] for values in real])
            mine = _known([values[figure] for values in measured])
            low, high = floor(theirs, len(mine))
            away = distance(theirs, mine)
            shared = overlap(theirs, mine)
            rows.append(Row(name, figure, len(mine), _mean(mine), _mean(theirs), away, low, high, shared))
    return rows
