"""Periodicity of the onsets: multi-band onset strength, its autocorrelation, and features of candidate tempos.

Onset strength is spectral flux on compressed, whitened mel bands with a maximum filter across bands (S. Boeck and
G. Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013; whitening after D. Stowell and
M. Plumbley, ICMC 2007). A candidate's features are the autocorrelation at the simple multiples of its period and the
spectrum of the onset strength at the multiples of its frequency (G. Peeters, EURASIP J. 2007): strong halves, thirds
and multiples are what tells a beat from its double, half or triple.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sideman.audio.framing import ANALYSIS_RATE_HZ
from sideman.audio.mel import hz_to_mel, mel_bands, mel_to_hz

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

N_FFT, HOP_LENGTH, N_MELS = 1024, 256, 40
FRAME_RATE_HZ = ANALYSIS_RATE_HZ / HOP_LENGTH
FMIN_HZ, FMAX_HZ = 30.0, 10000.0
BAND_EDGES_HZ = (200.0, 800.0, 3200.0)
FLUX_LAG = 2
NOVELTY_FRAMES = 16
EDGE_FRAMES = 5
STREAMS = 6  # four bands, all bands, slow spectral change
ALL_BANDS, SPECTRAL_CHANGE = 4, 5

MIN_BPM, STEPS_PER_OCTAVE, CANDIDATES = 34.0, 36, 109
TEMPOS_BPM: Float64 = MIN_BPM * 2.0 ** (np.arange(CANDIDATES) / STEPS_PER_OCTAVE)
LAG_MULTIPLES = (1 / 8, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0, 3.0, 4.0, 6.0, 8.0)
RATE_MULTIPLES = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0, 4.0, 6.0)
MAX_LAG = 1200
_TOLERANCE = (0.985, 1.0, 1.015)


def mel_frames(power_frames: Float32) -> Float32:
    """Power spectra (t, 513) to mel power (t, 40)."""
    return mel_bands(ANALYSIS_RATE_HZ, N_FFT, N_MELS, FMIN_HZ, FMAX_HZ).apply(power_frames)


@lru_cache(maxsize=1)
def _band_slices() -> list[slice]:
    centres = mel_to_hz(np.linspace(hz_to_mel(FMIN_HZ), hz_to_mel(FMAX_HZ), N_MELS + 2))[1:-1]
    edges = [0, *np.searchsorted(centres, BAND_EDGES_HZ).tolist(), N_MELS]
    return [slice(a, b) for a, b in pairwise(edges)]


def _moving_mean(x: Float32, length: int) -> Float32:
    from scipy.ndimage import uniform_filter1d

    smooth: Float32 = uniform_filter1d(x, length, axis=0, mode="nearest")
    return smooth


def whitened(mels: Float32) -> Float32:
    """Log of mel power (t, 40) over its mean in the segment (floor: 50 dB under the loudest); none may be silent."""
    level = mels.mean(axis=0)
    bands: Float32 = np.log1p(mels * (10.0 / np.maximum(level, 1e-5 * level.max())))
    return bands


def rises(bands: Float32) -> Float32:
    """Rise (t, 40) of each whitened band over it and its neighbours two frames before: spectral flux before any sum."""
    widened = bands.copy()
    np.maximum(widened[:, 1:], bands[:, :-1], out=widened[:, 1:])
    np.maximum(widened[:, :-1], bands[:, 1:], out=widened[:, :-1])
    flux = np.zeros_like(bands)
    np.maximum(bands[FLUX_LAG:] - widened[:-FLUX_LAG], 0.0, out=flux[FLUX_LAG:])
    return flux


def onset_strength(mels: Float32, bands: Float32 | None = None, flux: Float32 | None = None) -> Float32:
    """Onset strength of a segment, shape (t, 6): four bands (to 200, 800, 3200, 10000 Hz), all, slow change.

    Independent of gain and of a fixed equaliser: each mel band is divided by its mean over the segment (with a floor
    50 dB under the loudest band). Columns have zero local mean (1 s) and unit deviation; a silent segment gives zeros.
    ``bands`` and ``flux`` are what :func:`whitened` and :func:`rises` gave, where they are at hand.
    """
    if not mels.max(initial=0.0) > 0.0:
        return np.zeros((len(mels), STREAMS), np.float32)
    bands = whitened(mels) if bands is None else bands
    flux = rises(bands) if flux is None else flux
    out = np.zeros((len(mels), STREAMS), np.float32)
    for column, part in enumerate(_band_slices()):
        out[:, column] = flux[:, part].mean(axis=1)
    out[:, ALL_BANDS] = flux.mean(axis=1)
    ahead = _moving_mean(bands, NOVELTY_FRAMES)
    k = NOVELTY_FRAMES // 2
    if len(mels) > 2 * k:
        out[k:-k, SPECTRAL_CHANGE] = np.sqrt(np.square(ahead[2 * k :] - ahead[: -2 * k]).mean(axis=1))
    out[:EDGE_FRAMES] = 0.0  # the step from the padding into the signal is no onset
    out -= _moving_mean(out, round(FRAME_RATE_HZ))
    deviation = out.std(axis=0)
    scaled: Float32 = (out / np.where(deviation > 1e-6, deviation, np.inf)).astype(np.float32)
    return scaled


def periodicity(strength: Float32) -> tuple[Float64, Float64]:
    """Autocorrelation (MAX_LAG, 6), unbiased and 1 at lag 0, and amplitude spectrum (bins, 6) of onset strength.

    Lags beyond 80 % of the segment are zero. The spectrum has ``bins = 1 + size // 2`` with the padded ``size``.
    """
    from scipy import fft

    n = len(strength)
    size = int(fft.next_fast_len(max(2 * n, 4 * MAX_LAG), real=True))
    spectra = fft.rfft(strength.astype(np.float32), size, axis=0)
    power = np.square(spectra.real) + np.square(spectra.imag)
    raw = fft.irfft(power, size, axis=0)[:MAX_LAG].astype(np.float64)
    lags = np.arange(MAX_LAG)
    energy = np.where(raw[0] > 0, raw[0], np.inf)
    acf = raw / energy * (n / np.maximum(n - lags, 1))[:, None]
    acf[lags > 0.8 * n] = 0.0
    return acf, np.sqrt(power.astype(np.float64) / energy / n)


def _sample(table: Float64, positions: Float64) -> Float64:
    """Rows of ``table`` at fractional positions (...), linearly interpolated, shape (..., columns); zero outside."""
    low = np.floor(positions).astype(np.intp)
    part = (positions - low)[..., None]
    inside = (low >= 0) & (low + 1 < len(table))
    low = np.where(inside, low, 0)
    values: Float64 = (table[low] * (1.0 - part) + table[low + 1] * part) * inside[..., None]
    return values


def candidate_features(strength: Float32) -> tuple[Float64, Float64]:
    """Features of the 109 candidate tempos of a segment, shape (109, features), and its autocorrelation (1200, 6)."""
    acf, spectrum = periodicity(strength)
    period = 60.0 * FRAME_RATE_HZ / TEMPOS_BPM
    size = 2 * (len(spectrum) - 1)
    near = np.array(_TOLERANCE)
    lags = period[:, None, None] * np.array(LAG_MULTIPLES)[:, None] * near
    rates = size / period[:, None, None] * np.array(RATE_MULTIPLES)[:, None] * near
    by_lag = _sample(acf, lags).max(axis=2).reshape(CANDIDATES, -1)
    by_rate = _sample(spectrum, rates).max(axis=2)[:, :, [0, 2, 3, ALL_BANDS, SPECTRAL_CHANGE]].reshape(CANDIDATES, -1)
    peaks = (strength[1:-1] > strength[:-2]) & (strength[1:-1] >= strength[2:]) & (strength[1:-1] > 0.5)
    density = peaks.mean(axis=0) * FRAME_RATE_HZ / 4.0 if len(strength) > 2 else np.zeros(STREAMS)
    octave = np.log2(TEMPOS_BPM / 110.0)
    context = np.concatenate([[acf[12:].max(axis=0)[ALL_BANDS] if len(acf) else 0.0], density])
    parts = [by_lag, by_rate, octave[:, None], np.square(octave)[:, None], np.tile(context, (CANDIDATES, 1))]
    return np.concatenate(parts, axis=1), acf
