"""Mel-frequency cepstral coefficients: the cosine transform of the log-mel spectrum.

Source: S. Davis and P. Mermelstein, IEEE Trans. ASSP 28(4), 1980; orthonormal DCT-II over Slaney's mel bands in dB,
equal to librosa 0.11's ``mfcc``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from sideman.audio.mel import N_MELS, log_mel
from sideman.audio.spectrum import BLOCK_FRAMES, HOP_LENGTH, N_FFT, Float32, Spectrum
from sideman.core.errors import UsageError

N_MFCC = 20


@lru_cache(maxsize=16)
def dct_matrix(n_mfcc: int, n_mels: int) -> Float32:
    """First ``n_mfcc`` rows of the orthonormal DCT-II of length ``n_mels``, shape (n_mfcc, n_mels), read-only."""
    if not 1 <= n_mfcc <= n_mels:
        raise UsageError(f"n_mfcc must lie between 1 and the number of mel bands ({n_mels}), got {n_mfcc}")
    angle = np.pi / n_mels * (np.arange(n_mels) + 0.5) * np.arange(n_mfcc)[:, None]
    basis = np.cos(angle) * np.sqrt(2.0 / n_mels)
    basis[0] /= np.sqrt(2.0)
    matrix: Float32 = basis.astype(np.float32)
    matrix.flags.writeable = False
    return matrix


def mfcc_frames(log_mel_frames: Float32, n_mfcc: int = N_MFCC) -> Float32:
    """Cepstral coefficients of log-mel frames in dB (t, n_mels): shape (t, n_mfcc)."""
    basis = dct_matrix(n_mfcc, log_mel_frames.shape[1]).T
    cepstrum = np.empty((len(log_mel_frames), n_mfcc), np.float32)
    # Small products stay on one BLAS thread, which is faster than several for this little work.
    for first in range(0, len(log_mel_frames), BLOCK_FRAMES):
        block = slice(first, first + BLOCK_FRAMES)
        np.matmul(log_mel_frames[block], basis, out=cepstrum[block])
    return cepstrum


def mfcc(
    source: ArrayLike | Spectrum,
    sample_rate_hz: int = 22050,
    *,
    n_mfcc: int = N_MFCC,
    n_mels: int = N_MELS,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
) -> Float32:
    """MFCC of mono samples (n,) or a ready spectrum, shape (n_mfcc, t), float32, in dB.

    Raises
    ------
    UsageError
        ``n_mfcc`` outside 1 .. n_mels. Other errors as :func:`sideman.audio.mel.mel_spectrogram`.
    """
    if isinstance(source, Spectrum):
        frames = log_mel(source, n_mels=n_mels).T
    else:
        frames = log_mel(source, sample_rate_hz, n_mels=n_mels, n_fft=n_fft, hop_length=hop_length).T
    return mfcc_frames(frames, n_mfcc).T
