"""``sideman tag`` and ``sideman undo`` as a user runs them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import typer
from typer.testing import CliRunner

from sideman.cli import tag
from sideman.cli.app import _Commands
from sideman.library.payload import audio_hash
from sideman.library.schema import files
from sideman.library.store import open_store
from sideman.library.tags import journal
from sideman.library.tags.read import read_tags
from tests.cli.run import EXAMPLES, sideman
from tests.library.tags.made import library, make
from tests.library.tags.test_write import digest

with contextlib.suppress(ImportError):  # not on Windows
    import fcntl
    import termios


def _app():
    app = typer.Typer(cls=_Commands, rich_markup_mode=None, pretty_exceptions_enable=False)
    tag.register(app)
    return app


APP = _app()


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """Three files in a library; nothing of the user's own settings is read."""
    monkeypatch.setenv("SIDEMAN_DATABASE", str(tmp_path / "library.db"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "music").mkdir()
    paths = [make(kind, tmp_path / "music") for kind in ("flac", "m4a", "mp3_bare")]
    library(tmp_path / "library.db", paths).close()
    return paths


def run(*arguments, answer=None):
    return CliRunner().invoke(APP, arguments, input=answer)


def test_a_dry_run_shows_a_diff_and_writes_nothing(songs):
    before = [digest(song) for song in songs]
    result = run("tag", "--dry-run", "--force")
    assert result.exit_code == 0
    assert f"{songs[0]}\n  genre: Soul; Funk -> Hip-Hop\n  mood: (empty) -> Calm\n" in result.stdout
    assert [digest(song) for song in songs] == before


def test_tag_writes_and_undo_restores(songs, tmp_path):
    fields = [read_tags(song).fields for song in songs]
    result = run("tag", "--yes", "--genre", "--key", "--camelot", "--force")
    assert result.exit_code == 0, result.output
    assert "wrote 3 files in batch 1; 'sideman undo 1' takes it back" in result.stderr
    assert [read_tags(song).fields["genre"] for song in songs] == [["Hip-Hop"]] * 3
    assert [read_tags(song).fields["key"] for song in songs] == [["7A"]] * 3
    with open_store(tmp_path / "library.db") as store, store.read() as connection:
        assert {row.tag_key for row in connection.execute(files.select())} == {"7A"}
    result = run("undo")
    assert result.exit_code == 0, result.output
    assert "key: 7A -> (empty)" in result.stdout
    assert [read_tags(song).fields for song in songs] == fields


def test_without_a_terminal_it_wants_yes(songs):
    result = run("tag")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "add --yes" in result.stderr
    assert run("tag", "--json").exit_code == 2


def _own_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that ^C on it is a signal


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of POSIX")
@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("y\n", 0), ("\x04", 1), ("\x03", 130)])
def test_at_a_terminal_it_asks(songs, answer, code):
    before = [digest(song) for song in songs]
    terminal, its_end = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sideman", "tag", "--mood"], stdin=its_end, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, preexec_fn=_own_terminal,
    ) as process:  # fmt: skip
        os.close(its_end)
        asked = ""
        while not asked.endswith("[y/N]:") and process.poll() is None:
            asked += process.stderr.read(1)
        os.write(terminal, answer.encode())
        shown, more = process.communicate(timeout=60)
        os.close(terminal)
    assert process.returncode == code
    assert shown.count("mood: (empty) -> Calm") == 3
    assert asked.startswith("Write 3 files?")
    assert more.endswith("\n") or answer == "y\n", "what is shown next begins a line"
    assert ([digest(song) for song in songs] == before) is (answer != "y\n")


def test_json_tells_each_file(songs):
    lines = [
        json.loads(line)
        for line in run("tag", "--yes", "--json", "--bpm", "--bpm-range", "120..240").stdout.splitlines()
    ]
    assert {line["state"] for line in lines} == {"done"}
    assert {line["path"]: line["fields"] for line in lines}[str(songs[0])] == {"bpm": {"old": [], "new": ["186.8"]}}
    (planned, *_) = [json.loads(line) for line in run("undo", "--dry-run", "--json").stdout.splitlines()]
    assert planned["state"] == "planned"
    (listed,) = [json.loads(line) for line in run("undo", "--list", "--json").stdout.splitlines()]
    assert (listed["batch"], listed["command"], listed["done"]) == (1, "tag --bpm", 3)


