"""The selection network is a median filter to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import median_filter

from sideman.audio.median import SIZES, _network, running_median, workspace
from sideman.core.errors import UsageError


def by_definition(x, size):
    """Sort every window of the reflected rows."""
    padded = np.pad(x, ((size // 2, size // 2), (0, 0)), mode="symmetric")
    return np.sort(np.lib.stride_tricks.sliding_window_view(padded, size, axis=0), axis=-1)[..., size // 2]


@settings(deadline=None, max_examples=120)
@given(
    x=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=90),
        elements=st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, 1.0]),
    ),
    size=st.sampled_from(SIZES),
)
def test_equals_the_definition_along_both_axes(x, size):
    assert np.array_equal(running_median(x, size, axis=0), by_definition(x, size))
    assert np.array_equal(running_median(x, size, axis=1), by_definition(x.T, size).T)


@pytest.mark.parametrize("shape", [(1293, 1025), (130, 1025), (70, 33), (64, 4000)])
@pytest.mark.parametrize("axis", [0, 1])
def test_equals_scipy_on_spectrogram_shapes(shape, axis):
    x = np.random.default_rng(0).gamma(0.5, size=shape).astype(np.float32)
    x[x < 0.1] = 0  # ties, as silence makes them
    size = (31, 1) if axis == 0 else (1, 31)
    assert np.array_equal(running_median(x, 31, axis=axis), median_filter(x, size=size, mode="reflect"))


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 5), (15, 1), (16, 16), (17, 31)])
def test_is_defined_on_arrays_shorter_than_half_a_window(shape):
    """scipy 1.17 reads uninitialised memory for some of these, librosa with it (spectra of two or three frames)."""
    x = np.random.default_rng(1).random(shape, dtype=np.float32)
    for size in SIZES:
        assert np.array_equal(running_median(x, size), by_definition(x, size))


def test_a_workspace_forgets_its_last_input():
    first, second = np.random.default_rng(2).random((2, 40, 20), dtype=np.float32)
    expected = running_median(second, 31)
    running_median(first, 31)
    assert np.array_equal(running_median(second, 31), expected)
    assert workspace(31, 40, 20) is workspace(31, 40, 20)


def test_costs_what_its_description_says():
    network = _network(31)
    assert (len(network.sorting_steps) + len(network.selecting)) / network.group < 25


def test_refuses_other_sizes():
    with pytest.raises(UsageError, match="31"):
        running_median(np.zeros((4, 4), np.float32), 5)
    with pytest.raises(UsageError, match="2-d"):
        running_median(np.zeros(4, np.float32), 31)
