"""Distances between sets: nothing on average between two samples of one source, known values between known ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from sideman.compose.spectra.distances import (
    Sample,
    gaussian_kernel,
    kernel_distance,
    kernel_draws,
    median_distance,
    polynomial_kernel,
)
from sideman.compose.spectra.frechet import extrapolated_frechet, frechet_distance
from sideman.core.errors import UsageError

KERNELS = {"polynomial": polynomial_kernel, "gaussian": gaussian_kernel(2.0)}


def normal(seed: int, n: int = 30, d: int = 6, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)) + shift


# --- kernel distance ---


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_two_samples_of_one_source_are_nothing_apart_on_average(kernel):
    found = [kernel_distance(Sample.of(normal(i, 12)), Sample.of(normal(1000 + i, 20)), kernel) for i in range(400)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 3 * error
    assert min(found) < 0 < max(found)  # an unbiased estimate of 0 must be negative at times


def test_the_estimate_is_the_textbook_sum():
    x, y = normal(0, 5), normal(1, 7)
    k = {name: polynomial_kernel(a, b) for name, (a, b) in {"xx": (x, x), "yy": (y, y), "xy": (x, y)}.items()}
    within = sum((k[s].sum() - np.trace(k[s])) / (n * (n - 1)) for s, n in (("xx", 5), ("yy", 7)))
    assert kernel_distance(Sample.of(x), Sample.of(y)) == pytest.approx(within - 2 * k["xy"].mean())


def test_shifted_gaussians_are_as_far_apart_as_the_closed_form_says():
    d, shift, bandwidth = 4, 0.8, 2.0
    wide = bandwidth**2 + 2  # both sources have variance 1 in each dimension
    closed = 2 * (bandwidth**2 / wide) ** (d / 2) * (1 - np.exp(-d * shift**2 / (2 * wide)))
    x, y = Sample.of(normal(0, 1500, d)), Sample.of(normal(1, 1500, d, shift))
    assert kernel_distance(x, y, gaussian_kernel(bandwidth)) == pytest.approx(closed, rel=0.1)


@given(st.integers(0, 99), st.permutations(range(9)))
@settings(max_examples=25, deadline=None)
def test_the_order_of_points_the_names_of_bags_and_the_sides_do_not_matter(seed, order):
    x, y, bags = normal(seed, 9), normal(seed + 100, 8, shift=0.5), np.array([0, 0, 1, 1, 2, 3, 4, 5, 5])
    plain = kernel_distance(Sample.of(x, bags), Sample.of(y))
    turned = Sample.of(x[order], np.array([f"clip {7 - b}" for b in bags])[order])
    assert kernel_distance(turned, Sample.of(y[::-1])) == pytest.approx(plain)
    assert kernel_distance(Sample.of(y), Sample.of(x, bags)) == pytest.approx(plain)


def test_gaussian_distances_do_not_change_when_everything_moves_or_turns():
    turn = np.linalg.qr(normal(5, 6))[0]
    x, y, kernel = normal(0), normal(1, shift=0.3), KERNELS["gaussian"]
    moved = (Sample.of(points @ turn + 3.0) for points in (x, y))
    assert kernel_distance(*moved, kernel) == pytest.approx(kernel_distance(Sample.of(x), Sample.of(y), kernel))


def test_points_of_one_recording_are_no_independent_evidence():
    x, y = normal(0, 10), normal(1, 10)
    copied = Sample.of(np.repeat(x, 4, axis=0), np.repeat(np.arange(10), 4))
    plain = kernel_distance(Sample.of(x), Sample.of(y))
    assert kernel_distance(copied, Sample.of(y)) == pytest.approx(plain)
    uneven = Sample.of(np.repeat(x, [1] * 9 + [30], axis=0), np.repeat(np.arange(10), [1] * 9 + [30]))
    assert kernel_distance(uneven, Sample.of(y)) == pytest.approx(plain)


def test_fixed_numbers_per_genre_do_not_bias_the_estimate():
    """Every set has four of each of three far genres; a mean over all pairs would find such sets nearer than equal."""
    strata = np.repeat(np.arange(3), 4)
    centres = 3 * normal(7, 3)[strata]
    pairs = [[Sample.of(centres + normal(2 * i + k, 12), strata=strata) for k in range(2)] for i in range(300)]
    found = [kernel_distance(*pair) for pair in pairs]
    plain = [kernel_distance(*(Sample.of(s.points) for s in pair)) for pair in pairs]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))
    assert np.mean(plain) < -3 * np.std(plain) / np.sqrt(len(plain))


@pytest.mark.parametrize("strata", [None, np.repeat([0, 1], 6)], ids=["plain", "strata"])
def test_recordings_and_their_own_changes_are_no_independent_pairs(strata):
    """The same clips with noise on both: alike in distribution, but an unpaired estimate would come out negative."""
    clips = [3 * normal(3 * i, 12) for i in range(300)]
    noisy = [[Sample.of(c + normal(3 * i + k, 12), strata=strata) for k in (1, 2)] for i, c in enumerate(clips)]
    found = {paired: [kernel_distance(*two, KERNELS["gaussian"], paired=paired) for two in noisy] for paired in (0, 1)}
    error = {paired: np.std(some) / np.sqrt(len(some)) for paired, some in found.items()}
    assert abs(np.mean(found[1])) < 3 * error[1]
    assert np.mean(found[0]) < -3 * error[0]


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    d, shift, bandwidth = 4, 0.8, 2.0
    wide = bandwidth**2 + 2
    truth = 2 * (bandwidth**2 / wide) ** (d / 2) * (1 - np.exp(-d * shift**2 / (2 * wide)))
    held = 0
    for seed in range(100):
        x, y = Sample.of(normal(2 * seed, 40, d)), Sample.of(normal(2 * seed + 1, 40, d, shift))
        draws = kernel_draws(x, y, gaussian_kernel(bandwidth), draws=200)
        low, high = np.quantile(draws, [0.025, 0.975])
        held += low <= truth <= high
    assert 86 <= held <= 100


def test_draws_against_one_reference_share_its_weights():
    y = Sample.of(normal(1))
    same = [kernel_draws(Sample.of(normal(0)), y, draws=20, seed=3) for _ in range(2)]
    assert np.array_equal(*same)
    near, far = (kernel_draws(Sample.of(normal(0, shift=s)), y, draws=200) for s in (0.5, 0.6))
    assert np.std(far - near) < 0.5 * np.std(far)


def test_the_median_distance_of_a_square_is_its_side():
    assert median_distance(Sample.of([[0, 0], [0, 1], [1, 0], [1, 1]])) == pytest.approx(1)
    assert median_distance(Sample.of([[0.0], [5.0], [5.0]], [0, 1, 1])) == pytest.approx(5)


# --- Fréchet distance ---


def test_the_frechet_distance_is_the_textbook_formula():
    x, y = normal(0, 40) @ normal(2, 6), normal(1, 50, shift=0.4)
    c, d = np.cov(x.T), np.cov(y.T)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(c + d - 2 * sqrtm(c @ d).real)
    assert frechet_distance(Sample.of(x), Sample.of(y)) == pytest.approx(expected)


def test_shrinkage_moves_each_covariance_towards_a_ball():
    x, y, share = normal(0, 40), 2 * normal(1, 50), 0.3
    balls = []
    for points in (x, y):
        c = np.cov(points.T)
        balls.append((1 - share) * c + share * np.trace(c) / 6 * np.eye(6))
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(
        balls[0] + balls[1] - 2 * sqrtm(balls[0] @ balls[1]).real
    )
    assert frechet_distance(Sample.of(x), Sample.of(y), shrinkage=share) == pytest.approx(expected)


@given(st.integers(0, 99), st.floats(-3, 3))
@settings(max_examples=25, deadline=None)
def test_a_shift_alone_costs_its_square_even_with_fewer_points_than_dimensions(seed, shift):
    x = normal(seed, 5, 12)
    assert frechet_distance(Sample.of(x), Sample.of(x + shift)) == pytest.approx(12 * shift**2, abs=1e-6)


def test_it_is_too_large_for_small_sets_and_the_extrapolation_takes_most_of_that_away():
    x, y = Sample.of(normal(0, 120, 8)), Sample.of(normal(1, 120, 8))
    small = [s.take(range(40)) for s in (x, y)]
    assert frechet_distance(*small) > frechet_distance(x, y) > 0
    found = extrapolated_frechet(x, y)
    assert found.distance == frechet_distance(x, y)
    assert abs(found.infinite) < 0.4 * found.distance
    assert found.bias > 0
    assert 0 < found.standard_error < found.distance


def test_a_set_and_itself_are_nothing_apart_however_small_their_parts():
    x = Sample.of(normal(0, 20, 12))
    found = extrapolated_frechet(x, x, paired=True)
    assert [found.distance, found.infinite, found.standard_error] == pytest.approx([0, 0, 0], abs=1e-9)
    assert extrapolated_frechet(x, x).infinite < 0  # parts that are not the same recordings seem to lie apart


def test_the_extrapolation_repeats_itself_with_its_seed():
    x, y = Sample.of(normal(0, 12)), Sample.of(normal(1, 12))
    assert extrapolated_frechet(x, y, seed=5) == extrapolated_frechet(x, y, seed=5)


# --- bad input ---


@pytest.mark.parametrize(
    ("points", "bags", "strata", "says"),
    [
        (np.zeros(5), None, None, "shape"),
        (np.zeros((0, 5)), None, None, "shape"),
        ([[0.0, np.nan]], None, None, "NaN"),
        (np.zeros((3, 2)), [0, 1], None, "bags and strata"),
        (np.zeros((3, 2)), [0, 0, 1], [0, 1, 1], "two strata"),
    ],
)
def test_what_is_no_set_is_told_in_one_line(points, bags, strata, says):
    with pytest.raises(UsageError, match=says) as caught:
        Sample.of(points, bags, strata)
    assert "\n" not in str(caught.value)


def test_sets_that_cannot_be_compared_are_told():
    x, wide, one = Sample.of(normal(0)), Sample.of(normal(0, d=7)), Sample.of(normal(0, n=1))
    for distance in (kernel_distance, frechet_distance):
        with pytest.raises(UsageError, match="dimension"):
            distance(x, wide)
        with pytest.raises(UsageError, match="at least two"):
            distance(x, one)
    with pytest.raises(UsageError, match="same strata"):
        kernel_distance(x, Sample.of(normal(1), strata=np.ones(30, int)))
    with pytest.raises(UsageError, match="same recordings"):
        kernel_distance(x, x.take(range(9)), paired=True)
    with pytest.raises(UsageError, match="same recordings"):
        extrapolated_frechet(x, x.take(range(9)), paired=True)
    with pytest.raises(UsageError, match="at least 8"):
        extrapolated_frechet(x, x.take(range(7)))
    with pytest.raises(UsageError, match="shrinkage"):
        frechet_distance(x, x, shrinkage=2)
    with pytest.raises(UsageError, match="positive"):
        gaussian_kernel(0.0)
    with pytest.raises(UsageError, match="two recordings"):
        median_distance(one)
