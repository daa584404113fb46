"""Likes, skips and corrections: kept, taken back, and felt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import LibraryError, UsageError
from sideman.library import tracks
from sideman.library.similar import similar
from sideman.library.taste import Taste, entries, say, taste, unsay
from tests.library.make import make_store


@pytest.fixture
def store(tmp_path):
    with make_store(tmp_path, n=120) as made:
        yield made


def places(store, seed, **options):
    """Rank of every track in the list of what is similar."""
    found = similar(store, seed, 119, per_artist=None, spacing=1, **options)
    return {track.audio_hash: rank for rank, (track, _) in enumerate(found)}


def neighbours(store, about, n=5):
    return [track.audio_hash for track, _ in similar(store, about, n, per_artist=None, taste=False)]


@pytest.mark.parametrize("kind, sign", [("like", -1), ("skip", 1)])
def test_a_like_moves_its_neighbours_up_and_a_skip_down(store, kind, sign):
    seed = tracks.get(store, 1)
    before = places(store, seed)
    about = similar(store, seed, 40, per_artist=None, spacing=1)[25][0]
    near = neighbours(store, about)
    say(store, kind, [about])
    after = places(store, seed)
    moved = [after[h] - before[h] for h in [about.audio_hash, *near] if h in after]
    assert sign * np.mean(moved) > 2
    assert sign * moved[0] > 0
    assert places(store, seed, taste=False) == before


def test_the_likenesses_that_are_told_stay_those_of_the_sound(store):
    seed = tracks.get(store, 1)
    before = {t.id: s for t, s in similar(store, seed, 119, per_artist=None)}
    say(store, "like", [tracks.get(store, 3)])
    assert {t.id: s for t, s in similar(store, seed, 119, per_artist=None)} == before


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 30))
def test_scores_are_bounded_and_grow_with_likes(seed, n):
    rng = np.random.default_rng(seed)
    matrix = np.abs(rng.normal(size=(n + 5, 256))).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    few = Taste(matrix[:1], np.ones(1, np.float32)).scores(matrix)
    many = Taste(matrix[:n], np.ones(n, np.float32)).scores(matrix)
    assert (many >= few - 1e-6).all()
    assert (np.abs(many) <= 1).all()
    assert (Taste(matrix[:n], -np.ones(n, np.float32)).scores(matrix) == -many).all()
    assert not Taste().scores(matrix).any()


def test_the_last_word_counts(store):
    track = tracks.get(store, 4)
    say(store, "like", [track])
    say(store, "skip", [track])
    assert taste(store).signs.tolist() == [-1]


def test_a_corrected_genre_draws_its_own_and_a_corrected_mood_counts_for_the_heard_one(store):
    seed = tracks.get(store, 1)
    found = places(store, seed)
    far = tracks.by_hash(store, [h for h, rank in found.items() if rank == 60])
    (about,) = far.values()
    say(store, "correct", [about], field="genre", value=seed.genre)
    say(store, "correct", [about], field="mood", value="Sombre")
    known = taste(store)
    corrected = known.corrected(about)
    assert (corrected.genre, corrected.unsure, corrected.mood) == (seed.genre, False, "Sombre")
    assert (corrected.valence, corrected.arousal) == (-0.75, -0.4)
    assert known.corrected(seed) == seed
    assert places(store, seed)[about.audio_hash] < found[about.audio_hash]


def test_entries_are_listed_and_removed(store):
    (one, two) = say(store, "like", [tracks.get(store, 1), tracks.get(store, 2)], context="test")
    (three,) = say(store, "correct", [tracks.get(store, 1)], field="genre", value="raga")
    assert [(e.id, e.kind, e.field, e.value, e.context) for e in entries(store)] == [
        (one, "like", None, None, "test"),
        (two, "like", None, None, "test"),
        (three, "correct", "genre", "raga", None),
    ]
    with pytest.raises(LibraryError, match="none such"):
        unsay(store, [one, 99])
    assert len(entries(store)) == 3
    unsay(store, [one, three])
    assert [e.id for e in entries(store)] == [two]


def test_feedback_outlives_a_file_and_comes_back_with_it(store):
    from sideman.library.schema import files

    track = tracks.get(store, 1)
    say(store, "like", [track])
    with store.write() as connection:
        connection.execute(files.update().where(files.c.id == 1).values(path="/moved/away.mp3"))
    assert len(taste(store).signs) == 1


@pytest.mark.parametrize(
    "kind, more",
    [("love", {}), ("correct", {}), ("correct", {"field": "mood", "value": "jibberish"}), ("like", {"field": "genre"})],
)  # fmt: skip
def test_nonsense_is_refused(store, kind, more):
    if more == {"field": "genre"}:
        more = {"field": "genre", "value": "jazz"}
    with pytest.raises(UsageError):
        say(store, kind, [tracks.get(store, 1)], **more)
    assert entries(store) == []
