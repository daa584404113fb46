"""The shared STFT: librosa's values, Parseval's energy, no copy of anything it need not copy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.audio.spectrum import Spectrum, as_mono, frame_count, power_spectrogram, stft
from sideman.core.errors import AudioError, UsageError
from tests.audio.signals import music, noise, signals

librosa = pytest.importorskip("librosa")


@pytest.mark.filterwarnings("ignore:n_fft")
@settings(deadline=None, max_examples=40)
@given(
    y=signals(min_n=2),
    n_fft=st.sampled_from([256, 1024, 2048]),
    hop=st.sampled_from([128, 200, 512]),
    pad_mode=st.sampled_from(["constant", "edge"]),
)
def test_equals_librosa(y, n_fft, hop, pad_mode):
    ours = stft(y, n_fft=n_fft, hop_length=hop, pad_mode=pad_mode)
    theirs = librosa.stft(y, n_fft=n_fft, hop_length=hop, pad_mode=pad_mode)
    assert ours.shape == theirs.shape == (1 + n_fft // 2, frame_count(len(y), n_fft=n_fft, hop_length=hop))
    assert ours.dtype == np.complex64
    np.testing.assert_allclose(ours, theirs, atol=1e-6 * max(np.abs(theirs).max(), 1e-3))


def test_equals_librosa_without_centring_and_with_reflection():
    y = music(1.0)
    np.testing.assert_allclose(stft(y, center=False), librosa.stft(y, center=False), atol=1e-4)
    np.testing.assert_allclose(stft(y, pad_mode="reflect"), librosa.stft(y, pad_mode="reflect"), atol=1e-4)


@settings(deadline=None, max_examples=30)
@given(y=signals(min_n=2048))
def test_energy_is_that_of_the_windowed_frames(y):
    """Parseval: the power over both halves of the spectrum is the frame's energy times its length."""
    power = power_spectrogram(y, center=False).astype(np.float64)
    both_halves = power[0] + power[-1] + 2 * power[1:-1].sum(axis=0)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    frames = np.lib.stride_tricks.sliding_window_view(y.astype(np.float64), 2048)[::512] * window
    np.testing.assert_allclose(both_halves, 2048 * (frames**2).sum(axis=1), rtol=1e-4, atol=1e-7)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), scale=st.floats(-4, 4))
def test_is_linear(seed, scale):
    a, b = noise(5000, seed), noise(5000, seed + 1)
    np.testing.assert_allclose(stft(a + np.float32(scale) * b), stft(a) + np.float32(scale) * stft(b), atol=2e-4)


def test_a_spectrum_computes_once_and_shares():
    spectrum = Spectrum.of(music(1.0))
    assert spectrum.power.base is not None
    assert spectrum.power_frames is spectrum.power_frames
    np.testing.assert_allclose(spectrum.magnitude, np.abs(spectrum.stft), rtol=1e-5, atol=1e-6)
    assert spectrum.frames.shape == (spectrum.times_s.size, spectrum.frequencies_hz.size)
    assert spectrum.frequencies_hz[-1] == 11025.0


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.zeros(0), "no samples"),
        (np.zeros((2, 100)), "mono"),
        (np.array([0.0, np.nan]), "NaN"),
        (np.array([np.inf, -np.inf]), "infinite"),
    ],
)
def test_refuses_what_is_no_signal(y, words):
    with pytest.raises(AudioError, match=words):
        as_mono(y)


def test_refuses_parameters_out_of_range():
    with pytest.raises(UsageError):
        stft(noise(100), hop_length=0)
    with pytest.raises(UsageError, match="pad_mode"):
        stft(noise(100), pad_mode="wrap")
    with pytest.raises(AudioError, match="shorter than one frame"):
        stft(noise(100), center=False)
