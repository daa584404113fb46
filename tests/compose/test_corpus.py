"""Collections made ready for training, without leaks."""

import numpy as np
import pytest

from sideman.compose.controls import Controls
from sideman.compose.corpus import Corpus, Source, _groups, _split_of, build, prepare, style_of
from sideman.compose.keep import piece_score
from sideman.core.errors import DatasetError, ScoreError
from sideman.symbolic.midi import write_midi
from sideman.symbolic.score import Score, quantise
from tests.compose.scores import same, track, tune


def source(folder, name, score, group=None, **more):
    write_midi(score, folder / f"{name}.mid")
    return Source(str(folder / f"{name}.mid"), "folk", group or name, **more)


def test_a_corpus_gives_the_pieces_back(corpus):
    assert len(corpus.pieces) == 48
    for i in (0, 7, 47):
        piece = corpus.pieces[i]
        assert same(piece_score(corpus, piece), quantise(tune(i), tempo_changes=False))
        assert piece.controls.genre == ("folk", "jazz")[i % 2]
        assert piece.controls.instruments == (33, 73)
        assert isinstance(piece.controls, Controls)
        assert corpus.metre_at(piece, 3) == (4, 4)
        assert corpus.program_at(piece, 0) is None
        assert corpus.program_at(piece, 4) in (33, 73)
        assert corpus.program_at(piece, 4, melody=True) == 73
        melody = corpus.melody_of(piece)
        assert len(melody) > 50
        assert np.array_equal(np.concatenate([corpus.body(piece, 0, 3), corpus.body(piece, 3)]), corpus.body(piece))
    assert sum(corpus.genres.values()) == len(corpus.part("train"))


def test_no_group_is_in_two_parts(tmp_path):
    tunes = [source(tmp_path, f"t{i}", tune(i), f"artist {i // 3}") for i in range(30)]
    build(tunes, tmp_path / "made", workers=1)
    parts = {}
    for piece in Corpus(tmp_path / "made").pieces:
        parts.setdefault(piece.source.group, set()).add(piece.split)
    assert all(len(found) == 1 for found in parts.values())


def test_versions_of_a_piece_are_one_group(tmp_path):
    sources = [
        source(tmp_path, "one", tune(1)),
        source(tmp_path, "moved", tune(1).transposed(5), "somebody else", origin="another set"),
        source(tmp_path, "other", tune(2)),
    ]
    rows = [(s, prepare(s)) for s in sources]
    one, moved, other = _groups(rows)
    assert one == moved != other


def test_shares_of_the_parts():
    drawn = [_split_of(f"group {i}") for i in range(4000)]
    assert drawn.count("test") / 4000 == pytest.approx(0.08, abs=0.02)
    assert drawn.count("valid") / 4000 == pytest.approx(0.04, abs=0.015)


def test_a_large_group_is_learnt_from(tmp_path):
    group = next(f"g{i}" for i in range(100) if _split_of(f"/g{i}") == "test")
    build([source(tmp_path, f"t{i}", tune(i), group) for i in range(22)], tmp_path / "made", workers=1)
    assert {p.split for p in Corpus(tmp_path / "made").pieces} == {"train"}


def test_files_of_no_use_are_left_out_with_a_line(tmp_path):
    (tmp_path / "bad.mid").write_bytes(b"MThd nonsense")
    rng = np.random.default_rng(0)
    free = Score((track(0, [(int(t), 50, 60, 80) for t in np.sort(rng.integers(0, 20_000, 200))]),), 480)
    sources = [
        Source(str(tmp_path / "bad.mid"), None, "bad"),
        source(tmp_path, "free", free),
        source(tmp_path, "short", tune(0, 2)),
        source(tmp_path, "good", tune(0, 8)),
    ]
    told = []
    lines = build(sources, tmp_path / "made", workers=1, advance=lambda: told.append(1))
    assert len(told) == 4
    assert [line.rsplit("/", 1)[-1].split(":")[0] for line in lines] == ["bad.mid", "free.mid", "short.mid"]
    assert "do not keep to the beats" in lines[1]
    assert "2 bars" in lines[2]
    assert len(Corpus(tmp_path / "made").pieces) == 1
    with pytest.raises(DatasetError, match="none of 1"):
        build(sources[:1], tmp_path / "none", workers=1)
    assert not (tmp_path / "none").exists()


def test_a_count_of_beats_is_no_metre(tmp_path):
    score = Score(tune(0, 8).tracks, metres=((0, 1, 4),))
    assert prepare(source(tmp_path, "beats", score))["controls"]["metre"] == (4, 4)


def test_a_melody_keeps_its_bars_where_it_pauses_first(tmp_path):
    bass = [(12 * i, 12, 40, 80) for i in range(32)]
    score = Score((track(33, bass), track(73, [(100 + 12 * i, 12, 72 + i % 5, 80) for i in range(12)])))
    row = prepare(source(tmp_path, "late", score))
    starts = row["melody_starts"]
    assert len(starts) == len(row["starts"]) == 9
    lengths = np.diff(starts)
    assert lengths[:2].tolist() == [1, 1]  # a bar's own word only
    assert (lengths[2:5] > 1).all()
    assert lengths[-1] == 0


@pytest.mark.parametrize(
    ("programs", "style"), [((128,), "drums"), ((0,), "piano"), ((73,), "lead-sheet"), ((0, 33), "band")]
)
def test_how_a_score_is_set(programs, style):
    assert style_of(Score(tuple(track(p, [(0, 1, 60, 80)]) for p in programs))) == style


def test_a_missing_or_damaged_corpus_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no usable corpus"):
        Corpus(tmp_path)
    with pytest.raises(ScoreError):
        prepare(Source(str(tmp_path / "missing.mid"), None, "x"))
