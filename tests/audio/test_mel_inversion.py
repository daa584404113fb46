"""From log-mel pictures back to spectra: magnitudes that fit, and frames bent until they do."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from sideman.audio.inversion import resynthesise
from sideman.audio.mel import mel_filterbank
from sideman.audio.mel_inversion import (
    CORRECTION_MOMENTUM,
    LEAST_GAIN,
    MOST_GAIN,
    correct,
    magnitude_of,
    match_mel,
    mel_inverse,
)
from sideman.audio.mel_picture import FORM, log_mel_picture
from sideman.audio.single_pass import single_pass
from sideman.audio.spectrum import stft
from sideman.core.errors import AudioError, UsageError
from tests.audio.signals import music, noise

FILTERS = mel_filterbank(FORM.sample_rate_hz, FORM.n_fft, n_mels=FORM.n_mels).astype(np.float64)
FRAMES = {"n_fft": FORM.n_fft, "hop_length": FORM.hop_length}


def test_a_picture_s_magnitudes_have_its_mel_bands():
    picture = log_mel_picture(music(2.0))
    magnitude = magnitude_of(picture)
    assert magnitude.shape == (513, picture.shape[1])
    assert magnitude.dtype == np.float32
    assert magnitude.min() >= 0
    assert np.abs(np.log(FILTERS @ magnitude) - picture).mean() < 1e-3


def test_every_update_comes_nearer():
    """Lee and Seung 2000, theorem 2: the divergence does not grow."""
    picture = log_mel_picture(music(1.0))
    mel = np.exp(picture.astype(np.float64))

    def divergence(iterations):
        told = FILTERS @ magnitude_of(picture, iterations=iterations)
        return np.sum(mel * np.log(mel / np.maximum(told, 1e-30)) - mel + told)

    divergences = [divergence(n) for n in (1, 2, 4, 8, 16)]
    assert all(later < before for before, later in itertools.pairwise(divergences))


def test_fits_as_well_as_scipy_s_least_squares():
    """Bands of real magnitudes can be met exactly; scipy's exact method does, ours to a thousandth."""
    mel = np.exp(log_mel_picture(music(1.0)).astype(np.float64))[:, ::8]
    left = [nnls(FILTERS, frame)[1] for frame in mel.T]
    assert np.allclose(left, 0, atol=1e-9)
    ours = FILTERS @ magnitude_of(np.log(mel), iterations=60)
    assert np.linalg.norm(ours - mel) < 1e-3 * np.linalg.norm(mel)


def test_what_no_magnitudes_have_is_missed_by_a_smaller_factor_than_by_least_squares():
    """One loud band among soft ones: no spectrum is like that, for filters overlap."""
    mel = np.full((FORM.n_mels, 6), 0.01)
    mel[np.arange(10, 70, 10), np.arange(6)] = 1.0

    def divergence(magnitude):
        told = FILTERS @ magnitude
        return (mel * np.log(mel / told) - mel + told).sum(axis=0)

    least_squares = np.stack([nnls(FILTERS, frame)[0] for frame in mel.T], axis=1)
    assert (divergence(magnitude_of(np.log(mel), iterations=200)) < divergence(least_squares)).all()


def test_the_pseudo_inverse_alone_is_scipy_s_clipped():
    picture = log_mel_picture(noise(3000))
    expected = np.maximum(np.linalg.pinv(FILTERS) @ np.exp(picture.astype(np.float64)), 0)
    np.testing.assert_allclose(magnitude_of(picture, iterations=0), expected, rtol=1e-4, atol=1e-5)


def test_frames_do_not_depend_on_their_neighbours():
    picture = log_mel_picture(music(2.0))
    np.testing.assert_allclose(
        magnitude_of(picture[:, 70:90]), magnitude_of(picture)[:, 70:90], rtol=1e-3, atol=1e-5
    )  # fmt: skip


