"""How much of a piece was heard before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.compose.originality import GRAM, Index, grams
from sideman.core.errors import ModelError
from sideman.symbolic.score import Score, quantise
from tests.compose.scores import track, tune

PIECE = quantise(tune(1, 16, with_bass=False))


def line(pitches, length=6):
    return Score((track(73, [(length * i, length, p, 80) for i, p in enumerate(pitches)]),))


@given(st.integers(0, 200), st.integers(-12, 12))
@settings(max_examples=15)
def test_a_piece_is_a_full_copy_of_itself_in_any_key(seed, semitones):
    score = quantise(tune(seed, 12, with_bass=False))
    n = score.n_notes
    found = grams(np.diff(score.tracks[0].notes[:, [2, 0]], axis=0))
    if (found != 0).all():
        assert Index.of([score]).longest_run(score.transposed(semitones)) == n
    else:
        assert GRAM < Index.of([score]).longest_run(score.transposed(semitones)) < n


def test_another_piece_shares_nothing():
    other = line(np.random.default_rng(0).integers(40, 90, 200).tolist())
    assert Index.of([PIECE]).longest_run(other) == 0
    assert Index.of([]).longest_run(PIECE) == 0
    assert Index.of([PIECE]).longest_run(Score(())) == 0


def test_a_quotation_is_as_long_as_it_is():
    pitches = np.random.default_rng(1).integers(50, 80, 60).tolist()
    other = np.random.default_rng(2).integers(50, 80, 60).tolist()
    quoting = line(other[:20] + [p + 5 for p in pitches[10:30]] + other[20:])
    assert Index.of([line(pitches)]).longest_run(quoting) == 20
    assert Index.of([line(pitches)]).longest_run(line(pitches[: GRAM + 1])) == GRAM + 1
    assert Index.of([line(pitches)]).longest_run(line(pitches[:GRAM])) == 0


@pytest.mark.parametrize("pitches", [[60] * 40, list(range(40, 80)), [60, 62] * 20])
def test_scales_trills_and_repeated_notes_belong_to_nobody(pitches):
    assert Index.of([line(pitches)]).longest_run(line(pitches)) == 0


def test_an_index_is_kept_in_a_file(tmp_path):
    index = Index.of([PIECE, quantise(tune(2))])
    index.write(tmp_path / "a.grams")
    assert np.array_equal(Index.read(tmp_path / "a.grams").hashes, index.hashes)
    Index.of([]).write(tmp_path / "none.grams")
    assert Index.read(tmp_path / "none.grams").longest_run(PIECE) == 0


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" + b, lambda b: b[:16] + b"?"]
)
def test_a_damaged_index_is_refused_in_a_line(tmp_path, damage):
    path = tmp_path / "a.grams"
    Index.of([PIECE]).write(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=r"a\.grams.*index"):
        Index.read(path)
    with pytest.raises(ModelError):
        Index.read(tmp_path / "missing.grams")
