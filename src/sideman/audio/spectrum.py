"""The short-time Fourier transform, computed once per clip and shared by every feature.

Frames are kept *frame-major*, shape ``(t, 1 + n_fft // 2)``: that is how they are made, and it keeps one frame's bins
next to each other in memory. The public functions return the field's customary orientation ``(1 + n_fft // 2, t)``
as a view of it.

Source: J. B. Allen and L. R. Rabiner, "A unified approach to short-time Fourier analysis and synthesis",
Proc. IEEE 65(11), 1977. Framing conventions (periodic Hann, centred, zero-padded) as in librosa 0.11.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.core.errors import AudioError, UsageError

N_FFT = 2048
HOP_LENGTH = 512
BLOCK_FRAMES = 64
"""Frames that are transformed together: their windowed samples and spectra fit a 1 MiB second-level cache."""

_PAD_MODES = ("constant", "reflect", "edge")

Float32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]


def as_mono(y: ArrayLike) -> Float32:
    """Samples as a contiguous ``float32`` vector of shape (n,); shares memory where it can.

    Raises
    ------
    AudioError
        The signal is not one-dimensional, is empty, or holds NaN or infinite samples.
    """
    samples = np.ascontiguousarray(y, dtype=np.float32)
    if samples.ndim != 1:
        raise AudioError(f"expected mono samples of shape (n,), got shape {samples.shape}: mix the channels first")
    if samples.size == 0:
        raise AudioError("the signal holds no samples: nothing to analyse")
    # Times zero, every finite sample is zero and every other one NaN.
    if not np.isfinite(np.einsum("i,i->", samples, np.zeros_like(samples))):
        raise AudioError("the signal holds NaN or infinite samples: repair or re-encode it")
    return samples


def frame_count(n: int, *, n_fft: int = N_FFT, hop_length: int = HOP_LENGTH, center: bool = True) -> int:
    """Number of frames of an n-sample signal: ``1 + n // hop`` if centred, else the frames that fit."""
    if center:
        return 1 + (n + 2 * (n_fft // 2) - n_fft) // hop_length
    return 0 if n < n_fft else 1 + (n - n_fft) // hop_length


@lru_cache(maxsize=16)
def hann(n: int) -> Float32:
    """Periodic Hann window, shape (n,), ``0.5 - 0.5 cos(2 pi k / n)``; read-only."""
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n) / n)).astype(np.float32)
    window.flags.writeable = False
    return window