def test_options_of_the_text(songs):
    result = run("tag", "--yes", "--force", "--genre", "--genres-above", "0.2", "--spelling", "hiphop=Rap")
    assert result.exit_code == 0
    assert read_tags(songs[0]).fields["genre"] == ["Rap", "Jazz"]


def test_exit_codes_say_what_failed(songs):
    songs[0].chmod(0o444)
    result = run("tag", "--yes")
    assert result.exit_code == 3
    assert f"{songs[0]}: it is write-protected" in result.stderr
    for song in songs:
        song.write_bytes(b"no music")
    result = run("tag", "--yes", "--force", "--mood", "--spelling", "calm=Chill")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 4
    assert "Traceback" not in result.output


def test_nothing_to_write_is_said(songs):
    assert run("tag", "--yes").exit_code == 0
    result = run("tag", "--yes")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "nothing to write\n")


def test_undo_leaves_what_others_changed(songs):
    run("tag", "--yes", "--mood")
    run("tag", "--yes", "--mood", "--force", "--spelling", "calm=Chill")
    result = run("undo", "1")
    assert result.exit_code == 1
    assert "mood now holds Chill, not what was written; it is left" in result.stderr
    assert run("undo", "9").exit_code == 1
    assert "there is no batch 9" in run("undo", "9").stderr


def test_a_run_that_was_killed_is_settled_first(songs, tmp_path):
    from tests.library.tags.test_write import change_of

    copy = songs[0].parent / ".x.sideman-tmp"
    copy.touch()
    with open_store(tmp_path / "library.db") as store:
        journal.plan(store, journal.begin(store, "tag"), change_of(songs[0], {"mood": ["Sad"]}), copy)
    result = run("undo", "--list")
    assert "was left as it was when an earlier run was cut short" in result.stderr
    assert "1 failed" in result.stdout
    assert not copy.exists()


def test_usage_errors(songs):
    for arguments in (["--bpm-range", "x"], ["--spelling", "x"], ["--min-confidence", "2"], ["--top", "0"]):
        assert run("tag", "--dry-run", *arguments).exit_code == 2


def test_a_misspelt_option_is_no_term_of_the_query(songs):
    before = [digest(song) for song in songs]
    result = run("tag", "--yes", "--dryrun")
    assert (result.exit_code, "--dryrun: there is no such option" in result.stderr) == (2, True)
    assert [digest(song) for song in songs] == before


def test_a_query_chooses_the_tracks(songs):
    assert run("tag", "--yes", "--mood", "title:none").stderr == "nothing to write\n"
    assert "wrote 1 file " in run("tag", "--yes", "--mood", "path:m4a", "-tag:chill").stderr


def test_a_library_that_is_not_there(tmp_path):
    result = run("tag", "--dry-run", "--database", str(tmp_path / "none.db"))
    assert result.exit_code == 1
    assert "sideman scan" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there")
def test_ctrl_c_ends_after_the_file_at_hand(songs, tmp_path):
    code = (
        "import sys, time\n"
        "from sideman.library.tags import write\n"
        "from tests.cli.test_tag import APP\n"
        "def slow(name):\n"
        "    if name == 'edit':\n"
        "        print('now', flush=True); time.sleep(1)\n"
        "write._step = slow\n"
        "APP(['tag', '--yes', '--mood'], prog_name='sideman')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "now" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "wrote 1 file in batch 1" in complaints
    assert "interrupted: 2 of 3 files were not touched" in complaints
    assert sum("mood" in read_tags(song).fields for song in songs) == 1


def test_after_tag_a_scan_analyses_nothing_again(tmp_path):
    """With the whole program: scan, tag, scan, undo, scan."""
    shutil.copy(EXAMPLES / "one drop.opus", tmp_path)
    shutil.copy(EXAMPLES / "disco nights.mp3", tmp_path)
    there = {"env": {"SIDEMAN_DATABASE": str(tmp_path / "library.db")}, "cwd": tmp_path}
    assert sideman("scan", ".", **there).returncode == 0
    hashes = [audio_hash(path) for path in sorted(tmp_path.glob("*.*3")) + sorted(tmp_path.glob("*.opus"))]
    for command in (["tag", "--yes", "--min-confidence", "0"], ["undo"]):
        done = sideman(*command, **there)
        assert (done.returncode, b"wrote 2 files" in done.stderr) == (0, True)
        again = sideman("scan", ".", **there)
        assert b"nothing new" in again.stdout + again.stderr
    assert hashes == [audio_hash(path) for path in sorted(tmp_path.glob("*.*3")) + sorted(tmp_path.glob("*.opus"))]