def test_silence_gives_next_to_nothing():
    silence = np.full((FORM.n_mels, 5), FORM.lowest)
    assert magnitude_of(silence).max() < 0.01  # of 512, which full scale has


def test_the_mean_of_even_bands_is_that_value_in_every_bin():
    bins = mel_inverse().spread(np.full((3, FORM.n_mels), 2.5, np.float32))
    assert bins.shape == (3, 513)
    np.testing.assert_allclose(bins, 2.5, rtol=1e-5)


@settings(deadline=None, max_examples=20)
@given(factor=st.floats(0.12, 8.0), seed=st.integers(0, 99))
def test_frames_of_the_wrong_level_are_set_right_at_once(factor, seed):
    frames = np.ascontiguousarray(stft(noise(4000, seed), **FRAMES).T)
    picture = log_mel_picture(noise(4000, seed)) + np.log(factor)
    np.testing.assert_allclose(match_mel(frames, picture), frames * factor, rtol=2e-3, atol=1e-4)


def test_frames_that_fit_stay_as_they_are():
    y = music(1.0)
    frames = np.ascontiguousarray(stft(y, **FRAMES).T)
    before = frames.copy()
    np.testing.assert_allclose(match_mel(frames, log_mel_picture(y)), frames, rtol=2e-3, atol=1e-3)
    np.testing.assert_array_equal(frames, before)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 99))
def test_no_bin_is_changed_by_more_than_is_allowed_and_no_phase_at_all(seed):
    rng = np.random.default_rng(seed)
    frames = np.ascontiguousarray(stft(noise(2000, seed), **FRAMES).T)
    gain = match_mel(frames, rng.uniform(FORM.lowest, 3, (FORM.n_mels, len(frames)))) / frames
    np.testing.assert_allclose(gain.imag, 0, atol=1e-4)
    assert gain.real.min() >= LEAST_GAIN * 0.999
    assert gain.real.max() <= MOST_GAIN * 1.001


def test_bent_frames_make_a_sound_nearer_to_the_picture():
    picture = log_mel_picture(music(2.0))
    sound = single_pass(magnitude_of(picture), **FRAMES)

    def missed(rounds, momentum):
        return np.abs(log_mel_picture(correct(sound, picture, rounds, momentum=momentum)) - picture).mean()

    assert missed(1, 0) < 0.5 * missed(0, 0)
    assert missed(3, 0) < missed(2, 0) < missed(1, 0)
    assert missed(3, CORRECTION_MOMENTUM) < 0.9 * missed(3, 0)


def test_without_momentum_each_round_bends_the_frames_of_the_sound():
    y, picture = noise(5000, 1), log_mel_picture(noise(5000, 2))
    bent = y
    for _ in range(2):
        bent = resynthesise(bent, lambda first, b: match_mel(b, picture[:, first : first + len(b)]), **FRAMES)
    np.testing.assert_allclose(correct(y, picture, 2, momentum=0), bent, atol=1e-6)


def test_a_sound_that_fits_stays_as_it_is():
    y = music(1.0)
    np.testing.assert_allclose(correct(y, log_mel_picture(y), 3), y, atol=1e-4)
    np.testing.assert_array_equal(correct(y, log_mel_picture(y), 0), y)


def test_refuses_what_is_no_picture():
    for function in (magnitude_of, lambda picture: match_mel(np.ones((4, 513), np.complex64), picture)):
        with pytest.raises(AudioError, match="shape"):
            function(np.zeros((80, 4)))
        with pytest.raises(AudioError, match="shape"):
            function(np.zeros(96))
    with pytest.raises(AudioError, match="do not go with"):
        match_mel(np.ones((4, 513), np.complex64), np.zeros((96, 5)))
    with pytest.raises(AudioError, match="does not go with"):
        correct(noise(2000), np.zeros((96, 5)), 1)
    with pytest.raises(UsageError, match="iterations"):
        magnitude_of(np.zeros((96, 4)), iterations=-1)
