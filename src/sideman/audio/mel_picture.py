"""The one log-mel form that vocoders turn into sound and generators imagine: natural log of mel magnitude.

Magnitude (not power), natural logarithm and a floor of 1e-5 are what neural vocoders take since J. Kong, J. Kim and
J. Bae, "HiFi-GAN", NeurIPS 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sideman.audio.mel import mel_bands
from sideman.audio.spectrum import BLOCK_FRAMES, Float32, as_mono, frame_blocks, frame_count, pad_center


@dataclass(frozen=True)
class MelForm:
    """How a log-mel picture is made from sound.

    Attributes:
        sample_rate_hz: of the sound.
        n_fft: samples in a frame, Hann window, centred, padded with zeros.
        hop_length: samples from frame to frame.
        n_mels: Slaney mel bands with equal area, from 0 Hz to half the sample rate.
        floor: least mel magnitude; its logarithm is the least value of a picture.
    """

    sample_rate_hz: int = 22_050
    n_fft: int = 1024
    hop_length: int = 256
    n_mels: int = 96
    floor: float = 1e-5

    @property
    def lowest(self) -> float:
        """The value of silence."""
        return math.log(self.floor)

    @property
    def frames_per_s(self) -> float:
        """Frames in a second."""
        return self.sample_rate_hz / self.hop_length


FORM = MelForm()
HIGHEST = 5.0
"""No sound within [-1, 1] reaches this value: a full-scale square wave gives 2.4."""
TONAL_BINS = 118
"""Bins of an STFT (up to 2.5 kHz) in which single tones stand apart, so that their phases can be followed."""
HIGHEST_LOG_MAGNITUDE = 7.0
"""No bin of such a sound's STFT reaches this natural log magnitude: the window's sum is 512, whose log is 6.2."""


def log_mel_picture(samples: ArrayLike, form: MelForm = FORM) -> Float32:
    """Log-mel picture of mono samples (n,): shape (n_mels, 1 + n // hop_length), float32, natural log of magnitude.

    Errors as :func:`sideman.audio.spectrum.stft`.
    """
    sound = as_mono(samples)
    bands = mel_bands(form.sample_rate_hz, form.n_fft, form.n_mels)
    n_frames = frame_count(len(sound), n_fft=form.n_fft, hop_length=form.hop_length)
    mels = np.zeros((n_frames, form.n_mels), np.float32)
    magnitude = np.empty((BLOCK_FRAMES, 1 + form.n_fft // 2), np.float32)
    padded = pad_center(sound, n_fft=form.n_fft)
    for first, block in frame_blocks(padded, n_fft=form.n_fft, hop_length=form.hop_length):
        bands.apply(np.abs(block, out=magnitude[: len(block)]), out=mels[first : first + len(block)])
    return np.log(np.maximum(mels, np.float32(form.floor), out=mels), out=mels).T
