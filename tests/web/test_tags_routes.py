"""Tag writes over HTTP: the plan, the write, the history, and back again."""

import shutil

import pytest

from sideman.library.pathtext import normal, to_text
from sideman.library.payload import audio_hash
from sideman.library.schema import changes, files
from sideman.library.store import open_store
from sideman.library.tags import journal
from sideman.library.tags.read import read_tags
from tests.web.making import API, copy_of, finished, problem, served


@pytest.fixture
def client(library_database, tmp_path):
    database = copy_of(library_database, tmp_path)
    with served(database) as made:
        made.music = tmp_path / "music"
        made.database = database
        yield made


def _plan(client, **wish):
    answer = client.post(f"{API}/library/tags/plan", json=wish)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _written(client, address="write", **wish):
    answer = client.post(f"{API}/library/tags/{address}", json=wish)
    assert answer.status_code == 202, answer.text
    done = finished(client, answer.json())
    assert done["state"] == "done", done
    return done["result"]


def _bytes(client):
    return {path.name: path.read_bytes() for path in sorted(client.music.iterdir())}


def test_a_plan_shows_old_and_new_and_changes_nothing(client):
    before = _bytes(client)
    told = _plan(client, fields=["key", "bpm"], min_confidence=0)
    assert (len(told["changes"]), told["problems"], told["complete"]) == (6, [], True)
    for change in told["changes"]:
        track = client.get(f"{API}/library/tracks/{change['id']}").json()
        assert change["path"] == track["path"]
        assert set(change["fields"]) == {"key", "bpm"}
        assert change["fields"]["key"]["old"] == []
        assert float(change["fields"]["bpm"]["new"][0]) == pytest.approx(track["tempo_bpm"], abs=0.51)
    assert _bytes(client) == before
    assert client.get(f"{API}/library/tags/history").json() == []
    first = _plan(client, fields=["key"], min_confidence=0, most=2)
    assert (len(first["changes"]), first["complete"]) == (2, False)


def test_what_is_written_is_in_the_files_and_an_undo_takes_it_back(client):
    before, sound = _bytes(client), {path.name: audio_hash(path) for path in client.music.iterdir()}
    planned = _plan(client, fields=["genre", "mood"], min_confidence=0, spelling={"reggae": "Roots"})["changes"]
    report = _written(client, fields=["genre", "mood"], min_confidence=0, spelling={"reggae": "Roots"})
    assert (report["written"], report["failed"]) == (6, 0)
    for change in planned:
        tags = read_tags(change["path"])
        assert {name: tags.fields[name] for name in ("genre", "mood")} == {
            name: values["new"] for name, values in change["fields"].items()
        }
    assert read_tags(client.music / "one drop.opus").first("genre") == "Roots"
    assert {path.name: audio_hash(path) for path in client.music.iterdir()} == sound
    assert client.get(f"{API}/library/tracks", params={"query": "tag_genre:roots"}).json()["total"] == 1
    assert _plan(client, fields=["genre", "mood"], min_confidence=0)["changes"] == [], "what is there is left"

    (batch,) = client.get(f"{API}/library/tags/history").json()
    assert batch["batch"] == report["batch"]
    assert batch["states"] == {"done": 6}
    assert batch["command"].startswith("tag --genre --mood")

    looked = client.post(f"{API}/library/tags/undo", json={"dry_run": True})
    assert looked.status_code == 200
    assert (looked.json()["batch"], len(looked.json()["changes"]), looked.json()["left"]) == (report["batch"], 6, [])
    assert all(value["new"] == [] for change in looked.json()["changes"] for value in change["fields"].values())
    assert _written(client, "undo")["written"] == 6
    assert not any({"genre", "mood"} & set(read_tags(path).fields) for path in client.music.iterdir())
    assert {path.name: audio_hash(path) for path in client.music.iterdir()} == sound
    assert set(_bytes(client)) == set(before)
    assert "nothing to undo" in problem(client.post(f"{API}/library/tags/undo"), 404)


def test_only_the_tracks_that_were_named_are_written(client):
    ids = [track["id"] for track in client.get(f"{API}/library/tracks").json()["tracks"]][:2]
    assert {change["id"] for change in _plan(client, ids=ids, min_confidence=0)["changes"]} == set(ids)
    assert _written(client, ids=ids, fields=["key"], min_confidence=0)["written"] == 2
    problem(client.post(f"{API}/library/tags/plan", json={"ids": [4040]}), 404)


