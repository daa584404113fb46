"""Harmonic-percussive source separation by median filtering, in one pass over a shared STFT.

Sustained tones are ridges along time, drums ridges along frequency: a running median of the magnitude along each axis
keeps the one and removes the other, and soft masks ``h**2 / (h**2 + p**2)`` divide the spectrum between them. The two
masks sum to one, so the percussive waveform is what the harmonic one leaves of the signal and needs no inverse
transform of its own.

Source: D. FitzGerald, "Harmonic/percussive separation using median filtering", DAFx-10, 2010. Kernel 31, power 2 and
margin 1 as in librosa 0.11's ``effects.hpss``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from sideman.audio.median import even_chunk, medians_along_rows, medians_along_time
from sideman.audio.spectrum import (
    BLOCK_FRAMES,
    HOP_LENGTH,
    N_FFT,
    Complex64,
    Float32,
    Spectrum,
    as_mono,
    hann,
)
from sideman.core.errors import UsageError

KERNEL_SIZE = 31
CHUNK_FRAMES = 256
"""Frames separated together; the working set (two medians of 1 MB each) stays near the second-level cache."""

_HALF_ZERO = np.float32(1e-36)  # added to both powers: where both medians are zero the mask is 1/2, elsewhere no change


def harmonic_masks(
    power_frames: Float32, first: int, last: int, *, kernel_size: int = KERNEL_SIZE
) -> Iterator[tuple[int, Float32]]:
    """Soft mask of the harmonic part for frames ``first .. last - 1`` of a frame-major power spectrogram (t, bins).

    Yields ``(frame, mask)`` block by block, masks in [0, 1] of shape (b, bins); a mask is overwritten by later ones.
    The medians along time look at ``kernel_size // 2`` frames on both sides, reflected at the ends of the array.
    (The median of squares is the square of the median, so powers serve as well as magnitudes and save the squaring.)
    """
    chunk = even_chunk(last - first, CHUNK_FRAMES, (kernel_size + 1) // 2)
    percussive = np.empty((chunk, power_frames.shape[1]), np.float32)
    for start in range(first, last, chunk):
        stop = min(start + chunk, last)
        medians_along_rows(power_frames[start:stop], percussive[: stop - start], size=kernel_size, chunk=chunk)
        harmonic = medians_along_time(power_frames, start, stop, size=kernel_size, chunk=chunk)
        for row in range(0, stop - start, BLOCK_FRAMES):
            h = harmonic[row : row + BLOCK_FRAMES]
            p = percussive[row : row + len(h)]
            h += _HALF_ZERO
            p += _HALF_ZERO
            p += h
            h /= p
            yield start + row, h


class OverlapAdd:
    """Inverse STFT of consecutive frames, a block at a time; the hop must divide the frame length.

    Least-squares synthesis (D. W. Griffin and J. S. Lim, IEEE Trans. ASSP 32(2), 1984): windowed frames are added up
    and divided by the sum of the squared windows of those frames that exist.
    """

    def __init__(self, first_frame: int, n_frames: int, *, n_fft: int = N_FFT, hop_length: int = HOP_LENGTH) -> None:
        """Begin at ``first_frame`` of a centred transform that has ``n_frames`` in all.

        Raises
        ------
        UsageError
            ``hop_length`` does not divide ``n_fft`` at least twice.
        """
        if n_fft % hop_length or n_fft < 2 * hop_length:
            raise UsageError(f"resynthesis needs a hop that divides the frame, got {hop_length} and {n_fft}")
        self.n_fft, self.hop_length, self.n_frames = n_fft, hop_length, n_frames
        self.parts = n_fft // hop_length
        self._squares = np.square(hann(n_fft).astype(np.float64)).reshape(self.parts, hop_length)
        self._whole = self._squares.sum(axis=0)
        self._window = (hann(n_fft).reshape(self.parts, hop_length) / self._whole).astype(np.float32).ravel()
        self._carry = np.zeros((self.parts - 1, hop_length), np.float32)
        self.block = first_frame
        """Number of the next hop-sized output block; block ``k`` begins at sample ``k * hop - n_fft // 2``."""

    def add(self, frames: Complex64) -> Float32:
        """Add complex frames (b, bins); returns the b blocks that are complete, shape (b, hop_length)."""
        from scipy import fft

        count = len(frames)
        total = np.zeros((count + self.parts - 1, self.hop_length), np.float32)
        total[: self.parts - 1] = self._carry
        for start in range(0, count, BLOCK_FRAMES):
            spectra = frames[start : start + BLOCK_FRAMES]
            waves = fft.irfft(spectra, n=self.n_fft, axis=1, workers=1)
            waves *= self._window
            pieces = waves.reshape(len(spectra), self.parts, self.hop_length)
            for part in range(self.parts):
                total[start + part : start + part + len(spectra)] += pieces[:, part]
        self._carry = total[count:]
        return self._finish(total[:count])

    def flush(self) -> Float32:
        """Return the blocks that only the last frames reach, shape (n_fft // hop_length - 1, hop_length)."""
        return self._finish(self._carry)

    def _finish(self, blocks: Float32) -> Float32:
        # The window was divided by the full sum of squares; blocks at the signal's ends have fewer frames.
        for row, number in enumerate(range(self.block, self.block + len(blocks))):
            if self.parts - 1 <= number < self.n_frames:
                continue
            present = [part for part in range(self.parts) if 0 <= number - part < self.n_frames]
            if present:
                share = self._squares[present].sum(axis=0)
                known = share > np.finfo(np.float32).tiny
                np.divide(blocks[row] * self._whole, share, out=blocks[row], where=known, casting="same_kind")
        self.block += len(blocks)
        return blocks


