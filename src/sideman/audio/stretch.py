"""Another tempo at the same pitch: the phase vocoder.

Source: J. Laroche and M. Dolson, "Improved phase vocoder time-scale modification of audio", IEEE TSAP 7(3), 1999.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.inversion import istft
from sideman.audio.spectrum import N_FFT, Complex64, Float32, as_mono, stft
from sideman.core.errors import UsageError

_STRETCH_HOP = N_FFT // 8


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
    return istft(_advanced(spectra, places), hop_length=_STRETCH_HOP, length=wanted_n)


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