def fft_frequencies(sample_rate_hz: float, n_fft: int = N_FFT) -> NDArray[np.float64]:
    """Centre frequency in Hz of each bin, shape (1 + n_fft // 2,)."""
    return np.arange(1 + n_fft // 2, dtype=np.float64) * (sample_rate_hz / n_fft)


def frame_view(y: Float32, *, n_fft: int, hop_length: int) -> Float32:
    """Overlapping frames of ``y`` without copying, shape (t, n_fft); ``y`` must hold at least one frame."""
    return np.lib.stride_tricks.sliding_window_view(y, n_fft)[::hop_length]


def frame_blocks(
    y: Float32,
    *,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
    start: int = 0,
    stop: int | None = None,
    block_frames: int = BLOCK_FRAMES,
) -> Iterator[tuple[int, Complex64]]:
    """Transform a padded signal block by block, in bounded memory.

    Yields ``(first_frame, spectra)`` with ``spectra`` complex64 of shape (b, 1 + n_fft // 2), for the frames
    ``start <= frame < stop``. No padding is done here: frame ``k`` covers ``y[k * hop : k * hop + n_fft]``.
    """
    from scipy import fft

    frames = frame_view(y, n_fft=n_fft, hop_length=hop_length)
    window = hann(n_fft)
    stop = len(frames) if stop is None else min(stop, len(frames))
    windowed = np.empty((min(block_frames, max(stop - start, 1)), n_fft), np.float32)
    for first in range(start, stop, block_frames):
        last = min(first + block_frames, stop)
        block = np.multiply(frames[first:last], window, out=windowed[: last - first])
        # scipy keeps single precision, whatever its stubs say.
        spectra: Complex64 = fft.rfft(block, axis=1, overwrite_x=True, workers=1)  # type: ignore[assignment]
        yield first, spectra


def pad_center(y: Float32, *, n_fft: int, pad_mode: str = "constant") -> Float32:
    """Pad half a frame on both sides, so that frame ``k`` is centred on sample ``k * hop_length``."""
    if pad_mode not in _PAD_MODES:
        raise UsageError(f"unknown pad_mode {pad_mode!r}: choose one of {', '.join(_PAD_MODES)}")
    half = n_fft // 2
    if pad_mode == "constant":
        padded = np.zeros(len(y) + 2 * half, np.float32)
        padded[half : half + len(y)] = y
        return padded
    return np.pad(y, half, mode="reflect" if pad_mode == "reflect" else "edge")


def stft(
    y: ArrayLike,
    *,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
    center: bool = True,
    pad_mode: str = "constant",
) -> Complex64:
    """Short-time Fourier transform with a periodic Hann window, equal to librosa 0.11's.

    Parameters
    ----------
    y
        Mono samples, shape (n,), any scale.
    n_fft, hop_length
        Frame length and step in samples; both positive.
    center
        Centre frame ``k`` on sample ``k * hop_length`` by padding half a frame on both sides.
    pad_mode
        ``"constant"`` (zeros), ``"reflect"`` or ``"edge"``.

    Returns
    -------
    complex64, shape (1 + n_fft // 2, t); a view of a frame-major array.

    Raises
    ------
    AudioError
        Empty, non-finite or multi-channel signal, or (``center=False``) one shorter than a frame.
    UsageError
        A parameter outside its range.
    """
    if n_fft < 2 or hop_length < 1:
        raise UsageError(f"n_fft must be >= 2 and hop_length >= 1, got {n_fft} and {hop_length}")
    samples = as_mono(y)
    if center:
        samples = pad_center(samples, n_fft=n_fft, pad_mode=pad_mode)
    elif len(samples) < n_fft:
        raise AudioError(f"the signal ({len(samples)} samples) is shorter than one frame ({n_fft}): use center=True")
    n_frames = 1 + (len(samples) - n_fft) // hop_length
    frames = np.empty((n_frames, 1 + n_fft // 2), np.complex64)
    for first, block in frame_blocks(samples, n_fft=n_fft, hop_length=hop_length):
        frames[first : first + len(block)] = block
    return frames.T


def power_spectrogram(
    y: ArrayLike,
    *,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
    center: bool = True,
    pad_mode: str = "constant",
) -> Float32:
    """Squared magnitude of the STFT, shape (1 + n_fft // 2, t), float32; arguments and errors as :func:`stft`."""
    return squared_magnitude(stft(y, n_fft=n_fft, hop_length=hop_length, center=center, pad_mode=pad_mode).T).T


def squared_magnitude(frames: Complex64, out: Float32 | None = None) -> Float32:
    """``|z| ** 2`` of C-contiguous complex frames (t, bins), without the square root that ``abs`` would take."""
    parts = np.square(frames.view(np.float32))
    return np.add(parts[:, ::2], parts[:, 1::2], out=out)


@dataclass(frozen=True)
class Spectrum:
    """One shared STFT of a clip; magnitude and power are computed on first use and kept.

    Attributes
    ----------
    frames
        complex64, frame-major, shape (t, 1 + n_fft // 2).
    sample_rate_hz, n_fft, hop_length
        What the frames were made with.
    samples_n
        Length of the signal in samples.
    """

    frames: Complex64 = field(repr=False)
    sample_rate_hz: int
    n_fft: int = N_FFT
    hop_length: int = HOP_LENGTH
    samples_n: int = 0

    @classmethod
    def of(
        cls,
        y: ArrayLike,
        sample_rate_hz: int = 22050,
        *,
        n_fft: int = N_FFT,
        hop_length: int = HOP_LENGTH,
        center: bool = True,
        pad_mode: str = "constant",
    ) -> Spectrum:
        """Spectrum of mono samples; arguments and errors as :func:`stft`."""
        samples = as_mono(y)
        matrix = stft(samples, n_fft=n_fft, hop_length=hop_length, center=center, pad_mode=pad_mode)
        return cls(matrix.T, sample_rate_hz, n_fft, hop_length, len(samples))

    @property
    def stft(self) -> Complex64:
        """Complex STFT, shape (1 + n_fft // 2, t)."""
        return self.frames.T

    @cached_property
    def power_frames(self) -> Float32:
        """Squared magnitude, frame-major, shape (t, 1 + n_fft // 2)."""
        return squared_magnitude(self.frames)

    @cached_property
    def magnitude_frames(self) -> Float32:
        """Magnitude, frame-major, shape (t, 1 + n_fft // 2)."""
        return np.sqrt(self.power_frames)

    @property
    def power(self) -> Float32:
        """Squared magnitude, shape (1 + n_fft // 2, t)."""
        return self.power_frames.T

    @property
    def magnitude(self) -> Float32:
        """Magnitude, shape (1 + n_fft // 2, t)."""
        return self.magnitude_frames.T

    @cached_property
    def frequencies_hz(self) -> NDArray[np.float64]:
        """Centre frequency of each bin, shape (1 + n_fft // 2,)."""
        return fft_frequencies(self.sample_rate_hz, self.n_fft)

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Time of each frame's centre (for ``center=True``), shape (t,)."""
        return np.arange(len(self.frames), dtype=np.float64) * (self.hop_length / self.sample_rate_hz)

    @property
    def frame_rate_hz(self) -> float:
        """Frames per second."""
        return self.sample_rate_hz / self.hop_length
