"""The Markov baseline: counts, smoothed into a proper distribution."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.compose.models.markov import Markov
from sideman.compose.vocabulary import SIZE
from sideman.core.errors import DatasetError

rows = st.lists(st.lists(st.integers(0, 6) | st.integers(0, SIZE - 1), min_size=1, max_size=30), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None)
@given(rows, st.lists(st.integers(0, 6), min_size=1, max_size=6), st.integers(0, 5))
def test_what_follows_is_a_proper_distribution_whatever_was_heard(pieces, heard, order):
    p = np.exp(Markov(order).fit(pieces).feed(heard).astype(float))
    assert p.shape == (SIZE,)
    assert p.min() > 0
    assert p.sum() == pytest.approx(1, abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(rows, st.lists(st.integers(0, 6), min_size=2, max_size=12))
def test_bits_are_those_of_the_tokens_fed_one_by_one(pieces, tune):
    chain = Markov(2).fit(pieces)
    wanted = []
    for before, token in itertools.pairwise(tune):
        wanted.append(-chain.feed([before])[token] / np.log(2))
    assert chain.bits(tune, given=1) == pytest.approx(wanted, rel=1e-4)


def test_witten_bell_by_hand():
    # after 1 came 2 (three times) and 3 (once): 2 kinds, 4 in all; tokens in all: four 1, three 2, one 3
    chain = Markov(1).fit([[1, 2], [1, 2], [1, 2], [1, 3]])
    below = (3 + 3 / SIZE) / (8 + 3)
    assert np.exp(chain.feed([1])[2]) == pytest.approx((3 + 2 * below) / (4 + 2), rel=1e-5)


def test_no_gram_spans_two_pieces():
    apart, together = Markov(1).fit([[1, 2], [3, 4]]), Markov(1).fit([[1, 2, 3, 4]])
    apart_scores, together_scores = apart.feed([2]), together.feed([2])
    assert together_scores[3] > apart_scores[3]


def test_reset_forgets_what_was_heard():
    chain = Markov(3).fit([[1, 2, 3, 1, 2, 4]])
    first = chain.feed([2])
    assert not np.array_equal(chain.feed([3]), first)
    chain.reset()
    assert np.array_equal(chain.feed([2]), first)


def test_memory_is_bounded_and_the_rarest_grams_go_first():
    music = np.random.default_rng(0).integers(0, 50, 4000)
    music[::2] = 7
    chain = Markov(2, most_grams=60).fit([music])
    assert chain.n_grams <= 3 * 60
    p = np.exp(chain.feed([7, 8]).astype(float))
    assert p.sum() == pytest.approx(1, abs=1e-4)
    assert p.argmax() == 7


def test_pieces_counted_in_chunks_are_the_same_chain(monkeypatch):
    music = np.random.default_rng(1).integers(0, 20, (10, 40))
    whole = Markov(2).fit(music)
    monkeypatch.setattr("sideman.compose.models.markov._CHUNK", 90)
    assert np.array_equal(Markov(2).fit(music).bits(music[0]), whole.bits(music[0]))


def test_without_music_one_line_says_so():
    with pytest.raises(DatasetError, match="at least one token"):
        Markov().fit([])
