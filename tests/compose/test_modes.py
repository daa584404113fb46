"""Composing around music that is there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.compose.controls import Controls
from sideman.compose.modes import continue_score, controls_of, harmonise, infill
from sideman.core.errors import ScoreError, UsageError
from sideman.symbolic.score import Score, quantise
from tests.compose.conftest import composer_of
from tests.compose.players import Chance
from tests.compose.scores import same, track, tune

COMPOSER = composer_of(Chance())
SHORT = {"max_examples": 8}


def rows(score, begin=0, end=10**9):
    """(program, start, duration, pitch, velocity) of notes that start within."""
    return {(t.program, *row) for t in score.tracks for row in t.notes.tolist() if begin <= row[0] < end}


@given(st.integers(0, 1000), st.integers(1, 6))
@settings(**SHORT)
def test_continuing_keeps_the_first_bars_note_for_note(seed, keep):
    score = tune(seed, 6)
    piece = continue_score(score, Controls(bars=keep + 3), COMPOSER, keep_bars=keep, seed=seed)
    cut = 48 * keep
    before = {(p, s, min(d, cut - s), k, v) for p, s, d, k, v in rows(quantise(score), 0, cut)}
    assert {row[:2] + row[3:] for row in rows(piece.score, 0, cut)} == {row[:2] + row[3:] for row in before}
    if keep == 6:
        assert rows(piece.score, 0, cut) == before
    assert len(piece.score.bars()) == keep + 3
    assert rows(piece.score, cut)
    assert piece.score.tempo_bpm == 110
    assert {t.program for t in piece.score.tracks} == {33, 73}


def test_sixteen_bars_are_kept_and_sixteen_added_unless_said(composer):
    piece = continue_score(tune(0, 20), Controls(), composer)
    assert len(piece.score.bars()) == 32
    assert rows(piece.score, 0, 15 * 48) == rows(quantise(tune(0, 20)), 0, 15 * 48)


def test_there_must_be_something_left_to_write(composer):
    with pytest.raises(UsageError, match="8 bars are kept and 8 asked for"):
        continue_score(tune(0, 8), Controls(bars=8), composer)


@given(st.integers(0, 1000), st.integers(1, 8), st.integers(0, 7))
@settings(**SHORT)
def test_infilling_leaves_the_other_bars_as_they_are(seed, first, more):
    score, last = tune(seed, 8), min(8, first + more)
    grid = quantise(score)
    piece = infill(score, first, last, Controls(), COMPOSER, seed=seed)
    begin, end = 48 * (first - 1), 48 * last
    assert rows(piece.score, end) == rows(grid, end)
    assert {r[:2] + r[3:] for r in rows(piece.score, 0, begin)} == {r[:2] + r[3:] for r in rows(grid, 0, begin)}
    assert all(s + d <= begin for _, s, d, *_ in rows(piece.score, 0, begin))
    assert {program for program, *_ in rows(piece.score, begin, end)} == {33, 73}
    assert len(piece.score.bars()) == 8


@pytest.mark.parametrize("bars", [(0, 1), (3, 2), (8, 9), (-2, -1)])
def test_bars_that_are_not_there_cannot_be_filled(composer, bars):
    with pytest.raises(UsageError, match="has 8"):
        infill(tune(0, 8), *bars, Controls(), composer)


@given(
    st.integers(0, 1000),
    st.sampled_from(((), (0,), (73,), (0, 73), (33, 128))),
    st.sampled_from(((4, 4), (3, 4), (6, 8))),
)
@settings(max_examples=12)
def test_harmonising_keeps_the_melody_note_for_note(seed, instruments, metre):
    melody = tune(seed, 5, metre=metre, with_bass=False)
    piece = harmonise(melody, Controls(instruments=instruments), COMPOSER, seed=seed)
    assert rows(quantise(melody)) <= rows(piece.score)
    assert len(piece.score.bars()) == 5
    assert piece.score.metres == ((0, *metre),)
    assert len(piece.score.tracks) >= (1 if instruments == (73,) else 2)
    assert set(instruments) <= {t.program for t in piece.score.tracks}
    if instruments != (73,):
        assert sum(p == 73 for p, *_ in rows(piece.score)) == len(melody.tracks[0].notes)


def test_what_is_no_melody_cannot_be_harmonised(composer):
    chords = track(0, [(24 * i, 24, p, 80) for i in range(8) for p in (60, 64, 67)])
    with pytest.raises(UsageError, match="chords"):
        harmonise(Score((chords,)), Controls(), composer)
    with pytest.raises(UsageError, match="drums only"):
        harmonise(Score((track(128, [(0, 1, 36, 80)]),)), Controls(), composer)
    with pytest.raises(UsageError, match="600 bars"):
        harmonise(Score((track(73, [(48 * i, 12, 72, 80) for i in range(600)]),)), Controls(), composer)


@pytest.mark.parametrize("mode", ["continue", "infill", "harmonise"])
def test_what_no_mode_can_do(composer, mode):
    do = {
        "continue": lambda s, c: continue_score(s, c, composer),
        "infill": lambda s, c: infill(s, 1, 1, c, composer),
        "harmonise": lambda s, c: harmonise(s, c, composer),
    }[mode]
    with pytest.raises(UsageError, match="is in 4/4"):
        do(tune(0, 4), Controls(metre=(3, 4)))
    with pytest.raises((ScoreError, UsageError)):
        do(Score(()), Controls())
    with pytest.raises(UsageError, match="tempo"):
        do(tune(0, 4), Controls(tempo_bpm=5000))


def test_a_single_bar_can_be_gone_on_with_filled_and_harmonised(composer):
    one = tune(0, 1, with_bass=False)
    assert len(continue_score(one, Controls(bars=2), composer).score.bars()) == 2
    assert len(infill(one, 1, 1, Controls(), composer).score.bars()) == 1
    assert len(harmonise(one, Controls(), composer).score.bars()) == 1


def test_a_piece_in_several_metres_is_barred_by_its_first(composer):
    score = Score((track(0, [(12 * i, 12, 60 + i % 7, 80) for i in range(20)]),), metres=((0, 4, 4), (96, 3, 4)))
    piece = continue_score(score, Controls(bars=8), composer)
    assert piece.score.metres == ((0, 4, 4),)
    assert rows(piece.score, 0, 240) >= rows(quantise(score))


def test_the_same_seed_gives_the_same_piece(composer):
    one, two = (infill(tune(0), 2, 3, Controls(), composer, seed=5) for _ in range(2))
    assert same(one.score, two.score)


def test_all_of_a_piece_but_its_genre_can_be_taken_over():
    said = controls_of(tune(0, 8))
    assert (said.tempo_bpm, said.metre, said.bars, said.instruments) == (110, (4, 4), 8, (33, 73))
    assert said.genre is None
    assert said.key is not None
    assert np.isfinite([said.valence, said.arousal]).all()
