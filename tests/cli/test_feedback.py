"""``sideman feedback`` as its users meet it."""

import json

import pytest

from sideman.cli import feedback, similar
from tests.cli.in_process import runner
from tests.library.make import make_store

run = runner(feedback, similar)


@pytest.fixture
def library(tmp_path):
    make_store(tmp_path, n=60).close()
    return tmp_path / "library.db"


def listed(library):
    return [json.loads(line) for line in run("feedback", "list", "--json", "--database", library).stdout.splitlines()]


def test_what_is_said_is_listed_felt_and_taken_back(library):
    before = run("similar", 1, "--paths", "--database", library).stdout
    assert run("feedback", "like", 20, 21, "--context", "calm", "--database", library).exit_code == 0
    assert run("feedback", "skip", 30, "--database", library).exit_code == 0
    assert run("feedback", "correct", 31, "--genre", "raga", "--mood", "calm", "--database", library).exit_code == 0
    said = [(e["kind"], e["track"], e["field"], e["value"], e["context"]) for e in listed(library)]
    assert said == [
        ("like", 20, None, None, "calm"),
        ("like", 21, None, None, "calm"),
        ("skip", 30, None, None, None),
        ("correct", 31, "genre", "raga", None),
        ("correct", 31, "mood", "calm", None),
    ]
    assert run("similar", 1, "--paths", "--database", library).stdout != before
    assert run("similar", 1, "--paths", "--no-taste", "--database", library).stdout == before
    table = run("feedback", "list", "--database", library).stdout
    assert "genre: raga" in table
    numbers = [str(entry["id"]) for entry in listed(library)]
    assert run("feedback", "remove", *numbers, "--dry-run", "--database", library).exit_code == 0
    assert len(listed(library)) == 5
    assert run("feedback", "remove", *numbers, "--database", library).exit_code == 0
    assert listed(library) == []
    assert run("similar", 1, "--paths", "--database", library).stdout == before


def test_dry_run_keeps_nothing(library):
    done = run("feedback", "like", 1, "--dry-run", "--database", library)
    assert "would keep like: Artist 0 - Song 0" in done.stderr
    assert listed(library) == []


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (("like", "1", "999"), 1, "999: is not in the library"),
        (("correct", "1"), 2, "name --genre"),
        (("correct", "1", "--genre", "jazz", "--mood", "meh"), 2, "is not a mood"),
        (("remove", "7"), 1, "none such"),
    ],
)
def test_mistakes_keep_nothing(library, arguments, code, said):
    done = run("feedback", *arguments, "--database", library)
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
    assert listed(library) == []
