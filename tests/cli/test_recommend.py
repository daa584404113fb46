"""``sideman recommend`` as its users meet it."""

import json

import pytest

from sideman.cli import recommend
from tests.cli.in_process import runner
from tests.library.make import make_store

run = runner(recommend)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recommend")
    make_store(folder, n=120).close()
    return folder / "library.db"


def records(done):
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_half_an_hour_for_a_mood(library):
    songs = records(run("recommend", "--mood", "calm", "--json", "--database", library))
    assert abs(sum(song["duration_s"] for song in songs) - 1800) < 210
    assert all(song["wanted"] == {"valence": 0.5, "arousal": -0.7} for song in songs)


def test_a_point_says_the_same_as_its_word(library):
    word = run("recommend", "--mood", "calm", "--json", "--database", library)
    point = run("recommend", "--valence", "0.5", "--arousal", "-0.7", "--json", "--database", library)
    assert records(word) == records(point)


def test_lift_leads_upwards(library):
    songs = records(run("recommend", "--mood", "sad", "--lift", "--minutes", 60, "--json", "--database", library))
    assert songs[0]["wanted"]["valence"] < 0 < songs[-1]["wanted"]["valence"]


def test_a_query_narrows_and_a_file_is_written(library, tmp_path):
    out = tmp_path / "calm.m3u8"
    done = run(
        "recommend", 'artist:="Artist 3"', "--mood", "calm", "--minutes", 10, "--out", out, "--database", library
    )
    assert done.exit_code == 0
    assert "Artist 3" in out.read_text()
    assert "Artist 4" not in out.read_text()


@pytest.mark.parametrize(
    "arguments, said",
    [
        ((), "name --mood"),
        (("--valence", "0.5"), "both"),
        (("--mood", "calm", "--valence", "0.5", "--arousal", "0"), "name --mood"),
        (("--mood", "meh"), "is not a mood"),
        (("--mood", "calm", "--minutes", "0"), "minutes"),
    ],
)
def test_mistakes_are_one_line(library, arguments, said):
    done = run("recommend", *arguments, "--database", library)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
