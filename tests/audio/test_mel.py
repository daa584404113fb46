"""Mel spectra: librosa's filters and values, linear in power."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.audio.mel import hz_to_mel, log_mel, mel_bands, mel_filterbank, mel_spectrogram, mel_to_hz, power_to_db
from sideman.audio.spectrum import Spectrum
from sideman.core.errors import UsageError
from tests.audio.signals import music, noise, signals

librosa = pytest.importorskip("librosa")


@pytest.mark.parametrize(
    ("rate", "n_fft", "n_mels", "fmin", "fmax"),
    [
        (22050, 2048, 128, 0.0, None),
        (32000, 1024, 96, 50.0, 14000.0),
        (16000, 512, 40, 0.0, 8000.0),
        (8000, 4096, 1, 0, 4000),
    ],
)
def test_filters_equal_librosa(rate, n_fft, n_mels, fmin, fmax):
    theirs = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    ours = mel_filterbank(rate, n_fft, n_mels=n_mels, fmin_hz=fmin, fmax_hz=fmax)
    np.testing.assert_allclose(ours, theirs, atol=1e-7 * theirs.max() + 1e-9)


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 20000))
def test_the_mel_scale_is_invertible_and_librosas(hz):
    assert mel_to_hz(hz_to_mel(hz)) == pytest.approx(hz, abs=1e-6)
    assert hz_to_mel(hz) == pytest.approx(librosa.hz_to_mel(hz), rel=1e-12, abs=1e-12)


@pytest.mark.filterwarnings("ignore:n_fft")
@settings(deadline=None, max_examples=25)
@given(y=signals())
def test_spectrogram_equals_librosa(y):
    theirs = librosa.feature.melspectrogram(y=y, sr=22050)
    np.testing.assert_allclose(mel_spectrogram(y), theirs, rtol=1e-3, atol=1e-6 * max(theirs.max(), 1e-6))


def test_samples_and_spectrum_give_the_same():
    y = music(1.0)
    np.testing.assert_allclose(mel_spectrogram(y), mel_spectrogram(Spectrum.of(y)), rtol=1e-6)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999), a=st.floats(0, 10), b=st.floats(0, 10), n_mels=st.integers(1, 200))
def test_bands_are_a_linear_map_of_power(seed, a, b, n_mels):
    rng = np.random.default_rng(seed)
    x, y = rng.random((2, 70, 1025), dtype=np.float32)
    bands = mel_bands(22050, 2048, n_mels)
    mixed = bands.apply(np.float32(a) * x + np.float32(b) * y)
    np.testing.assert_allclose(mixed, a * bands.apply(x) + b * bands.apply(y), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(bands.apply(x), x @ mel_filterbank(22050, 2048, n_mels=n_mels).T, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "y", [music(1.0), np.zeros(3000, np.float32), noise(3000, level=1e-6)], ids=["music", "silence", "quiet"]
)
def test_decibels_equal_librosa(y):
    theirs = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=22050))
    ours = log_mel(y)
    assert ours.max() - ours.min() <= 80.001
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_decibels_of_a_part_can_be_measured_from_the_whole():
    power = np.array([1.0, 1e-12], np.float32)
    np.testing.assert_allclose(power_to_db(power), [0, -80], atol=1e-4)
    np.testing.assert_allclose(power_to_db(power, peak=100.0), [0, -60], atol=1e-4)
    np.testing.assert_allclose(power_to_db(power, top_db=None), [0, -100], atol=1e-4)


def test_refuses_impossible_bands():
    with pytest.raises(UsageError, match="fmin"):
        mel_filterbank(22050, 2048, fmin_hz=9000.0, fmax_hz=100.0)