def test_one_library_job_at_a_time(client):
    first = client.post(f"{API}/library/tags/write", json={"min_confidence": 0})
    for address, wish in (("tags/write", {}), ("tags/undo", {"batch": 1}), ("scan", {})):
        refused = client.post(f"{API}/library/{address}", json=wish)
        assert refused.status_code in (404, 409), "404 where the batch was not begun yet"
    assert finished(client, first.json())["result"]["written"] == 6


def test_a_write_that_was_cut_short_is_settled_first(client):
    """A row that is planned and a copy beside the file, as a killed run leaves them."""
    path = client.music / "disco nights.mp3"
    leftover = client.music / ".disco nights.mp3.tmp"
    with open_store(client.database) as store:
        batch = journal.begin(store, "tag")
        change = journal.Change(str(path), audio_hash(path)[0], {"genre": []}, {"genre": ["Disco"]})
        journal.plan(store, batch, change, leftover)
    shutil.copy(path, leftover)
    _plan(client)
    assert not leftover.exists()
    assert client.get(f"{API}/library/tags/history").json()[0]["states"] == {"failed": 1}


def test_files_outside_of_the_library_are_not_written(client, tmp_path):
    outside = tmp_path / "elsewhere.mp3"
    shutil.copy(client.music / "disco nights.mp3", outside)
    link = client.music / "link.mp3"
    link.symlink_to(outside)
    content = outside.read_bytes()
    with open_store(client.database) as store, store.write() as connection:
        there = files.c.path == to_text(str(client.music / "disco nights.mp3"))
        moved = {"path": to_text(str(link)), "n_path": normal(str(link))}
        connection.execute(files.update().where(there).values(**moved))
    told = _plan(client, query="path:link", min_confidence=0)
    assert told["changes"] == []
    assert "outside of the library" in told["problems"][0]["detail"]
    report = _written(client, query="path:link", min_confidence=0)
    assert (report["batch"], report["written"], report["failed"]) == (None, 0, 1)
    assert outside.read_bytes() == content


def test_an_undo_leaves_files_outside_of_the_library(client, tmp_path):
    report = _written(client, query="disco", fields=["key"], min_confidence=0)
    outside = tmp_path / "elsewhere.mp3"
    shutil.copy(client.music / "disco nights.mp3", outside)
    with open_store(client.database) as store, store.write() as connection:
        connection.execute(changes.update().values(path=to_text(str(outside))))
    looked = client.post(f"{API}/library/tags/undo", json={"batch": report["batch"], "dry_run": True}).json()
    assert looked["changes"] == []
    assert "outside" in looked["left"][0]["detail"]
    content = outside.read_bytes()
    assert _written(client, "undo", batch=report["batch"])["failed"] == 1
    assert outside.read_bytes() == content


def test_a_file_that_is_damaged_fails_alone(client):
    (client.music / "boom bap.ogg").write_bytes(b"no music")
    report = _written(client, fields=["key"], min_confidence=0)
    assert (report["written"], report["failed"]) == (5, 1)
    (failed,) = [outcome for outcome in report["outcomes"] if outcome["state"] == "failed"]
    assert failed["path"].endswith("boom bap.ogg")
    assert failed["detail"]


@pytest.mark.parametrize(
    "wish, said",
    [
        ({"fields": ["title"]}, "fields"),
        ({"fields": []}, "fields"),
        ({"query": "x", "ids": [1]}, "one of query and ids"),
        ({"ids": []}, "ids"),
        ({"query": "bpm:x"}, "number"),
        ({"min_confidence": 1.5}, "min_confidence"),
        ({"bpm_range": [180, 70]}, "two tempi"),
        ({"bpm_range": [70]}, "bpm_range"),
        ({"spelling": {"jazz": ""}}, "spelling"),
        ({"spelling": {"jazz": "a\nb"}}, "spelling"),
        ({"key_style": "roman"}, "key_style"),
    ],
)
def test_what_makes_no_sense_is_refused(client, wish, said):
    assert said in problem(client.post(f"{API}/library/tags/plan", json=wish), 422)


def test_there_is_no_such_batch(client):
    for wish in ({"batch": 99}, {"batch": 99, "dry_run": True}):
        assert "no batch 99" in problem(client.post(f"{API}/library/tags/undo", json=wish), 404)


def test_what_was_not_learnt_cannot_be_written(client):
    assert "learn" in problem(client.post(f"{API}/library/tags/plan", json={"learned": "genre"}), 404)
    assert "learned" in problem(client.post(f"{API}/library/tags/plan", json={"learned": "title"}), 422)
