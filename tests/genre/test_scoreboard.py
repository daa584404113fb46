"""The scoreboard: every row is made once, a failed row costs only itself, flattery stands beside honesty."""

import json

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("onnx")

from sideman.audio.descriptors import TABLE_COLUMNS
from sideman.datasets import gtzan
from sideman.genre import heard, scoreboard
from sideman.genre.corpus import Corpus, separable
from sideman.genre.evaluate import Plan
from sideman.genre.scoreboard import Board, entries, run_board
from sideman.genre.scoreboard_page import page
from tests.cli.run import sideman

GENRES = ("blues", "classical", "metal")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Tables in GTZAN's names: a row per recording, and three per recording."""
    root = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    whole, rows = [",".join(TABLE_COLUMNS)], [",".join(TABLE_COLUMNS)]
    for g, genre in enumerate(GENRES):
        for number in range(0, 100, 8):
            centre = rng.standard_normal(58) + 2 * (np.arange(58) % 3 == g)
            name = f"{genre}.{number:05d}"
            whole.append(",".join([f"{name}.wav", *(f"{v:.5f}" for v in centre), genre]))
            for part in range(3):
                values = centre + 0.1 * rng.standard_normal(58)
                rows.append(",".join([f"{name}.{part}.wav", *(f"{v:.5f}" for v in values), genre]))
    (root / "features_30_sec.csv").write_text("\n".join(whole) + "\n")
    (root / "features_3_sec.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture
def board(tables, tmp_path):
    return Board(
        Corpus(tables / "features_30_sec.csv"), Corpus(tables / "features_3_sec.csv"), None, None, None, None, tmp_path
    )


def test_every_model_meets_every_protocol(board):
    rows = list(entries(board))
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    for model in scoreboard.TABLE_MODELS:
        protocols = {row.protocol for row in rows if row.model == model and row.part == "table"}
        assert protocols == {"segments-random", "tracks", "holdout", "artists", "fault-filtered"}
    assert {row.part for row in rows} == {"table", "published"}


def test_rows_are_made_once_and_a_failed_one_costs_only_itself(board, monkeypatch):
    rows = list(entries(board, ("table",), ("knn", "logistic")))
    made = []
    evaluate = scoreboard._evaluate

    def counted(place, entry):
        made.append(entry.name)
        return evaluate(place, entry)

    monkeypatch.setattr(scoreboard, "_evaluate", counted)
    troubles = {}
    found = run_board(board, rows, on_entry=lambda entry, _, trouble: troubles.update({entry.name: trouble}))
    assert len(made) == len(rows)
    assert {name for name, trouble in troubles.items() if trouble} == set(troubles) - set(found)
    again = run_board(board, rows)
    assert set(again) == set(found)
    assert made[len(rows) :] == [name for name in made[: len(rows)] if name not in found]
    name = next(iter(found))
    np.testing.assert_array_equal(again[name].runs[0].log_probabilities, found[name].runs[0].log_probabilities)


def test_the_page_shows_the_leak_and_what_was_kept_apart(board):
    rows = list(entries(board, ("table", "published"), ("knn", "svm")))
    text = page(run_board(board, rows), "sideman lab scoreboard DIR")
    assert "## The table: 39 recordings" in text
    assert "## The leak: the published table of 3 s rows, 39 recordings" in text
    assert "LEAKY" in text
    assert "| `svm` |" in text
    for line in text.splitlines():
        if line.startswith("| `knn`"):
            assert "nan" not in line


def test_genres_that_cannot_be_split_by_artist_are_named(tmp_path):
    from sideman.datasets.track import Dataset, Track

    def track(name, genre, artist):
        return Track(tmp_path / name, name, genre, artist=artist)

    tracks = (track("a", "x", "one"), track("b", "x", "one"), track("c", "y", "two"), track("d", "y", "three"))
    kept, left_out = separable(Dataset("manifest", tmp_path, tracks))
    assert kept == {"c", "d"}
    assert left_out == ("x",)


def test_a_backbone_that_has_heard_the_recordings_is_told():
    pytest.importorskip("torch")
    from sideman.genre.registry import get_model

    plan = Plan("transfer", get_model("transfer").settings())
    assert "has heard 1 of these 2 recordings" in heard.note_of(plan, ["blues.00000", "my song"])
    assert heard.note_of(plan, ["my song"]) is None
    assert heard.note_of(Plan("svm", None), ["blues.00000"]) is None
    mine = Plan("transfer", get_model("transfer").settings({"weights": "my.onnx"}))
    assert heard.note_of(mine, ["blues.00000"]) is None


def test_the_shipped_card_names_recordings_that_gtzan_has():
    from sideman.inference.cards import WEIGHTS_FOLDER, read_card

    listed = read_card(WEIGHTS_FOLDER / "genre.json").content["heard"]["gtzan"]
    assert len(listed) == len(set(listed)) == 518
    assert set(listed) <= set(gtzan.facts())


def test_the_command_writes_page_and_figures(tables, tmp_path):
    music = tmp_path / "music"
    for genre in GENRES:
        (music / genre).mkdir(parents=True)
        for name in "ab":
            (music / genre / f"{name}.wav").write_bytes(b"not opened for a table")
    arguments = ["lab", "scoreboard", str(music), "--part", "table", "--model", "knn", "--workers", "1", "-q"]
    arguments += ["--table", str(tables / "features_30_sec.csv"), "--work", str(tmp_path / "work")]
    listed = sideman(*arguments, "--dry-run")
    assert b"table-knn-tracks-no-length: 3 seeds" in listed.stdout
    done = sideman(*arguments, "--out", str(tmp_path / "board.md"))
    assert done.returncode in {0, 3}, done.stderr
    assert "| `knn` |" in (tmp_path / "board.md").read_text(encoding="utf-8")
    figures = json.loads((tmp_path / "board.json").read_text())
    assert 0 <= figures["table-knn-tracks-no-length"]["accuracy"]["mean"] <= 1
