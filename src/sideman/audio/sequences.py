"""Features with a time axis, in the shapes that the models take: MFCC sequences, spectrogram and log-mel images.

For a 3 s segment at 22 050 Hz (66 150 samples): MFCC 13 x 130, magnitude STFT 513 x 128 (frames of 1024 samples,
half-overlapping, none of them padded), log-mel 128 x 130.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from sideman.audio.mel import N_MELS, log_mel
from sideman.audio.mfcc import mfcc
from sideman.audio.spectrum import HOP_LENGTH, Float32, as_mono, stft
from sideman.core.errors import AudioError, UsageError

N_SEQUENCE_MFCC = 13
IMAGE_N_FFT = 1024


def mfcc_sequence(y: ArrayLike, sample_rate_hz: int = 22050) -> Float32:
    """13 MFCC per frame of 2048 samples, hop 512, shape (13, 1 + n // 512); errors as :func:`.mfcc.mfcc`."""
    return np.ascontiguousarray(mfcc(y, sample_rate_hz, n_mfcc=N_SEQUENCE_MFCC))


def stft_image(y: ArrayLike) -> Float32:
    """Magnitude of the STFT, frames of 1024 samples that overlap by half, shape (513, 1 + (n - 1024) // 512).

    Raises
    ------
    AudioError
        Fewer than 1024 samples, or a signal that is empty, non-finite or not mono.
    """
    matrix = stft(y, n_fft=IMAGE_N_FFT, hop_length=IMAGE_N_FFT // 2, center=False)
    return np.ascontiguousarray(np.abs(matrix))


def mel_image(y: ArrayLike, sample_rate_hz: int = 22050) -> Float32:
    """Log-mel spectrogram in dB with a range of 80 dB, shape (128, 1 + n // 512)."""
    return np.ascontiguousarray(log_mel(y, sample_rate_hz))


def sequence_shape(kind: str, n: int) -> tuple[int, int]:
    """Shape of the features of an n-sample segment, for kind "mfcc", "stft" or "mel".

    Raises
    ------
    UsageError
        Another kind, or a segment shorter than one frame of the STFT image.
    """
    if kind == "mfcc":
        return N_SEQUENCE_MFCC, 1 + n // HOP_LENGTH
    if kind == "mel":
        return N_MELS, 1 + n // HOP_LENGTH
    if kind != "stft":
        raise UsageError(f"unknown kind of features {kind!r}: choose mfcc, stft or mel")
    if n < IMAGE_N_FFT:
        raise UsageError(f"an STFT image needs segments of at least {IMAGE_N_FFT} samples, got {n}")
    return 1 + IMAGE_N_FFT // 2, 1 + (n - IMAGE_N_FFT) // (IMAGE_N_FFT // 2)


def segment_step_n(length_n: int, overlap: float) -> int:
    """Samples from one segment's start to the next, for segments of ``length_n`` that share ``overlap`` of it.

    Raises
    ------
    UsageError
        ``length_n`` < 1 or ``overlap`` outside [0, 1).
    """
    if length_n < 1 or not 0 <= overlap < 1:
        raise UsageError(f"segments need a positive length and an overlap in [0, 1), got {length_n} and {overlap}")
    return max(round(length_n * (1 - overlap)), 1)


def cut_segments(blocks: Iterable[Float32], length_n: int, step_n: int) -> Iterator[tuple[int, Float32]]:
    """Cut consecutive blocks of samples into segments of exactly ``length_n`` samples, ``step_n`` apart.

    Yields ``(start_n, samples)``; a rest too short for a segment is left out. Only a segment and a block are held.
    """
    parts: list[Float32] = []
    held_n = held_at = start = 0
    for block in blocks:
        parts.append(block)
        held_n += len(block)
        if held_at + held_n < start + length_n:
            continue
        held = parts[0] if len(parts) == 1 else np.concatenate(parts)
        while start + length_n <= held_at + held_n:
            yield start, held[start - held_at : start - held_at + length_n]
            start += step_n
        passed = min(start - held_at, held_n)
        parts, held_at, held_n = [held[passed:]], held_at + passed, held_n - passed


def segments(
    y: ArrayLike, *, segment_s: float = 3.0, overlap: float = 0.0, sample_rate_hz: int = 22050
) -> list[tuple[float, Float32]]:
    """Equal segments of mono samples as ``(start_s, samples)``, samples of shape (round(segment_s * rate),).

    Raises
    ------
    AudioError
        The signal is shorter than one segment.
    UsageError
        A length or overlap outside its range.
    """
    length_n = round(segment_s * sample_rate_hz)
    samples = as_mono(y)
    found = [
        (start / sample_rate_hz, piece)
        for start, piece in cut_segments([samples], length_n, segment_step_n(length_n, overlap))
    ]
    if not found:
        raise AudioError(f"{len(samples) / sample_rate_hz:.2f} s is shorter than one segment of {segment_s:g} s")
    return found
