"""Pitch-class profiles of a segment: spectral peaks, tuning, treble and bass chroma, and how often each triad sounds.

Peaks with parabolic interpolation and harmonic weighting follow E. Gomez, "Tonal description of music audio signals",
PhD thesis, UPF 2006 (HPCP); the tuning is the circular mean of the peaks' deviation from equal temperament.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sideman.audio.framing import ANALYSIS_RATE_HZ

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

N_FFT, HOP_LENGTH = 8192, 4096
BIN_HZ = ANALYSIS_RATE_HZ / N_FFT
FIRST_BIN, LAST_BIN = int(50.0 / BIN_HZ), int(3600.0 / BIN_HZ)
BASS_HZ, TREBLE_HZ = (50.0, 260.0), (180.0, 2600.0)
HARMONIC_DECAY = 0.6
HARMONICS = 4
PROFILE_SIZE = 48  # treble chroma 12, bass chroma 12, major triads 12, minor triads 12
FLATNESS_FLOOR = 1e-3


def magnitude_frames(spectra: NDArray[np.complex64]) -> Float32:
    """Magnitudes of the bins that matter, shape (t, LAST_BIN - FIRST_BIN)."""
    kept: Float32 = np.abs(spectra[:, FIRST_BIN:LAST_BIN])
    return kept


@lru_cache(maxsize=1)
def _triads() -> Float64:
    """Unit-length templates of the 12 major and 12 minor triads, shape (12, 24)."""
    templates = np.zeros((12, 24))
    for root in range(12):
        templates[[root, (root + 4) % 12, (root + 7) % 12], root] = 1.0
        templates[[root, (root + 3) % 12, (root + 7) % 12], 12 + root] = 1.0
    unit: Float64 = templates / np.sqrt(3.0)
    return unit


def whiten(magnitudes: Float32) -> Float32:
    """Magnitudes over their local mean (about +-120 Hz) per frame, log-compressed: timbre and gain drop out."""
    from scipy.ndimage import uniform_filter1d

    floor = np.float32(FLATNESS_FLOOR) * magnitudes.max(axis=1, keepdims=True) + np.float32(1e-12)
    local = uniform_filter1d(magnitudes, 91, axis=1, mode="nearest")
    flat: Float32 = np.log1p(magnitudes / (local + floor))
    return flat


def spectral_peaks(magnitudes: Float32, flat: Float32) -> tuple[NDArray[np.intp], Float64, Float64]:
    """Frame index, MIDI pitch (fractional) and weight of every local maximum of the whitened spectra."""
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
    weight = flat[frame, column].astype(np.float64) - 0.7
    return frame, 69.0 + 12.0 * np.log2(frequency / 440.0), weight


def tuning_of(pitch: Float64, weight: Float64) -> float:
    """Deviation from A = 440 Hz in semitones, within [-0.5, 0.5): circular mean of the pitches' fractions."""
    sharp = pitch > 52.0  # below, a bin is wider than a semitone's useful fraction
    direction = (weight[sharp] * np.exp(2j * np.pi * pitch[sharp])).sum()
    return float(np.angle(direction) / (2.0 * np.pi)) if abs(direction) > 0.0 else 0.0


def _chroma(frame: NDArray[np.intp], pitch: Float64, weight: Float64, frames_n: int, harmonics: int) -> Float64:
    """Chroma (t, 12) with C = 0: each peak also votes, ever more weakly, for the notes it may be a harmonic of."""
    chroma = np.zeros(frames_n * 12)
    for harmonic in range(1, harmonics + 1):
        note = pitch - 12.0 * np.log2(harmonic)
        nearest = np.rint(note)
        share = np.square(np.cos(np.pi * np.clip(note - nearest, -0.5, 0.5)))
        share *= weight * HARMONIC_DECAY ** (harmonic - 1)
        slot = frame * 12 + nearest.astype(np.intp) % 12
        chroma += np.bincount(slot, share, frames_n * 12)
    return chroma.reshape(frames_n, 12)


def persistence(flat: Float32) -> float:
    """How alike the fine structure of spectra 0.37 s apart is, -1..1: about 0 for noise, whose peaks do not stay."""
    band = flat[:, int(300.0 / BIN_HZ) - FIRST_BIN : int(2500.0 / BIN_HZ) - FIRST_BIN]
    if len(band) <= 2:
        return 0.0
    centred = band - band.mean(axis=1, keepdims=True)
    centred /= np.sqrt(np.square(centred).sum(axis=1, keepdims=True)) + np.float32(1e-9)
    return float((centred[2:] * centred[:-2]).sum(axis=1).mean())


def profile(magnitudes: Float32) -> tuple[Float64, float, float, float]:
    """Profile of a segment (48,), tuning in semitones, persistence (-1..1), and weight in frames that sound.

    The profile holds, C first, the mean treble chroma, mean bass chroma (each frame scaled to sum 1) and the mean
    share of the 12 major and 12 minor triads. A silent segment gives zeros and weight 0.
    """
    level = magnitudes.max(axis=1, initial=0.0)
    audible = level > max(1e-4 * float(level.max(initial=0.0)), 1e-7)
    frames_n = int(audible.sum())
    if frames_n == 0:
        return np.zeros(PROFILE_SIZE), 0.0, 0.0, 0.0
    flat = whiten(magnitudes[audible])
    frame, pitch, weight = spectral_peaks(magnitudes[audible], flat)
    if pitch.size == 0:
        return np.zeros(PROFILE_SIZE), 0.0, 0.0, 0.0
    tuning = tuning_of(pitch, weight)
    in_tune = pitch - tuning
    low, high = (69.0 + 12.0 * np.log2(np.array(band) / 440.0) for band in (BASS_HZ, TREBLE_HZ))
    bass, treble = (pitch >= low[0]) & (pitch < low[1]), (pitch >= high[0]) & (pitch < high[1])
    upper = _chroma(frame[treble], in_tune[treble], weight[treble], frames_n, HARMONICS)
    lower = _chroma(frame[bass], in_tune[bass], weight[bass], frames_n, 1)
    both = _unit(_smooth(_unit(upper) + 0.5 * _unit(lower)), 2)
    likeness = both @ _triads()
    share = np.exp(12.0 * (likeness - likeness.max(axis=1, keepdims=True)))
    share /= share.sum(axis=1, keepdims=True)
    parts = [_unit(upper).mean(axis=0), _unit(lower).mean(axis=0), share.mean(axis=0)]
    return np.concatenate(parts), tuning, persistence(flat), float(frames_n)


def _unit(rows: Float64, order: int = 1) -> Float64:
    """Rows scaled to unit norm of the given order; empty rows stay zero."""
    norm = np.linalg.norm(rows, order, axis=1, keepdims=True)
    return rows / np.where(norm > 0.0, norm, np.inf)


def _smooth(chroma: Float64) -> Float64:
    """Mean over three frames (0.56 s): a chord is rarely heard in one frame alone."""
    padded = np.concatenate([chroma[:1], chroma, chroma[-1:]])
    smooth: Float64 = (padded[:-2] + padded[1:-1] + padded[2:]) / 3.0
    return smooth
