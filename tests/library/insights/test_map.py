"""The map keeps neighbours together, is the same each time, and bounds its work."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.library.insights.map import kept, layout, nearest, principal


def clusters(n, groups=8, seed=0):
    """Unit vectors on curved pieces of few dimensions, and the piece of each."""
    rng = np.random.default_rng(seed)
    centres, axes = np.abs(rng.normal(size=(groups, 256))), 0.5 * rng.normal(size=(groups, 3, 256))
    group = rng.integers(0, groups, n)
    x = np.abs(centres[group] + np.einsum("nk,nkd->nd", rng.normal(size=(n, 3)), axes[group]))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), group


def test_neighbours_in_sound_stay_neighbours_far_better_than_on_principal_components():
    x, group = clusters(500)
    plane = layout(x)
    assert kept(x, plane) > 1.5 * kept(x, principal(x))
    assert kept(x, plane) > 0.5
    closest = np.argsort(((plane[:, None] - plane[None]) ** 2).sum(2), axis=1)[:, 1]
    assert (group[closest] == group).mean() > 0.95


def test_the_same_seed_gives_the_same_map():
    x, _ = clusters(60)
    assert np.array_equal(layout(x, seed=3), layout(x, seed=3))
    assert not np.array_equal(layout(x, seed=3), layout(x, seed=4))


def test_what_is_beyond_the_sample_joins_its_neighbours():
    x, group = clusters(600, groups=4)
    plane = layout(x, most=200)
    assert plane.shape == (600, 2)
    closest = np.argsort(((plane[:, None] - plane[None]) ** 2).sum(2), axis=1)[:, 1:6]
    assert (group[closest] == group[:, None]).mean() > 0.9


@settings(max_examples=10, deadline=None)
@given(n=st.integers(0, 14), equal=st.booleans())
def test_any_number_of_tracks_lies_within_the_plane(n, equal):
    x, _ = clusters(max(n, 1))
    x = np.repeat(x[:1], n, 0) if equal else x[:n]
    plane = layout(x)
    assert plane.shape == (n, 2)
    assert np.isfinite(plane).all()
    assert np.abs(plane).max(initial=0) <= 1 + 1e-6


def test_nearest_are_the_most_similar_others():
    x, _ = clusters(50)
    similar = x @ x.T
    np.fill_diagonal(similar, -1)
    expected = np.sort(np.argsort(-similar, axis=1)[:, :5], axis=1)
    assert np.array_equal(np.sort(nearest(x, 5), axis=1), expected)


def test_what_is_kept_is_1_for_the_plane_itself():
    angle = np.random.default_rng(0).uniform(0, 1.5, 40)
    x = np.stack([np.cos(angle), np.sin(angle)], 1)
    assert kept(x, x, 3) == 1


@pytest.mark.slow
def test_ten_thousand_tracks_are_placed_within_20_s_of_a_core():
    import time

    x, _ = clusters(10_000)
    begin = time.process_time()
    layout(x)
    assert time.process_time() - begin < 20
