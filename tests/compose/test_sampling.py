"""Drawing tokens, in a memory that slides."""

import numpy as np
import pytest

from sideman.compose.controls import Controls
from sideman.compose.grammar import Grammar, Rules
from sideman.compose.sampling import Sampling, draw, write_bars
from sideman.compose.vocabulary import END_OF, OFFSET, SIZE, bar_token, header
from tests.compose.players import Chance, heard

PLAIN_WAY = Sampling(1.0, 1.0, 0, 0)
SCORES = np.linspace(0, 3, SIZE).astype(np.float32)


def only(*tokens):
    mask = np.zeros(SIZE, bool)
    mask[list(tokens)] = True
    return mask


def drawn(sampling, allowed, n=300, scores=SCORES):
    rng = np.random.default_rng(0)
    return [draw(scores, allowed, sampling, rng) for _ in range(n)]


def test_only_what_is_allowed_is_drawn():
    assert set(drawn(PLAIN_WAY, only(3, 500, 700))) == {3, 500, 700}
    assert set(drawn(Sampling(3.0), only(9))) == {9}


def test_temperature_0_takes_the_likeliest():
    assert set(drawn(Sampling(0.0), only(3, 500, 700))) == {700}
    assert set(drawn(Sampling(1e-9), only(3, 500, 700))) == {700}


def test_draws_follow_the_scores():
    scores = np.zeros(SIZE, np.float32)
    scores[[1, 2]] = np.log([0.8, 0.2])
    share = drawn(PLAIN_WAY, only(1, 2), 2000, scores).count(1) / 2000
    assert share == pytest.approx(0.8, abs=0.03)
    bold = drawn(Sampling(3.0, 1.0), only(1, 2), 2000, scores).count(1) / 2000
    assert 0.5 < bold < 0.7


def test_top_p_leaves_out_the_unlikely():
    scores = np.zeros(SIZE, np.float32)
    scores[[1, 2, 3]] = np.log([0.6, 0.3, 0.1])
    assert set(drawn(Sampling(1.0, 0.85), only(1, 2, 3), scores=scores)) == {1, 2}
    assert set(drawn(Sampling(1.0, 0.0), only(1, 2, 3), scores=scores)) == {1}


def written(bars, context, *, given=(), prefix=(), seed=0, programs=(0, 33)):
    decoder, asked = Chance(seed), []

    def header_of(n):
        asked.append(n)
        return header(Controls(bars=max(n, 1)))

    grammar = Grammar(Rules(bars, (4, 4), frozenset(programs)), first_bar=len(given))
    new = write_bars(
        decoder, grammar, header_of, np.random.default_rng(seed), given=given, prefix=prefix, context=context
    )
    return new, decoder, asked


def test_all_bars_are_written_each_with_its_number():
    bars, decoder, asked = written(5, 100_000)
    assert [bar[0] for bar in bars] == [bar_token(5 - i) for i in range(5)]
    assert decoder.resets == 2  # its own, and one at the beginning
    assert asked == [5]
    assert len(heard([t for bar in bars for t in bar], (4, 4)).bars()) == 5


def test_memory_slides_and_is_never_much_more_than_the_context():
    bars, decoder, asked = written(40, 128)
    longest = max(map(len, bars))
    assert len(bars) == 40
    assert decoder.resets > 5
    assert decoder.most <= 128 * 0.85 + 2 * longest + 10
    assert all(1 <= n <= 40 for n in asked)
    assert asked[0] == 40
    assert asked[-1] < 40


def test_the_header_counts_the_bars_heard_and_to_come():
    _, _, asked = written(12, 1)  # no bar fits: each begins with those to come
    assert asked == [12, *range(12, 0, -1)]


def test_given_bars_are_heard_and_not_written():
    given = [
        [bar_token(6 - i), OFFSET["position"], OFFSET["instrument"], OFFSET["pitch"] + 60, OFFSET["length"]]
        for i in range(4)
    ]
    bars, decoder, asked = written(6, 1000, given=given)
    assert [bar[0] for bar in bars] == [bar_token(2), bar_token(1)]
    assert asked == [6]
    assert decoder.most >= 20


def test_a_prefix_stays():
    prefix = list(range(OFFSET["pitch"], END_OF["pitch"]))
    _, decoder, _ = written(20, 300, prefix=prefix)
    assert decoder.resets > 1
    assert decoder.used > len(prefix)


def test_the_same_seed_draws_the_same():
    assert written(4, 200, seed=5)[0] == written(4, 200, seed=5)[0]
    assert written(4, 200, seed=5)[0] != written(4, 200, seed=6)[0]
