"""Low bins bent at a fraction of the rate: what they come to, and what they leave alone."""

import numpy as np
import pytest

from sideman.audio.inversion import istft
from sideman.audio.mel_inversion import mel_frames_of
from sideman.audio.mel_picture import FORM, log_mel_picture
from sideman.audio.spectrum import stft
from sideman.audio.tonal import low_bins
from tests.audio.signals import music

N = 200 * 256


@pytest.fixture(scope="module")
def sound():
    return music(2.5)[:N]


def frames_of(sound):
    return np.ascontiguousarray(stft(sound, n_fft=FORM.n_fft, hop_length=FORM.hop_length).T)


def sound_of(frames):
    return istft(frames.T, n_fft=FORM.n_fft, hop_length=FORM.hop_length, length=N)


@pytest.mark.parametrize("decimation", [2, 4, 8])
def test_true_frames_stay_as_they_are(sound, decimation):
    frames = frames_of(sound)
    bent = frames.copy()
    low_bins(decimation).bend(bent, mel_frames_of(log_mel_picture(sound)), 3)
    inner = slice(4, -4)  # at the ends half of a frame is padding, which the shorter form pads otherwise
    gap = np.abs(bent - frames)[inner, 4:]  # what lies below hearing dies away, and pulls at its neighbours
    assert gap.max() < 0.05 * np.abs(frames).max()


@pytest.mark.parametrize("decimation", [2, 4, 8])
def test_bins_above_are_left_alone(sound, decimation):
    frames = frames_of(sound)
    bent = frames.copy()
    low = low_bins(decimation)
    low.bend(bent, np.ones((len(frames), FORM.n_mels), np.float32), 2)
    np.testing.assert_array_equal(bent[:, low.bins - 10 :], frames[:, low.bins - 10 :])
    assert np.abs(bent[:, : low.bins - 20] - frames[:, : low.bins - 20]).max() > 0


def test_wrong_phases_come_near_the_picture_in_the_low_bands(sound):
    mel = log_mel_picture(sound)
    rng = np.random.default_rng(0)
    frames = (np.abs(frames_of(sound)) * np.exp(2j * np.pi * rng.random((201, 513)))).astype(np.complex64)
    found = []
    for rounds in (1, 4, 16):
        bent = frames.copy()
        low_bins(4).bend(bent, mel_frames_of(mel), rounds)
        found.append(float(np.abs(log_mel_picture(sound_of(bent)) - mel)[:45, 4:-4].mean()))
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.5 * found[0]


def test_magnitudes_fit_the_bands(sound):
    mel_frames = mel_frames_of(log_mel_picture(sound))
    low = low_bins(4)
    told = low.magnitudes(mel_frames) @ low._to_bands
    wanted = mel_frames[:, low._bands]
    assert np.abs(np.log(np.maximum(told, FORM.floor) / wanted)).mean() < 0.05


def test_silence_and_a_single_frame_stay_finite():
    for frames in (np.zeros((20, 513), np.complex64), np.ones((1, 513), np.complex64)):
        low_bins(4).bend(frames, np.full((len(frames), FORM.n_mels), FORM.floor, np.float32), 2)
        assert np.isfinite(frames).all()
