"""``sideman scan`` and ``sideman ls`` as their users meet them."""

import contextlib
import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from tests.cli.run import sideman
from tests.library.make import make_store
from tests.library.sounds import collection, write


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan") / "müsic"
    collection(folder, n=5)
    (folder / "broken.mp3").write_text("no music\n")
    return folder


@pytest.fixture(scope="module")
def library(music, tmp_path_factory):
    path = tmp_path_factory.mktemp("library") / "library.db"
    done = sideman("scan", music, "--database", path)
    assert done.returncode == 3
    assert b"broken.mp3: " in done.stderr
    assert b"6 files: 6 new, 5 heard" in done.stdout
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_store(folder, n=60).close()
    return folder / "library.db"


def test_the_second_scan_does_nothing(music, library):
    done = sideman("scan", "--database", library, "--json")
    report = json.loads(done.stdout)
    assert (report["found"], report["new"], report["analysed"]) == (6, 0, 0)


def test_the_library_may_be_named_by_the_environment(music, library):
    assert sideman("ls", "--count", env={"SIDEMAN_DATABASE": str(library)}).stdout == b"6\n"


def test_dry_run_writes_nothing(music, tmp_path):
    done = sideman("scan", music, "--dry-run", "--database", tmp_path / "library.db")
    assert done.returncode == 0
    assert b"6 files: 6 new" in done.stdout
    assert sideman("ls", "--count", "--database", tmp_path / "library.db").stdout == b"0\n"


def test_ls_prints_a_table(library):
    done = sideman("ls", "--database", library)
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["ID", "ARTIST", "TITLE", "GENRE", "MOOD", "BPM", "KEY", "LENGTH"]
    assert len(lines) == 7
    assert any("broken.mp3" in line and "failed" in line for line in lines)


def test_ls_takes_terms_as_one_text_or_as_words(made):
    one = sideman("ls", "--database", made, "--paths", "genre:jazz bpm:90..140")
    words = sideman("ls", "--database", made, "--paths", "genre:jazz", "bpm:90..140")
    assert one.stdout == words.stdout
    assert one.stdout


def test_terms_may_begin_with_a_dash(made):
    """-tag:chill and -path:x hold letters that would be short options elsewhere."""
    everything = int(sideman("ls", "--database", made, "--count").stdout)
    jazz = int(sideman("ls", "--database", made, "--count", "tag:jazz").stdout)
    assert int(sideman("ls", "--database", made, "--count", "-tag:jazz", "-path:qhx0").stdout) == everything - jazz


def test_json_and_csv_tell_the_same(made):
    plain = [json.loads(line) for line in sideman("ls", "--database", made, "--json", "artist+").stdout.splitlines()]
    text = sideman("ls", "--database", made, "--csv", "artist+").stdout.decode()
    sheet = list(csv.DictReader(io.StringIO(text)))
    assert [row["path"] for row in sheet] == [row["path"] for row in plain]
    assert len(plain) == 60


def test_paths_can_end_with_nul(made):
    listed = sideman("ls", "--database", made, "--paths", "--null", "--limit", "3").stdout
    assert listed.count(b"\0") == 3
    assert listed.endswith(b"\0")


def test_a_misspelt_field_is_pointed_out(made):
    done = sideman("ls", "--database", made, "gerne:jazz")
    assert done.returncode == 0
    assert b"did you mean genre?" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["ls", "bpm:fast"], 2, b"not a number"),
        (["ls", "--json", "--csv"], 2, b"choose one"),
        (["ls", "--out", "x.doc"], 2, b"must end in"),
        (["scan", "no such folder"], 1, b"no such file or folder"),
        (["scan", "--engine", "steam"], 2, b"local or ray"),
        (["scan", "--address", "x:1", "."], 2, b"--engine ray"),
        (["scan", "--watch", "--dry-run"], 2, b"exclude"),
    ],
)
def test_what_cannot_be_is_one_line(made, arguments, code, says):
    done = sideman(*arguments, "--database", made)
    assert done.returncode == code
    assert says in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_without_a_library_one_is_told_how_to_make_it(tmp_path):
    done = sideman("ls", "--database", tmp_path / "none.db")
    assert done.returncode == 1
    assert b"sideman scan" in done.stderr


def test_out_writes_files(made, tmp_path):
    done = sideman("ls", "--database", made, "--out", tmp_path / "a.jsonl", "genre:jazz")
    assert done.returncode == 0
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert {json.loads(line)["genre"] for line in lines} == {"jazz"}
    assert sideman("ls", "--database", made, "--out", tmp_path / "a.jsonl").returncode == 1


def test_a_reader_that_leaves_early_is_no_error(made):
    command = f"'{sys.executable}' -m sideman ls --database '{made}' --json | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, timeout=60, check=False)
    assert done.stderr == b""
    assert json.loads(done.stdout)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_keeps_what_was_heard(tmp_path):
    """The database is watched from here: a command to look at it may take longer than the whole scan."""
    collection(tmp_path / "music", n=80)
    base = [sys.executable, "-m", "sideman"]
    database = tmp_path / "library.db"
    place = ["--database", str(database)]
    child = subprocess.Popen([*base, "scan", str(tmp_path / "music"), *place, "--workers", "1"], stderr=subprocess.PIPE)
    while heard(database) < 3:
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == 130
    assert b"Traceback" not in stderr
    assert b"interrupted" in stderr
    kept = int(sideman("ls", "--count", "-pending:", *place).stdout)
    assert 3 <= kept < 80
    report = json.loads(sideman("scan", tmp_path / "music", *place, "--json").stdout)
    assert report["analysed"] == 80 - kept


def heard(database):
    """How many recordings a running scan has finished."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
            return connection.execute("SELECT count(*) FROM analyses WHERE state = 'done'").fetchone()[0]
    except sqlite3.OperationalError:  # no database yet, or no table in it
        return 0


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_watch_hears_what_is_added(tmp_path):
    collection(tmp_path / "music", n=1)
    command = [sys.executable, "-m", "sideman", "scan", str(tmp_path / "music"), "--watch", "--json"]
    child = subprocess.Popen(
        [*command, "--database", str(tmp_path / "library.db")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert json.loads(child.stdout.readline())["analysed"] == 1
        assert b"watching" in child.stderr.readline()
        time.sleep(0.5)
        write(tmp_path / "music" / "new.wav", seed=5)
        assert json.loads(child.stdout.readline())["analysed"] == 1
    finally:
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=30)
    assert child.returncode == 130
