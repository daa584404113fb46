"""Back from spectra to sound: the inverse short-time Fourier transform, and a phase vocoder that changes tempo.

Sources: D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform", IEEE TASSP 32, 1984
(least-squares overlap-add); J. Laroche and M. Dolson, "Improved phase vocoder time-scale modification of audio",
IEEE TSAP 7(3), 1999.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.spectrum import HOP_LENGTH, N_FFT, Complex64, Float32, as_mono, hann, stft
from sideman.core.errors import UsageError

_STRETCH_HOP = N_FFT // 8


def istft(spectra: NDArray[np.complexfloating], samples_n: int, *, hop_length: int = HOP_LENGTH) -> Float32:
    """Samples (n,) whose centred STFT is nearest to ``spectra`` (1 + n_fft // 2, t) in the least-squares sense.

    Parameters
    ----------
    spectra
        As :func:`sideman.audio.spectrum.stft` gives them, changed or not.
    samples_n
        Length to return; what the frames do not cover is zero.
    hop_length
        That of the spectra; at most a quarter of ``n_fft``, so that enough of the window lies on every sample.

    Raises
    ------
    UsageError
        Spectra of another shape, or frames that overlap less.
    """
    from scipy import fft

    if spectra.ndim != 2 or not 1 <= hop_length <= (spectra.shape[0] - 1) // 2:
        raise UsageError(f"need spectra (bins, frames) and a hop of at most a quarter frame, got {spectra.shape}")
    n_fft = 2 * (spectra.shape[0] - 1)
    window = hann(n_fft)
    total = np.zeros(n_fft + hop_length * (spectra.shape[1] - 1), np.float64)
    weight = np.zeros_like(total)
    for first in range(0, spectra.shape[1], 64):
        frames = fft.irfft(spectra[:, first : first + 64].T, n=n_fft, axis=1, workers=1) * window
        for number, frame in enumerate(frames, first):
            at = slice(number * hop_length, number * hop_length + n_fft)
            total[at] += frame
            weight[at] += window**2
    half = n_fft // 2
    sound = (total / np.maximum(weight, 1e-8))[half : half + samples_n]
    return np.pad(sound, (0, samples_n - len(sound))).astype(np.float32)


def stretch(y: ArrayLike, speed: float) -> Float32:
    """Play faster (``speed`` > 1) or slower at the same pitch: samples (n,) -> (round(n / speed),).

    Phase vocoder with identity phase locking around spectral peaks; frames of 2048 samples.

    Raises
    ------
    UsageError
        A speed outside 0.25..4.
    AudioError
        No samples, or samples that are no finite numbers.
    """
    if not 0.25 <= speed <= 4:
        raise UsageError(f"a speed between 0.25 and 4 is needed, not {speed}")
    samples = as_mono(y)
    wanted_n = max(1, round(len(samples) / speed))
    spectra = stft(samples, hop_length=_STRETCH_HOP)
    count = 1 + wanted_n // _STRETCH_HOP
    places = np.minimum(np.arange(count) * speed, spectra.shape[1] - 1)
    return istft(_advanced(spectra, places), wanted_n, hop_length=_STRETCH_HOP)


def _advanced(spectra: Complex64, places: NDArray[np.float64]) -> Complex64:
    """Spectra at fractional frames ``places``, their phases carried on from one to the next."""
    bins, count = spectra.shape
    expected = 2 * np.pi * _STRETCH_HOP / N_FFT * np.arange(bins)
    magnitude, angle = np.abs(spectra), np.angle(spectra)
    result = np.empty((bins, len(places)), np.complex64)
    phase = angle[:, 0].astype(np.float64)
    for i, place in enumerate(places):
        low = int(place)
        high = min(low + 1, count - 1)
        share = place - low
        loud = (1 - share) * magnitude[:, low] + share * magnitude[:, high]
        own = angle[:, low].astype(np.float64)
        # The bins around a peak keep their phases towards it, or the partial would smear.
        leader = _leaders(loud)
        locked = phase[leader] + own - own[leader]
        result[:, i] = loud * np.exp(1j * locked)
        turned = angle[:, high] - own - expected
        turned -= 2 * np.pi * np.round(turned / (2 * np.pi))
        phase = locked + expected + turned
    return result


def _leaders(loud: NDArray[np.floating]) -> NDArray[np.intp]:
    """Per bin the nearest spectral peak: a bin louder than its two neighbours on each side."""
    padded = np.pad(loud, 2)
    peak = np.ones(len(loud), bool)
    for offset in (0, 1, 3, 4):
        peak &= loud > padded[offset : offset + len(loud)]
    at = np.flatnonzero(peak)
    if not len(at):
        return np.arange(len(loud))
    edges = (at[1:] + at[:-1] + 1) // 2
    return at[np.searchsorted(edges, np.arange(len(loud)), side="right")]
