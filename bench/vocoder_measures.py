"""What `bench/vocoder.py` measures on a recording and on its round trip: spectral distances and artefacts.

Spectral convergence and log-magnitude distance: Yamamoto, Song, Kim 2020, "Parallel WaveGAN". All functions take the
original and its round trip, mono float32 of equal length at 22,050 Hz.
"""

from __future__ import annotations

import numpy as np

from sideman.audio.mel_picture import FORM, log_mel_picture
from sideman.audio.spectrum import stft

STFT_SIZES = ((384, 96), (768, 192), (1536, 384), (4096, 1024))
"""Frame and hop of the STFTs that measure; training uses 256, 512, 1024 and 2048."""
CLICK_SIGMAS = 12.0
STRONG_ONSET_DB = 12.0
_CLICK_BLOCK = 256
_ONSET_BLOCK = 110  # 5 ms
_FLOOR_DB = -80.0


def log_mel_l1(sound: np.ndarray, other: np.ndarray) -> float:
    """Mean |difference| of the log-mel pictures, in natural logarithms of magnitude."""
    return float(np.abs(log_mel_picture(sound) - log_mel_picture(other)).mean(dtype=np.float64))


def stft_distances(sound: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Per STFT size and averaged: ``log_magnitude`` mean |ln S - ln S'| and ``convergence`` |S - S'| / |S| (Frobenius).

    Magnitudes below -80 dB of the recording's strongest count as that.
    """
    found: dict[str, float] = {}
    for n_fft, hop_length in STFT_SIZES:
        a, b = (np.abs(stft(y, n_fft=n_fft, hop_length=hop_length)) for y in (sound, other))
        floor = max(float(a.max()), 1e-9) * 10 ** (_FLOOR_DB / 20)
        found[f"log_magnitude_{n_fft}"] = float(np.abs(np.log(np.maximum(a, floor) / np.maximum(b, floor))).mean())
        found[f"convergence_{n_fft}"] = float(np.linalg.norm(a - b) / max(np.linalg.norm(a), 1e-9))
    for name in ("log_magnitude", "convergence"):
        found[name] = float(np.mean([found[f"{name}_{n_fft}"] for n_fft, _ in STFT_SIZES]))
    return found


def artefacts(sound: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Faults of the round trip that the original has not.

    ``dc``: change of the mean, relative to the original's root mean square; ``clipped``: share of samples at or beyond
    full scale; ``clicks_per_minute``: see :func:`clicks`; ``pre_echo_db``: see :func:`pre_echo_db`, NaN without onsets.
    """
    level = max(float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))), 1e-9)
    minutes = len(sound) / FORM.sample_rate_hz / 60
    rises = pre_echo_db(sound, other)
    return {
        "dc": abs(float(np.mean(other, dtype=np.float64) - np.mean(sound, dtype=np.float64))) / level,
        "clipped": float((np.abs(other) >= 1).mean()),
        "peak": float(np.abs(other).max()),
        "clicks_per_minute": clicks(sound, other) / minutes,
        "pre_echo_db": float(np.median(rises)) if len(rises) else float("nan"),
    }


def roughness(sound: np.ndarray) -> np.ndarray:
    """Second difference over its usual size nearby, per block of 256 samples the largest: (blocks,).

    The usual size is the median over the block and its two neighbours on both sides, as a standard deviation, and at
    least 1e-5: a drum stroke raises it with itself, a single false sample does not.
    """
    bend = np.abs(np.diff(sound.astype(np.float64), 2, prepend=0, append=0))
    bend = np.pad(bend, (0, -len(bend) % _CLICK_BLOCK)).reshape(-1, _CLICK_BLOCK)
    around = np.concatenate([np.roll(bend, k, axis=0) for k in (-2, -1, 0, 1, 2)], axis=1)
    usual = 1.4826 * np.median(around, axis=1)
    peaks: np.ndarray = bend.max(axis=1) / np.maximum(usual, 1e-5)
    return peaks


def clicks(sound: np.ndarray, other: np.ndarray) -> int:
    """Blocks of 12 ms in which the second difference stands out by 12 sigma, and in the original near it not by 6."""
    found, reference = roughness(other), roughness(sound)
    nearby = np.max([np.roll(reference, k) for k in (-1, 0, 1)], axis=0)
    return int(((found > CLICK_SIGMAS) & (nearby < CLICK_SIGMAS / 2)).sum())


def strong_onsets(sound: np.ndarray) -> np.ndarray:
    """Blocks of 5 ms from which on 10 ms are 12 dB above the 40 ms before, the steepest within 100 ms; (k,)."""
    energy = _energies(sound)
    if len(energy) < 12:
        return np.zeros(0, int)
    sums = np.concatenate([[0.0], np.cumsum(energy)])
    at = np.arange(8, len(energy) - 2)
    before, after = (sums[at] - sums[at - 8]) / 8, (sums[at + 2] - sums[at]) / 2
    floor = energy.mean() * 1e-4
    rise = 10 * np.log10((after + floor) / (before + floor))
    loud = after > energy.mean() * 0.1
    steepest = np.array([rise[i] == rise[max(0, i - 20) : i + 21].max() for i in range(len(rise))])
    chosen: np.ndarray = at[(rise > STRONG_ONSET_DB) & loud & steepest]
    return chosen


def pre_echo_db(sound: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Energy in the 20 ms before each strong onset of the original, round trip over original, in dB; (k,).

    Energies below -50 dB of the recording's mean count as that: nobody hears them before an onset.
    """
    onsets = strong_onsets(sound)
    a, b = _energies(sound), _energies(other)
    floor = max(float(a.mean()), 1e-12) * 1e-5
    gains = [(b[i - 4 : i].mean() + floor) / (a[i - 4 : i].mean() + floor) for i in onsets]
    return 10 * np.log10(np.asarray(gains, float))


def _energies(sound: np.ndarray) -> np.ndarray:
    """Mean square of each 5 ms, (blocks,)."""
    whole = len(sound) // _ONSET_BLOCK * _ONSET_BLOCK
    energies: np.ndarray = np.square(sound[:whole].astype(np.float64)).reshape(-1, _ONSET_BLOCK).mean(axis=1)
    return energies


def mean_interval(values: np.ndarray, *, draws: int = 2000, seed: int = 0) -> list[float]:
    """Mean over recordings that have the figure, with its 95 % interval from drawing recordings with replacement."""
    values = values[~np.isnan(values)]
    if not len(values):
        return [float("nan")] * 3
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(draws, len(values)))].mean(axis=1)
    return [float(values.mean()), *(float(q) for q in np.quantile(means, [0.025, 0.975]))]


def ratios(
    values: dict[str, dict[str, np.ndarray]], base: dict[str, np.ndarray], keys: tuple[str, ...], *, draws: int = 2000
) -> dict[str, dict[str, list[float]]]:
    """Each method's mean of each figure over that of ``base``, with its 95 % interval; both are drawn alike."""
    n = len(base[keys[0]])
    drawn = np.random.default_rng(0).integers(n, size=(draws, n))
    found: dict[str, dict[str, list[float]]] = {}
    for name, some in values.items():
        found[name] = {}
        for key in keys:
            low, high = np.quantile(some[key][drawn].mean(1) / base[key][drawn].mean(1), [0.025, 0.975])
            found[name][key] = [float(some[key].mean() / base[key].mean()), float(low), float(high)]
    return found
