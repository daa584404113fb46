"""Mel spectra: Slaney's mel scale and area-normalised triangles, applied as a banded matrix.

Sources: M. Slaney, "Auditory Toolbox", Interval Research TR 1998-010 (scale and normalisation); S. Stevens,
J. Volkmann and E. Newman, JASA 8, 1937 (the scale itself). Values equal librosa 0.11's ``filters.mel``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.spectrum import (
    BLOCK_FRAMES,
    HOP_LENGTH,
    N_FFT,
    Float32,
    Spectrum,
    as_mono,
    fft_frequencies,
    frame_blocks,
    frame_count,
    pad_center,
    squared_magnitude,
)
from sideman.core.errors import UsageError

N_MELS = 128
AMIN = 1e-10
TOP_DB = 80.0

# Slaney: linear below 1 kHz (200/3 Hz a mel), above it 27 mels for a factor of 6.4.
_LINEAR_HZ = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27.0

_BANDS_PER_GROUP = 16


def hz_to_mel(frequency_hz: ArrayLike) -> NDArray[np.float64]:
    """Frequency in Hz to Slaney's mel, elementwise."""
    hz = np.asarray(frequency_hz, np.float64)
    logarithmic = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ, logarithmic)


def mel_to_hz(mel: ArrayLike) -> NDArray[np.float64]:
    """Slaney's mel to frequency in Hz, elementwise; inverse of :func:`hz_to_mel`."""
    mels = np.asarray(mel, np.float64)
    logarithmic = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mels, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mels < _BREAK_MEL, mels * _LINEAR_HZ, logarithmic)


@lru_cache(maxsize=16)
def mel_filterbank(
    sample_rate_hz: int, n_fft: int = N_FFT, *, n_mels: int = N_MELS, fmin_hz: float = 0.0, fmax_hz: float | None = None
) -> Float32:
    """Triangular mel filters with equal area (Slaney), shape (n_mels, 1 + n_fft // 2), float32, read-only.

    ``fmax_hz`` defaults to half the sample rate.

    Raises
    ------
    UsageError
        ``n_mels`` < 1 or not ``0 <= fmin_hz < fmax_hz``.
    """
    top_hz = sample_rate_hz / 2 if fmax_hz is None else fmax_hz
    if n_mels < 1 or not 0 <= fmin_hz < top_hz:
        raise UsageError(f"mel filters need n_mels >= 1 and 0 <= fmin < fmax, got {n_mels}, {fmin_hz} and {top_hz}")
    edges = mel_to_hz(np.linspace(hz_to_mel(fmin_hz), hz_to_mel(top_hz), n_mels + 2))
    bins = fft_frequencies(sample_rate_hz, n_fft)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    filters = triangles.astype(np.float32)
    filters.flags.writeable = False
    return filters


class MelBands:
    """The mel filterbank as a few dense blocks along its diagonal: an eighth of the full product's work."""

    def __init__(
        self,
        sample_rate_hz: int,
        n_fft: int = N_FFT,
        n_mels: int = N_MELS,
        fmin_hz: float = 0.0,
        fmax_hz: float | None = None,
    ) -> None:
        """Plan the product for these filters; arguments as :func:`mel_filterbank`."""
        filters = mel_filterbank(sample_rate_hz, n_fft, n_mels=n_mels, fmin_hz=fmin_hz, fmax_hz=fmax_hz)
        self.n_mels = n_mels
        self._groups: list[tuple[slice, slice, Float32]] = []
        for first in range(0, n_mels, _BANDS_PER_GROUP):
            bands = slice(first, min(first + _BANDS_PER_GROUP, n_mels))
            used = np.flatnonzero(filters[bands].any(axis=0))
            if used.size:
                bins = slice(int(used[0]), int(used[-1]) + 1)
                self._groups.append((bands, bins, np.ascontiguousarray(filters[bands, bins].T)))

    def apply(self, power_frames: Float32, out: Float32 | None = None) -> Float32:
        """Power frames (t, bins) to mel power (t, n_mels)."""
        mels = np.zeros((len(power_frames), self.n_mels), np.float32) if out is None else out
        for bands, bins, weights in self._groups:
            np.matmul(power_frames[:, bins], weights, out=mels[:, bands])
        return mels


@lru_cache(maxsize=16)
def mel_bands(
    sample_rate_hz: int, n_fft: int = N_FFT, n_mels: int = N_MELS, fmin_hz: float = 0.0, fmax_hz: float | None = None
) -> MelBands:
    """Cached :class:`MelBands`."""
    return MelBands(sample_rate_hz, n_fft, n_mels, fmin_hz, fmax_hz)


def mel_spectrogram(
    source: ArrayLike | Spectrum,
    sample_rate_hz: int = 22050,
    *,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
    n_mels: int = N_MELS,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
) -> Float32:
    """Mel power spectrogram, shape (n_mels, t), float32.

    ``source`` is mono samples of shape (n,) or a ready :class:`~sideman.audio.spectrum.Spectrum` (whose own sample
    rate, ``n_fft`` and ``hop_length`` then count). From samples, no full spectrogram is ever held.
    Errors as :func:`sideman.audio.spectrum.stft` and :func:`mel_filterbank`.
    """
    if isinstance(source, Spectrum):
        bands = mel_bands(source.sample_rate_hz, source.n_fft, n_mels, fmin_hz, fmax_hz)
        return bands.apply(source.power_frames).T
    bands = mel_bands(sample_rate_hz, n_fft, n_mels, fmin_hz, fmax_hz)
    samples = as_mono(source)
    mels = np.zeros((frame_count(len(samples), n_fft=n_fft, hop_length=hop_length), n_mels), np.float32)
    power = np.empty((BLOCK_FRAMES, 1 + n_fft // 2), np.float32)
    for first, block in frame_blocks(pad_center(samples, n_fft=n_fft), n_fft=n_fft, hop_length=hop_length):
        block_power = squared_magnitude(block, out=power[: len(block)])
        bands.apply(block_power, out=mels[first : first + len(block)])
    return mels.T


def power_to_db(power: Float32, *, top_db: float | None = TOP_DB, peak: float | None = None) -> Float32:
    """``10 log10(max(power, 1e-10))`` in dB, float32, no lower than ``top_db`` under the loudest value.

    ``peak`` gives the loudest *power* to measure from where it lies outside the array (a longer signal).
    """
    decibel = np.maximum(power, np.float32(AMIN))
    np.log(decibel, out=decibel)
    decibel *= np.float32(10.0 / np.log(10.0))
    if top_db is not None and decibel.size:
        loudest = float(decibel.max()) if peak is None else 10.0 * float(np.log10(max(peak, AMIN)))
        np.maximum(decibel, np.float32(loudest - top_db), out=decibel)
    return decibel


def log_mel(source: ArrayLike | Spectrum, sample_rate_hz: int = 22050, **options: float) -> Float32:
    """Mel spectrogram in dB (reference power 1, 80 dB range), shape (n_mels, t); options as :func:`mel_spectrogram`."""
    return power_to_db(mel_spectrogram(source, sample_rate_hz, **options))  # type: ignore[arg-type]
