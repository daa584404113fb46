"""Griffin-Lim: the sound whose spectrogram comes nearest to given magnitudes, found by turns.

Each round takes the frames of the sound so far, keeps their phases, puts the wanted magnitudes in and makes a sound of
that. Sources: D. Griffin and J. Lim, IEEE Trans. ASSP 32(2), 1984; with momentum (fast Griffin-Lim) N. Perraudin,
P. Balazs and P. Soendergaard, "A fast Griffin-Lim algorithm", WASPAA 2013.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from sideman.audio.inversion import OverlapAdd, as_frames, as_magnitude, check_frames, trimmed
from sideman.audio.single_pass import PeakPhases
from sideman.audio.spectrum import BLOCK_FRAMES, HOP_LENGTH, N_FFT, Complex64, Float32, frame_blocks
from sideman.core.errors import AudioError, UsageError

_TINY = np.float32(1e-16)


def griffin_lim(
    magnitude: ArrayLike,
    *,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
    iterations: int = 100,
    momentum: float = 0.99,
    seed: int = 0,
    start: Literal["random", "single-pass"] | Complex64 = "random",
    length: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> Float32:
    """Sound for a magnitude spectrogram.

    Parameters
    ----------
    magnitude
        Shape (1 + n_fft // 2, t), >= 0.
    n_fft, hop_length
        Of the frames, which are centred and have a Hann window.
    iterations
        Rounds, >= 0; each costs one transform there and back.
    momentum
        0 is the algorithm of 1984; 0.99 is what Perraudin et al. recommend; below 2.
    seed
        Of random phases.
    start
        Phases to begin with: "random", those of :func:`sideman.audio.single_pass.single_pass`, or those of a complex
        spectrogram (1 + n_fft // 2, t).
    length
        As for :func:`sideman.audio.inversion.istft`.
    advance
        Called with 1 after every round.

    Returns
    -------
    float32, shape (length,).

    Raises
    ------
    AudioError
        The spectrogram has another shape or no frames, or holds NaN, infinite or negative values.
    UsageError
        A parameter outside its range.
    """
    check_frames(n_fft, hop_length, length)
    if iterations < 0 or not 0 <= momentum < 2 or seed < 0:
        raise UsageError(
            f"iterations and seed must be >= 0, momentum from 0 to below 2; got {iterations}, {seed} and {momentum}"
        )
    wanted = as_magnitude(magnitude, n_fft)
    adder = OverlapAdd(len(wanted), n_fft=n_fft, hop_length=hop_length)
    begin = _started(wanted, start, seed, n_fft, hop_length)
    for first in range(0, len(wanted), BLOCK_FRAMES):
        block = begin[first : first + BLOCK_FRAMES]
        adder.add(first, _with_magnitude(block, wanted[first : first + len(block)]))
    before = begin  # this memory is used again
    before[:] = 0
    length = hop_length * (len(wanted) - 1) if length is None else length
    inside = slice(n_fft // 2, n_fft // 2 + min(length, hop_length * len(wanted) - 1))
    share = np.float32(-momentum / (1 + momentum))  # of the frames before; the common factor does not change a phase
    for _ in range(iterations):
        padded = adder.take()
        padded[: inside.start] = 0  # around the sound there is silence
        padded[inside.stop :] = 0
        for first, fresh in frame_blocks(padded, n_fft=n_fft, hop_length=hop_length):
            kept = before[first : first + len(fresh)]
            blend = np.multiply(kept.view(np.float32), share).view(np.complex64)
            blend += fresh
            kept[:] = fresh
            adder.add(first, _with_magnitude(blend, wanted[first : first + len(fresh)]))
        if advance is not None:
            advance(1)
    return trimmed(adder.take(), length, n_fft)


def _started(wanted: Float32, start: str | Complex64, seed: int, n_fft: int, hop_length: int) -> Complex64:
    """Frames (t, bins) whose phases are those to begin with; new memory."""
    if isinstance(start, str):
        if start == "single-pass":
            return PeakPhases(n_fft=n_fft, hop_length=hop_length).frames(wanted)
        if start == "random":
            turns = np.random.default_rng(seed).random(wanted.shape, np.float32)
            turns *= np.float32(2 * np.pi)
            frames = np.empty(wanted.shape, np.complex64)
            np.cos(turns, out=frames.real)
            np.sin(turns, out=frames.imag)
            return frames
        raise UsageError(f"unknown start {start!r}: random, single-pass, or a complex spectrogram")
    frames = np.array(as_frames(start, n_fft), np.complex64, order="C")
    if frames.shape != wanted.shape:
        raise AudioError(f"the start has {len(frames)} frames, the spectrogram {len(wanted)}: they must be as many")
    return frames


def _with_magnitude(frames: Complex64, wanted: Float32) -> Complex64:
    """Frames with the phases of ``frames``, which are overwritten, and the wanted magnitudes."""
    size = np.abs(frames)
    np.maximum(size, _TINY, out=size)
    return np.multiply(frames, np.divide(wanted, size, out=size), out=frames)
