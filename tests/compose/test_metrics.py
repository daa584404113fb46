"""Figures of a piece, on bars small enough to count by hand, and what must hold for any piece."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.compose import metrics
from sideman.core.errors import UsageError
from sideman.symbolic.score import DRUM_TRACK, Score, Track, sort_notes


def piece(*notes: tuple[int, int, int], program: int = 0, drums: tuple[tuple[int, int, int], ...] = ()) -> Score:
    """Notes as (start, duration, pitch) in ticks of a twelfth of a quarter; 4/4, 120 quarters a minute."""
    tracks = [(program, notes), (DRUM_TRACK, drums)]
    rows = {number: np.asarray([(*n, 64) for n in some], np.int64).reshape(-1, 4) for number, some in tracks}
    return Score(tuple(Track(number, sort_notes(some)) for number, some in rows.items() if len(some)))


SCALE = piece(*[(12 * i, 12, pitch) for i, pitch in enumerate((60, 62, 64, 65, 67, 69, 71, 72))])
BAR = 48


def repeated(*shifts: int, rhythm: tuple[int, ...] = (0, 12, 30)) -> Score:
    """A bar per shift: a rising figure, moved by so many semitones."""
    return piece(*[(BAR * i + at, 6, 60 + s + k) for i, s in enumerate(shifts) for k, at in enumerate(rhythm)])


def test_a_scale_has_the_figures_that_one_can_count():
    found = metrics.measure(SCALE)
    assert found["pitch_class_entropy"] == pytest.approx(-6 / 8 * math.log2(1 / 8) - 2 / 8 * math.log2(2 / 8))
    assert found["scale_consistency"] == 1
    assert found["n_pitch_classes"] == 7
    assert found["pitch_range"] == 12
    assert found["polyphony"] == 1
    assert found["polyphony_rate"] == 0
    assert found["notes_per_bar"] == 4
    assert found["notes_per_second"] == 2
    assert found["empty_bar_rate"] == 0
    assert found["groove_consistency"] == 1
    assert found["repeated_rhythms"] == 1
    assert found["repeated_bars"] == 1  # the halves of a major scale have the same steps


def test_one_note_out_of_five_lies_outside_the_best_scale():
    assert metrics.scale_consistency(piece(*[(i, 1, p) for i, p in enumerate((60, 62, 64, 61, 67))])) == 0.8


def test_polyphony_counts_pitches_only_where_something_sounds():
    score = piece((0, 12, 60), (0, 6, 64), (24, 12, 60))  # 6 ticks of two, 18 of one, 12 of silence
    assert metrics.polyphony(score) == pytest.approx((6 * 2 + 18) / 24)
    assert metrics.polyphony_rate(score) == pytest.approx(6 / 24)


def test_one_pitch_held_by_two_instruments_counts_once():
    one, other = piece((0, 12, 60)), piece((6, 12, 60), program=40)
    assert metrics.polyphony(Score((*one.tracks, *other.tracks))) == 1


def test_a_bar_without_onset_is_not_empty_while_a_note_sounds():
    assert metrics.empty_bar_rate(piece((0, 12, 60), (3 * BAR, 12, 60))) == 0.5
    assert metrics.empty_bar_rate(piece((0, 2 * BAR, 60), (3 * BAR, 12, 60))) == 0.25


def test_a_last_note_held_over_the_bar_line_adds_no_bar():
    assert metrics.n_bars(piece((36, 96, 60))) == 1
    assert metrics.n_bars(piece((36, 1, 60), (BAR, 1, 60))) == 2


def test_groove_compares_neighbours_or_all_pairs():
    on_beats, off_beat = (0, 12), (0, 18)  # two of 48 positions differ
    bars = (on_beats, off_beat, off_beat)
    score = piece(*[(BAR * i + at, 6, 60) for i, bar in enumerate(bars) for at in bar])
    assert metrics.groove_consistency(score) == pytest.approx(1 - (2 / 48 + 0) / 2)
    assert metrics.groove_similarity(score) == pytest.approx(1 - (2 / 48 + 2 / 48 + 0) / 3)


def test_bars_of_different_length_are_not_compared():
    score = Score(piece((0, 6, 60), (48, 6, 60)).tracks, metres=((0, 4, 4), (48, 3, 4)))
    assert math.isnan(metrics.groove_consistency(score))


def test_a_transposed_bar_is_a_repeat_and_a_new_rhythm_is_not():
    assert metrics.repeated_bars(repeated(0, 5, 0, 7)) == 1
    assert metrics.repeated_rhythms(repeated(0, 5)) == 1
    other = repeated(0, rhythm=(0, 6, 12)).tracks[0].notes + np.asarray([2 * BAR, 0, 0, 0])
    both = Score((Track(0, np.concatenate([repeated(0, 0).tracks[0].notes, other])),))
    assert metrics.repeated_bars(both) == 0.5
    assert metrics.repeated_rhythms(both) == 0.5


def test_the_curve_of_likeness_peaks_at_the_length_of_the_phrase():
    score = repeated(*(0, 3, 6, 9) * 3)
    curve = metrics.similarity_by_lag(score, 8)
    assert curve.tolist() == [0, 0, 0, 1, 0, 0, 0, 1]
    assert metrics.structure(score) == 1


def test_drums_have_a_groove_but_no_pitch():
    found = metrics.measure(piece(drums=((0, 1, 36), (24, 1, 38), (48, 1, 36), (72, 1, 38))))
    assert found["groove_consistency"] == found["repeated_bars"] == found["similarity_1"] == 1
    tonal = (
        "pitch_class_entropy",
        "scale_consistency",
        "n_pitch_classes",
        "pitch_range",
        "polyphony",
        "polyphony_rate",
    )
    assert all(math.isnan(found[name]) for name in tonal)


def test_a_score_without_notes_has_no_figures():
    assert all(math.isnan(value) for value in metrics.measure(Score(())).values())


notes = st.tuples(st.integers(0, 300), st.sampled_from((1, 3, 12, 48)), st.integers(40, 80))
scores = st.builds(
    lambda some, drums: piece(*some, drums=tuple((at, 1, 36 + p % 8) for at, _, p in drums)),
    st.lists(notes, min_size=1, max_size=40, unique_by=lambda n: (n[0], n[2])),
    st.lists(notes, max_size=10, unique_by=lambda n: (n[0], n[2] % 8)),
)


@given(scores, st.integers(-24, 24))
@settings(max_examples=40)
def test_no_figure_changes_with_the_key(score: Score, semitones: int):
    assert metrics.measure(score.transposed(semitones)) == pytest.approx(metrics.measure(score), nan_ok=True)


@given(scores)
@settings(max_examples=60)
def test_figures_keep_to_their_ranges(score: Score):
    found = metrics.measure(score)
    assert tuple(found) == metrics.NAMES
    shares = ("polyphony_rate", "empty_bar_rate", "groove_", "repeated_", "similarity_")
    assert all(math.isnan(v) or 0 <= v <= 1 + 1e-12 for k, v in found.items() if k.startswith(shares))
    assert 0 <= found["pitch_class_entropy"] <= math.log2(12) + 1e-12
    assert 7 / 12 <= found["scale_consistency"] <= 1 + 1e-12
    assert found["polyphony"] >= 1
    assert math.isnan(found["structure"]) or -1 <= found["structure"] <= 1


@given(scores)
@settings(max_examples=30)
def test_polyphony_is_the_mean_of_a_piano_roll(score: Score):
    roll = np.zeros((score.end, 128), bool)
    for track in score.tracks:
        for start, length, pitch, _ in track.notes.tolist() if not track.is_drums else []:
            roll[start : start + length, pitch] = True
    sounding = roll.sum(1)[roll.any(1)]
    assert metrics.polyphony(score) == pytest.approx(sounding.mean())


@given(scores)
@settings(max_examples=30)
def test_a_piece_played_twice_repeats_itself(score: Score):
    whole = BAR * metrics.n_bars(score)
    again = [Track(t.program, np.concatenate([t.notes, t.notes + np.asarray([whole, 0, 0, 0])])) for t in score.tracks]
    twice = Score(tuple(Track(t.program, sort_notes(t.notes)) for t in again))
    assert metrics.similarity_by_lag(twice, metrics.n_bars(score))[-1] == 1
    assert metrics.repeated_bars(twice) >= 0.5
    assert metrics.pitch_class_entropy(twice) == pytest.approx(metrics.pitch_class_entropy(score))


def test_distance_is_the_shift_in_standard_deviations():
    real = [0.0, 2.0, 0.0, 2.0]  # spread 1
    assert metrics.distance(real, real) == 0
    assert metrics.distance(real, [3.0, 5.0]) == pytest.approx(3)
    assert metrics.distance(real, [math.nan, 1.0]) == pytest.approx(1)
    assert math.isnan(metrics.distance(real, [math.nan]))
    assert metrics.distance([1.0, 1.0], [1.0]) == 0
    assert metrics.distance([1.0, 1.0], [2.0]) == math.inf


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20), st.floats(0.1, 10), st.floats(-5, 5))
@settings(max_examples=40)
def test_distance_does_not_depend_on_the_unit(values: list[float], scale: float, offset: float):
    real = np.asarray([*values, min(values) + 1.0])
    made = np.asarray(values[:3])
    assert metrics.distance(real * scale + offset, made * scale + offset) == pytest.approx(
        metrics.distance(real, made), rel=1e-6, abs=1e-9
    )


def test_overlap_is_whole_for_equal_samples_and_nothing_for_distant_ones():
    values = np.random.default_rng(0).normal(size=200)
    assert metrics.overlap(values, values) == pytest.approx(1)
    assert metrics.overlap(values, values + 100) < 0.01
    assert 0.3 < metrics.overlap(values, values + 1) < 0.8


def test_the_floor_falls_with_the_number_of_pieces_and_its_percentile_lies_above_its_mean():
    values = np.random.default_rng(0).normal(size=400)
    few, many = metrics.floor(values, 5), metrics.floor(values, 200)
    assert few[0] > 3 * many[0]
    assert few[1] > few[0]
    assert all(math.isnan(value) for value in metrics.floor([1.0], 1))


def test_real_pieces_lie_within_the_floor_and_strange_ones_above_it():
    rng = np.random.default_rng(1)

    def some(pitches: int) -> list[Score]:
        return [piece(*[(12 * i, 12, 60 + int(rng.integers(pitches))) for i in range(16)]) for _ in range(20)]

    rows = metrics.compare({"same": some(6), "chromatic": some(12)}, some(6))
    found = {(row.name, row.figure): row for row in rows}
    same, strange = (found[name, "pitch_class_entropy"] for name in ("same", "chromatic"))
    assert strange.distance > strange.floor_high
    assert same.distance < strange.distance
    assert same.n == 20
    assert strange.mean > strange.real_mean


def test_a_comparison_with_nothing_is_refused():
    with pytest.raises(UsageError, match="needs real pieces"):
        metrics.compare({"some": [SCALE]}, [])
