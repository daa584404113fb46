"""``sideman playlist`` as its users meet it."""

import json
from xml.etree import ElementTree

import pytest

from sideman.cli import playlist
from sideman.library.playlists import jspf, m3u8
from tests.cli.in_process import runner
from tests.library.make import make_store

run = runner(playlist)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("playlist")
    make_store(folder, n=120).close()
    return folder / "library.db"


@pytest.mark.parametrize(
    "asked",
    [
        ("year:1960..1999",),
        ("--seed", "5"),
        ("--mood", "calm->energetic"),
        ("year:1960..", "--seed", "5", "--mood", "sad"),
    ],
)
def test_an_hour_of_music(library, asked):
    done = run("playlist", *asked, "--json", "--database", library)
    assert done.exit_code == 0
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert abs(sum(record["duration_s"] for record in records) - 3600) < 210
    assert len({record["id"] for record in records}) == len(records)


def test_every_kind_of_file(library, tmp_path):
    for name in ("x.m3u8", "x.jspf", "x.xml"):
        done = run("playlist", "--seed", 5, "--songs", 6, "--out", tmp_path / name, "--database", library)
        assert done.exit_code == 0
        assert "6 songs" in done.stderr
    listed = [entry.path for entry in m3u8.read(tmp_path / "x.m3u8")]
    assert listed == [entry.path for entry in jspf.read(tmp_path / "x.jspf")]
    root = ElementTree.parse(tmp_path / "x.xml").getroot()
    assert len(root.findall("COLLECTION/TRACK/TEMPO")) == 6
    assert listed[0].endswith("0004 Song 4.mp3")


def test_a_rule_for_navidrome_needs_no_library(tmp_path):
    done = run("playlist", "genre:jazz", "year:1960..", "-tag_genre:bebop", "--songs", 50, "--out", tmp_path / "j.nsp")
    assert done.exit_code == 0
    assert json.loads((tmp_path / "j.nsp").read_text())["limit"] == 50
    shown = run("playlist", "genre:jazz", "--out", tmp_path / "k.nsp", "--dry-run")
    assert json.loads(shown.stdout)["all"] == [{"is": {"genre": "jazz"}}]
    assert not (tmp_path / "k.nsp").exists()


def test_terms_may_begin_with_a_dash(library):
    done = run("playlist", '-artist:="Artist 3"', "--songs", 30, "--json", "--database", library)
    assert done.exit_code == 0
    assert "Artist 3" not in {json.loads(line)["artist"] for line in done.stdout.splitlines()}


def test_dry_run_writes_nothing(library, tmp_path):
    done = run("playlist", "--mood", "calm", "--out", tmp_path / "x.m3u8", "--dry-run", "--database", library)
    assert "would hold" in done.stderr
    assert not list(tmp_path.iterdir())


def test_paths_and_seeds(library):
    first, again, other = (
        run("playlist", "--mood", "calm", "--paths", "--random-seed", seed, "--database", library).stdout
        for seed in (1, 1, 7)
    )
    assert first == again != other
    assert first.splitlines()[0].startswith("/")


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        ((), 2, "name a QUERY"),
        (("--mood", "jibberish"), 2, "is not a mood"),
        (("--mood", "calm->"), 2, "a mood is missing"),
        (("year:3000",), 1, "no analysed track"),
        (("year:x",), 2, "year:x"),
        (("--seed", "9999"), 1, "is not in the library"),
        (("a", "--minutes", "5", "--songs", "5"), 2, "choose one"),
        (("a", "--minutes", "-5"), 2, "minutes"),
        (("a", "--out", "x.pls"), 2, "must end in"),
        (("key:Dm", "--out", "x.nsp"), 2, "key:Dm: Navidrome cannot"),
        (("--out", "x.nsp"), 2, "name a QUERY"),
        (("a", "--mood", "calm", "--out", "x.nsp"), 2, "is a rule"),
        (("a", "--out", "/nowhere/x.m3u8"), 1, "/nowhere/x.m3u8"),
    ],
)
def test_mistakes_are_one_line(library, arguments, code, said):
    done = run("playlist", *arguments, "--database", library)
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
    assert len(done.stderr.splitlines()) == 1
