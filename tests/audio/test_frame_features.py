"""Frame by frame: chroma and tuning, spectral shape, level, zero crossings, onsets, MFCC, the table's tempo."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sideman.audio import chroma as chroma_module
from sideman.audio.chroma import TuningHistogram, chroma_filterbank, chroma_stft, estimate_tuning
from sideman.audio.mfcc import mfcc
from sideman.audio.onsets import onset_envelope
from sideman.audio.spectral import narrow_shape, spectral_bandwidth, spectral_centroid, spectral_rolloff, spectral_shape
from sideman.audio.spectrum import Spectrum
from sideman.audio.table_tempo import mean_autocorrelation, table_tempo
from sideman.audio.temporal import rms, zero_crossing_rate
from sideman.core.errors import UsageError
from tests.audio.signals import RATE_HZ, music, noise, signals

librosa = pytest.importorskip("librosa")
pytestmark = [pytest.mark.filterwarnings("ignore:n_fft"), pytest.mark.filterwarnings("ignore:Trying to estimate")]
MUSIC = music(4.0)


@settings(deadline=None, max_examples=40)
@given(y=signals())
def test_level_and_crossings_equal_librosa(y):
    np.testing.assert_allclose(rms(y), librosa.feature.rms(y=y)[0], rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(zero_crossing_rate(y), librosa.feature.zero_crossing_rate(y)[0])


def test_tiny_samples_are_zeros_and_zeros_are_positive():
    y = np.array([1e-11, -1e-11] * 3000 + [0.0, -1e-3] * 3000, np.float32)
    np.testing.assert_array_equal(zero_crossing_rate(y), librosa.feature.zero_crossing_rate(y)[0])
    assert zero_crossing_rate(y)[0] == 0.0


@settings(deadline=None, max_examples=40)
@given(y=signals(min_n=3000))
def test_spectral_shape_equals_librosa(y):
    assume(np.abs(y).max() > 1e-3)
    spectrum = Spectrum.of(y)
    loud = spectrum.magnitude.sum(axis=0) > 1e-2  # below, a frame's spectrum is rounding noise
    S = spectrum.magnitude
    for ours, theirs in (
        (spectral_centroid(spectrum), librosa.feature.spectral_centroid(S=S)[0]),
        (spectral_bandwidth(spectrum), librosa.feature.spectral_bandwidth(S=S)[0]),
    ):
        np.testing.assert_allclose(ours[loud], theirs[loud], rtol=1e-4, atol=0.5)
    rolloff = librosa.feature.spectral_rolloff(S=S)[0]
    assert np.abs(spectral_rolloff(spectrum) - rolloff)[loud].max(initial=0) <= RATE_HZ / 2048 + 1e-6  # rounding: a bin


@settings(deadline=None, max_examples=30)
@given(gain=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
def test_shape_chroma_and_all_but_the_first_coefficient_ignore_the_gain(gain, seed):
    y = noise(9000, seed)
    louder = y * np.float32(gain)
    np.testing.assert_allclose(spectral_centroid(louder), spectral_centroid(y), rtol=1e-4)
    np.testing.assert_allclose(chroma_stft(louder, tuning=0.0), chroma_stft(y, tuning=0.0), atol=1e-4)
    assume(gain > 0.05)  # the floor of 1e-10 stays below every band
    np.testing.assert_allclose(mfcc(louder)[1:], mfcc(y)[1:], atol=5e-3)


def test_a_pure_tone_has_its_frequency_as_centroid_and_hardly_any_bandwidth():
    y = np.sin(2 * np.pi * 8000 / RATE_HZ * np.arange(RATE_HZ)).astype(np.float32)
    inner = slice(3, -3)
    np.testing.assert_allclose(spectral_centroid(y)[inner], 8000, rtol=1e-3)
    exact = librosa.feature.spectral_bandwidth(y=y.astype(np.float64), sr=RATE_HZ)[0]
    assert exact[inner].max() < 10
    np.testing.assert_allclose(spectral_bandwidth(y)[inner], exact[inner], atol=1.0)
    frames = np.lib.stride_tricks.sliding_window_view(y, 2048)[512:-2048:512]
    double = narrow_shape(frames, RATE_HZ / 2048)
    np.testing.assert_allclose(double[:, 0], 8000, rtol=1e-3)
    np.testing.assert_allclose(double[:, 1], exact[inner].mean(), rtol=0.01)


def test_silence_has_no_shape():
    assert not spectral_shape(np.zeros((5, 1025), np.float32), 10.77).any()
    with pytest.raises(UsageError, match="roll_percent"):
        spectral_shape(np.zeros((5, 1025), np.float32), 10.77, roll_percent=1.0)


@pytest.mark.parametrize("bins", [33, 64, 65, 513, 1024, 1025])
def test_shape_is_right_for_any_number_of_bins(bins):
    S = np.random.default_rng(bins).random((20, bins), dtype=np.float32)
    frequency = np.arange(bins) * 10.0
    expected = librosa.feature.spectral_rolloff(S=S.T, freq=frequency)[0]
    np.testing.assert_allclose(spectral_shape(S, 10.0)[:, 2], expected, atol=10.0)
    expected = librosa.feature.spectral_bandwidth(S=S.T, freq=frequency)[0]
    np.testing.assert_allclose(spectral_shape(S, 10.0)[:, 1], expected, rtol=1e-4)


@pytest.mark.parametrize("cents", [-45, -20, -7, 0, 13, 38])
def test_tuning_is_heard_and_equals_librosa(cents):
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    y = sum(np.sin(2 * np.pi * 440 * 2 ** ((note + cents / 100) / 12) * t) for note in (-12, -5, 0, 4)).astype(
        np.float32
    )
    assert estimate_tuning(y) == pytest.approx(cents / 100, abs=0.1)  # parabolic peaks are biased
    theirs = librosa.estimate_tuning(S=np.abs(librosa.stft(y)) ** 2, sr=RATE_HZ)
    assert estimate_tuning(y) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("tuning", [-0.5, -0.13, 0.0, 0.31])
@pytest.mark.parametrize(("rate", "n_fft"), [(22050, 2048), (44100, 4096)])
def test_chroma_filters_equal_librosa(tuning, rate, n_fft):
    theirs = librosa.filters.chroma(sr=rate, n_fft=n_fft, tuning=tuning)
    np.testing.assert_allclose(chroma_filterbank(rate, n_fft, tuning=tuning), theirs, atol=1e-6)


def test_chroma_equals_librosa():
    np.testing.assert_allclose(chroma_stft(MUSIC), librosa.feature.chroma_stft(y=MUSIC, sr=RATE_HZ), atol=1e-4)
    assert chroma_stft(MUSIC).max() == 1.0
    assert not chroma_stft(np.zeros(4000, np.float32)).any()


def test_tuning_of_a_long_recording_is_that_of_all_its_peaks(monkeypatch):
    rng = np.random.default_rng(0)
    frequency = (440 * 2 ** (rng.integers(-12, 12, 20000) / 12 + rng.normal(0.12, 0.05, 20000) / 12)).astype(np.float32)
    power = rng.lognormal(0, 2, 20000).astype(np.float32)
    exact = TuningHistogram()
    exact.update(frequency, power)
    monkeypatch.setattr(chroma_module, "_EXACT_PEAKS", 1000)
    binned = TuningHistogram()
    for part in range(0, 20000, 700):
        binned.update(frequency[part : part + 700], power[part : part + 700])
    assert binned.tuning() == pytest.approx(exact.tuning(), abs=0.011)


@pytest.mark.parametrize("aggregate", ["mean", "median"])
def test_onsets_equal_librosa(aggregate):
    theirs = librosa.onset.onset_strength(y=MUSIC, sr=RATE_HZ, aggregate=getattr(np, aggregate))
    np.testing.assert_allclose(onset_envelope(MUSIC, aggregate=aggregate), theirs, atol=5e-3)
    np.testing.assert_allclose(onset_envelope(Spectrum.of(MUSIC), aggregate=aggregate), theirs, atol=5e-3)


@pytest.mark.parametrize("n", [1, 511, 512, 1024, 1536, 2048, 5000])
def test_onsets_of_short_signals_have_a_value_per_frame(n):
    envelope = onset_envelope(noise(n), aggregate="median")
    assert envelope.shape == (1 + n // 512,)
    assert np.isfinite(envelope).all()


@settings(deadline=None, max_examples=15)
@given(y=signals(min_n=2))
def test_mfcc_equals_librosa(y):
    assume(np.abs(y).max() > 1e-3)
    np.testing.assert_allclose(mfcc(y), librosa.feature.mfcc(y=y, sr=RATE_HZ), atol=0.02)


def test_mfcc_checks_its_number():
    with pytest.raises(UsageError, match="n_mfcc"):
        mfcc(MUSIC, n_mfcc=129)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), n=st.integers(3, 900), sparse=st.booleans())
def test_tempo_equals_librosa(seed, n, sparse):
    rng = np.random.default_rng(seed)
    envelope = np.maximum(rng.standard_normal(n), 0).astype(np.float32)
    if sparse:
        envelope[rng.random(n) < 0.9] = 0
    tempogram = librosa.feature.tempogram(onset_envelope=envelope, sr=RATE_HZ, win_length=344)
    np.testing.assert_allclose(mean_autocorrelation(envelope, 344), tempogram.mean(axis=1), atol=1e-9)
    theirs = librosa.beat.beat_track(onset_envelope=envelope, sr=RATE_HZ)[0] if envelope.any() else 0.0
    assert table_tempo(envelope) == pytest.approx(float(np.atleast_1d(theirs)[0]), abs=1e-6)
