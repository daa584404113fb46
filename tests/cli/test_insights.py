"""``sideman insights`` as a user meets it."""

import json

import pytest
import typer
from typer.testing import CliRunner

from sideman.cli import insights
from sideman.core.errors import LibraryError, OutputError, UsageError
from tests.library.make import make_store

app = typer.Typer()
insights.register(app)


@pytest.fixture
def library(tmp_path):
    make_store(tmp_path, n=30).close()
    return tmp_path / "library.db"


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_it_writes_one_page_and_says_so(library, tmp_path):
    out = tmp_path / "report.html"
    result = run("--out", out, "--database", library)
    assert result.exit_code == 0
    assert result.stdout == f"{out}: 30 tracks\n"
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".html") == ["report.html"]


def test_json_needs_no_page(library, tmp_path):
    result = run("--json", "--database", library)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["tracks"] == 30
    assert not list(tmp_path.glob("*.html"))


def test_a_query_may_be_several_words(library):
    told = json.loads(run("--json", "artist:artist", "genre:jazz", "--database", library).stdout)
    assert 0 < told["tracks"] < 30


def test_a_dry_run_writes_nothing(library, tmp_path):
    result = run("--out", tmp_path / "report.html", "--dry-run", "--database", library)
    assert result.exit_code == 0
    assert "would be written" in result.stderr
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ([], UsageError, "--out FILE.html"),
        (["--out", "report.pdf"], OutputError, "ends in .html"),
        (["--json", "--database", "/nowhere/library.db"], LibraryError, "there is no library yet"),
    ],
)
def test_wrong_use_is_one_line(arguments, error, words):
    result = run(*arguments)
    assert isinstance(result.exception, error)
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)
