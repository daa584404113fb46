"""The journal knows every write, settles what was cut short, and takes writes back."""

import pytest

from sideman.core.errors import LibraryError
from sideman.library.pathtext import to_text
from sideman.library.schema import files
from sideman.library.tags import checks, journal, undo
from sideman.library.tags.journal import Change
from sideman.library.tags.run import run
from sideman.library.tags.write import Outcome
from tests.library.tags.made import library, make
from tests.library.tags.test_write import change_of, digest, left_over, put

MOOD = {"mood": ["Calm"]}


@pytest.fixture
def songs(tmp_path):
    (tmp_path / "music").mkdir()
    return [make(kind, tmp_path / "music") for kind in ("mp3_v24", "flac", "m4a")]


@pytest.fixture
def store(tmp_path, songs):
    with library(tmp_path / "library.db", songs) as store:
        yield store


def values(path):
    with path.open("rb") as file:
        return checks.snapshot(file).values


def tag(store, songs, new, command="tag"):
    return list(run(store, command, [(change_of(song, new), None) for song in songs]))


def take_back(store, number=None):
    """What ``sideman undo`` does."""
    batch = undo.chosen(store, number)
    steps = list(undo.steps(store, batch))
    jobs = [(step.change, journal.undo_note(step.entry.id)) for step in steps if step.change]
    return steps, [outcome for _, outcome in run(store, f"undo {batch.id}", jobs)]


def test_an_undo_restores_what_was_there(store, songs):
    before = [values(song) for song in songs]
    tag(store, songs, {"genre": ["Hip-Hop", "Soul"], "key": ["Dm"], "bpm": ["93"]})
    assert [values(song) for song in songs] != before
    steps, outcomes = take_back(store)
    assert [step.left for step in steps] == [[], [], []]
    assert {outcome.state for outcome in outcomes} == {"done"}
    assert [values(song) for song in songs] == before
    assert journal.history(store)[1].states == {"undone": 3}


def test_an_undo_can_be_undone_and_done_again(store, songs):
    before = values(songs[0])
    tag(store, songs, MOOD)
    take_back(store)
    take_back(store, 2)
    assert values(songs[0])["mood"] == ["Calm"]
    take_back(store, 1)
    assert values(songs[0]) == before
    with pytest.raises(LibraryError, match="nothing to undo"):
        take_back(store)


def test_the_last_tag_is_undone_first_and_undos_are_passed_over(store, songs):
    tag(store, songs[:1], {"mood": ["One"]})
    tag(store, songs[:1], {"mood": ["Two"]})
    take_back(store)
    assert values(songs[0])["mood"] == ["One"]
    take_back(store)
    assert values(songs[0])["mood"] == []


def test_a_field_that_somebody_changed_since_is_left_and_reported(store, songs):
    tag(store, songs[:1], {"mood": ["Calm"], "genre": ["Hip-Hop"]})
    put(store, songs[0], {"mood": ["Angry"]})
    steps, _ = take_back(store, 1)
    assert steps[0].left == ["mood now holds Angry, not what was written; it is left"]
    assert values(songs[0])["mood"] == ["Angry"]
    assert values(songs[0])["genre"] == ["Jazz", "Fusion"]


def test_a_file_that_was_moved_is_found_by_its_sound(store, songs):
    tag(store, songs[:1], MOOD)
    new = songs[0].with_name("moved.mp3")
    songs[0].rename(new)
    steps, _ = take_back(store)
    assert steps[0].left == ["the file is gone"]
    with store.write() as connection:  # the next scan
        connection.execute(files.update().where(files.c.path == to_text(songs[0])).values(path=to_text(new)))
    take_back(store)
    assert values(new)["mood"] == []


def test_an_undo_that_was_cut_short_is_settled_as_what_it_was(store, songs, monkeypatch):
    tag(store, songs[:1], MOOD)
    monkeypatch.setattr(journal, "done", lambda *_: (_ for _ in ()).throw(LibraryError("gone")))
    with pytest.raises(LibraryError):
        take_back(store)
    monkeypatch.undo()
    assert journal.recover(store) == [journal.Recovered(str(songs[0]), "done")]
    assert [entry.state for entry in journal.entries(store)] == ["undone", "done"]


def test_a_batch_that_is_not_there(store):
    with pytest.raises(LibraryError, match="no batch 7"):
        undo.chosen(store, 7)


def test_rows_of_a_folder_that_is_away_wait(store, songs):
    row = journal.plan(
        store, journal.begin(store, "tag"), change_of(songs[0], MOOD), songs[0].parent / ".x.sideman-tmp"
    )
    away = songs[0].parent.with_name("away")
    songs[0].parent.rename(away)
    assert journal.recover(store) == []
    away.rename(songs[0].parent)
    assert journal.recover(store) == [journal.Recovered(str(songs[0]), "failed")]
    assert row


def test_a_file_that_is_gone_fails_its_row_and_loses_its_copy(store, songs):
    copy = songs[0].parent / ".x.sideman-tmp"
    copy.touch()
    journal.plan(store, journal.begin(store, "tag"), change_of(songs[0], MOOD), copy)
    songs[0].unlink()
    assert journal.recover(store) == [journal.Recovered(str(songs[0]), "failed")]
    assert left_over(songs[0]) == []


def test_a_run_stops_where_it_is_told(store, songs):
    before = digest(songs[2])
    asked = iter([False, False, True])
    jobs = [(change_of(song, MOOD), None) for song in songs]
    outcomes = list(run(store, "tag", jobs, stop=lambda: next(asked)))
    assert [outcome.state for _, outcome in outcomes] == ["done", "done"]
    assert digest(songs[2]) == before


def test_a_bad_file_does_not_end_a_run(store, songs):
    jobs = [(change_of(song, MOOD), None) for song in songs]
    songs[0].write_bytes(b"not music any more")
    outcomes = [outcome for _, outcome in run(store, "tag", jobs)]
    assert [outcome.state for outcome in outcomes] == ["failed", "done", "done"]
    missing = Change(str(songs[0].parent / "none.mp3"), "0" * 40, {}, MOOD)
    assert [o for _, o in run(store, "tag", [(missing, None)])] == [Outcome(missing.path, "failed", "no such file")]


def test_a_run_without_work_leaves_no_batch(store):
    assert list(run(store, "tag", [])) == []
    assert journal.history(store) == []


def test_both_databases_keep_the_journal(tmp_path, database):
    (tmp_path / "music").mkdir()
    song = make("flac", tmp_path / "music")
    before = values(song)
    with library(database, [song]) as store:
        tag(store, [song], {"genre": ["Électro 日本", "Soul"], "mood": ["Calm"]})
        journal.plan(store, 1, change_of(song, {"mood": ["Sad"]}), song.parent / ".x.sideman-tmp")
        assert journal.recover(store) == [journal.Recovered(str(song), "failed")]
        assert [entry.state for entry in journal.entries(store)] == ["done", "failed"]
        take_back(store)
        assert values(song) == before
        assert [batch.states for batch in journal.history(store)] == [{"done": 1}, {"undone": 1, "failed": 1}]
