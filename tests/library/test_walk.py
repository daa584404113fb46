"""Walks from one song to another: smooth, without repeats, always the same."""

from itertools import pairwise

import numpy as np
import pytest

from sideman.core.errors import UsageError
from sideman.library import tracks
from sideman.library.schema import details, files
from sideman.library.taste import say
from sideman.library.walk import great_circle, path
from tests.library.make import make_store


@pytest.fixture
def store(tmp_path):
    """Songs along a quarter of a great circle, and some to the side."""
    made = make_store(tmp_path, n=120, artists=9)
    rng = np.random.default_rng(0)
    hashes, _ = tracks.vectors(made)
    with made.write() as connection:
        for i, audio_hash in enumerate(hashes):
            angle = np.pi / 2 * i / (len(hashes) - 1)
            vector = np.zeros(256)
            vector[:2] = np.cos(angle), np.sin(angle)
            vector[2:] = 0.01 * np.abs(rng.normal(size=254)) * (20 if i % 5 == 3 else 1)
            blob = (vector / np.linalg.norm(vector)).astype("<f4").tobytes()
            connection.execute(details.update().where(details.c.audio_hash == audio_hash).values(vector=blob))
    yield made
    made.close()


def test_a_walk_is_far_smoother_than_the_jump(store):
    walk = path(store, tracks.get(store, 1), tracks.get(store, 120), 10)
    assert len(walk.tracks) == 10
    assert (walk.tracks[0].id, walk.tracks[-1].id) == (1, 120)
    assert walk.direct > 0.9
    assert walk.largest < walk.direct / 10
    numbers = [track.id for track in walk.tracks]
    assert numbers == sorted(numbers)  # forwards only
    assert not any(number % 5 == 4 for number in numbers[1:-1])  # those to the side are passed over


def test_no_song_and_no_artist_twice_in_a_row(store):
    walk = path(store, tracks.get(store, 1), tracks.get(store, 120), 40)
    numbers = [track.id for track in walk.tracks]
    assert len(set(numbers)) == len(numbers)
    artists = [track.artist for track in walk.tracks]
    assert all(a != b for a, b in pairwise(artists))


def test_it_is_the_same_every_time(store):
    first = path(store, tracks.get(store, 5), tracks.get(store, 99), 12)
    assert path(store, tracks.get(store, 5), tracks.get(store, 99), 12) == first


def test_missing_songs_and_those_outside_the_query_are_passed_over(store):
    a, b = tracks.get(store, 1), tracks.get(store, 120)
    gone = path(store, a, b, 10).tracks[4]
    with store.write() as connection:
        connection.execute(files.update().where(files.c.id == gone.id).values(missing_since=1.0))
    assert gone.id not in {track.id for track in path(store, a, b, 10).tracks}
    walk = path(store, a, b, 10, query="artist:'Artist 3' , artist:'Artist 4'".replace("'", '"'))
    assert {track.artist for track in walk.tracks[1:-1]} <= {"Artist 3", "Artist 4"}


def test_a_small_library_gives_a_short_walk(tmp_path):
    store = make_store(tmp_path, n=4)
    assert 2 <= len(path(store, tracks.get(store, 1), tracks.get(store, 4), 10).tracks) <= 4
    assert len(path(store, tracks.get(store, 1), tracks.get(store, 4), 2).tracks) == 2


def test_a_skipped_song_is_avoided(store):
    a, b = tracks.get(store, 1), tracks.get(store, 120)
    middle = path(store, a, b, 3).tracks[1]
    say(store, "skip", [middle])
    assert path(store, a, b, 3).tracks[1].id != middle.id
    assert path(store, a, b, 3, taste=False).tracks[1] == middle


def test_the_circle_is_even():
    rng = np.random.default_rng(0)
    a, b = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 8)).astype(np.float32))
    points = great_circle(a, b, 7)
    np.testing.assert_allclose(points[[0, -1]], [a, b], atol=1e-6)
    steps = [float(x @ y) for x, y in pairwise(points)]
    np.testing.assert_allclose(steps, steps[0], atol=1e-5)
    np.testing.assert_allclose(great_circle(a, a, 3), [a] * 3, atol=1e-6)


def test_wrong_walks(store):
    with pytest.raises(UsageError, match="two different"):
        path(store, tracks.get(store, 1), tracks.get(store, 1))
    with pytest.raises(UsageError, match="from 2"):
        path(store, tracks.get(store, 1), tracks.get(store, 2), 1)
