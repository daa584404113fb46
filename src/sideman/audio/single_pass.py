"""Phases for magnitudes in one pass: each spectral peak is followed as a sinusoid from frame to frame.

Source: G. T. Beauregard, M. Harish and L. Wyse, "Single pass spectrogram inversion", IEEE DSP 2015. A peak's frequency
is that of the parabola through its bin's and both neighbours' levels (J. O. Smith and X. Serra, "PARSHL", ICMC 1987),
its phase what its bin had in the frame before plus the phase of one hop. The bins that fall off on both sides belong to
the peak; the window's transform turns them by pi, but on the side of the parabola's top only the first of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.inversion import as_magnitude, check_frames, istft
from sideman.audio.spectrum import BLOCK_FRAMES, HOP_LENGTH, N_FFT, Complex64, Float32

_FAINTEST = np.float32(1e-12)


class PeakPhases:
    """Phases of frames that come in pieces: what the last frame was stays known."""

    def __init__(self, *, n_fft: int = N_FFT, hop_length: int = HOP_LENGTH) -> None:
        """Begin with phase zero everywhere."""
        self._n_fft, self._hop_length = n_fft, hop_length
        self._turns = np.zeros(1 + n_fft // 2)

    def frames(self, magnitude_frames: Float32) -> Complex64:
        """Complex frames (t, bins) with these magnitudes (t, bins), which go on from the frames before."""
        frames = np.empty(magnitude_frames.shape, np.complex64)
        for first in range(0, len(frames), BLOCK_FRAMES):
            block = magnitude_frames[first : first + BLOCK_FRAMES]
            owner, turns = _peaks(block, self._hop_length / self._n_fft)
            last = self._turns
            for row, peaks in zip(turns, owner, strict=True):  # a sum over time that jumps between bins
                row += last[peaks]
                last = row
            turns -= np.rint(turns)
            self._turns = turns[-1].copy()
            angle = np.multiply(turns, 2 * np.pi).astype(np.float32)
            part = frames[first : first + len(block)]
            np.multiply(block, np.cos(angle), out=part.real)
            np.multiply(block, np.sin(angle), out=part.imag)
        return frames


def single_pass(
    magnitude: ArrayLike, *, n_fft: int = N_FFT, hop_length: int = HOP_LENGTH, length: int | None = None
) -> Float32:
    """Sound (length,) float32 for a magnitude spectrogram (1 + n_fft // 2, t), without iterations.

    Arguments and the default ``length`` as for :func:`sideman.audio.inversion.istft`; magnitudes are >= 0.

    Raises
    ------
    AudioError
        The spectrogram has another shape or no frames, or holds NaN, infinite or negative values.
    UsageError
        A parameter outside its range.
    """
    check_frames(n_fft, hop_length, length)
    spectrum = PeakPhases(n_fft=n_fft, hop_length=hop_length).frames(as_magnitude(magnitude, n_fft))
    return istft(spectrum.T, n_fft=n_fft, hop_length=hop_length, length=length)


def _peaks(frames: Float32, hop: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each bin (t, bins): the bin of the peak that it belongs to, and the turns to add to what that one had before.

    ``hop`` is in frame lengths, which are cycles of the first bin's frequency.
    """
    count, bins = frames.shape
    number = np.arange(bins)
    rises = np.zeros(frames.shape, bool)  # towards higher bins
    np.greater(frames[:, 1:], frames[:, :-1], out=rises[:, :-1])
    is_peak = ~rises
    is_peak[:, 1:] &= frames[:, 1:] >= frames[:, :-1]
    below = np.maximum.accumulate(np.where(is_peak, number, 0), axis=1)
    above = np.minimum.accumulate(np.where(is_peak, number, bins - 1)[:, ::-1], axis=1)[:, ::-1]
    owner = np.where(rises, above, below)

    height = np.log(np.maximum(frames, _FAINTEST))
    left, right = height[:, 1:-1] - height[:, :-2], height[:, 1:-1] - height[:, 2:]
    offset = np.zeros(frames.shape, np.float32)  # of the parabola's top, in bins, within -0.5 to 0.5 at a peak
    offset[:, 1:-1] = 0.5 * (left - right) / np.maximum(left + right, _FAINTEST)
    offset = np.take(offset, owner + (np.arange(count) * bins)[:, None])
    beyond = (number - owner) * np.sign(offset) >= 2
    half_turn = (number != owner) & ~beyond
    return owner, (owner + offset.astype(np.float64)) * hop + 0.5 * half_turn
