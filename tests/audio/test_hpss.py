"""Harmonic-percussive separation: librosa's waveforms from one inverse transform."""

import numpy as np
import pytest
from hypothesis import given, settings

from sideman.audio.hpss import OverlapAdd, harmonic_masks, harmonic_percussive
from sideman.audio.spectrum import Spectrum, stft
from sideman.core.errors import UsageError
from tests.audio.signals import music, noise, signals

librosa = pytest.importorskip("librosa")


@pytest.mark.filterwarnings("ignore:n_fft")
@settings(deadline=None, max_examples=20)
@given(y=signals(min_n=16384, max_n=40000))
def test_equals_librosa(y):
    """From 33 frames on: for axes far shorter than the window scipy's median filter is not reliable."""
    harmonic, percussive = harmonic_percussive(y)
    theirs_h, theirs_p = librosa.effects.hpss(y)
    level = max(np.abs(y).max(), 1e-6)
    # Where both medians are rounding noise (tones over digital silence), the masks may differ: compare energy there.
    assert np.sqrt(np.mean((harmonic - theirs_h) ** 2)) < 1e-4 * level
    assert np.sqrt(np.mean((percussive - theirs_p) ** 2)) < 1e-4 * level


def test_equals_librosa_on_music():
    y = music(5.0)
    for ours, theirs in zip(harmonic_percussive(y), librosa.effects.hpss(y), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(y=signals())
def test_the_parts_add_up_to_the_signal(y):
    harmonic, percussive = harmonic_percussive(y)
    assert harmonic.shape == percussive.shape == y.shape
    np.testing.assert_allclose(harmonic + percussive, y, atol=1e-6)


def test_tones_are_harmonic_and_clicks_percussive():
    t = np.arange(3 * 22050) / 22050
    tone = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    clicks = np.zeros_like(tone)
    clicks[2000::11025] = 1.0
    harmonic, percussive = harmonic_percussive(tone + clicks)
    inner = slice(4096, -4096)
    assert np.mean((harmonic - tone)[inner] ** 2) < 0.02 * np.mean(tone[inner] ** 2)
    assert np.mean((percussive - clicks)[inner] ** 2) < 0.3 * np.mean(clicks[inner] ** 2)


def test_silence_is_divided_evenly():
    power = np.zeros((40, 1025), np.float32)
    for _, mask in harmonic_masks(power, 0, 40):
        assert np.all(mask == 0.5)


@pytest.mark.parametrize("n", [1, 100, 511, 512, 2048, 2049, 30001])
def test_overlap_add_inverts_the_transform(n):
    y = noise(n, seed=n)
    frames = Spectrum.of(y).frames
    adder = OverlapAdd(0, len(frames))
    pieces = [adder.add(frames[start : start + 7]) for start in range(0, len(frames), 7)]
    wave = np.concatenate([*pieces, adder.flush()]).reshape(-1)[1024 : 1024 + n]
    np.testing.assert_allclose(wave, y, atol=1e-6)


def test_resynthesis_needs_a_hop_that_divides_the_frame():
    with pytest.raises(UsageError, match="hop"):
        OverlapAdd(0, 10, n_fft=2048, hop_length=500)
    assert stft(noise(4096), hop_length=500).shape[0] == 1025  # analysis takes any hop
