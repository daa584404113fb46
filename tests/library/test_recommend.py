"""The mood recommender: staying in a mood, and coming out of it."""

import numpy as np
import pytest

from sideman.core.errors import LibraryError, UsageError
from sideman.library import tracks
from sideman.library.recommend import recommend
from sideman.library.schema import analyses
from sideman.library.taste import say
from sideman.mood.names import mood
from tests.library.make import make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with make_store(tmp_path_factory.mktemp("recommend"), n=300) as made:
        yield made


def distances(songs, point):
    return [np.hypot(t.valence - point[0], t.arousal - point[1]) for t in songs]


@pytest.mark.parametrize("word", ["calm", "angry", "sad", "happy"])
def test_match_stays_near_the_mood(store, word):
    made = recommend(store, mood(word))
    everyone = distances(tracks.find(store), mood(word))
    assert np.mean(distances(made.tracks, mood(word))) < np.quantile(everyone, 0.12)
    assert abs(made.duration_s / 60 - 30) < 3.5


@pytest.mark.parametrize("word, aim", [("angry", "calm"), ("sad", "happy")])
def test_lift_begins_there_and_ends_better(store, word, aim):
    made = recommend(store, mood(word), lift=True, minutes=60)
    first, last = made.tracks[:3], made.tracks[-3:]
    assert np.mean(distances(first, mood(word))) < 0.5
    assert np.mean(distances(last, mood(aim))) < 0.5
    assert made.title == f"From {word} to {aim}"


def test_likes_and_skips_change_the_choice(tmp_path):
    store = make_store(tmp_path, n=150)
    before = recommend(store, mood("calm"), minutes=40)
    unwanted = before.tracks[2]
    say(store, "skip", [unwanted])
    after = recommend(store, mood("calm"), minutes=40)
    assert unwanted.id not in {t.id for t in after.tracks}
    assert recommend(store, mood("calm"), minutes=40, taste=False).tracks == before.tracks


def test_a_query_narrows_the_choice(store):
    made = recommend(store, mood("calm"), query='artist:"Artist 3" , artist:"Artist 4"', minutes=10)
    assert {t.artist for t in made.tracks} == {"Artist 3", "Artist 4"}


def test_songs_without_a_mood_are_left_out(tmp_path):
    store = make_store(tmp_path, n=10)
    with store.write() as connection:
        connection.execute(analyses.update().values(valence=None, arousal=None))
    with pytest.raises(LibraryError, match="no analysed track"):
        recommend(store, mood("calm"))


def test_a_point_outside_the_plane(store):
    with pytest.raises(UsageError):
        recommend(store, (0.0, 1.5))
