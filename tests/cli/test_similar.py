"""``sideman similar`` and ``sideman path`` as their users meet them."""

import json
import os
from pathlib import Path

import pytest

from sideman.cli import similar
from sideman.library import tracks
from sideman.library.playlists import m3u8
from sideman.library.schema import files
from tests.cli.in_process import runner
from tests.cli.run import EXAMPLES
from tests.library.make import make_store

run = runner(similar)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("similar")
    make_store(folder, n=80).close()
    return folder / "library.db"


def test_a_table_of_what_sounds_alike(library):
    done = run("similar", 1, "-n", 5, "--database", library)
    assert done.exit_code == 0
    head, *rows = done.stdout.splitlines()
    assert head.split()[-1] == "SIMILARITY"
    assert len(rows) == 5
    assert "5 songs" in done.stderr


def test_json_has_the_track_and_its_likeness(library):
    records = [json.loads(line) for line in run("similar", 1, "--json", "--database", library).stdout.splitlines()]
    assert len(records) == 20
    assert all(0 < record["similarity"] <= 1 and record["id"] != 1 for record in records)


def test_a_track_may_be_named_by_its_path(library):
    path = library.parent / "music" / "Artist 0" / "0000 Song 0.mp3"
    assert run("similar", path, "--database", library).stdout == run("similar", 1, "--database", library).stdout


def test_paths_for_pipes_keep_their_bytes(tmp_path):
    store = make_store(tmp_path, n=10)
    with store.write() as connection:
        connection.execute(files.update().where(files.c.id == 2).values(path="/m/\uf8feff.mp3"))
    done = run("similar", 1, "--paths", "--database", tmp_path / "library.db")
    assert b"/m/\xff.mp3" in done.stdout_bytes.split(b"\n")
    assert done.stderr == ""


def test_a_file_outside_the_library_is_listened_to(tmp_path):
    from sideman.genre.embed import embed
    from sideman.library.schema import analyses

    store = make_store(tmp_path, n=10)
    model = embed(EXAMPLES / "one drop.opus").model_sha256
    with store.write() as connection:
        connection.execute(analyses.update().values(model=model))
    done = run("similar", EXAMPLES / "one drop.opus", "-n", 3, "--json", "--database", tmp_path / "library.db")
    assert len(done.stdout.splitlines()) == 3


def test_a_library_heard_by_another_network_is_said(library):
    done = run("similar", EXAMPLES / "one drop.opus", "--database", library)
    assert done.exit_code == 1
    assert "another version of the network" in done.stderr


def test_options_narrow_the_list(library):
    own = tracks_by(run("similar", 1, "--other-artists", "--json", "--database", library))
    assert "Artist 0" not in {record["artist"] for record in own}
    old = tracks_by(run("similar", 1, "--query", "year:1960..1979", "--json", "--database", library))
    assert all(record["year"] < 1980 for record in old)
    many = tracks_by(run("similar", 1, "--per-artist", 0, "-n", 79, "--json", "--database", library))
    assert len(many) == 79


def tracks_by(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_walk_from_one_to_another(library, tmp_path):
    done = run("path", 1, 60, "-n", 7, "--json", "--out", tmp_path / "walk.m3u8", "--database", library)
    records = tracks_by(done)
    assert [records[0]["id"], records[-1]["id"], len(records)] == [1, 60, 7]
    assert records[0]["step"] == 0
    assert "largest step" in done.stderr
    assert [entry.path for entry in m3u8.read(tmp_path / "walk.m3u8")] == [record["path"] for record in records]


def test_a_playlist_is_not_overwritten_unasked(library, tmp_path):
    out = tmp_path / "x.m3u8"
    out.write_text("mine")
    refused = run("similar", 1, "--out", out, "--database", library)
    assert (refused.exit_code, out.read_text()) == (2, "mine")
    assert run("similar", 1, "--out", out, "--dry-run", "--database", library).exit_code == 0
    assert out.read_text() == "mine"
    assert run("similar", 1, "--out", out, "--overwrite", "--database", library).exit_code == 0
    assert out.read_text().startswith("#EXTM3U")


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (("similar", "999"), 1, "is not in the library"),
        (("similar", "/nowhere.mp3"), 1, "is not in the library"),
        (("similar", __file__), 1, os.path.basename(__file__)),  # noqa: PTH119 - no recording
        (("similar", "1", "--json", "--paths"), 2, "choose one"),
        (("similar", "1", "--out", "x.pls"), 2, "must end in"),
        (("similar", "1", "--absolute"), 2, "--out"),
        (("similar", "1", "--query", "year:abc"), 2, "year:abc"),
        (("similar", "1", "--index"), 1, "no index"),
        (("path", "1", "1"), 2, "two different"),
        (("path", "1", "999"), 1, "is not in the library"),
        (("path", "1", "2", "-n", "1"), 2, ""),
    ],
)
def test_mistakes_are_one_line(library, arguments, code, said):
    done = run(*arguments, "--database", library)
    assert done.exit_code == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_library_that_is_not_there(tmp_path):
    done = run("similar", 1, "--database", tmp_path / "none.db")
    assert done.exit_code == 1
    assert "sideman scan" in done.stderr
    assert not Path(tmp_path / "none.db").exists()


def test_names_cannot_steer_the_terminal(tmp_path):
    store = make_store(tmp_path, n=5)
    with store.write() as connection:
        connection.execute(files.update().values(title="\x1b[31mred", artist="\x07"))
    done = run("similar", 1, "--database", tmp_path / "library.db")
    assert "\x1b" not in done.stdout + done.stderr
    assert tracks.get(store, 2).title == "\x1b[31mred"
