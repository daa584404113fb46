"""Training of a composer on one's own music: what is found, what is held out, and when it stops."""

import os
from dataclasses import replace

import pytest

from sideman.compose import train
from sideman.compose.own import check_out
from sideman.compose.train import Plan, digest_of, find_sources, hold_out, prepare_corpus
from sideman.core.errors import DatasetError, OutputError, UsageError
from tests.compose.tunes import write_tunes

TINY = Plan(size="tiny", steps=4, batch=2, context=64)


def test_a_folder_is_a_genre_and_loose_files_have_none(tmp_path):
    write_tunes(tmp_path, {"folk": 2, "": 1})
    (tmp_path / "folk" / "notes.txt").write_text("no music")
    assert [s.genre for s in find_sources(tmp_path)] == ["folk", "folk", None]


def test_files_in_a_folder_within_a_genre_belong_together(tmp_path):
    write_tunes(tmp_path / "folk", {"anna": 2, "bert": 1})
    assert [s.group for s in find_sources(tmp_path)] == ["folk/anna", "folk/anna", "folk/bert"]


def test_without_scores_one_line_says_what_to_do(tmp_path):
    with pytest.raises(DatasetError, match="has no scores"):
        find_sources(tmp_path)
    with pytest.raises(DatasetError, match="is no folder"):
        find_sources(tmp_path / "missing")


def test_more_genres_than_there_are_tokens_are_refused(tmp_path):
    for k in range(25):
        (tmp_path / f"genre-{k}").mkdir()
        (tmp_path / f"genre-{k}" / "a.mid").write_bytes(b"")
    with pytest.raises(DatasetError, match="25 folders"):
        find_sources(tmp_path)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(model="gru"), "not known"),
        (Plan(model="lstm", size="base"), "not known"),
        (Plan(context=8), "no music"),
        (Plan(rate=0.0), "learning rate"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan, words):
    with pytest.raises(UsageError, match=words):
        plan.check()


def test_a_corpus_is_made_once_and_anew_when_a_file_changes(tmp_path):
    music, work = write_tunes(tmp_path / "music", {"folk": 3}), tmp_path / "work"
    sources, read = find_sources(music), []
    prepare_corpus(sources, work, workers=1, advance=lambda: read.append(1))
    prepare_corpus(sources, work, workers=1, advance=lambda: read.append(1))
    assert len(read) == 3
    before = digest_of(sources)
    os.utime(sources[0].path, (1, 1))
    assert digest_of(sources) != before
    prepare_corpus(sources, work, workers=1, advance=lambda: read.append(1))
    assert len(read) == 6


def test_a_tenth_is_held_out_and_no_group_is_torn(tmp_path):
    music = write_tunes(tmp_path / "music", {"folk": 12, "jazz": 8})
    corpus, _ = prepare_corpus(find_sources(music), tmp_path / "work", workers=1)
    held = hold_out(corpus)
    assert len(held) == 2
    assert not {p.group for p in held} & {p.group for p in corpus.part("train")}
    assert not corpus.part("test")


def test_of_two_files_one_is_held_out_and_of_one_none(tmp_path):
    for n, held in ((2, 1), (1, 0)):
        music = write_tunes(tmp_path / f"music-{n}", {"folk": n})
        corpus, _ = prepare_corpus(find_sources(music), tmp_path / f"work-{n}", workers=1)
        assert len(hold_out(corpus)) == held
        assert len(corpus.part("train")) == 1


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "full").mkdir()
    with pytest.raises(OutputError, match="another folder"):
        check_out(tmp_path / "full", (train.CARD,), overwrite=True)


class TestWithTorch:
    @pytest.fixture(autouse=True)
    def needs_torch(self):
        pytest.importorskip("torch")

    def test_many_long_runs_are_copying_and_one_by_chance_is_not(self):
        from sideman.compose.models.training_run import is_copying

        assert is_copying([40, 40, 10, 0, 0, 0], 24, 0.0)
        assert not is_copying([40, 10, 10, 0, 0, 0], 24, 0.2)
        assert not is_copying([24] * 6, 24, 0.0)
        assert not is_copying([40, 40, 10, 0, 0, 0], 24, 0.3)  # people share runs as often
        assert not is_copying([], 24, 0.0)

    @pytest.mark.parametrize("model", ["transformer", "lstm"])
    def test_the_folder_is_a_composer_that_composes(self, tmp_path, model):
        from sideman.compose.composers import open_composer
        from sideman.compose.controls import Controls
        from sideman.compose.generate import compose

        music = write_tunes(tmp_path / "music", {"folk": 14, "odd": 2})
        said = []
        out = tmp_path / "mine"
        card = train.train(music, replace(TINY, model=model), out, workers=1, tell=said.append)
        composer = open_composer(out)
        assert composer.genre_names == ("folk", "odd")
        assert list(composer.genres) == ["folk", "odd"]
        assert composer.genres["odd"]["thin"]
        assert card["training"]["stopped"] == "all steps done"
        piece = compose(Controls(genre="folk", bars=2), composer, seed=1, tries=1)
        assert len(piece.score.bars()) == 2

    def test_one_file_alone_is_learnt_with_a_warning(self, tmp_path):
        said = []
        card = train.train(
            write_tunes(tmp_path / "music", {"": 1}), TINY, tmp_path / "mine", workers=1, tell=said.append
        )
        assert any("none can be held out" in line for line in said)
        assert card["trained_on"]["held_out"] == 0

    def test_a_run_that_copies_ends_with_the_weights_before_and_the_card_says_so(self, tmp_path, monkeypatch):
        from sideman.compose.models import training_run

        runs = {0: [0] * 6, 1: [60] * 6}
        monkeypatch.setattr(training_run, "HARDLY_LEARNT", 100.0)
        monkeypatch.setattr(training_run._Watch, "runs", lambda self, step: runs[step])
        kept = []
        monkeypatch.setattr(training_run, "save_tensors", lambda *a: kept.append(a[2]["step"]) or real(*a))
        real = __import__("sideman.training.checkpoints", fromlist=["x"]).save_tensors
        music = write_tunes(tmp_path / "music", {"folk": 14})
        card = train.train(music, TINY, tmp_path / "mine", workers=1)
        assert "began to copy" in card["training"]["stopped"]
        assert card["training"]["steps"] == 2
        assert kept == [1]

    def test_the_network_of_a_pause_writes_pieces_that_are_measured(self, tmp_path, monkeypatch):
        from sideman.compose.keep import index_of
        from sideman.compose.models import training_run

        monkeypatch.setattr(training_run, "PIECES", 2)
        monkeypatch.setattr(training_run, "PIECE_BARS", 1)  # without training, bars are long

        corpus, _ = prepare_corpus(
            find_sources(write_tunes(tmp_path / "music", {"folk": 2})), tmp_path / "work", workers=1
        )
        network = training_run.network_of("lstm", "tiny").eval()
        pieces = corpus.pieces
        watch = training_run._Watch(
            network, corpus, ("folk",), pieces, index_of(corpus, pieces), [], 512, 0, tmp_path / "best", print
        )
        runs = watch.runs(3)
        assert len(runs) == 2
        assert runs == watch.runs(3)
        assert max(runs) < 24  # a network that has learnt nothing copies nothing
