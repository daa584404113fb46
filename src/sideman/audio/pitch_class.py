"""Pitch-class profile of a segment from its spectral peaks, in its own tuning.

Peaks with parabolic interpolation and harmonic weighting follow E. Gomez, "Tonal description of music audio signals",
PhD thesis, UPF 2006 (HPCP); the tuning is the circular mean of the peaks' deviation from equal temperament.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sideman.audio.framing import ANALYSIS_RATE_HZ

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

N_FFT, HOP_LENGTH = 8192, 4096
BIN_HZ = ANALYSIS_RATE_HZ / N_FFT
FIRST_BIN, LAST_BIN = int(50.0 / BIN_HZ), int(3600.0 / BIN_HZ)
HIGHEST_HZ = 3500.0
HARMONIC_DECAY = 0.7
HARMONICS = 6
FLATNESS_FLOOR = 1e-3
LOUDNESS_FLOOR = 1e-2


def magnitude_frames(spectra: NDArray[np.complex64]) -> Float32:
    """Magnitudes of the bins that matter, shape (t, LAST_BIN - FIRST_BIN)."""
    kept: Float32 = np.abs(spectra[:, FIRST_BIN:LAST_BIN])
    return kept


def local_level(magnitudes: Float32) -> Float32:
    """Mean magnitude within about +-120 Hz of each bin, per frame."""
    from scipy.ndimage import uniform_filter1d

    level: Float32 = uniform_filter1d(magnitudes, 91, axis=1, mode="nearest")
    return level


def whiten(magnitudes: Float32, local: Float32) -> Float32:
    """Magnitudes over their local level, log-compressed: timbre and gain drop out."""
    floor = np.float32(FLATNESS_FLOOR) * magnitudes.max(axis=1, keepdims=True) + np.float32(1e-12)
    flat: Float32 = np.log1p(magnitudes / (local + floor))
    return flat


def spectral_peaks(magnitudes: Float32, flat: Float32) -> tuple[NDArray[np.intp], NDArray[np.intp], Float64]:
    """Frame, column and MIDI pitch (fractional, by a parabola) of every local maximum that stands out of its level."""
    inner = flat[:, 1:-1]
    mask = (inner > flat[:, :-2]) & (inner >= flat[:, 2:]) & (inner > 1.0)
    frame, column = np.nonzero(mask)
    column = column + 1
    left, centre, right = (
        np.log(magnitudes[frame, column + offset].astype(np.float64) + 1e-12) for offset in (-1, 0, 1)
    )
    bend = left - 2.0 * centre + right
    shift = np.where(bend < 0.0, 0.5 * (left - right) / np.where(bend < 0.0, bend, -1.0), 0.0)
    frequency = (FIRST_BIN + column + np.clip(shift, -0.5, 0.5)) * BIN_HZ
    return frame, column, 69.0 + 12.0 * np.log2(frequency / 440.0)


def tuning_of(pitch: Float64, weight: Float64) -> float:
    """Deviation from A = 440 Hz in semitones, within [-0.5, 0.5): circular mean of the pitches' fractions."""
    sharp = pitch > 52.0  # below, a bin is wider than a semitone's useful fraction
    direction = (weight[sharp] * np.exp(2j * np.pi * pitch[sharp])).sum()
    return float(np.angle(direction) / (2.0 * np.pi)) if abs(direction) > 0.0 else 0.0


def chroma(frame: NDArray[np.intp], pitch: Float64, strength: Float64, frames_n: int) -> Float64:
    """Chroma (t, 12) with C = 0: each peak also votes, ever more weakly, for the notes it may be a harmonic of."""
    votes = np.zeros(frames_n * 12)
    for harmonic in range(1, HARMONICS + 1):
        note = pitch - 12.0 * np.log2(harmonic)
        nearest = np.rint(note)
        share = np.square(np.cos(np.pi * (note - nearest))) * strength * HARMONIC_DECAY ** (harmonic - 1)
        votes += np.bincount(frame * 12 + nearest.astype(np.intp) % 12, share, frames_n * 12)
    return votes.reshape(frames_n, 12)


def persistence(flat: Float32) -> float:
    """How alike the fine structure of spectra 0.37 s apart is, -1..1: about 0 for noise, whose peaks do not stay."""
    band = flat[:, int(300.0 / BIN_HZ) - FIRST_BIN : int(2500.0 / BIN_HZ) - FIRST_BIN]
    if len(band) <= 2:
        return 0.0
    centred = band - band.mean(axis=1, keepdims=True)
    centred /= np.sqrt(np.square(centred).sum(axis=1, keepdims=True)) + np.float32(1e-9)
    return float((centred[2:] * centred[:-2]).sum(axis=1).mean())


def profile(magnitudes: Float32) -> tuple[Float64, float, float, float]:
    """Profile of a segment (12,), tuning in semitones, persistence (-1..1), and weight in frames that sound.

    The profile is the mean chroma, C first, each frame scaled to maximum 1. A peak counts with its magnitude over the
    square root of its surroundings' level: half-way whitened, so that neither timbre nor noise between the notes
    decides. A silent segment gives zeros and weight 0.
    """
    level = magnitudes.max(axis=1, initial=0.0)
    audible = level > max(1e-4 * float(level.max(initial=0.0)), 1e-7)
    frames_n = int(audible.sum())
    if frames_n == 0:
        return np.zeros(12), 0.0, 0.0, 0.0
    heard, level = magnitudes[audible], level[audible]
    local = local_level(heard)
    flat = whiten(heard, local)
    frame, column, pitch = spectral_peaks(heard, flat)
    if pitch.size == 0:
        return np.zeros(12), 0.0, 0.0, 0.0
    tuning = tuning_of(pitch, flat[frame, column].astype(np.float64) - 0.7)
    surroundings = local[frame, column].astype(np.float64) + LOUDNESS_FLOOR * level[frame]
    strength = heard[frame, column] / np.sqrt(surroundings)
    strength[pitch > 69.0 + 12.0 * np.log2(HIGHEST_HZ / 440.0)] = 0.0
    votes = chroma(frame, pitch - tuning, strength, frames_n)
    peak = votes.max(axis=1, keepdims=True)
    mean: Float64 = (votes / np.where(peak > 0.0, peak, np.inf)).mean(axis=0)
    return mean, tuning, persistence(flat), float(frames_n)
