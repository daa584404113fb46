"""A small hall: what a synthesiser's dry notes lack."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
DECAY_S = 0.95  # to -60 dB at low frequencies
LEVEL_DB = -14.0
_EARLIEST_S = 0.018
_SEED = 1770


@lru_cache(maxsize=4)
def hall(rate_hz: int) -> Floats:
    """The impulse response, shape (2, n), each channel of unit energy: noise whose treble dies away sooner.

    Exponentially decaying noise is the statistical model of a diffuse hall (Schroeder 1962; Moorer 1979).
    """
    from scipy.signal import butter, sosfilt

    n = round(DECAY_S * rate_hz)
    noise = np.random.default_rng(_SEED).standard_normal((2, n))
    times_s = np.arange(n) / rate_hz
    out = np.zeros((2, n))
    for low_hz, high_hz, decay_s in ((120, 1200, DECAY_S), (1200, 4500, 0.75 * DECAY_S), (4500, 9000, 0.45 * DECAY_S)):
        band = butter(1, [low_hz, min(high_hz, 0.45 * rate_hz)], "bandpass", fs=rate_hz, output="sos")
        out += sosfilt(band, noise) * 10 ** (-3 * times_s / decay_s)
    out *= np.minimum(times_s / 0.01, 1.0)
    out = np.concatenate([np.zeros((2, round(_EARLIEST_S * rate_hz))), out], 1)
    return np.asarray(out / np.sqrt((out**2).sum(1, keepdims=True)), np.float32)


@lru_cache(maxsize=4)
def _spectra(rate_hz: int) -> tuple[NDArray[np.complex64], int, int]:
    """Spectra of the response at its level, shape (2, size / 2 + 1), the size, and how long a block may be."""
    from scipy.fft import rfft

    response = hall(rate_hz) * np.float32(10 ** (LEVEL_DB / 20))
    size = 2 << int(response.shape[1]).bit_length()  # blocks of two to four times the response cost least
    return rfft(response, size), size, size - response.shape[1] + 1


def add_hall(samples: Floats, rate_hz: int) -> None:
    """Add the hall's answer to samples of shape (2, n), in place."""
    from scipy.fft import irfft, rfft

    spectra, size, hop = _spectra(rate_hz)
    n = samples.shape[1]
    dry = (samples[0] + samples[1]) * np.float32(0.5)
    for first in range(0, n, hop):
        block = dry[first : first + hop]
        if not block.any():
            continue
        wet = irfft(rfft(block, size)[None] * spectra, size)[:, : min(size, n - first)]
        samples[:, first : first + wet.shape[1]] += wet
