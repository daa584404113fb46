"""Examples for training."""

import numpy as np
import pytest

from sideman.compose.batches import Batches, Diet, excerpt
from sideman.compose.vocabulary import (
    END_OF,
    EOS,
    FILL,
    GAP,
    HARMONISE,
    INFILL,
    OFFSET,
    PLAIN,
    bar_token,
    decode,
    encode_body,
    kind_of,
)
from sideman.core.errors import DatasetError
from sideman.symbolic.score import PITCH, Score
from tests.compose.conftest import GENRES
from tests.compose.scores import track


def batches(corpus, split="train", **diet):
    seed = diet.pop("seed", 0)
    return Batches(corpus, split, Diet(**{"dropped": 0.0, "bare": 0.0, **diet}), genres=GENRES, seed=seed)


def examples(corpus, n=40, **diet):
    drawn = batches(corpus, **diet)
    pieces = corpus.part("train")
    for k in range(n):
        piece = pieces[k % len(pieces)]
        yield piece, drawn.example(piece, np.random.default_rng(k)).tolist()


def bars_of(tokens):
    return [t for t in tokens if OFFSET["bar"] <= t < END_OF["bar"]]


def asked(tokens, kind):
    """The index of the header's words of a kind."""
    until = next(i for i, t in enumerate(tokens) if t in (PLAIN, INFILL, HARMONISE))
    return [kind_of(t)[1] for t in tokens[:until] if kind_of(t)[0] == kind]


def test_plain_examples_are_pieces_that_decode_without_loss(corpus):
    for piece, tokens in examples(corpus, infill=0, harmonise=0):
        score = decode(tokens)
        body = tokens[tokens.index(PLAIN) + 1 : -1]
        assert tokens[-1] == EOS
        assert encode_body(score).tokens.tolist() == body or score.n_notes < 3
        bars = bars_of(tokens)
        assert bars == [bar_token(len(bars) - i) for i in range(len(bars))]
        assert asked(tokens, "instrument") == sorted({t.program for t in score.tracks})
        assert asked(tokens, "genre") == [GENRES.index(piece.controls.genre)]
        assert asked(tokens, "metre") == [0]


def test_transposition_moves_tones_and_key_alike(corpus):
    piece = corpus.pieces[0]
    shifts = set()
    plain = batches(corpus, infill=0, harmonise=0, transposed=False)
    moved = batches(corpus, infill=0, harmonise=0)
    for k in range(30):
        first, stop = moved._excerpt(piece, np.random.default_rng(k))
        tokens = moved.example(piece, np.random.default_rng(k)).tolist()
        (key,) = asked(tokens, "key")
        shift = (key % 12 - piece.controls.key[0] + 5) % 12 - 5
        shifts.add(shift)
        still = decode([PLAIN, *excerpt(corpus, piece, first, stop).tolist()])
        for a, b in zip(still.tracks, decode(tokens).tracks, strict=True):
            assert ((b.notes[:, PITCH] - a.notes[:, PITCH] - shift) % 12 == 0).all()
        (key,) = asked(plain.example(piece, np.random.default_rng(k)).tolist(), "key")
        assert key % 12 == piece.controls.key[0]
    assert len(shifts) > 5


def test_drums_stay_where_they_are(corpus):
    score = Score((track(0, [(0, 12, 60, 72)]), track(128, [(0, 1, 36, 72)])))
    body = encode_body(score)
    fake = type("Fake", (), {})()
    fake.bars, fake.tokens, fake.program_at = body.starts, body.tokens, lambda *_, **__: None
    moved = decode([PLAIN, *excerpt(fake, corpus.pieces[0], 0, 1, shift=4).tolist()])
    assert moved.tracks[0].notes[0, PITCH] == 64
    assert moved.tracks[1].notes[0, PITCH] == 36


def test_infilled_examples_have_the_missing_bars_at_the_end(corpus):
    for _, tokens in examples(corpus, infill=1.0, harmonise=0):
        if INFILL not in tokens:
            continue
        before_fill = tokens[: tokens.index(FILL)]
        missing = bars_of(tokens[tokens.index(FILL) :])
        around = bars_of(before_fill)
        assert before_fill.count(GAP) == 1
        assert 1 <= len(missing) <= 4
        assert missing == [bar_token(len(missing) - i) for i in range(len(missing))]
        before = bars_of(before_fill[: before_fill.index(GAP)])
        total = len(missing) + len(around)
        numbers = [bar_token(total - i) for i in range(total)]
        assert around == numbers[: len(before)] + numbers[len(before) + len(missing) :]
        assert asked(tokens, "bars")[0] <= 11  # 6 to 12 bars: what is there, not the longer excerpt
        assert asked(tokens, "bars") == [
            next(i for i, n in reversed([*enumerate((1, 2, 3, 4, 5, 6, 7, 8, 10, 12))]) if n <= total)
        ]


def test_harmonised_examples_say_the_melody_first(corpus):
    seen = 0
    for _, tokens in examples(corpus, infill=0, harmonise=1.0):
        if HARMONISE not in tokens:
            continue
        seen += 1
        at = tokens.index(FILL)
        melody = decode([PLAIN, *tokens[tokens.index(HARMONISE) + 1 : at]])
        full = decode([PLAIN, *tokens[at + 1 :]])
        assert [t.program for t in melody.tracks] == [73]
        assert melody.tracks[0].notes.tolist() == next(t for t in full.tracks if t.program == 73).notes.tolist()
    assert seen > 20


def test_the_same_seed_and_step_draw_the_same_batch(corpus):
    one, two, other = (batches(corpus, seed=s, context=64) for s in (1, 1, 2))
    assert one.batch(3, 4).shape == (4, 65)
    assert np.array_equal(one.batch(3, 4), two.batch(3, 4))
    assert not np.array_equal(one.batch(3, 4), one.batch(4, 4))
    assert not np.array_equal(one.batch(3, 4), other.batch(3, 4))


def test_no_example_is_of_another_part_or_set(corpus):
    drawn = Batches(corpus, "train", genres=GENRES, origins=frozenset({"two"}))
    rng = np.random.default_rng(0)
    pieces = [drawn._draw(rng) for _ in range(100)]
    assert {(p.split, p.source.origin) for p in pieces} == {("train", "two")}
    with pytest.raises(DatasetError, match="no pieces"):
        Batches(corpus, "train", genres=GENRES, origins=frozenset({"three"}))


def test_headers_lose_parts_by_chance(corpus):
    bare = sum(tokens[0] == PLAIN for _, tokens in examples(corpus, infill=0, harmonise=0, bare=1.0))
    assert bare == 40
    some = [len(tokens[: tokens.index(PLAIN)]) for _, tokens in examples(corpus, infill=0, harmonise=0, dropped=0.5)]
    assert len(set(some)) > 3
