"""From frames back to sound: the inverse short-time Fourier transform, and frames changed in passing.

Frames are windowed a second time and added where they overlap, and the sum is divided by that of the squared windows:
of all signals, the one whose frames are nearest to the given ones. Source: D. Griffin and J. Lim, "Signal estimation
from modified short-time Fourier transform", IEEE Trans. ASSP 32(2), 1984. Values equal librosa 0.11's ``istft``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.spectrum import (
    BLOCK_FRAMES,
    HOP_LENGTH,
    N_FFT,
    Complex64,
    Float32,
    as_mono,
    frame_blocks,
    frame_count,
    hann,
    pad_center,
)
from sideman.core.errors import AudioError, UsageError

Change = Callable[[int, Complex64], Complex64]
"""Given the number of the first frame and frames (b, bins), returns frames of that shape; may work in place."""


class OverlapAdd:
    """Gathers windowed frames into one padded signal, where frame ``k`` covers ``[k * hop, k * hop + n_fft)``."""

    def __init__(self, n_frames: int, *, n_fft: int, hop_length: int) -> None:
        """Make room for ``n_frames`` >= 1 frames."""
        self.n_fft, self.hop_length = n_fft, hop_length
        self._padded_n = n_fft + hop_length * (n_frames - 1)
        squares = np.pad(np.square(hann(n_fft)), (0, -n_fft % hop_length)).reshape(-1, hop_length)
        # Dividing by the squared windows' sum is part of the window, but for the ends, where fewer of them overlap.
        overlap = np.tile(squares.sum(axis=0), len(squares))[:n_fft].astype(np.float32)
        self._window = np.divide(hann(n_fft), overlap, out=overlap)
        self._begin()
        few = min(n_frames, 2 * len(squares))
        self._add(0, np.broadcast_to(hann(n_fft) * self._window, (few, n_fft)))
        share = self._sum[: n_fft + hop_length * (few - 1)]
        # Where no window reaches, the sum is zero already and stays so.
        share[share <= np.finfo(np.float32).tiny] = 1
        ends = np.reciprocal(share)
        self._head, self._tail = ends[: len(ends) // 2], ends[len(ends) // 2 :]
        self._begin()

    def _begin(self) -> None:
        self._sum = np.zeros(self._padded_n, np.float32)

    def add(self, first: int, frames: Complex64) -> None:
        """Add frames (b, 1 + n_fft // 2), the first of which has the number ``first``."""
        from scipy import fft

        pieces: Float32 = fft.irfft(frames, n=self.n_fft, axis=1, workers=1)
        self._add(first, np.multiply(pieces, self._window, out=pieces))

    def _add(self, first: int, pieces: Float32) -> None:
        hop, count = self.hop_length, len(pieces)
        if self.n_fft % hop == 0:  # parts of a hop each: as many long additions as windows overlap
            rows = self._sum.reshape(-1, hop)
            for step in range(self.n_fft // hop):
                rows[first + step : first + step + count] += pieces[:, step * hop : (step + 1) * hop]
            return
        for number, piece in enumerate(pieces, first):
            self._sum[number * hop : number * hop + self.n_fft] += piece

    def take(self) -> Float32:
        """Padded signal of all that was added, hop * (n_frames - 1) + n_fft samples; what comes next begins anew."""
        done = self._sum
        done[: len(self._head)] *= self._head
        done[len(done) - len(self._tail) :] *= self._tail
        self._begin()
        return done


def istft(
    spectrum: ArrayLike, *, n_fft: int = N_FFT, hop_length: int = HOP_LENGTH, length: int | None = None
) -> Float32:
    """Inverse of the centred :func:`sideman.audio.spectrum.stft`, in bounded memory beside input and output.

    Parameters
    ----------
    spectrum
        Complex, shape (1 + n_fft // 2, t); quickest as a view of frame-major memory, as ``stft`` returns it.
    n_fft, hop_length
        As for ``stft``; quickest where hop_length divides n_fft.
    length
        Samples wanted: what is missing at the end is silence. ``hop_length * (t - 1)`` by default.

    Returns
    -------
    float32, shape (length,).

    Raises
    ------
    AudioError
        The spectrum has another shape or no frames, or holds NaN or infinite values.
    UsageError
        A parameter outside its range.
    """
    check_frames(n_fft, hop_length, length)
    frames = as_frames(spectrum, n_fft)
    adder = OverlapAdd(len(frames), n_fft=n_fft, hop_length=hop_length)
    with np.errstate(invalid="ignore", over="ignore"):
        for first in range(0, len(frames), BLOCK_FRAMES):
            adder.add(first, np.ascontiguousarray(frames[first : first + BLOCK_FRAMES], np.complex64))
        sound = trimmed(adder.take(), hop_length * (len(frames) - 1) if length is None else length, n_fft)
        if not np.isfinite(np.dot(sound, np.zeros_like(sound))):
            raise AudioError("the spectrum holds NaN or infinite values: there is no such sound")
    return sound


def resynthesise(
    samples: ArrayLike,
    change: Change,
    *,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
    block_frames: int = BLOCK_FRAMES,
) -> Float32:
    """Sound of the same length whose frames are ``change(first, frames)`` of the given sound's.

    Equal to ``istft(change(stft(samples)))``, without ever holding the whole spectrum.

    Parameters
    ----------
    samples
        Mono, shape (n,).
    change
        Called with some frames at a time, in order: their first number, and complex64 (b, 1 + n_fft // 2).
    n_fft, hop_length
        Of the frames.
    block_frames
        So many frames at a time: more are quicker where frames are short.

    Raises
    ------
    AudioError, UsageError
        As :func:`sideman.audio.spectrum.stft`.
    """
    check_frames(n_fft, hop_length)
    sound = as_mono(samples)
    adder = OverlapAdd(frame_count(len(sound), n_fft=n_fft, hop_length=hop_length), n_fft=n_fft, hop_length=hop_length)
    padded = pad_center(sound, n_fft=n_fft)
    for first, block in frame_blocks(padded, n_fft=n_fft, hop_length=hop_length, block_frames=block_frames):
        adder.add(first, change(first, block))
    return trimmed(adder.take(), len(sound), n_fft)


def check_frames(n_fft: int, hop_length: int, length: int | None = None) -> None:
    """Refuse (UsageError) frames from which no sound can be put together, and lengths below 0."""
    if length is not None and length < 0:
        raise UsageError(f"length must be a number of samples >= 0, not {length}")
    if n_fft < 2 or not 1 <= hop_length <= n_fft // 2:
        raise UsageError(
            f"n_fft must be >= 2 and hop_length from 1 to n_fft / 2, or samples are lost; got {n_fft} and {hop_length}"
        )


def as_frames(spectrum: ArrayLike, n_fft: int) -> NDArray[np.generic]:
    """A spectrum (1 + n_fft // 2, t) of any type as frames (t, 1 + n_fft // 2), t >= 1.

    Raises
    ------
    AudioError
        Another shape, or no frames.
    """
    values = np.asarray(spectrum)
    if values.ndim != 2 or values.shape[0] != 1 + n_fft // 2:
        raise AudioError(f"expected a spectrum of shape ({1 + n_fft // 2}, t) for n_fft {n_fft}, got {values.shape}")
    if values.shape[1] == 0:
        raise AudioError("the spectrum holds no frames: there is nothing to hear in it")
    return values.T


def as_magnitude(magnitude: ArrayLike, n_fft: int) -> Float32:
    """A magnitude spectrogram (1 + n_fft // 2, t) as contiguous float32 frames (t, 1 + n_fft // 2), t >= 1.

    Raises
    ------
    AudioError
        Another shape or no frames; NaN, infinite or negative values.
    """
    frames = np.ascontiguousarray(as_frames(magnitude, n_fft), np.float32)
    if not (np.isfinite(frames.max()) and frames.min() >= 0):
        raise AudioError("the spectrogram holds NaN, infinite or negative magnitudes: there is no such sound")
    return frames


def trimmed(padded: Float32, length: int, n_fft: int) -> Float32:
    """``length`` samples of a padded signal, from half a frame after its beginning; silence where it is too short."""
    sound = padded[n_fft // 2 : n_fft // 2 + length]
    return sound if len(sound) == length else np.pad(sound, (0, length - len(sound)))
