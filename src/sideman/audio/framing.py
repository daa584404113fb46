"""Frames of a signal that arrives in blocks, and its resampling: the same frames however the blocks are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.spectrum import Complex64, frame_blocks
from sideman.core.errors import AudioError, UsageError

Float32 = NDArray[np.float32]

ANALYSIS_RATE_HZ = 22050


class Resampler:
    """Mono blocks at any rate to float32 at 22,050 Hz (soxr, high quality); samples pass untouched at that rate."""

    def __init__(self, sample_rate_hz: float) -> None:
        """Take blocks at ``sample_rate_hz``; :class:`UsageError` where that is not within 1-1,000,000 Hz."""
        if not 1.0 <= sample_rate_hz <= 1e6:
            raise UsageError(f"sample rate must be within 1-1,000,000 Hz, got {sample_rate_hz}")
        self._stream: Any = None
        if sample_rate_hz != ANALYSIS_RATE_HZ:
            import soxr

            self._stream = soxr.ResampleStream(sample_rate_hz, ANALYSIS_RATE_HZ, 1, dtype="float32", quality="HQ")

    def push(self, block: ArrayLike, *, last: bool = False) -> Float32:
        """Resampled samples that are ready, shape (m,); :class:`AudioError` for NaN, infinite or stereo input."""
        samples = np.ascontiguousarray(block, dtype=np.float32)
        if samples.ndim != 1:
            raise AudioError(f"expected mono samples of shape (n,), got shape {samples.shape}: mix the channels first")
        if not np.isfinite(samples).all():
            raise AudioError("the signal holds NaN or infinite samples: repair or re-encode it")
        if self._stream is None:
            return samples
        resampled: Float32 = self._stream.resample_chunk(samples, last=last)
        return resampled


class FrameStream:
    """Centred, zero-padded STFT frames (periodic Hann) of a growing signal; frame k is centred on sample k * hop."""

    def __init__(self, n_fft: int, hop_length: int) -> None:
        """Frames of ``n_fft`` samples every ``hop_length`` samples."""
        self._n_fft, self._hop = n_fft, hop_length
        self._rest = np.zeros(n_fft // 2, np.float32)
        self._pushed = False

    def push(self, samples: Float32, *, last: bool = False) -> Complex64:
        """Spectra of the frames completed by ``samples``, shape (t, 1 + n_fft // 2); ``last`` pads the end."""
        self._pushed = self._pushed or samples.size > 0
        tail = np.zeros(self._n_fft // 2 if last and self._pushed else 0, np.float32)
        joined = np.concatenate([self._rest, samples, tail])
        count = 0 if len(joined) < self._n_fft else 1 + (len(joined) - self._n_fft) // self._hop
        frames = np.empty((count, 1 + self._n_fft // 2), np.complex64)
        if count:
            for first, block in frame_blocks(joined, n_fft=self._n_fft, hop_length=self._hop):
                frames[first : first + len(block)] = block
        self._rest = joined[count * self._hop :].copy()
        return frames
