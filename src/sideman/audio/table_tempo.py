"""The tempo column of the GTZAN table: librosa's global estimate, from the mean of local autocorrelations.

Each of the table's tempi is the lag at which the mean *normalised* autocorrelation of eight-second windows of the onset
envelope, weighted by a log-normal prior around 120 bpm, is largest. Normalising by the energy at lag 0 commutes with
the transform back, so one inverse FFT of the averaged spectra serves all windows. For an estimate made to be right
rather than to match, see the rhythm module.

Source: D. Ellis, "Beat tracking by dynamic programming", J. New Music Research 36(1), 2007; P. Grosche, M. Mueller and
F. Kurth, "Cyclic tempogram", ICASSP 2010. Values equal librosa 0.11's ``beat.beat_track(y)[0]``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sideman.audio.spectrum import HOP_LENGTH, Float32

_WINDOW_S = 8.0
_START_BPM, _STD_OCTAVES, _MAX_BPM = 120.0, 1.0, 320.0
_BLOCK = 64


def mean_autocorrelation(onset_envelope: Float32, window: int) -> NDArray[np.float64]:
    """Mean over time of the autocorrelation of Hann-windowed stretches, each divided by its value at lag 0.

    Returns
    -------
    float64, shape (window,): lags 0 .. window - 1 in frames.
    """
    from scipy import fft

    half = window // 2
    n = len(onset_envelope)
    # The envelope fades to zero over half a window on both sides.
    rise = np.linspace(0.0, float(onset_envelope[0]), half, endpoint=False)
    fall = np.linspace(float(onset_envelope[-1]), 0.0, half + 1)[1:]
    padded = np.concatenate([rise, onset_envelope.astype(np.float64), fall])
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    stretches = np.lib.stride_tricks.sliding_window_view(padded, window)[:n]
    size = fft.next_fast_len(2 * window - 1, real=True)
    total = np.zeros(size // 2 + 1)
    windowed = np.zeros((_BLOCK, size))
    for first in range(0, n, _BLOCK):
        rows = stretches[first : first + _BLOCK]
        block = windowed[: len(rows)]
        np.multiply(rows, taper, out=block[:, :window])
        energy = np.einsum("ij,ij->i", block[:, :window], block[:, :window])
        spectra = fft.rfft(block, axis=1, workers=1)
        weight = 1.0 / np.where(energy < np.finfo(np.float64).tiny, 1.0, energy)
        parts = spectra.view(np.float64)
        np.square(parts, out=parts)
        summed = weight @ parts
        total += summed[::2] + summed[1::2]
    mean: NDArray[np.float64] = fft.irfft(total / n, n=size)[:window]
    return mean


def table_tempo(onset_envelope: Float32, sample_rate_hz: int = 22050, hop_length: int = HOP_LENGTH) -> float:
    """Tempo in bpm as in the table; 0 where the envelope shows no onset at all.

    ``onset_envelope`` is the median over bands (:func:`sideman.audio.onsets.onset_envelope`), shape (t,).
    """
    if not onset_envelope.any():
        return 0.0
    window = int(_WINDOW_S * sample_rate_hz) // hop_length
    strength = mean_autocorrelation(onset_envelope, window)
    lags = np.arange(1, window)
    bpm = 60.0 * sample_rate_hz / (hop_length * lags)
    score = np.log1p(1e6 * np.maximum(strength[1:], 0.0)) - 0.5 * ((np.log2(bpm / _START_BPM)) / _STD_OCTAVES) ** 2
    score[bpm >= _MAX_BPM] = -np.inf
    return float(bpm[np.argmax(score)])
