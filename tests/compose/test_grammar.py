"""No walk through the grammar breaks a promise, and none ends in a corner."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.compose.grammar import MOST_NOTES_AT_ONCE, Grammar, Rules
from sideman.compose.instruments import range_of
from sideman.compose.modes import _events
from sideman.compose.vocabulary import END_OF, OFFSET, bar_token, encode_body
from sideman.symbolic.analysis import scale_of
from sideman.symbolic.score import METRES, PITCH, START, bar_ticks, quantise
from tests.compose.players import heard, walk
from tests.compose.scores import same, tune

line_ups = st.lists(st.integers(0, 128), min_size=1, max_size=5, unique=True).map(frozenset)
seeds = st.integers(0, 10_000)


@given(seeds, st.sampled_from(METRES), st.integers(1, 5), line_ups)
@settings(max_examples=30)
def test_every_walk_is_a_legal_piece_with_what_was_asked(seed, metre, bars, programs):
    tokens = walk(Grammar(Rules(bars, metre, programs)), seed)
    score = heard(tokens, metre)
    length = bar_ticks(metre)
    assert [t for t in tokens if OFFSET["bar"] <= t < END_OF["bar"]] == [bar_token(bars - i) for i in range(bars)]
    assert len(score.bars()) == bars
    assert score.metres == ((0, *metre),)
    assert {t.program for t in score.tracks} == programs
    assert score.end <= bars * length
    for part in score.tracks:
        _, counts = np.unique(part.notes[:, START], return_counts=True)
        assert counts.max() <= MOST_NOTES_AT_ONCE or part.is_drums
        if not part.is_drums:
            lowest, highest = range_of(part.program)
            assert lowest <= part.notes[:, PITCH].min() <= part.notes[:, PITCH].max() <= highest
    assert same(heard(encode_body(score).tokens, metre), score)


@given(seeds, st.tuples(st.integers(0, 11), st.booleans()), st.sampled_from(((0,), (33, 73), (40, 128))))
@settings(max_examples=20)
def test_a_strict_key_is_never_left(seed, key, programs):
    tokens = walk(Grammar(Rules(3, (3, 4), frozenset(programs), key, strict=True)), seed)
    for part in heard(tokens, (3, 4)).tracks:
        if not part.is_drums:
            assert {int(p) % 12 for p in part.notes[:, PITCH]} <= scale_of(key)


@given(seeds, line_ups, st.sampled_from(((4, 4), (3, 4), (6, 8))))
@settings(max_examples=12)
def test_a_given_melody_stands_note_for_note(seed, programs, metre):
    melody = tune(seed, 4, metre=metre, with_bass=False).tracks[0]
    rules = Rules(4, metre, programs, melody=_events(melody, metre), melody_program=melody.program)
    score = quantise(heard(walk(Grammar(rules), seed), metre))
    parts = {t.program: t.notes for t in score.tracks}
    assert programs <= set(parts)
    found = {tuple(row) for row in parts[melody.program].tolist()}
    assert {tuple(row) for row in melody.notes.tolist()} <= found
    if melody.program not in programs:
        assert len(found) == len(melody.notes)


@pytest.mark.parametrize("metre", METRES)
def test_every_instrument_can_play_in_every_metre(metre):
    for program in (0, 47, 113, 127, 128):
        assert {t.program for t in heard(walk(Grammar(Rules(1, metre, frozenset({program}))), 1), metre).tracks} == {
            program
        }


def test_instruments_come_back_within_a_few_bars():
    programs = frozenset({0, 33, 73})
    score = heard(walk(Grammar(Rules(16, (4, 4), programs)), 3), (4, 4))
    for part in score.tracks:
        played = sorted({int(s) // 48 for s in part.notes[:, START]})
        assert max(np.diff([-1, *played, 16])) <= 6


def test_what_goes_on_from_a_bar_counts_on():
    grammar = Grammar(Rules(10, (4, 4), frozenset({0})), first_bar=7)
    assert np.flatnonzero(grammar.allowed()).tolist() == [bar_token(3)]
    walk(grammar, 0)
    assert grammar.done
