"""Likes, skips and corrections over HTTP."""

import pytest

from sideman.library.schema import files
from sideman.library.store import open_store
from tests.library.make import make_store
from tests.web.making import API, problem, served


@pytest.fixture
def client(tmp_path):
    make_store(tmp_path, n=30).close()
    with served(tmp_path / "library.db") as made:
        yield made


def _tell(client, **wish):
    answer = client.post(f"{API}/feedback", json=wish)
    assert answer.status_code == 201, answer.text
    return answer.json()["ids"]


def _listed(client):
    return client.get(f"{API}/feedback").json()


def test_what_was_said_is_listed_and_can_be_taken_back(client):
    assert _listed(client) == []
    (liked,) = _tell(client, kind="like", tracks=[3], context="mood: calm")
    first, second = _tell(client, kind="skip", tracks=[4, 5])
    told = _listed(client)
    assert [(entry["id"], entry["kind"], entry["track"]) for entry in told] == [
        (liked, "like", 3), (first, "skip", 4), (second, "skip", 5)
    ]  # fmt: skip
    assert told[0]["context"] == "mood: calm"
    assert told[0]["label"] == "Artist 2 - Song 2"
    assert client.delete(f"{API}/feedback/{first}").status_code == 204
    assert [entry["id"] for entry in _listed(client)] == [liked, second]
    problem(client.delete(f"{API}/feedback/{first}"), 404)


def test_a_skipped_song_moves_down_among_the_similar(client):
    def order():
        found = client.get(f"{API}/library/tracks/1/similar", params={"n": 25, "per_artist": 0}).json()["matches"]
        return [match["track"]["id"] for match in found]

    before = order()
    _tell(client, kind="skip", tracks=[before[0]])
    assert order().index(before[0]) > 0


def test_a_correction_of_genre_and_mood(client):
    assert len(_tell(client, kind="correct", tracks=[7], genre="Bossa Nova", mood="calm")) == 2
    assert {(entry["field"], entry["value"]) for entry in _listed(client)} == {
        ("genre", "Bossa Nova"),
        ("mood", "calm"),
    }
    songs = client.post(f"{API}/library/playlists", json={"seed": 7, "songs": 3}).json()["tracks"]
    assert (songs[0]["genre"], songs[0]["mood"], songs[0]["valence"]) == ("Bossa Nova", "calm", 0.5)


@pytest.mark.parametrize(
    "wish, status",
    [
        ({"kind": "love", "tracks": [1]}, 422),
        ({"kind": "like", "tracks": []}, 422),
        ({"kind": "like", "tracks": [1], "genre": "jazz"}, 422),
        ({"kind": "correct", "tracks": [1]}, 422),
        ({"kind": "correct", "tracks": [1], "genre": "x" * 65}, 422),
        ({"kind": "correct", "tracks": [1], "genre": "jazz", "mood": "purple"}, 422),
        ({"kind": "like", "tracks": [1, 4040]}, 404),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_kept(client, wish, status):
    problem(client.post(f"{API}/feedback", json=wish), status)
    assert _listed(client) == []


def test_of_a_file_that_could_not_be_read_nothing_can_be_said(client):
    with open_store(client.app.state.context.settings.database) as store, store.write() as connection:
        connection.execute(files.update().where(files.c.id == 1).values(audio_hash=None, error="damaged"))
    assert "repair" in problem(client.post(f"{API}/feedback", json={"kind": "like", "tracks": [2, 1]}), 409)
    assert _listed(client) == []
