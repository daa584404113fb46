"""Playlists made of the library: as long as asked, spaced, seeded, along moods."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sideman.core.errors import LibraryError, UsageError
from sideman.library import tracks
from sideman.library.ordering import tempo_cost, widest_spacing
from sideman.library.playlists import arcs
from sideman.library.playlists.build import build
from sideman.library.schema import files
from sideman.library.taste import say
from tests.library.make import make_store
from tests.library.test_ordering import spacing_of


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with make_store(tmp_path_factory.mktemp("build"), n=240) as made:
        yield made


@settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([5, 30, 60, 200]),
    st.integers(0, 50),
    st.sampled_from(["", "seed", "mood", "both"]),
    st.integers(1, 5),
)
def test_the_length_is_met_and_artists_are_spaced(store, minutes, random_seed, how, spacing):
    made = build(
        store, seed=tracks.get(store, 3) if how in ("seed", "both") else None,
        arc=arcs.arc("calm->energetic") if how in ("mood", "both") else None,
        minutes=minutes, random_seed=random_seed, spacing=spacing,
    )  # fmt: skip
    assert abs(made.duration_s - 60 * minutes) <= 200  # half of the longest song
    assert len({t.audio_hash for t in made.tracks}) == len(made.tracks)
    artists = [t.artist_key for t in made.tracks]
    assert spacing_of(artists) >= min(widest_spacing(artists, spacing), spacing)
    assert widest_spacing(artists, spacing) >= spacing - (how in ("mood", "both"))  # twelve artists allow it
    if how in ("seed", "both"):
        assert made.tracks[0].id == 3


def test_the_same_seed_makes_the_same_playlist_and_another_another(store):
    first, again, other = (build(store, "year:1960..1990", random_seed=seed).tracks for seed in (1, 1, 2))
    assert first == again
    assert {t.id for t in first} != {t.id for t in other}


def test_only_what_answers_the_query_and_is_there(tmp_path):
    store = make_store(tmp_path, n=60)
    with store.write() as connection:
        connection.execute(files.update().where(files.c.id == 5).values(missing_since=1.0))
    made = build(store, "year:1960..1979", minutes=None)
    assert {t.id for t in made.tracks} == set(range(1, 21)) - {5}


def test_songs_like_the_seed(store):
    seed = tracks.get(store, 3)
    made = build(store, seed=seed, n=12, taste=False)
    hashes, matrix = tracks.vectors(store)
    cosines = dict(zip(hashes, matrix @ matrix[hashes.index(seed.audio_hash)], strict=True))
    chosen = np.mean([cosines[t.audio_hash] for t in made.tracks[1:]])
    assert chosen > np.quantile(list(cosines.values()), 0.85)
    assert len(made.tracks) == 12


def test_an_arc_of_moods_is_followed(store):
    made = build(store, arc=arcs.arc("sad->happy"), minutes=60)
    valence = [t.valence for t in made.tracks]
    third = len(valence) // 3
    assert np.mean(valence[:third]) < -0.3
    assert np.mean(valence[-third:]) > 0.3
    away = [np.hypot(t.valence - v, t.arousal - a) for t, (v, a) in zip(made.tracks, made.points, strict=True)]
    assert np.mean(away) < 0.4  # a random song is about 0.9 away
    assert made.points[0] == pytest.approx((-0.75, -0.4))
    assert made.points[-1] == pytest.approx((0.8, 0.5))


def test_songs_that_follow_each_other_fit_better_than_shuffled(store):
    made = build(store, minutes=120).tracks

    def cost(order):
        return sum(tempo_cost(a.tempo_bpm, b.tempo_bpm) for a, b in pairwise(order))

    rng = np.random.default_rng(0)
    shuffled = [cost([made[i] for i in rng.permutation(len(made))]) for _ in range(50)]
    assert cost(made) < min(shuffled)


def test_likes_come_more_often_and_skips_less(tmp_path):
    store = make_store(tmp_path, n=200)
    about = tracks.get(store, 7)
    near = _neighbours(store, about, 15)

    def share():
        return np.mean([sum(t.audio_hash in near for t in build(store, n=40, random_seed=s).tracks) for s in range(8)])

    neutral = share()
    say(store, "like", [about])
    liked = share()
    say(store, "skip", [about])
    assert liked > neutral + 1
    assert share() < neutral


def _neighbours(store, about, n):
    from sideman.library.similar import similar

    return [track.audio_hash for track, _ in similar(store, about, n, per_artist=None, taste=False)]


def test_a_corrected_mood_is_taken_for_the_heard_one(tmp_path):
    store = make_store(tmp_path, n=80)
    far = max(tracks.find(store), key=lambda t: t.valence - t.arousal)
    say(store, "correct", [far], field="mood", value="angry")
    made = build(store, arc=arcs.arc("angry"), n=8)
    assert far.id in {t.id for t in made.tracks}
    assert far.id not in {t.id for t in build(store, arc=arcs.arc("angry"), n=8, taste=False).tracks}


def test_second_copies_are_left_out(tmp_path):
    store = make_store(tmp_path, n=20)
    with store.write() as connection:
        row = connection.execute(files.select().where(files.c.id == 1)).mappings().one()
        connection.execute(files.insert().values({**row, "id": 99, "path": "/copy.mp3"}))
    assert len(build(store, minutes=None).tracks) == 20


@pytest.mark.parametrize("wrong", [{"minutes": 0}, {"minutes": float("nan")}, {"n": 0}, {"n": 9999}, {"spacing": 0}])
def test_nonsense_is_refused(store, wrong):
    with pytest.raises(UsageError):
        build(store, **wrong)


def test_nothing_found_is_said(store):
    with pytest.raises(LibraryError, match="year:3000"):
        build(store, "year:3000")


def test_arcs_in_words():
    assert arcs.arc("calm").points([0, 1]) == ((0.5, -0.7), (0.5, -0.7))
    middle = arcs.arc("calm -> angry→happy").points([0.25, 0.5])
    assert middle[0] == pytest.approx((-0.125, 0.05))
    assert middle[1] == pytest.approx((-0.75, 0.8))
    for wrong in ("", "calm->", "calm->jibberish"):
        with pytest.raises(UsageError):
            arcs.arc(wrong)


def test_a_lift_stays_a_while_and_then_leads_to_calm_or_happy():
    tense, sad = arcs.lift((-0.5, 0.65)), arcs.lift((-0.7, -0.5))
    assert tense.points([0, 0.2, 0.85, 1]) == ((-0.5, 0.65), (-0.5, 0.65), (0.5, -0.7), (0.5, -0.7))
    assert sad.points([1.0]) == ((0.8, 0.5),)
    with pytest.raises(UsageError, match="from -1 to 1"):
        arcs.lift((2, 0))


def test_a_large_library_is_narrowed_to_the_songs_that_can_matter(store, monkeypatch):
    from sideman.library.playlists import candidates

    seed, away = tracks.get(store, 3), arcs.arc("sad->happy")
    whole = build(store, seed=seed, n=8, taste=False), build(store, arc=away, n=8, taste=False)
    looked_at = []
    monkeypatch.setattr(candidates, "_WHOLE", 40)
    monkeypatch.setattr(candidates, "_FOR_ONE", 1)
    kept = candidates._material
    monkeypatch.setattr(candidates, "_material", lambda usable, *rest: looked_at.append(usable) or kept(usable, *rest))
    narrow = build(store, seed=seed, n=8, taste=False), build(store, arc=away, n=8, taste=False)
    assert all(len(usable) <= 40 for usable in looked_at)
    hashes, matrix = tracks.vectors(store)
    vector = dict(zip(hashes, matrix, strict=True))

    def likeness(made):
        return np.mean([vector[seed.audio_hash] @ vector[t.audio_hash] for t in made.tracks])

    def straying(made):
        return np.mean(
            [np.hypot(t.valence - v, t.arousal - a) for t, (v, a) in zip(made.tracks, made.points, strict=True)]
        )

    assert likeness(narrow[0]) > likeness(whole[0]) - 0.03
    assert straying(narrow[1]) < straying(whole[1]) + 0.1
