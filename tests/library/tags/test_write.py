"""One file is written: durable, checked, whole or not at all, whatever goes wrong and whoever else is at it."""

import errno
import hashlib
import itertools
import os
import stat
import subprocess
import sys

import pytest

from sideman.core.errors import LibraryError
from sideman.library.payload import audio_hash
from sideman.library.schema import files
from sideman.library.store import open_store
from sideman.library.tags import checks, journal, write
from sideman.library.tags.journal import Change
from sideman.library.tags.read import read_tags
from tests.library.tags.made import library, make

NEW = {"genre": ["Hip-Hop"], "mood": ["Calm"], "bpm": ["93"], "key": ["Dm"]}
STEPS = ("lock", "journal", "create", "edit", "check", "attributes", "sync", "compare", "rename")
LATE_STEPS = ("folder", "commit")


@pytest.fixture
def song(tmp_path):
    (tmp_path / "music").mkdir()
    return make("mp3_v23", tmp_path / "music")


@pytest.fixture
def store(tmp_path, song):
    with library(tmp_path / "library.db", [song]) as store:
        yield store


def change_of(path, new=NEW):
    with path.open("rb") as file:
        before = checks.snapshot(file)
    return Change(str(path), before.audio_hash, {name: before.values[name] for name in new}, new)


def put(store, path, new=NEW, **options):
    return write.write(store, journal.begin(store, "tag"), change_of(path, new), **options)


def states(store):
    return [(entry.state, entry.detail) for entry in journal.entries(store)]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def left_over(path):
    return [p.name for p in path.parent.iterdir() if p.name.startswith(".")]


def test_a_file_is_written_and_the_library_knows_it(store, song):
    sound = audio_hash(song)
    old = change_of(song).old
    assert put(store, song) == write.Outcome(str(song), "done")
    assert audio_hash(song) == sound
    assert {name: read_tags(song).fields[name] for name in NEW} == NEW
    (entry,) = journal.entries(store)
    assert (entry.state, entry.old, entry.new) == ("done", old, NEW)
    with store.read() as connection:
        row = connection.execute(files.select()).one()
    status = song.stat()
    assert (row.size, row.mtime_ns) == (status.st_size, str(status.st_mtime_ns))
    assert (row.tag_genre, row.tag_mood, row.tag_bpm, row.tag_key) == ("Hip-Hop", "Calm", 93.0, "Dm")
    assert row.audio_hash == sound[0]
    assert left_over(song) == []


def test_the_journal_is_written_before_the_copy_exists(store, song, monkeypatch):
    seen = []

    def look(step):
        seen.append((step, [entry.state for entry in journal.entries(store)], len(left_over(song))))

    monkeypatch.setattr(write, "_step", look)
    put(store, song)
    assert [step for step, _, _ in seen] == [*STEPS, *LATE_STEPS]
    assert seen[2] == ("create", ["planned"], 0)
    assert seen[3] == ("edit", ["planned"], 1)
    assert seen[-1] == ("commit", ["planned"], 0)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("step", STEPS)
def test_an_error_at_any_step_leaves_the_file(store, song, monkeypatch, step, number):
    before, fault = digest(song), OSError(number, os.strerror(number))

    def fail(name):
        if name == step:
            raise fault

    monkeypatch.setattr(write, "_step", fail)
    outcome = put(store, song)
    assert outcome.state == "failed"
    assert len(outcome.detail.splitlines()) == 1
    assert "full" in outcome.detail or number != errno.ENOSPC
    assert digest(song) == before
    assert left_over(song) == []
    assert states(store) == ([] if step in ("lock", "journal") else [("failed", outcome.detail)])


@pytest.mark.parametrize("step", LATE_STEPS)
def test_an_error_after_the_rename_is_settled_by_the_next_run(store, song, monkeypatch, step):
    def fail(name):
        if name == step:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(write, "_step", fail)
    with pytest.raises(LibraryError, match="is written"):
        put(store, song)
    assert states(store) == [("planned", None)]
    assert journal.recover(store) == [journal.Recovered(str(song), "done")]
    with store.read() as connection:
        assert connection.execute(files.select()).one().tag_genre == "Hip-Hop"


