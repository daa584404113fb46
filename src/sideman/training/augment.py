"""Changes of a waveform that leave its genre alone: pitch and tempo, equaliser, room, drive, noise, bandwidth.

All functions take mono float samples of shape (n,), return float32 of the same length, and draw from ``rng``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Generator = np.random.Generator

BAND_LIMIT_HZ = 8_000.0


def rms(y: Samples) -> float:
    """Root mean square, never 0."""
    return float(np.sqrt(np.mean(np.square(y, dtype=np.float64)) + 1e-10))


def band_limit(y: Samples, rate_hz: int) -> Samples:
    """Butterworth low-pass of order 8 at 8 kHz over the last axis: no recording may be known by its bandwidth."""
    from scipy import signal

    sos = signal.butter(8, BAND_LIMIT_HZ, fs=rate_hz, output="sos")
    return np.asarray(signal.sosfilt(sos, y, axis=-1), np.float32)


def cut(rng: Generator, source: NDArray[np.number], n: int) -> Samples:
    """``n`` samples from a random place of ``source``, looped where it is shorter."""
    if len(source) < n:
        source = np.tile(source, n // len(source) + 2)
    start = int(rng.integers(0, len(source) - n + 1))
    return source[start : start + n].astype(np.float32)


def cut_at_speed(rng: Generator, source: NDArray[np.number], n: int, rate_hz: int) -> Samples:
    """Like :func:`cut`, six times in ten at a speed (pitch and tempo) changed by up to 12 %; unit rms."""
    import soxr

    speed = float(np.exp(rng.uniform(-0.12, 0.12))) if rng.random() < 0.6 else 1.0
    y = cut(rng, source, int(n * speed) + 64)
    if speed != 1.0:
        y = soxr.resample(y, rate_hz * speed, rate_hz, quality="MQ")
    y = y[:n]
    y = np.pad(y, (0, n - len(y)), mode="wrap").astype(np.float32)
    return np.asarray(y / np.float32(rms(y)), np.float32)


def equalise(rng: Generator, y: Samples, rate_hz: int) -> Samples:
    """One to three peaking filters of up to 10 dB (Bristow-Johnson's cookbook)."""
    from scipy.signal import lfilter

    for _ in range(rng.integers(1, 4)):
        centre = 2 * np.pi * np.exp(rng.uniform(np.log(80), np.log(7000))) / rate_hz
        gain = 10 ** (rng.uniform(-10, 10) / 40)
        alpha = np.sin(centre) / (2 * rng.uniform(0.5, 2))
        b = np.array([1 + alpha * gain, -2 * np.cos(centre), 1 - alpha * gain])
        a = np.array([1 + alpha / gain, -2 * np.cos(centre), 1 - alpha / gain])
        y = lfilter(b / a[0], a / a[0], y)
    return np.asarray(y, np.float32)


def reverberate(rng: Generator, y: Samples, rate_hz: int) -> Samples:
    """Convolve with exponentially decaying noise of 0.1 to 0.6 s."""
    from scipy.signal import fftconvolve

    n = int(rate_hz * rng.uniform(0.1, 0.6))
    response = rng.standard_normal(n) * np.exp(-np.arange(n) / (n / 5))
    response[0] = 0
    response *= rng.uniform(0.1, 0.6) / np.sqrt((response**2).sum())
    return np.asarray(y + fftconvolve(y, response)[: len(y)], np.float32)


def overdrive(rng: Generator, y: Samples) -> Samples:
    """Hard-driven tanh, as a guitar amplifier."""
    return np.asarray(np.tanh(y * (rng.uniform(2, 25) / (np.abs(y).max() + 1e-6))), np.float32)


def finish(rng: Generator, y: Samples, rate_hz: int) -> Samples:
    """Random production chain, then the common band limit and rms 0.1."""
    from scipy import signal

    if rng.random() < 0.6:
        y = equalise(rng, y, rate_hz)
    if rng.random() < 0.25:
        y = reverberate(rng, y, rate_hz)
    if rng.random() < 0.15:
        y = overdrive(rng, y) if rng.random() < 0.3 else np.tanh(y / (rms(y) * rng.uniform(1.5, 4))).astype(np.float32)
    if rng.random() < 0.2:
        level = rms(y) * 10 ** (rng.uniform(-45, -20) / 20)
        y = y + rng.standard_normal(len(y)).astype(np.float32) * np.float32(level)
    if rng.random() < 0.2:
        sos = signal.butter(6, rng.uniform(3000, 7900), fs=rate_hz, output="sos")
        y = np.asarray(signal.sosfilt(sos, y), np.float32)
    if rng.random() < 0.1:
        sos = signal.butter(2, rng.uniform(30, 250), btype="high", fs=rate_hz, output="sos")
        y = np.asarray(signal.sosfilt(sos, y), np.float32)
    y = band_limit(y, rate_hz)
    return (y / rms(y) * 0.1).astype(np.float32)
