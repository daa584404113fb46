"""``sideman train default``: what it asks for, what it refuses, and that a dry run leaves no trace."""

import json
import sys

import pytest
from typer.testing import CliRunner

from sideman.cli.app import app


def train(folder, *more: str, **options):
    arguments = ["train", "default"]
    for name in ("data", "midi", "teachers", "folds", "soundfont", "out", "work"):
        arguments += [f"--{name}", str(folder / name)]
    return CliRunner().invoke(app, [*arguments, *more], **options)


def test_a_dry_run_says_what_would_be_made_and_makes_nothing(tmp_path):
    pytest.importorskip("torch")
    done = train(tmp_path, "--dry-run")
    assert done.exit_code == 0
    assert f"would write {tmp_path / 'out' / 'genre.onnx'} and {tmp_path / 'out' / 'genre.json'}" in done.stdout
    assert not list(tmp_path.iterdir())
    assert train(tmp_path, "--dry-run", "--short").stdout != done.stdout


def test_without_torch_one_line_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    done = train(tmp_path)
    assert done.exit_code == 1
    assert done.stderr == "error: sideman train needs the optional extra 'train': pip install 'sideman[train]'\n"
    assert not list(tmp_path.iterdir())


def test_what_is_not_given_is_asked_for():
    done = CliRunner().invoke(app, ["train", "default"], env={"SIDEMAN_DATA": ""})
    assert done.exit_code == 2
    assert "--data" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_material_is_one_line(tmp_path):
    pytest.importorskip("torch")
    done = train(tmp_path)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def recorded(monkeypatch):
    """The recipe replaced by one that only notes how it was called."""
    pytest.importorskip("torch")
    from sideman.genre.recipe import default

    calls = []
    card = {"figures": {"all": {"balanced_accuracy": 0.754, "interval_95": [0.701, 0.8]}}}
    monkeypatch.setattr(default, "run", lambda *arguments: calls.append(arguments) or card)
    return calls


def test_the_recipe_gets_what_the_user_named(tmp_path, recorded):
    from sideman.genre.recipe.default import SHORT, Amounts, Sources

    done = train(tmp_path, "--soundfont", str(tmp_path / "second.sf2"))
    assert done.exit_code == 0
    assert done.stdout == f"{tmp_path / 'out' / 'genre.onnx'}: balanced accuracy 0.754 (0.701..0.800)\n"
    fonts = (tmp_path / "soundfont", tmp_path / "second.sf2")
    sources = Sources(tmp_path / "data", tmp_path / "folds", tmp_path / "midi", fonts, tmp_path / "teachers")
    assert recorded == [(sources, tmp_path / "work", tmp_path / "out", Amounts())]
    train(tmp_path, "--short")
    assert recorded[1][3] == SHORT


def test_json_prints_the_card(tmp_path, recorded):
    done = train(tmp_path, "--json")
    assert json.loads(done.stdout)["figures"]["all"]["balanced_accuracy"] == 0.754


def test_the_group_has_a_help_page():
    done = CliRunner().invoke(app, ["train", "--help"])
    assert done.exit_code == 0
    assert "genre" in done.stdout
