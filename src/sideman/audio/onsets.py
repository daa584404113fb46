"""Onset strength: how much each frame is louder than the one before it, over the mel bands.

Source: S. Boeck and G. Widmer, "Maximum filter vibrato suppression for onset detection", DAFx-13, 2013 (without the
maximum filter); values equal librosa 0.11's ``onset_strength``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from sideman.audio.mel import log_mel
from sideman.audio.spectrum import HOP_LENGTH, N_FFT, Float32, Spectrum
from sideman.core.errors import UsageError

Aggregate = Literal["mean", "median"]


def spectral_flux(log_mel_frames: Float32, aggregate: Aggregate = "mean") -> Float32:
    """Rise of the level between consecutive frames, mean or median over the bands.

    ``log_mel_frames`` in dB, frame-major, shape (t, n_mels); the result, in dB, has shape (t - 1,).
    """
    rise = log_mel_frames[1:] - log_mel_frames[:-1]
    np.maximum(rise, 0, out=rise)
    if aggregate == "mean":
        return np.asarray(rise.mean(axis=1), np.float32)
    if aggregate != "median":
        raise UsageError(f"unknown aggregate {aggregate!r}: choose 'mean' or 'median'")
    # Sorting whole rows is a vector instruction or two per value, and faster than numpy's median.
    rise.sort(axis=1)
    bands = rise.shape[1]
    return np.asarray((rise[:, (bands - 1) // 2] + rise[:, bands // 2]) / 2, np.float32)


def centre_flux(flux: Float32, n_frames: int, *, n_fft: int = N_FFT, hop_length: int = HOP_LENGTH) -> Float32:
    """Place the flux (t - 1,) in time: delay it by half a frame and cut it to ``n_frames`` values."""
    delay = 1 + n_fft // (2 * hop_length)
    envelope = np.zeros(n_frames, np.float32)
    kept = max(min(len(flux), n_frames - delay), 0)
    envelope[delay : delay + kept] = flux[:kept]
    return envelope


def onset_envelope(
    source: ArrayLike | Spectrum,
    sample_rate_hz: int = 22050,
    *,
    aggregate: Aggregate = "mean",
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
) -> Float32:
    """Onset strength of mono samples (n,) or a ready spectrum, shape (t,), in dB per frame, non-negative.

    ``aggregate`` is over the mel bands: "mean" as librosa's ``onset_strength``, "median" as its beat tracker.
    Errors as :func:`sideman.audio.mel.mel_spectrogram`.
    """
    if isinstance(source, Spectrum):
        n_fft, hop_length = source.n_fft, source.hop_length
        frames = log_mel(source).T
    else:
        frames = log_mel(source, sample_rate_hz, n_fft=n_fft, hop_length=hop_length).T
    return centre_flux(spectral_flux(frames, aggregate), len(frames), n_fft=n_fft, hop_length=hop_length)
