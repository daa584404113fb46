"""``sideman learn`` as a user meets it."""

import json

import pytest
import typer
from typer.testing import CliRunner

from sideman.cli import learn
from sideman.core.errors import LibraryError, UsageError
from tests.library.make import make_store

app = typer.Typer()
learn.register(app)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    make_store(folder, n=90, artists=30).close()
    return folder / "library.db"


def run(library, *arguments):
    return CliRunner().invoke(app, [*map(str, arguments), "--database", str(library)])


def told(library, *arguments):
    return [json.loads(line) for line in run(library, *arguments, "--json").stdout.splitlines()]


def test_learning_telling_and_forgetting(library):
    result = run(library, "--from-tags", "--min-tracks", 4, "--dry-run")
    assert result.exit_code == 0
    assert "balanced accuracy" in result.stdout
    assert "nothing was kept" in result.stderr
    assert told(library, "--list") == []

    (card,) = told(library, "--from-tags", "--min-tracks", 4)
    assert card["field"] == "genre"
    assert told(library, "--list") == told(library, "--show", "Genre") == [card]
    assert f"genre: {len(card['labels'])} labels" in run(library, "--list").stdout
    assert "AUC" in run(library, "--show", "genre").stdout

    assert "would be forgotten" in run(library, "--remove", "genre", "--dry-run").stdout
    assert told(library, "--list") == [card]
    assert run(library, "--remove", "genre").stdout == "genre: forgotten\n"
    assert told(library, "--list") == []


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ([], UsageError, "name one of --from-tags"),
        (["--list", "--from-tags"], UsageError, "name one of"),
        (["--list", "genre:jazz"], UsageError, "a query goes with --from-tags"),
        (["--show", "raga"], LibraryError, "raga: was not learnt"),
        (["--remove", "raga"], LibraryError, "raga: was not learnt"),
        (["--from-tags", "--field", "raga"], LibraryError, "learning takes two labels"),
    ],
)
def test_wrong_use_is_one_line(library, arguments, error, words):
    result = run(library, *arguments)
    assert isinstance(result.exception, error)
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)
