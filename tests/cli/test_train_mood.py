"""``sideman train mood-default``: what it asks for, what it refuses, and that a dry run leaves no trace."""

import json
import sys

import pytest
from typer.testing import CliRunner

from sideman.cli.app import app
from tests.mood.labelled_music import write_sets


def train(*arguments):
    return CliRunner().invoke(app, ["train", "mood-default", *map(str, arguments)], env={"SIDEMAN_DATA": ""})


def test_without_onnx_one_line_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = train("--data", tmp_path, "--out", tmp_path)
    assert done.exit_code == 1
    assert done.stderr == (
        "error: sideman train mood-default needs the optional extra 'train': pip install 'sideman[train]'\n"
    )


class TestWithOnnx:
    @pytest.fixture(autouse=True)
    def needs_onnx(self):
        pytest.importorskip("onnx")

    def test_a_dry_run_says_what_would_be_made_and_makes_nothing(self, tmp_path):
        done = train("--data", tmp_path, "--out", tmp_path / "out", "--dry-run")
        assert done.exit_code == 0
        assert "TimGM6mb.sf2" in done.stdout
        assert f"write {tmp_path / 'out' / 'mood.onnx'}" in done.stdout
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("option", ["--soundfont", "--unseen"])
    def test_a_soundfont_that_is_not_there_is_one_line(self, tmp_path, option):
        done = train("--data", tmp_path, "--out", tmp_path, option, tmp_path / "none.sf2", "--dry-run")
        assert done.exit_code == 1
        assert "none.sf2: no such SoundFont" in done.stderr
        assert done.stderr.count("\n") == 1

    def test_a_folder_without_sets_is_one_line(self, tmp_path):
        done = train("--data", tmp_path, "--out", tmp_path / "out", "--work", tmp_path / "work")
        assert done.exit_code == 1
        assert "catalog.csv" in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "out").exists()

    def test_the_card_is_printed(self, tmp_path):
        midi = write_sets(tmp_path / "sets", clips=2)
        done = train("--data", midi, "--out", tmp_path / "out", "--work", tmp_path / "work", "--short", "--json", "-q")
        assert done.exit_code == 0, done.stderr
        card = json.loads(done.stdout)
        assert card["name"] == "mood"
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mood.json", "mood.md", "mood.onnx"]
