"""The order of playlists: artists spread, songs that fit next to each other, seeded."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import UsageError
from sideman.library.ordering import key_cost, order, tempo_cost, transitions, widest_spacing
from sideman.library.track import Track

line_ups = st.lists(st.sampled_from(["a", "b", "c", "d", "e", None]), max_size=24)


def random_costs(n, seed=0):
    costs = np.random.default_rng(seed).random((n, n))
    return (costs + costs.T) / 2


def spacing_of(artists):
    """The least distance of two songs of one artist."""
    least, last = len(artists) + 99, {}
    for at, artist in enumerate(artists):
        if artist is not None:
            least = min(least, at - last.get(artist, -999))
            last[artist] = at
    return least


@settings(max_examples=300, deadline=None)
@given(line_ups, st.integers(1, 5), st.integers(0, 3))
def test_no_artist_twice_within_k_wherever_the_material_allows(artists, k, seed):
    found = order(random_costs(len(artists), seed), artists, k=k, random_seed=seed)
    assert sorted(found) == list(range(len(artists)))
    assert spacing_of([artists[i] for i in found]) >= widest_spacing(artists, k)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=7), st.integers(1, 4))
def test_what_the_material_allows_is_what_trying_all_orders_finds(artists, k):
    possible = max(min(k, spacing_of(p)) for p in set(permutations(artists)))
    assert widest_spacing(artists, k) == possible


@settings(max_examples=60, deadline=None)
@given(line_ups.filter(bool), st.integers(1, 4), st.data())
def test_the_first_song_stays_first(artists, k, data):
    first = data.draw(st.integers(0, len(artists) - 1))
    found = order(random_costs(len(artists)), artists, k=k, first=first)
    assert found[0] == first
    assert sorted(found) == list(range(len(artists)))


def test_better_than_any_random_order():
    costs = random_costs(40, 1)
    found = order(costs, [None] * 40)
    total = sum(costs[a, b] for a, b in pairwise(found))
    rng = np.random.default_rng(2)
    shuffled = [rng.permutation(40) for _ in range(200)]
    assert total < 0.7 * min(sum(costs[a, b] for a, b in pairwise(p)) for p in shuffled)


def test_a_line_is_found_again():
    at = np.random.default_rng(0).permutation(30)
    costs = np.abs(at[:, None] - at[None]).astype(float)
    found = order(costs, [None] * 30, first=int(np.argmin(at)))
    assert [int(at[i]) for i in found] == list(range(30))


def test_places_hold_songs_where_they_belong():
    want = np.random.default_rng(3).permutation(20)
    places = np.abs(np.arange(20)[None] - want[:, None]).astype(float)
    found = order(np.zeros((20, 20)), [None] * 20, places=places)
    assert [int(want[i]) for i in found] == list(range(20))


def test_the_same_seed_gives_the_same_order_and_another_another():
    costs, artists = random_costs(30), [f"a{i % 9}" for i in range(30)]
    assert order(costs, artists, random_seed=1) == order(costs, artists, random_seed=1)
    assert len({tuple(order(costs, artists, random_seed=seed)) for seed in range(5)}) > 1


def test_tempo_and_key_decide_what_follows():
    tempos_keys = [(120.0, "A minor"), (121.0, "C major"), (60.5, "G major"), (97.0, "D# major")]
    songs = [Track(i, f"/{i}.mp3", tempo_bpm=bpm, key=key) for i, (bpm, key) in enumerate(tempos_keys)]
    costs = transitions(songs, np.zeros((4, 256), np.float32))
    assert np.allclose(costs, costs.T)
    assert costs[0, 1] < costs[0, 2] < costs[0, 3]
    assert order(costs, [None] * 4, first=0) == [0, 1, 2, 3]


def test_costs_of_tempo_and_key():
    assert tempo_cost(120, 120) == 0
    assert tempo_cost(120, 60) == tempo_cost(60, 120) < tempo_cost(120, 126)
    assert tempo_cost(100, 140) == 1
    assert tempo_cost(None, 140) == tempo_cost(140, 0) == 0.5
    assert key_cost("A minor", "C major") == key_cost("A minor", "E minor") < key_cost("A minor", "B minor") < 1
    assert key_cost(None, "C major") == 0.5


@settings(deadline=None)
@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(40, 240)), st.sampled_from([None, "C major", "F# minor"])),
                min_size=2, max_size=5))  # fmt: skip
def test_the_matrix_is_the_sum_of_its_parts(rows):
    songs = [Track(i, f"/{i}", tempo_bpm=bpm, key=key) for i, (bpm, key) in enumerate(rows)]
    costs = transitions(songs, np.zeros((len(rows), 256), np.float32))
    for a in range(len(rows)):
        for b in range(len(rows)):
            parts = tempo_cost(rows[a][0], rows[b][0]) + 0.7 * key_cost(rows[a][1], rows[b][1]) + 1.0
            assert costs[a, b] == pytest.approx(parts)


def test_limits():
    assert order(np.zeros((0, 0)), []) == []
    with pytest.raises(UsageError, match="too many"):
        order(np.zeros((1, 1)), [None] * 2001)
    with pytest.raises(UsageError, match="at least 1"):
        order(np.zeros((1, 1)), [None], k=0)
