"""Tokens and back."""

import os
import random
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.compose.controls import GENRES, STYLES, Controls
from sideman.compose.vocabulary import (
    BAR_COUNTS,
    END_OF,
    EOS,
    MODES,
    OFFSET,
    PLAIN,
    SIZE,
    bar_token,
    bars_level,
    decode,
    describe,
    encode,
    encode_body,
    header,
    kind_of,
    names,
    token,
)
from sideman.core.errors import ScoreError
from sideman.symbolic.midi import read_midi
from sideman.symbolic.score import METRES, Score, quantise
from tests.compose.scores import raw_scores, same, track

DATA = os.environ.get("SIDEMAN_MIDI")
needs_data = pytest.mark.skipif(not DATA, reason="SIDEMAN_MIDI does not name the MIDI sets")

controls = st.builds(
    Controls,
    genre=st.none() | st.sampled_from(GENRES),
    valence=st.none() | st.floats(-1, 1),
    arousal=st.none() | st.floats(-1, 1),
    tempo_bpm=st.none() | st.floats(20, 400),
    key=st.none() | st.tuples(st.integers(0, 11), st.booleans()),
    metre=st.none() | st.sampled_from(METRES),
    bars=st.none() | st.integers(1, 512),
    instruments=st.lists(st.integers(0, 128), max_size=4).map(tuple),
    density=st.none() | st.integers(0, 7),
    style=st.none() | st.sampled_from(STYLES),
)


def test_the_vocabulary_is_small_and_its_words_differ():
    assert SIZE <= 1000
    assert len(set(names(range(SIZE)))) == SIZE
    assert all(token(*kind_of(number)) == number for number in range(SIZE))
    with pytest.raises(ValueError, match="no token"):
        token("bar", 17)


@given(raw_scores())
@settings(max_examples=30)
def test_a_quantised_score_comes_back_exactly(score):
    grid = quantise(score)
    if not grid.tracks:
        with pytest.raises(ScoreError, match="without notes"):
            encode(grid)
        return
    assert same(decode(encode(grid)), grid)


@given(raw_scores(), controls)
@settings(max_examples=20)
def test_no_wish_in_the_header_changes_the_music(score, asked):
    grid = quantise(score)
    if grid.tracks:
        back = decode(encode(grid, asked))
        assert same(back, grid)
        assert back.key == asked.key


@given(controls, st.sampled_from(MODES))
@settings(max_examples=30)
def test_a_header_has_a_word_for_each_control_in_a_fixed_order(asked, mode):
    tokens = header(asked, mode)
    given_ = asked.given()
    assert tokens == [*sorted(tokens[:-1]), mode]
    assert len(tokens) == len(given_) - ("instruments" in given_) + len(set(asked.instruments)) + 1
    for field in fields(Controls):  # each part can be missing by itself
        rest = Controls(**{k: v for k, v in given_.items() if k != field.name})
        assert [t for t in tokens if t in header(rest, mode)] == header(rest, mode)


def test_a_genre_without_a_word_is_left_out():
    assert header(Controls(genre="rock"), genres=("jazz", "rock"))[0] == token("genre", 1)
    assert header(Controls(genre="rock"), genres=("jazz",)) == [PLAIN]


def test_tokens_stand_as_described():
    score = Score((track(0, [(0, 12, 64, 72), (0, 12, 60, 72), (48, 24, 60, 72)]), track(128, [(0, 1, 36, 72)])))
    assert names(encode(score))[1:] == [
        "metre-4/4", "plain",
        "bar-2", "position-0", "instrument-0", "pitch-64", "length-12-4", "pitch-60", "length-12-4",
        "instrument-128", "drum-36", "loudness-4",
        "bar-1", "position-0", "instrument-0", "pitch-60", "length-24-4", "end",
    ]  # fmt: skip


def test_bars_count_down():
    score = Score((track(0, [(48 * i, 12, 60, 72) for i in range(20)]),))
    body = encode_body(score)
    assert [int(body.tokens[at]) for at in body.starts[:-1]] == [bar_token(20 - i) for i in range(20)]
    assert bar_token(20) == bar_token(17) == END_OF["bar"] - 1
    assert bar_token(1) == OFFSET["bar"]


def test_lengths_in_the_header_are_never_too_long():
    for bars in range(1, 513):
        assert BAR_COUNTS[bars_level(bars)] <= bars
    assert bars_level(0) == 0


def test_music_without_a_header_begins_in_four_four_at_120():
    score = Score((track(0, [(0, 12, 60, 72), (48, 12, 60, 72)]),), metres=((0, 4, 4), (48, 3, 4)))
    back = decode([PLAIN, *encode_body(score).tokens.tolist()])
    assert back.tempos == ((0, 120.0),)
    assert back.metres == score.metres


@given(st.lists(st.integers(0, SIZE - 1), max_size=80))
@settings(max_examples=50)
def test_any_tokens_can_be_decoded(tokens):
    score = decode(tokens)
    assert score.tempos[0][0] == score.metres[0][0] == 0
    assert score.n_notes <= len(tokens)


def test_a_piece_is_described_as_controls():
    score = Score((track(0, [(12 * i, 12, 60, 72) for i in range(8)]), track(128, [(0, 1, 36, 72)])))
    said = describe(quantise(score))
    assert (said.metre, said.bars, said.instruments) == ((4, 4), 2, (0, 128))
    assert said.density == 1  # 9 notes in two whole notes


def check_files(paths):
    done = 0
    for path in paths:
        try:
            grid = quantise(read_midi(path))
        except ScoreError:
            continue
        if grid.tracks:
            tokens = encode(grid)
            assert tokens[-1] == EOS
            assert same(decode(tokens), grid), path
            done += 1
    return done


@needs_data
def test_real_files_come_back_exactly():
    paths = sorted(Path(DATA).rglob("*.mid"))
    random.Random(0).shuffle(paths)
    assert check_files(paths[:300]) > 200


@needs_data
@pytest.mark.slow
def test_all_real_files_come_back_exactly():
    paths = sorted(Path(DATA).rglob("*.mid"))
    assert check_files(paths) > 0.9 * len(paths)


def test_arrays_and_lists_are_the_same_tokens():
    score = quantise(Score((track(0, [(0, 12, 60, 72)]),)))
    tokens = encode(score)
    assert tokens.dtype == np.uint16
    assert same(decode(tokens), decode(tokens.tolist()))