def _dies_at(step, database, song):
    """Write in a child process that ends without a word at a step; its exit code."""
    child = os.fork()
    if child == 0:
        try:
            write._step = lambda name: os._exit(9) if name == step else None
            put(open_store(database), song)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs safe forks")
@pytest.mark.parametrize("step", [*STEPS, *LATE_STEPS])
def test_a_process_that_dies_at_any_step_is_recovered(store, song, step):
    before, known = digest(song), read_tags(song).fields
    assert _dies_at(step, store.url, song) == 9
    late = step in LATE_STEPS
    assert (digest(song) == before) is not late
    recovered = journal.recover(store)
    assert [item.state for item in recovered] == ([] if step in ("lock", "journal") else ["done" if late else "failed"])
    assert left_over(song) == []
    fields = read_tags(song).fields
    assert {n: v for n, v in fields.items() if n not in NEW} == {n: v for n, v in known.items() if n not in NEW}
    assert journal.recover(store) == []
    assert late or put(store, song).state == "done"


def test_a_disk_that_is_full_in_the_middle_of_the_copy(store, song, monkeypatch):
    import sideman.library.tags.in_id3 as in_id3

    def full(file, start, end, out):
        out.write(b"x" * 1000)
        raise OSError(errno.ENOSPC, "No space left on device")

    before = digest(song)
    monkeypatch.setattr(in_id3, "copy", full)
    assert put(store, song).detail == "the disk is full; free some space"
    assert (digest(song), left_over(song)) == (before, [])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_is_really_full(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no file systems can be mounted here")
    try:
        song = make("mp3_bare", folder)
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(bytes(4096))
        before = digest(song)
        with library(tmp_path / "library.db", [song]) as store:
            assert put(store, song).detail == "the disk is full; free some space"
            assert (digest(song), left_over(song)) == (before, [])
            filler.unlink()
            assert put(store, song).state == "done"
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_copy_that_differs_is_thrown_away(store, song, monkeypatch):
    import sideman.library.tags.in_id3 as in_id3

    def careless(file, changes, out):
        file.seek(0)
        data = bytearray(file.read())
        data[-300] ^= 4
        out.write(data)

    before = digest(song)
    monkeypatch.setattr(in_id3, "rewrite", careless)
    outcome = put(store, song)
    assert outcome.state == "failed"
    assert "does not hold the new tags" in outcome.detail
    assert (digest(song), left_over(song)) == (before, [])


def test_a_write_protected_file_is_left(store, song):
    song.chmod(0o444)
    before = digest(song)
    assert put(store, song).detail == "it is write-protected"
    assert digest(song) == before
    assert states(store) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_write_protected_folder_is_left_alone(store, song):
    song.parent.chmod(0o555)
    try:
        assert put(store, song).detail == "its folder is write-protected"
    finally:
        song.parent.chmod(0o755)


def test_mode_and_extended_attributes_stay(store, song):
    song.chmod(0o640)
    with_attributes = hasattr(os, "setxattr")
    if with_attributes:
        try:
            os.setxattr(song, "user.rating", b"5")
        except OSError:
            with_attributes = False
    assert put(store, song).state == "done"
    assert stat.S_IMODE(song.stat().st_mode) == 0o640
    if with_attributes:
        assert os.getxattr(song, "user.rating") == b"5"


def test_a_file_whose_mode_cannot_be_kept_is_left(store, song, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    before = digest(song)
    monkeypatch.setattr(write.shutil, "copystat", refuse)
    assert put(store, song).detail == "its mode cannot be kept; the file was left alone"
    assert (digest(song), left_over(song)) == (before, [])


def test_the_time_of_change_is_kept_by_option(store, song):
    os.utime(song, ns=(1_500_000_000_123_456_789,) * 2)
    assert put(store, song, preserve_mtime=True).state == "done"
    assert song.stat().st_mtime_ns == 1_500_000_000_123_456_789
    assert put(store, song, {"mood": ["Sad"]}).state == "done"
    assert song.stat().st_mtime_ns > 1_600_000_000_000_000_000


def test_a_symbolic_link_stays_and_its_target_is_written(store, song):
    link = song.parent / "link.mp3"
    link.symlink_to(song.name)
    change = change_of(link)
    assert write.write(store, journal.begin(store, "tag"), change).state == "done"
    assert link.is_symlink()
    assert read_tags(song).fields["mood"] == ["Calm"]


def test_a_hard_link_is_refused_unless_asked(store, song):
    other = song.parent / "other.mp3"
    other.hardlink_to(song)
    before = digest(song)
    outcome = put(store, song)
    assert "2 names (hard links)" in outcome.detail
    assert digest(song) == before
    assert put(store, song, break_hard_links=True).state == "done"
    assert digest(other) == before
    assert read_tags(song).fields["mood"] == ["Calm"]


def test_a_file_that_changes_meanwhile_is_left_to_the_other(store, song, monkeypatch):
    def meddle(step):
        if step == "compare":
            song.write_bytes(song.read_bytes() + b"\0")

    monkeypatch.setattr(write, "_step", meddle)
    outcome = put(store, song)
    assert "changed by another program" in outcome.detail
    assert song.read_bytes().endswith(b"\0")
    assert (states(store), left_over(song)) == ([("failed", outcome.detail)], [])


def test_a_file_that_is_replaced_meanwhile_is_left_to_the_other(store, song, monkeypatch):
    def meddle(step):
        if step == "compare":
            new = song.parent / "new"
            new.write_bytes(song.read_bytes())
            new.replace(song)

    monkeypatch.setattr(write, "_step", meddle)
    assert "changed by another program" in put(store, song).detail


def test_tags_that_changed_since_the_plan_are_left(store, song):
    change = change_of(song)
    assert put(store, song, {"genre": ["Polka"]}).state == "done"
    assert "tags have changed meanwhile" in write.write(store, journal.begin(store, "tag"), change).detail
    assert read_tags(song).fields["genre"] == ["Polka"]


def test_another_recording_under_the_same_name_is_left(store, song):
    change = change_of(song)
    song.write_bytes(make("mp3_bare", song.parent).read_bytes())
    assert "no longer what was scanned" in write.write(store, journal.begin(store, "tag"), change).detail


@pytest.mark.skipif(sys.platform == "win32", reason="files are locked otherwise there")
def test_of_two_processes_on_one_file_one_is_told_to_wait(store, song):
    code = (
        "import fcntl, sys, time\n"
        "file = open(sys.argv[1], 'rb'); fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, song], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:  # fmt: skip
        holder.stdout.readline()
        outcome = put(store, song)
        assert outcome.detail == "another program is at it; run it again later"
        # a row of a run that goes on is not settled
        row = journal.plan(store, 1, change_of(song), song.parent / ".x.sideman-tmp")
        assert journal.recover(store) == []
        holder.stdin.close()
    assert journal.recover(store) == [journal.Recovered(str(song), "failed")]
    assert row
    assert put(store, song).state == "done"


def test_two_processes_at_once_lose_nothing(tmp_path, store, song):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from sideman.library.store import open_store\n"
        "from tests.library.tags.test_write import put\n"
        "store, song = open_store(sys.argv[1]), Path(sys.argv[2])\n"
        "print(sum(put(store, song, {'mood': [f'{sys.argv[3]} {i}']}).state == 'done' for i in range(12)))\n"
    )
    sound, title = audio_hash(song), read_tags(song).fields["title"]
    running = [
        subprocess.Popen([sys.executable, "-c", code, store.url, song, name], stdout=subprocess.PIPE) for name in "AB"
    ]
    wrote = [int(process.communicate()[0]) for process in running]
    done = [entry for entry in journal.entries(store) if entry.state == "done"]
    assert len(done) == sum(wrote) > 0
    for earlier, later in itertools.pairwise(done):
        assert later.old == earlier.new  # each began where the one before it ended
    assert (audio_hash(song), read_tags(song).fields["title"]) == (sound, title)
    assert read_tags(song).fields["mood"] == done[-1].new["mood"]
    assert left_over(song) == []


def test_a_full_journal_ends_the_run_before_the_file_is_touched(store, song, monkeypatch):
    def full(*_):
        raise LibraryError("library.db: the disk is full")

    before = digest(song)
    monkeypatch.setattr(journal, "plan", full)
    with pytest.raises(LibraryError, match="disk is full"):
        put(store, song)
    assert (digest(song), left_over(song)) == (before, [])
