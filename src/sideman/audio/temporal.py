"""Level and zero crossings of each frame, from sums over single hops that four neighbouring frames share.

Values equal librosa 0.11's ``rms(y=...)`` and ``zero_crossing_rate`` with frames of 2048 samples and a hop of 512.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.spectrum import HOP_LENGTH, N_FFT, Float32, as_mono, frame_count

_PARTS = N_FFT // HOP_LENGTH
_ZERO = 1e-10  # samples this close to zero count as zero, which is positive


def level_and_crossings(padded: Float32, begin_n: int, end_n: int) -> NDArray[np.float64]:
    """Root mean square and zero-crossing rate of consecutive frames.

    Parameters
    ----------
    padded
        Samples that the frames cover, zeros outside the signal, shape (2048 + 512 (t - 1),).
    begin_n, end_n
        Where the signal begins and ends inside ``padded``.

    Returns
    -------
    float64, shape (t, 2): columns rms (0 to full scale) and crossings per sample (0 to 1).
    """
    squares = np.square(padded).reshape(-1, HOP_LENGTH).sum(axis=1, dtype=np.float32).astype(np.float64)
    negative = padded < -_ZERO
    flips = np.zeros(len(padded), np.bool_)
    # The signal continues with its edge value on both sides, so that nothing crosses there.
    np.not_equal(negative[begin_n + 1 : end_n], negative[begin_n : end_n - 1], out=flips[begin_n + 1 : end_n])
    # Eight flags are added at a time: 64 words of eight bytes per hop, no byte above 64.
    words = flips.view(np.uint64).reshape(-1, HOP_LENGTH // 8).sum(axis=1)
    counts = words.view(np.uint8).reshape(-1, 8).sum(axis=1, dtype=np.int64)
    frames = len(squares) - _PARTS + 1
    energy = np.zeros(frames)
    crossings = np.zeros(frames)
    for part in range(_PARTS):
        energy += squares[part : part + frames]
        crossings += counts[part : part + frames]
    crossings -= flips[::HOP_LENGTH][:frames]  # a crossing into a frame's first sample happens before the frame
    return np.stack([np.sqrt(energy / N_FFT), crossings / N_FFT], axis=1)


def _frames_of(y: ArrayLike) -> NDArray[np.float64]:
    samples = as_mono(y)
    half = N_FFT // 2
    padded = np.zeros(N_FFT + HOP_LENGTH * (frame_count(len(samples)) - 1), np.float32)
    kept = min(len(samples), len(padded) - half)
    padded[half : half + kept] = samples[:kept]
    return level_and_crossings(padded, half, half + kept)


def rms(y: ArrayLike) -> NDArray[np.float64]:
    """Root mean square of each centred frame of mono samples (n,), shape (t,). Errors as :func:`as_mono`."""
    return _frames_of(y)[:, 0]


def zero_crossing_rate(y: ArrayLike) -> NDArray[np.float64]:
    """Sign changes per sample of each centred frame of mono samples (n,), shape (t,). Errors as :func:`as_mono`."""
    return _frames_of(y)[:, 1]
