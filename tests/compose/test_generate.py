"""From a wish to a piece: what is promised is kept, whatever the network says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.compose.controls import Controls
from sideman.compose.generate import best_of_tries, check, complete, compose, facts
from sideman.compose.sampling import Sampling
from sideman.core.errors import UsageError
from sideman.symbolic.score import METRES, quantise
from tests.compose.conftest import composer_of
from tests.compose.players import Chance
from tests.compose.scores import same, tune

COMPOSER = composer_of(Chance())
wishes = st.builds(
    Controls,
    genre=st.none() | st.sampled_from(("folk", "jazz")),
    valence=st.none() | st.floats(-1, 1),
    tempo_bpm=st.none() | st.floats(20, 400),
    key=st.none() | st.tuples(st.integers(0, 11), st.booleans()),
    metre=st.none() | st.sampled_from(METRES),
    bars=st.integers(1, 6),
    instruments=st.lists(st.integers(0, 128), max_size=4).map(tuple),
    density=st.none() | st.integers(0, 7),
)


@given(wishes, st.integers(0, 10**9))
@settings(max_examples=25)
def test_bars_metre_tempo_and_instruments_are_exact(asked, seed):
    piece = compose(asked, COMPOSER, seed=seed, tries=1)
    score = piece.score
    assert len(score.bars()) == asked.bars
    assert score.metres == ((0, *(asked.metre or piece.controls.metre)),)
    assert score.tempos == ((0, asked.tempo_bpm or piece.controls.tempo_bpm),)
    assert {t.program for t in score.tracks} == set(asked.instruments or piece.controls.instruments)
    assert all(t.name for t in score.tracks)
    for name, value in asked.given().items():
        if name != "key" or set(piece.controls.instruments) != {128}:
            assert getattr(piece.controls, name) == value
    assert facts(piece)["notes"] == score.n_notes


def test_the_same_seed_gives_the_same_piece(composer):
    asked = Controls(genre="jazz", bars=4)
    one, two, other = (compose(asked, composer, seed=seed) for seed in (3, 3, 4))
    assert same(one.score, two.score)
    assert one.controls == two.controls
    assert not same(one.score, other.score)


@pytest.mark.parametrize("bars", [1, 80])
def test_one_bar_and_more_than_the_memory_holds(composer, bars):
    piece = compose(Controls(bars=bars, metre=(4, 4), instruments=(0, 128)), composer, tries=1)
    assert len(piece.score.bars()) == bars
    assert piece.score.end <= 48 * bars


def test_the_likeliest_is_taken_without_an_end_of_notes(composer):
    piece = compose(Controls(bars=3, instruments=(0,)), composer, sampling=Sampling(0.0), tries=1)
    assert len(piece.score.bars()) == 3


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Controls(bars=0), "0 bars"),
        (Controls(bars=513), "512"),
        (Controls(tempo_bpm=5000), "5000"),
        (Controls(tempo_bpm=float("nan")), "nan"),
        (Controls(valence=2), "valence"),
        (Controls(arousal=float("nan")), "arousal"),
        (Controls(metre=(11, 8)), "11/8"),
        (Controls(instruments=tuple(range(11))), "10 at most"),
    ],
)
def test_what_cannot_be_is_refused(composer, asked, why):
    with pytest.raises(UsageError, match=why):
        check(asked)
    with pytest.raises(UsageError):
        compose(asked, composer)


def test_what_is_open_comes_from_a_line_up_that_fits(composer):
    rng_of = np.random.default_rng
    assert complete(Controls(metre=(3, 4)), composer, rng_of(0)).instruments == (0,)
    assert complete(Controls(valence=0.9, tempo_bpm=100), composer, rng_of(0)).instruments == (33, 73)
    assert complete(Controls(valence=-0.9), composer, rng_of(0)).key[1]
    assert complete(Controls(instruments=(128,)), composer, rng_of(0)).key is None
    assert complete(Controls(), composer_of(Chance()), rng_of(0)).bars == 16


def test_copies_are_begun_anew_and_told_where_that_does_not_help(composer):
    learnt = quantise(tune(1))
    asked = Controls(key=(0, False))
    told = best_of_tries(lambda _: learnt, asked, composer, seed=0, tries=3, key_was_asked=False)
    assert told.is_copy
    assert told.tries == 3
    assert told.longest_run > composer.copy_limit
    saved = best_of_tries(
        lambda attempt: learnt if attempt == 0 else quantise(tune(2)),
        asked,
        composer,
        seed=0,
        tries=3,
        key_was_asked=False,
    )
    assert not saved.is_copy
    assert saved.tries == 2


def test_a_piece_in_another_key_than_asked_is_begun_anew(composer):
    scores = [quantise(tune(2)).transposed(6), quantise(tune(2))]
    key = best_of_tries(lambda _: scores[1], Controls(), composer, seed=0, tries=1, key_was_asked=False).key
    asked = Controls(key=key)
    piece = best_of_tries(lambda attempt: scores[attempt], asked, composer, seed=0, tries=2, key_was_asked=True)
    assert piece.tries == 2
    assert piece.key_is_kept
