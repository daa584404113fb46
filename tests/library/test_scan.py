"""Scan: every file once, nothing lost, nothing done twice, whatever happens to the files or to the scan."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mutagen
import pytest
from sqlalchemy import func, select, update

from sideman.core.errors import LibraryError, UsageError
from sideman.library import claims, tracks
from sideman.library.analyse import Analysis
from sideman.library.pathtext import from_text
from sideman.library.places import Quiet, known_roots
from sideman.library.scan import Heard, Options, preview, scan
from sideman.library.schema import analyses, details, files
from tests.library.sounds import collection, write


class Counting:
    """An engine that hears nothing but counts, so that scans are quick."""

    def __init__(self, fail=()):
        self.heard, self.fail = [], fail

    def __call__(self, jobs, workers):
        for audio_hash, path, *_ in jobs:
            self.heard.append(path)
            if Path(path).name in self.fail:
                yield Heard(audio_hash, path, error=f"{path}: sounds broken")
            else:
                yield Heard(audio_hash, path, analysis=made_up())


class Warnings(Quiet):
    """A listener that keeps what it is told."""

    def __init__(self):
        self.lines = []

    def warn(self, line):
        self.lines.append(line)


def made_up(**values):
    from sideman.genre.predict import DEFAULT_MODEL
    from sideman.inference.sessions import open_session

    plain = {
        "model": open_session(DEFAULT_MODEL).card.sha256,
        "duration_s": 3.0,
        "genre": "jazz",
        "genre_probability": 0.6,
        "unsure": False,
        "not_music": 0.0,
        "probabilities": {"jazz": 0.6, "pop": 0.4},
        "valence": 0.1,
        "arousal": 0.1,
        "mood": "neutral",
        "mood_confidence": 0.5,
        "tempo_bpm": 100.0,
        "tempo_confidence": 0.5,
        "first_beat_s": 0.1,
        "key": "C major",
        "key_confidence": 0.5,
        "loudness_lufs": -14.0,
        "peak_db": -1.0,
        "vector": b"\0" * 1024,
        "timeline": b"",
        "beats": b"",
    }
    return Analysis(**{**plain, **values})


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "music"
    collection(folder)
    return folder


def run(store, *places, engine=None, listener=None, **options):
    engine = engine or Counting()
    report = scan(store, places, Options(workers=1, **options), engine=engine, listener=listener)
    report.paths = engine.heard
    return report


def rows(store, table):
    with store.read() as connection:
        return connection.execute(select(table)).all()


def test_the_first_scan_hears_every_file_and_the_second_none(store, music):
    first = run(store, music)
    assert (first.found, first.new, first.analysed, first.failed, first.waiting) == (6, 6, 6, 0, 0)
    second = run(store, music)
    assert (second.found, second.new, second.changed, second.analysed) == (6, 0, 0, 0)
    assert {track.path for track in tracks.find(store)} == {str(p) for p in music.rglob("*.*")}


def test_real_recordings_are_heard_with_everything_that_is_promised(tmp_path, store):
    write(tmp_path / "music" / "a.wav", duration_s=4.0, channels=2)
    scan(store, [tmp_path / "music"], Options(workers=1))
    [track] = tracks.find(store, whole=True)
    assert track.duration_s == pytest.approx(4.0, abs=0.01)
    assert track.genre in track.probabilities
    assert sum(track.probabilities.values()) == pytest.approx(1, abs=1e-3)
    assert -1 <= track.valence <= 1
    assert -1 <= track.arousal <= 1
    assert -60 < track.loudness_lufs < 0
    assert track.peak_db < 0
    _, matrix = tracks.vectors(store)
    assert (matrix**2).sum() == pytest.approx(1, abs=1e-4)


def test_a_scan_is_as_classify(tmp_path, store):
    """What the library holds is what `sideman classify` says of the same file."""
    import sideman

    path = write(tmp_path / "music" / "a.flac", duration_s=9.0)
    scan(store, [path], Options(workers=1))
    [track] = tracks.find(store, whole=True)
    heard = sideman.classify(path)
    assert track.genre == heard.genre
    assert track.genre_probability == pytest.approx(heard.probabilities[heard.genre], abs=1e-6)
    assert (track.key, track.tempo_bpm, track.mood) == (heard.key, heard.tempo_bpm, heard.mood)


def test_a_file_that_moved_is_not_heard_again_and_keeps_its_number(store, music):
    run(store, music)
    before = {t.audio_hash: t.id for t in tracks.find(store)}
    shutil.move(music / "artist 0", music / "künstler 0")
    report = run(store, music)
    assert (report.moved, report.new, report.analysed, report.missing) == (3, 0, 0, 0)
    assert {t.audio_hash: t.id for t in tracks.find(store)} == before


def test_a_file_that_was_tagged_is_not_heard_again(store, music):
    run(store, music)
    path = next(music.rglob("*.flac"))
    song = mutagen.File(path)
    song["title"], song["genre"] = "A title", ["Jazz", "Funk"]
    song.save()
    report = run(store, music)
    assert (report.changed, report.analysed) == (1, 0)
    assert tracks.get(store, path).title == "A title"
    assert tracks.get(store, path).tag_genres == ("Jazz", "Funk")


def test_copies_share_one_analysis(store, music):
    shutil.copy(music / "artist 0" / "song 0.wav", music / "copy.wav")
    report = run(store, music)
    assert (report.new, report.analysed) == (7, 6)
    assert len(rows(store, analyses)) == 6


def test_a_file_with_new_audio_is_heard_again(store, music):
    run(store, music)
    write(music / "artist 0" / "song 0.wav", seed=99, duration_s=4.0)
    report = run(store, music)
    assert (report.changed, report.analysed) == (1, 1)


def test_bad_files_are_kept_with_their_reason_and_end_nothing(store, music):
    (music / "empty.mp3").touch()
    (music / "text.mp3").write_text("no music\n" * 50)
    report = scan(store, [music], Options(workers=1))
    assert report.analysed == 6
    reasons = {Path(t.path).name: t.error for t in tracks.find(store, "failed:")}
    assert set(reasons) == {"empty.mp3", "text.mp3"}
    assert "empty" in reasons["empty.mp3"]
    assert "text" in reasons["text.mp3"]
    assert len(report.problems) == 2
    again = scan(store, [music], Options(workers=1))
    assert again.analysed == 0


def test_failures_are_tried_again_only_when_asked_or_changed(store, music):
    engine = Counting(fail=("song 1.flac",))
    assert run(store, music, engine=engine).failed == 1
    assert run(store, music).analysed == 0
    assert run(store, music, retry=True).paths == [str(music / "artist 1" / "song 1.flac")]
    assert run(store, music, retry=True).analysed == 0


def test_again_hears_everything_again(store, music):
    run(store, music)
    assert run(store, music, again=True).analysed == 6


def test_an_older_analysis_is_made_again(store, music):
    run(store, music)
    with store.write() as connection:
        some = analyses.c.audio_hash == select(func.min(analyses.c.audio_hash)).scalar_subquery()
        connection.execute(update(analyses).where(some).values(version=0))
    assert run(store, music).analysed == 1


def test_files_that_are_gone_are_hidden_and_come_back(store, music):
    run(store, music)
    gone = music / "artist 0" / "song 0.wav"
    gone.rename(music.parent / "aside")
    assert run(store, music).missing == 1
    assert str(gone) not in {t.path for t in tracks.find(store)}
    assert [t.path for t in tracks.find(store, "missing:")] == [str(gone)]
    (music.parent / "aside").rename(gone)
    report = run(store, music)
    assert (report.returned, report.analysed) == (1, 0)
    assert len(tracks.find(store)) == 6


def test_prune_forgets_missing_files_but_not_what_was_heard(store, music):
    run(store, music)
    gone = music / "artist 0" / "song 0.wav"
    gone.rename(music.parent / "aside")
    run(store, music, prune=True)
    assert len(rows(store, files)) == 5
    (music.parent / "aside").rename(gone)
    assert run(store, music).analysed == 0


def test_a_disk_that_vanished_marks_nothing(store, music):
    run(store, music)
    shutil.move(music / "artist 0", music.parent / "a")
    (music / "artist 1" / "song 1.flac").unlink()  # two of six are left
    listener = Warnings()
    assert run(store, music, listener=listener).missing == 0
    assert "2 of 6" in listener.lines[0]
    assert len(tracks.find(store)) == 6
    assert run(store, music, force=True).missing == 4


def test_a_place_that_is_not_there_is_an_error_and_changes_nothing(store, music):
    run(store, music)
    with pytest.raises(LibraryError, match="no such file or folder"):
        run(store, music.parent / "nowhere")
    shutil.move(music, music.parent / "unplugged")
    listener = Warnings()
    report = run(store, listener=listener)
    assert report.problems
    assert len(tracks.find(store)) == 6


def test_without_places_all_known_ones_are_scanned(store, music, tmp_path):
    with pytest.raises(LibraryError, match="nothing was scanned"):
        run(store)
    run(store, music)
    single = write(tmp_path / "elsewhere" / "one.wav", seed=50)
    run(store, single)
    assert known_roots(store) == sorted([str(music), str(single)])
    write(music / "new.wav", seed=77)
    assert run(store).new == 1


def test_a_folder_inside_a_known_one_is_no_new_root(store, music):
    run(store, music)
    run(store, music / "artist 0")
    assert known_roots(store) == [str(music)]


def test_a_scan_of_one_folder_leaves_the_others_alone(store, music):
    run(store, music)
    (music / "artist 1" / "song 1.flac").unlink()
    assert run(store, music / "artist 0").missing == 0


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX only")
def test_names_that_are_no_unicode_are_scanned_and_found(store, tmp_path):
    folder = tmp_path / "music"
    path = write(folder / "a.wav")
    odd = os.fsdecode(os.fsencode(folder) + b"/\xff\xfe \n'\"%_.wav")
    path.rename(odd)
    run(store, folder)
    [track] = tracks.find(store)
    assert track.path == odd
    assert tracks.get(store, odd).id == track.id


def test_a_folder_that_cannot_be_read_is_not_taken_for_empty(store, music, monkeypatch):
    run(store, music)
    real = os.scandir

    def denied(path):
        if str(path).endswith("artist 1"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", denied)
    listener = Warnings()
    assert run(store, music, listener=listener, force=True).missing == 0
    assert "permission denied" in listener.lines[0]


def test_a_file_that_changes_between_hashing_and_hearing_is_left_for_the_next_scan(tmp_path, store):
    path = write(tmp_path / "music" / "a.wav")

    def late(jobs, workers):
        from sideman.library.local_engine import LocalEngine

        held = list(jobs)
        write(path, seed=9, duration_s=5.0)
        yield from LocalEngine()(held, workers)

    report = scan(store, [path], Options(workers=1), engine=late)
    assert (report.analysed, report.waiting) == (0, 1)
    assert scan(store, [path], Options(workers=1)).analysed == 1
    [track] = tracks.find(store)
    assert track.duration_s == pytest.approx(5.0, abs=0.01)


def test_preview_tells_and_writes_nothing(store, music):
    seen = preview(store, [music])
    assert (seen.found, seen.new) == (6, 6)
    assert rows(store, files) == []
    run(store, music)
    write(music / "artist 0" / "song 0.wav", seed=9)
    (music / "artist 1" / "song 1.flac").unlink()
    seen = preview(store, [music])
    assert (seen.new, seen.changed, seen.missing) == (0, 1, 1)


def test_an_interrupted_scan_goes_on_where_it_was(store, music):
    def interrupted(jobs, workers):
        for count, (audio_hash, path, *_) in enumerate(jobs):
            if count == 2:
                raise KeyboardInterrupt
            yield Heard(audio_hash, path, analysis=made_up())

    with pytest.raises(KeyboardInterrupt):
        scan(store, [music], Options(workers=1), engine=interrupted)
    report = run(store, music)
    assert (report.new, report.analysed) == (0, 4)


def test_two_scans_share_the_work_and_hear_nothing_twice(store, music):
    inner = []

    def with_another_beside(jobs, workers):
        for count, (audio_hash, path, *_) in enumerate(jobs):
            if count == 0:
                inner.append(run_other())
            yield Heard(audio_hash, path, analysis=made_up())

    def run_other():
        other = Counting()
        # As another process would: its claims are its own.
        mine, claims.me = claims.me, lambda: f"{mine()}x"
        try:
            return scan(store, [music], Options(workers=1), engine=other).analysed, other.heard
        finally:
            claims.me = mine

    report = scan(store, [music], Options(workers=1), engine=with_another_beside)
    [(by_other, _)] = inner
    assert report.analysed + by_other == 6
    assert by_other > 0
    assert report.analysed > 0


def test_claims_of_the_dead_are_freed_and_of_the_living_kept(store, music):
    import socket

    run(store, music)
    with store.write() as connection:
        connection.execute(update(analyses).values(state="pending"))
        hashes = sorted(connection.execute(select(analyses.c.audio_hash)).scalars())
        here, now = socket.gethostname(), time.time()
        owners = [
            f"{here}:999999999:1", claims.me(), "elsewhere:1:1", "elsewhere:2:1", f"{here}:{os.getpid()}:0", None,
        ]  # fmt: skip
        times = [now, now, now, now - 3 * 3600, now, None]
        for audio_hash, owner, at in zip(hashes, owners, times, strict=True):
            some = analyses.c.audio_hash == audio_hash
            connection.execute(update(analyses).where(some).values(claimed_by=owner, claimed_at=at))
    # Dead here, silent for hours elsewhere; the fifth is this process' number, and this process lives.
    assert claims.release_stale(store) == 2
    assert claims.held_by_others(store, claims.me()) == 2


CHILD = """
import sys
from sideman.library.scan import Options, scan
from sideman.library.store import open_store
with open_store(sys.argv[1]) as store:
    print(scan(store, [sys.argv[2]], Options(workers=1)).analysed, flush=True)
