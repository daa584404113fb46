"""OpenSubsonic's sonic similarity, as its pages have it."""

import json

import pytest

from sideman.core.errors import LibraryError, UsageError
from sideman.library import tracks
from sideman.library.schema import files
from sideman.library.subsonic import child, find_sonic_path, get_sonic_similar_tracks
from sideman.library.track import Track
from tests.library.make import make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with make_store(tmp_path_factory.mktemp("subsonic"), n=80) as made:
        yield made


def test_similar_tracks_are_matches_with_an_entry_and_a_similarity(store):
    answer = json.loads(json.dumps(get_sonic_similar_tracks(store, "1", 5)))
    assert list(answer) == ["sonicMatch"]
    assert len(answer["sonicMatch"]) == 5
    for match in answer["sonicMatch"]:
        assert set(match) == {"entry", "similarity"}
        assert 0 <= match["similarity"] <= 1
        known = tracks.get(store, int(match["entry"]["id"]))
        assert (match["entry"]["title"], match["entry"]["isDir"]) == (known.title, False)
        assert match["entry"]["duration"] == round(known.duration_s)


def test_a_path_begins_and_ends_where_asked(store):
    matches = find_sonic_path(store, "1", "50", 6)["sonicMatch"]
    assert [matches[0]["entry"]["id"], matches[-1]["entry"]["id"]] == ["1", "50"]
    assert matches[0]["similarity"] == 1
    assert len(matches) == 6
    assert min(m["similarity"] for m in matches) == matches[-1]["similarity"]


def test_ids_outlive_moves(tmp_path):
    store = make_store(tmp_path, n=10)
    before = get_sonic_similar_tracks(store, "1", 3)
    with store.write() as connection:
        connection.execute(files.update().where(files.c.id == 1).values(path="/moved.mp3"))
    assert get_sonic_similar_tracks(store, "1", 3) == before


@pytest.mark.parametrize("song", ["99999", "", "x", "../../etc/passwd", "1\n", "-1", "１"])
def test_unknown_ids(store, song):
    with pytest.raises(LibraryError):
        get_sonic_similar_tracks(store, song)


def test_counts(store):
    with pytest.raises(UsageError):
        get_sonic_similar_tracks(store, "1", 0)
    with pytest.raises(UsageError):
        find_sonic_path(store, "1", "2", 1)
    assert len(find_sonic_path(store, "1", "2", 10_000)["sonicMatch"]) <= 200


def test_a_song_without_tags_is_named_by_its_file():
    told = child(Track(3, "/music/b\udcff.mp3"))
    assert told["title"] == "b?"
    json.dumps(told).encode()
    assert "artist" not in told
