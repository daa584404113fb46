"""Sounds that are not music, synthesised: a genre model learns from them when to say that it hears none.

Outlier exposure after Hendrycks, Mazeika, Dietterich 2019 (arXiv:1812.04606). Every sound is made here from
oscillators, noise and filters; the speech-like one is a source-filter voice (Fant 1960) that says nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Generator = np.random.Generator

_FORMANTS_HZ = np.array(  # Peterson and Barney 1952, men's vowels
    [[270, 2290, 3010], [390, 1990, 2550], [530, 1840, 2480], [660, 1720, 2410], [730, 1090, 2440], [570, 840, 2410],
     [440, 1020, 2240], [300, 870, 2240], [640, 1190, 2390], [490, 1350, 1690]], dtype=np.float64,
)  # fmt: skip


def _envelope(rng: Generator, n: int, points: int, low: float = 0.0) -> NDArray[np.float64]:
    return np.interp(np.linspace(0, points - 1, n), np.arange(points), rng.uniform(low, 1.0, points))


def _resonator(x: NDArray[np.float64], hz: float, bandwidth_hz: float, rate_hz: int) -> NDArray[np.float64]:
    from scipy.signal import lfilter

    r = np.exp(-np.pi * bandwidth_hz / rate_hz)
    a = [1.0, -2.0 * r * np.cos(2 * np.pi * hz / rate_hz), r * r]
    filtered: NDArray[np.float64] = lfilter([1.0 - r], a, x)
    return filtered


def _coloured(rng: Generator, n: int, exponent: float) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1.0) ** (exponent / 2)
    return np.fft.irfft(spectrum, n)


def noise(rng: Generator, n: int, rate_hz: int) -> NDArray[np.float64]:
    """Coloured noise (white to brown), steady or swelling: hiss, wind, surf."""
    y = _coloured(rng, n, rng.uniform(-0.5, 2.2))
    return y * _envelope(rng, n, int(rng.integers(2, 9)), 0.1) if rng.random() < 0.6 else y


def tones(rng: Generator, n: int, rate_hz: int) -> NDArray[np.float64]:
    """One to three steady or sweeping tones, hums with harmonics, beeps and alarms."""
    t = np.arange(n) / rate_hz
    y = np.zeros(n)
    for _ in range(rng.integers(1, 4)):
        start, end = np.exp(rng.uniform(np.log(50), np.log(6000), 2))
        hz = start + (end - start) * t / t[-1] if rng.random() < 0.35 else np.full(n, start)
        phase = 2 * np.pi * np.cumsum(hz) / rate_hz
        for k in range(1, int(rng.integers(2, 9)) if rng.random() < 0.4 else 2):
            y += np.sin(k * phase) / k
    if rng.random() < 0.4:
        y *= np.sin(2 * np.pi * rng.uniform(0.5, 8) * t) > rng.uniform(-0.5, 0.5)
    return y + rng.standard_normal(n) * 10 ** rng.uniform(-5, -2)


def impacts(rng: Generator, n: int, rate_hz: int) -> NDArray[np.float64]:
    """Irregular clicks and knocks through resonances: rain, footsteps, dishes, keyboards."""
    hits = (rng.random(n) < rng.uniform(2, 400) / rate_hz) * rng.standard_normal(n)
    y = np.zeros(n)
    for _ in range(rng.integers(1, 5)):
        y += _resonator(hits, np.exp(rng.uniform(np.log(100), np.log(7000))), rng.uniform(30, 1500), rate_hz)
    return np.asarray(y / (np.abs(y).max() + 1e-9) + rng.standard_normal(n) * 10 ** rng.uniform(-4, -1.5))


def engine(rng: Generator, n: int, rate_hz: int) -> NDArray[np.float64]:
    """A jittering pulse train through resonances: motors, fans, machines."""
    rate = rng.uniform(8, 120) * (1 + 0.2 * _envelope(rng, n, 4))
    jitter = 1 + 0.05 * _coloured(rng, n, 1.0) / 3e-3 / np.sqrt(n)
    phase = np.cumsum(rate * jitter) / rate_hz
    pulses = np.diff(np.floor(phase), prepend=0.0)
    y = sum(_resonator(pulses, rng.uniform(60, 3000), rng.uniform(40, 400), rate_hz) for _ in range(rng.integers(2, 6)))
    return np.asarray(y / (np.abs(y).max() + 1e-9) + 0.1 * rng.random() * _coloured(rng, n, 1.0) * 30)


def chirps(rng: Generator, n: int, rate_hz: int) -> NDArray[np.float64]:
    """Short sweeps with pauses over quiet noise: birds, insects, frogs."""
    y = rng.standard_normal(n) * 10 ** rng.uniform(-4, -2)
    low, high = np.sort(np.exp(rng.uniform(np.log(500), np.log(7500), 2)))
    for _ in range(rng.integers(2, 30)):
        length = int(rate_hz * rng.uniform(0.02, 0.3))
        start = int(rng.integers(0, max(1, n - length)))
        first_hz, last_hz = rng.uniform(low, high, 2)
        warble = 1 + 0.1 * np.sin(2 * np.pi * rng.uniform(5, 40) * np.arange(length) / rate_hz)
        hz = np.linspace(first_hz, last_hz, length) * warble
        y[start : start + length] += (np.hanning(length) * np.sin(2 * np.pi * np.cumsum(hz) / rate_hz))[: n - start]
    return y


def voice(rng: Generator, n: int, rate_hz: int) -> NDArray[np.float64]:
    """Syllables of a source-filter voice with falling pitch, hissed consonants and pauses; several may babble."""
    total = np.zeros(n)
    for _ in range(1 if rng.random() < 0.75 else int(rng.integers(2, 6))):
        base, scale = rng.uniform(80, 260), rng.uniform(0.9, 1.25)
        at = int(rng.uniform(0, 0.2) * rate_hz)
        while at < n:
            length = int(rate_hz * rng.uniform(0.08, 0.32))
            if rng.random() < 0.15:
                at += length
                continue
            hz = base * np.linspace(rng.uniform(0.85, 1.35), rng.uniform(0.75, 1.2), length)
            phase = np.cumsum(hz * (1 + 0.01 * rng.standard_normal(length))) / rate_hz
            pulses = np.diff(np.floor(phase), prepend=0.0) + 0.01 * rng.standard_normal(length)
            vowel = _FORMANTS_HZ[rng.integers(len(_FORMANTS_HZ))] * scale
            y = np.zeros(length)
            for formant_hz, gain in zip(vowel, (1.0, 0.5, 0.25), strict=True):
                y += gain * _resonator(pulses, formant_hz, 60 + 0.04 * formant_hz, rate_hz)
            y *= np.hanning(length) ** 0.5
            y /= np.abs(y).max() + 1e-9
            if rng.random() < 0.5:
                hiss = int(rate_hz * rng.uniform(0.03, 0.12))
                burst = _resonator(rng.standard_normal(hiss), rng.uniform(2500, 7000), rng.uniform(500, 2500), rate_hz)
                y = np.concatenate([burst / (np.abs(burst).max() + 1e-9) * rng.uniform(0.1, 0.6) * np.hanning(hiss), y])
            end = min(n, at + len(y))
            total[at:end] += y[: end - at]
            at = end + int(rate_hz * rng.uniform(0, 0.06))
    return total + rng.standard_normal(n) * 10 ** rng.uniform(-5, -2)


KINDS: dict[str, tuple[float, Callable[[Generator, int, int], NDArray[np.float64]]]] = {
    "noise": (0.15, noise),
    "tones": (0.2, tones),
    "impacts": (0.15, impacts),
    "engine": (0.1, engine),
    "chirps": (0.1, chirps),
    "voice": (0.3, voice),
}
"""Share of each kind and its maker."""


def negative(rng: Generator, n: int, rate_hz: int) -> Samples:
    """One random sound that is no music, shape (n,), rms 0.1; a fifth are two kinds at once."""
    shares = np.array([share for share, _ in KINDS.values()])
    makers = [make for _, make in KINDS.values()]
    y = np.zeros(n)
    for _ in range(2 if rng.random() < 0.2 else 1):
        part = makers[rng.choice(len(makers), p=shares / shares.sum())](rng, n, rate_hz)
        y += part / (np.sqrt(np.mean(part**2)) + 1e-9) * 10 ** (rng.uniform(-10, 0) / 20)
    return np.asarray(y / (np.sqrt(np.mean(y**2)) + 1e-9) * 0.1, np.float32)