"""


def killed_until_done(database, music, kills, seed):
    """Scan in a child that is killed at random moments; returns how often each recording was heard to the end."""
    rng = random.Random(seed)
    for _ in range(kills):
        child = subprocess.Popen([sys.executable, "-c", CHILD, database, str(music)], stdout=subprocess.PIPE)
        try:
            child.communicate(timeout=rng.uniform(0.3, 2.5))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.communicate()
    subprocess.run([sys.executable, "-c", CHILD, database, str(music)], check=True, timeout=120)


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_a_scan_that_is_killed_again_and_again_ends_complete(database, tmp_path, kills):
    from sideman.library.store import open_store

    music = tmp_path / "music"
    collection(music, n=8)
    with open_store(database) as store:
        killed_until_done(database, music, kills, seed=kills)
        assert len(tracks.find(store)) == 8
        with store.read() as connection:
            states = connection.execute(select(analyses.c.state, func.count()).group_by(analyses.c.state)).all()
            assert [tuple(row) for row in states] == [("done", 8)]
            assert connection.execute(select(func.count()).select_from(details)).scalar_one() == 8
            paths = connection.execute(select(files.c.path)).scalars()
            assert sorted(map(from_text, paths)) == sorted(str(p) for p in music.rglob("*.*"))


def test_two_processes_scan_at_once(database, tmp_path):
    from sideman.library.store import open_store

    music = tmp_path / "music"
    collection(music, n=8)
    open_store(database).close()
    command = [sys.executable, "-c", CHILD, database, str(music)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    counts = [int(child.communicate(timeout=200)[0]) for child in children]
    assert [child.returncode for child in children] == [0, 0]
    with open_store(database) as store:
        assert len(tracks.find(store)) == 8
        assert claims.open_count(store, [str(music)]) == 0
    assert sum(counts) == 8  # nothing twice


def test_files_of_many_gigabytes_fit_the_tables(database):
    from sideman.library.store import open_store

    with open_store(database) as store:
        with store.write() as connection:
            row = {"path": "/big.wav", "size": 5 * 2**40, "mtime_ns": str(2**62), "added_at": 1.0}
            connection.execute(files.insert().values(**row))
        assert tracks.find(store)[0].size == 5 * 2**40


def test_tags_with_characters_that_databases_refuse_are_kept_without_them(database, tmp_path):
    from sideman.library.filetags import columns
    from sideman.library.store import open_store
    from sideman.library.tags.read import FileTags

    told = columns(FileTags({"title": ["a\0b\udc80"], "x\0": ["\0"]}))
    with open_store(database) as store, store.write() as connection:
        connection.execute(files.insert().values(path="/a", size=1, mtime_ns="1", added_at=1.0, **told))
    assert told["title"] == "a b?"


def test_a_file_that_vanishes_before_it_is_heard_is_not_called_a_failure(tmp_path, store):
    path = write(tmp_path / "music" / "a.wav")

    def late(jobs, workers):
        from sideman.library.local_engine import LocalEngine

        held = list(jobs)
        path.rename(tmp_path / "aside")
        yield from LocalEngine()(held, workers)

    report = scan(store, [path], Options(workers=1), engine=late)
    assert (report.analysed, report.failed, report.waiting) == (0, 0, 1)
    (tmp_path / "aside").rename(path)
    assert scan(store, [path], Options(workers=1)).analysed == 1


def test_when_every_place_is_gone_nothing_is_heard_pruned_or_opened_again(store, music):
    run(store, music)
    (music / "artist 0" / "song 0.wav").unlink()
    assert run(store, music).missing == 1
    before = rows(store, files), rows(store, analyses)
    shutil.move(music, music.parent / "unplugged")
    report = run(store, prune=True, again=True, force=True)
    assert report.analysed == 0
    assert (rows(store, files), rows(store, analyses)) == before


def test_options_reach_only_the_files_that_are_named_however_many(store, tmp_path):
    """Hundreds of files on a command line, as a shell's wildcard gives them."""
    one = write(tmp_path / "a" / "one.wav")
    named = []
    for i in range(600):
        copy = tmp_path / "b" / f"{i:03}.wav"
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(one, copy)
        named.append(copy)
    other = write(tmp_path / "c" / "other.wav", seed=3)
    run(store, one, other, *named)
    assert len(tracks.find(store)) == 602
    assert run(store, *named, again=True).analysed == 1  # they share their sound; the other's is left
    other.unlink()
    assert run(store, *named).missing == 0
    folders = [tmp_path / f"f{i}" for i in range(401)]
    for folder in folders:
        folder.mkdir()
    with pytest.raises(UsageError, match="too many"):
        run(store, *folders)
