"""What a score says of itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sideman.symbolic.analysis import (
    estimate_key,
    grid_strength,
    is_monotonous,
    key_of,
    melody_track,
    pitch_classes,
    scale_of,
    skyline,
)
from sideman.symbolic.score import Score
from tests.compose.scores import track

KEYS = [(tonic, minor) for minor in (False, True) for tonic in range(12)]


def line(*pitches, program=0, length=12):
    return track(program, [(i * length, length, pitch, 80) for i, pitch in enumerate(pitches)])


@pytest.mark.parametrize("key", KEYS)
def test_a_scale_from_tonic_to_tonic_is_heard_in_its_key(key):
    steps = (0, 2, 3, 5, 7, 8, 11, 12, 7, 3, 0) if key[1] else (0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0)
    assert estimate_key(Score((line(*(60 + key[0] + s for s in steps)),))).key == key


@pytest.mark.parametrize("key", KEYS)
def test_a_cadence_is_heard_in_its_key(key):
    third = 3 if key[1] else 4
    chords = ((0, third, 7), (5, 5 + third, 12), (7, 11, 14), (0, third, 7))
    rows = [(24 * i, 24, 48 + key[0] + tone, 80) for i, chord in enumerate(chords) for tone in chord]
    assert estimate_key(Score((track(0, rows),))).key == key


@given(st.lists(st.integers(36, 80), min_size=3, max_size=20), st.integers(-12, 12))
def test_the_key_moves_with_the_music(pitches, semitones):
    score = Score((line(*pitches),))
    here, there = estimate_key(score), estimate_key(score.transposed(semitones))
    if here is None:
        assert there is None
        return
    assert there.correlation == pytest.approx(here.correlation)
    assert there.majorness == pytest.approx(here.majorness)
    histogram = pitch_classes(score)
    assert np.roll(histogram, semitones % 12) == pytest.approx(pitch_classes(score.transposed(semitones)))


def test_what_has_no_key_is_told_so():
    assert key_of(np.ones(12)) is None
    assert key_of(np.zeros(12)) is None
    assert estimate_key(Score((track(128, [(0, 1, 36, 80)]),))) is None
    assert estimate_key(Score((line(*range(60, 72)),))) is None


def test_a_drone_weighs_no_more_than_a_half_note():
    score = Score((track(0, [(0, 960, 60, 80), (0, 12, 64, 80)]),))
    assert pitch_classes(score)[[0, 4]].tolist() == [2, 1]


def test_scales():
    assert scale_of((0, False)) == {0, 2, 4, 5, 7, 9, 11}
    assert scale_of((9, True)) == {9, 11, 0, 2, 4, 5, 7, 8}


def test_onsets_on_the_grid_are_told_from_those_that_are_not():
    assert grid_strength(Score((line(60, 62, 64),))) == pytest.approx(1)
    assert grid_strength(Score((track(0, [(i * 4, 4, 60, 80) for i in range(30)]),))) == pytest.approx(1)
    free = np.random.default_rng(0).integers(0, 48_000, 400)
    assert grid_strength(Score((track(0, [(int(t), 9, 60, 80) for t in free]),), 480)) < 0.15
    assert grid_strength(Score(())) == 0


def test_the_skyline_is_the_top_note_of_each_onset():
    chords = track(0, [(0, 24, 60, 80), (0, 48, 72, 80), (12, 12, 65, 80), (24, 12, 74, 80)])
    assert skyline(chords.notes).tolist() == [[0, 24, 72, 80], [24, 12, 74, 80]]
    assert len(skyline(track(0, []).notes)) == 0


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 60), st.integers(30, 90), st.just(80)), max_size=30))
def test_a_skyline_is_one_voice_made_of_the_notes(rows):
    notes = track(0, rows).notes
    top = skyline(notes)
    assert (top[1:, 0] >= top[:-1, 0] + top[:-1, 1]).all()
    assert {(s, p) for s, _, p, _ in top.tolist()} <= {(s, p) for s, _, p, _ in notes.tolist()}
    assert np.array_equal(skyline(top), top)


def test_the_melody_is_the_highest_track_that_sings_on():
    bass, flute = line(36, 38, 40, 41, program=33), line(72, 74, 76, 77, program=73)
    ornament = track(9, [(0, 1, 100, 80)])
    assert melody_track(Score((bass, flute, ornament))).program == 73
    assert melody_track(Score((track(128, [(0, 1, 36, 80)]),))) is None
    assert melody_track(Score(())) is None


def test_a_note_or_a_bar_over_and_over_is_monotonous():
    assert is_monotonous(Score((line(*[60] * 32),)))
    assert is_monotonous(Score((line(*[60, 62, 65, 69] * 8),)))
    assert not is_monotonous(Score((line(*[60, 62, 64, 65, 67, 69, 71, 72, 74, 71, 67, 62, 64, 60, 65, 69] * 2),)))
    assert not is_monotonous(Score((line(*[60] * 8),)))  # two bars
