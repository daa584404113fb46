"""Shape of each frame's spectrum: centroid, bandwidth and rolloff, all from sums over sub-bands of 64 bins.

Sub-bands serve twice. Moments about a sub-band's own centre do not cancel the way ``sum f**2 m - (sum f m)**2`` over
the whole spectrum does, so single precision is enough; and the rolloff needs a cumulative sum only inside the one
sub-band in which it lies.

Source: G. Peeters, "A large set of audio features for sound description", IRCAM, 2004; values equal librosa 0.11's
``spectral_centroid``, ``spectral_bandwidth`` (p = 2) and ``spectral_rolloff``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.spectrum import BLOCK_FRAMES, Float32, Spectrum
from sideman.core.errors import UsageError

ROLL_PERCENT = 0.85
NARROW_HZ = 60.0
"""Bandwidth below which a frame counts as a pure tone, see :func:`narrow_shape`."""

_BAND = 64
_GROUP = 4  # sub-bands per matrix product


@lru_cache(maxsize=8)
def _weights(bands: int) -> Float32:
    """Block-diagonal weights: for each sub-band the sums of m, m d and m d**2, d from its centre in bins."""
    distance = np.arange(_BAND) - (_BAND - 1) / 2
    powers = np.stack([np.ones(_BAND), distance, distance**2], axis=1)
    return np.kron(np.eye(bands), powers).astype(np.float32)


def band_sums(magnitude_frames: Float32, out: Float32 | None = None) -> Float32:
    """Zeroth, first and second moments of each sub-band, shape (t, bands, 3), bands = ceil(bins / 64)."""
    frames, bins = magnitude_frames.shape
    bands = band_count(bins)
    sums = np.empty((frames, bands, 3), np.float32) if out is None else out
    flat = sums.reshape(frames, bands * 3)
    whole = bins // _BAND
    for first in range(0, whole, _GROUP):
        last = min(first + _GROUP, whole)
        columns = magnitude_frames[:, first * _BAND : last * _BAND]
        np.matmul(columns, _weights(last - first), out=flat[:, 3 * first : 3 * last])
    if whole < bands:
        rest = magnitude_frames[:, whole * _BAND :]
        np.matmul(rest, _weights(1)[: rest.shape[1], :3], out=flat[:, 3 * whole :])
    return sums


def spectral_shape(
    magnitude_frames: Float32, bin_hz: float, *, roll_percent: float = ROLL_PERCENT
) -> NDArray[np.float64]:
    """Centroid, bandwidth and rolloff of magnitude frames, in Hz.

    Parameters
    ----------
    magnitude_frames
        Non-negative, frame-major, shape (t, bins).
    bin_hz
        Width of a bin, ``sample_rate_hz / n_fft``.
    roll_percent
        Share of the magnitude below the rolloff frequency, in (0, 1).

    Returns
    -------
    float64, shape (t, 3): columns centroid, bandwidth, rolloff; all 0 in silent frames.

    Raises
    ------
    UsageError
        ``roll_percent`` outside (0, 1).
    """
    if not 0 < roll_percent < 1:
        raise UsageError(f"roll_percent must lie between 0 and 1, got {roll_percent}")
    sums = np.empty((len(magnitude_frames), band_count(magnitude_frames.shape[1]), 3), np.float32)
    for first in range(0, len(sums), BLOCK_FRAMES):
        block = slice(first, first + BLOCK_FRAMES)
        band_sums(magnitude_frames[block], out=sums[block])
    return shape_from_sums(
        sums, magnitude_frames.shape[1], bin_hz, lambda row, column: magnitude_frames[row, column], roll_percent
    )


def band_count(bins: int) -> int:
    """Number of sub-bands of a spectrum."""
    return -(-bins // _BAND)


def shape_from_sums(
    sums: Float32,
    bins: int,
    bin_hz: float,
    magnitude_at: Callable[[NDArray[np.intp], NDArray[np.intp]], Float32],
    roll_percent: float = ROLL_PERCENT,
) -> NDArray[np.float64]:
    """Finish :func:`spectral_shape` from the sub-bands' sums (t, bands, 3).

    ``magnitude_at(frame, bin)`` looks up single magnitudes: one sub-band per frame, where the rolloff lies.
    """
    centres = np.arange(sums.shape[1]) * _BAND + (_BAND - 1) / 2
    mass, lever, spread = (np.ascontiguousarray(sums[..., order], np.float64) for order in range(3))
    total = mass.sum(axis=1)
    scale = np.where(total > 0, total, 1.0)
    centroid = (lever.sum(axis=1) + mass @ centres) / scale
    distance = centres - centroid[:, None]
    variance = (spread + 2 * distance * lever + distance**2 * mass).sum(axis=1) / scale
    bandwidth = np.sqrt(np.maximum(variance, 0.0))
    silent = total <= 0
    centroid[silent] = 0.0
    bandwidth[silent] = 0.0

    below = np.cumsum(mass, axis=1)
    threshold = roll_percent * below[:, -1]
    band = np.argmax(below >= threshold[:, None], axis=1)
    row = np.arange(len(sums))
    before = below[row, band] - mass[row, band]
    inside = np.minimum(band[:, None] * _BAND + np.arange(_BAND), bins - 1)
    reached = np.cumsum(magnitude_at(row[:, None], inside), axis=1) >= (threshold - before)[:, None]
    reached[:, -1] = True  # rounding may leave the sum a hair short of the sub-band's own total
    rolloff = inside[row, np.argmax(reached, axis=1)]
    return np.stack([centroid, bandwidth, rolloff], axis=1) * bin_hz


def narrow_shape(samples: NDArray[np.float32], bin_hz: float) -> NDArray[np.float64]:
    """Centroid and bandwidth in Hz of frames of samples (t, n_fft), in double precision, shape (t, 2).

    For frames whose bandwidth is below :data:`NARROW_HZ`: there the rounding noise of a single-precision transform,
    spread over all bins and weighted by the square of their distance, would widen a pure tone by a tenth.
    """
    from scipy import fft

    n_fft = samples.shape[1]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)
    shape = np.zeros((len(samples), 2))
    for first in range(0, len(samples), BLOCK_FRAMES):
        block = samples[first : first + BLOCK_FRAMES]
        magnitude = np.abs(fft.rfft(block * window, axis=1, workers=1))
        share = magnitude / np.maximum(magnitude.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        bins = np.arange(magnitude.shape[1])
        centroid = share @ bins
        spread = np.einsum("ij,ij->i", share, (bins - centroid[:, None]) ** 2)
        shape[first : first + len(block)] = np.stack([centroid, np.sqrt(spread)], axis=1) * bin_hz
    return shape


def _shape_of(source: ArrayLike | Spectrum, sample_rate_hz: int) -> NDArray[np.float64]:
    spectrum = source if isinstance(source, Spectrum) else Spectrum.of(source, sample_rate_hz)
    return spectral_shape(spectrum.magnitude_frames, spectrum.sample_rate_hz / spectrum.n_fft)


def spectral_centroid(source: ArrayLike | Spectrum, sample_rate_hz: int = 22050) -> NDArray[np.float64]:
    """Magnitude-weighted mean frequency of each frame in Hz, shape (t,), of samples or a ready spectrum."""
    return _shape_of(source, sample_rate_hz)[:, 0]


def spectral_bandwidth(source: ArrayLike | Spectrum, sample_rate_hz: int = 22050) -> NDArray[np.float64]:
    """Magnitude-weighted standard deviation of frequency of each frame in Hz, shape (t,)."""
    return _shape_of(source, sample_rate_hz)[:, 1]


def spectral_rolloff(source: ArrayLike | Spectrum, sample_rate_hz: int = 22050) -> NDArray[np.float64]:
    """Frequency in Hz below which 85 % of each frame's magnitude lies, shape (t,)."""
    return _shape_of(source, sample_rate_hz)[:, 2]
