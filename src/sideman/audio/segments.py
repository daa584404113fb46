"""A signal that arrives in blocks of any length, summarised half minute by half minute."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.framing import FrameStream, Resampler
from sideman.audio.spectrum import Complex64

Float32 = NDArray[np.float32]
Estimate = TypeVar("Estimate")


class SegmentTracker(ABC, Generic[Estimate]):
    """Gathers frames until they fill a segment; what :meth:`result` gives does not depend on how the blocks are cut.

    A last piece shorter than half a segment goes with the one before.
    """

    def __init__(self, sample_rate_hz: float, *, n_fft: int, hop_length: int, segment_frames: int) -> None:
        """Take mono blocks at ``sample_rate_hz``; :class:`UsageError` for an impossible rate."""
        self._resampler = Resampler(sample_rate_hz)
        self._stream = FrameStream(n_fft, hop_length)
        self._segment_frames = segment_frames
        self._waiting: list[Float32] = []
        self._waiting_n = 0
        self._result: Estimate | None = None

    def update(self, block: ArrayLike) -> None:
        """Add samples, shape (n,), n >= 0; :class:`AudioError` for NaN, infinite or multi-channel samples."""
        if self._result is not None:
            raise RuntimeError("this tracker has given its result: start a new one")
        self._push(self._resampler.push(block), last=False)

    def result(self) -> Estimate:
        """The estimate over everything heard; ends the stream, later calls return the same."""
        if self._result is None:
            self._push(self._resampler.push(np.zeros(0, np.float32), last=True), last=True)
            self._result = self._conclude()
        return self._result

    def _push(self, samples: Float32, *, last: bool) -> None:
        spectra = self._stream.push(samples, last=last)
        if len(spectra):
            self._waiting.append(self._reduce(spectra))
            self._waiting_n += len(spectra)
        segment_n = self._segment_frames
        while self._waiting_n >= 3 * segment_n // 2:
            joined = np.concatenate(self._waiting)
            self._summarise(joined[:segment_n])
            self._waiting, self._waiting_n = [joined[segment_n:]], len(joined) - segment_n
        if last and self._waiting:
            self._summarise(np.concatenate(self._waiting))
            self._waiting, self._waiting_n = [], 0

    @abstractmethod
    def _reduce(self, spectra: Complex64) -> Float32:
        """What is kept of frames (t, 1 + n_fft // 2): rows (t, m)."""

    @abstractmethod
    def _summarise(self, rows: Float32) -> None:
        """Take a segment of rows (t, m)."""

    @abstractmethod
    def _conclude(self) -> Estimate:
        """The estimate of all segments."""
