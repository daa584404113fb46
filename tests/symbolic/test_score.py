"""Scores on their time grid, and what quantising promises."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.symbolic.score import (
    DURATION,
    GRID,
    GRID_DURATIONS,
    METRES,
    PITCH,
    START,
    TEMPO_STEPS_BPM,
    VELOCITY,
    Bar,
    Score,
    bar_ticks,
    quantise,
    tempo_step,
    velocity_of,
    velocity_step,
)
from tests.compose.scores import raw_scores, same, track


@given(raw_scores(), st.booleans())
@settings(max_examples=40)
def test_quantising_twice_is_quantising_once(score, tempo_changes):
    once = quantise(score, tempo_changes=tempo_changes)
    assert same(quantise(once, tempo_changes=tempo_changes), once)


@given(raw_scores())
@settings(max_examples=40)
def test_a_quantised_score_keeps_to_the_steps_of_the_vocabulary(score):
    grid = quantise(score)
    programs = [t.program for t in grid.tracks]
    assert grid.ticks_per_quarter == GRID
    assert programs == sorted(set(programs))
    lines = {bar.start for bar in grid.bars()}
    assert {tick for tick, *_ in grid.metres} <= lines | {0}
    assert {tick for tick, _ in grid.tempos} <= lines | {0}
    assert {m[1:] for m in grid.metres} <= set(METRES)
    assert {bpm for _, bpm in grid.tempos} <= set(TEMPO_STEPS_BPM)
    for part in grid.tracks:
        notes = part.notes
        assert len(notes)
        assert set(notes[:, DURATION].tolist()) <= ({1} if part.is_drums else set(GRID_DURATIONS))
        assert set(notes[:, VELOCITY].tolist()) <= set(velocity_of(np.arange(8)).tolist())
        for pitch in np.unique(notes[:, PITCH]):
            of_pitch = notes[notes[:, PITCH] == pitch]
            assert (of_pitch[1:, START] >= of_pitch[:-1, START] + of_pitch[:-1, DURATION]).all()
    if grid.tracks:  # silence at the beginning is dropped
        assert min(int(t.notes[0, START]) for t in grid.tracks) < grid.bars()[0].end


@given(raw_scores())
@settings(max_examples=20)
def test_one_tempo_is_left_where_no_changes_are_wanted(score):
    grid = quantise(score, tempo_changes=False)
    assert grid.tempos == ((0, TEMPO_STEPS_BPM[tempo_step(score.tempo_bpm)]),)


def test_tracks_of_one_programme_become_one_and_a_note_struck_again_ends():
    score = Score((track(0, [(0, 48, 60, 80)]), track(0, [(12, 12, 60, 80), (0, 24, 60, 40)])))
    (part,) = quantise(score).tracks
    assert part.notes.tolist() == [[0, 12, 60, 88], [12, 12, 60, 88]]


def test_drums_outside_of_the_set_are_left_out():
    assert quantise(Score((track(128, [(0, 9, 26, 80), (0, 9, 36, 80), (0, 9, 88, 80)]),))).tracks[
        0
    ].notes.tolist() == [[0, 1, 36, 88]]


def test_an_unknown_metre_becomes_one_of_its_length_or_four_four():
    notes = (track(0, [(0, 12, 60, 80)]),)
    assert quantise(Score(notes, metres=((0, 4, 16),))).metres == ((0, 1, 4),)
    assert quantise(Score(notes, metres=((0, 11, 8),))).metres == ((0, 4, 4),)


def test_a_metre_that_changes_within_a_bar_waits_for_the_bar_line():
    score = Score((track(0, [(0, 12, 60, 80), (180, 12, 60, 80)]),), metres=((0, 4, 4), (50, 3, 4)))
    assert quantise(score).metres == ((0, 4, 4), (48, 3, 4))


def test_a_silent_beginning_is_dropped_by_whole_bars():
    grid = quantise(Score((track(0, [(100, 12, 60, 80)]),)))
    assert grid.tracks[0].notes[0, START] == 100 - 96


def test_seconds_follow_the_tempo_map():
    score = Score((track(0, [(0, 96, 60, 80)]),), 24, tempos=((0, 120.0), (48, 60.0), (72, 240.0)))
    assert score.seconds([0, 24, 48, 60, 72, 96]) == pytest.approx([0, 0.5, 1.0, 1.5, 2.0, 2.25])
    assert score.duration_s == pytest.approx(2.25)
    assert score.tempo_bpm == 120.0  # 1 s of 120 and of 60: the first; 0.25 s of 240
    assert Score(()).duration_s == 0


def test_bars_end_with_the_last_note():
    notes = (track(0, [(0, 50, 60, 80)]),)
    assert Score(notes).bars() == [Bar(0, 48, (4, 4)), Bar(48, 96, (4, 4))]
    assert Score(()).bars() == []
    later = Score(notes, metres=((0, 4, 4), (4800, 3, 4)))
    assert len(later.bars()) == 2  # a metre after the music makes no bars


def test_a_metre_cuts_the_bar_that_it_begins_in_short():
    score = Score((track(0, [(0, 80, 60, 80)]),), metres=((0, 4, 4), (60, 3, 4)))
    assert score.bars() == [Bar(0, 48, (4, 4)), Bar(48, 60, (4, 4)), Bar(60, 96, (3, 4))]


@given(raw_scores())
@settings(max_examples=20)
def test_bars_follow_each_other_and_hold_all_notes(score):
    bars = score.bars()
    assert bars[0].start == 0
    assert bars[-1].start < score.end <= bars[-1].end
    assert all(a.end == b.start for a, b in pairwise(bars))


def test_transposing_moves_tones_and_key_but_no_drums():
    score = Score((track(0, [(0, 12, 60, 80), (0, 12, 126, 80)]), track(128, [(0, 1, 36, 80)])), key=(11, True))
    moved = score.transposed(3)
    assert moved.tracks[0].notes[:, PITCH].tolist() == [117, 63]  # 129 is none: an octave lower
    assert moved.tracks[1].notes[0, PITCH] == 36
    assert moved.key == (2, True)


@given(raw_scores(), st.integers(-60, 60))
@settings(max_examples=20)
def test_a_transposed_score_keeps_pitch_classes_and_range(score, semitones):
    for part, moved in zip(score.tracks, score.transposed(semitones).tracks, strict=True):
        shift = 0 if part.is_drums else semitones
        assert sorted((part.notes[:, PITCH] + shift) % 12) == sorted(moved.notes[:, PITCH] % 12)
        assert ((moved.notes[:, PITCH] >= 0) & (moved.notes[:, PITCH] <= 127)).all()


def test_steps_of_loudness_and_tempo_are_their_own_nearest():
    steps = np.arange(8)
    assert velocity_step(velocity_of(steps)).tolist() == steps.tolist()
    assert [tempo_step(bpm) for bpm in TEMPO_STEPS_BPM] == list(range(32))
    assert tempo_step(1) == 0
    assert tempo_step(1e6) == 31
    assert all(1 <= bar_ticks(metre) <= 96 for metre in METRES)