def harmonic_blocks(
    frames: Complex64,
    power_frames: Float32,
    first: int,
    last: int,
    *,
    offset: int = 0,
    n_frames: int | None = None,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
    kernel_size: int = KERNEL_SIZE,
) -> Iterator[tuple[int, Float32]]:
    """Harmonic waveform of a stretch of a centred STFT, in pieces.

    ``frames`` and ``power_frames`` (t, bins) begin at frame ``offset`` of a signal with ``n_frames`` frames; those
    numbered ``first .. last - 1`` in the arrays are resynthesised. ``frames`` is overwritten.
    Yields ``(start, samples)``: the position in the signal (negative inside the padding) and a flat piece of waveform.
    Samples that frames outside ``first .. last`` reach too are incomplete: ``n_fft - hop_length`` at either end.
    """
    total = len(frames) if n_frames is None else n_frames
    adder = OverlapAdd(offset + first, total, n_fft=n_fft, hop_length=hop_length)
    for start, mask in harmonic_masks(power_frames, first, last, kernel_size=kernel_size):
        masked = frames[start : start + len(mask)]
        np.multiply(masked, mask, out=masked)
        position = adder.block * hop_length - n_fft // 2
        yield position, adder.add(masked).reshape(-1)
    position = adder.block * hop_length - n_fft // 2
    yield position, adder.flush().reshape(-1)


def harmonic_percussive(y: ArrayLike, *, kernel_size: int = KERNEL_SIZE) -> tuple[Float32, Float32]:
    """Split mono samples into a harmonic and a percussive waveform whose sum is the signal.

    Parameters
    ----------
    y
        Mono samples, shape (n,).
    kernel_size
        Length of both medians, in frames and in bins: one of :data:`sideman.audio.median.SIZES`.

    Returns
    -------
    ``(harmonic, percussive)``, float32, shape (n,) each; equal to librosa 0.11's ``effects.hpss(y)`` to rounding.

    Raises
    ------
    AudioError
        Empty, non-finite or multi-channel signal.
    UsageError
        Another kernel size.
    """
    samples = as_mono(y)
    spectrum = Spectrum.of(samples)
    harmonic = np.zeros(len(samples), np.float32)
    pieces = harmonic_blocks(spectrum.frames, spectrum.power_frames, 0, len(spectrum.frames), kernel_size=kernel_size)
    for position, piece in pieces:
        begin, end = max(position, 0), min(position + len(piece), len(samples))
        if begin < end:
            harmonic[begin:end] = piece[begin - position : end - position]
    return harmonic, samples - harmonic
