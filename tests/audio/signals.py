"""Signals that the feature tests share: made here, seeded, float32 at 22 050 Hz."""

import numpy as np
from hypothesis import strategies as st

RATE_HZ = 22050


def music(seconds: float = 4.0, seed: int = 0, bpm: float = 112.0) -> np.ndarray:
    """Chords with overtones, a drum on each beat, a little noise: tonal, percussive and wide-band at once."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    y = 0.003 * rng.standard_normal(n)
    beat_s = 60.0 / bpm
    roots = rng.integers(45, 60, size=int(seconds / beat_s) // 4 + 1)
    for number in range(int(seconds / beat_s) + 1):
        start = int(np.ceil(number * beat_s * RATE_HZ))
        beat = slice(start, min(start + int(beat_s * RATE_HZ), n))
        since_s = t[beat] - number * beat_s
        for interval in (0, 4, 7):
            pitch_hz = 442.0 * 2 ** ((roots[number // 4] + interval - 69) / 12)
            wave = sum(np.sin(2 * np.pi * k * pitch_hz * t[beat]) / k for k in range(1, 6))
            y[beat] += 0.05 * wave * np.exp(-3 * since_s)
        y[beat] += 0.3 * rng.standard_normal(len(since_s)) * np.exp(-60 * since_s)
    return y.astype(np.float32)


def noise(n: int, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


@st.composite
def signals(draw, min_n: int = 1, max_n: int = 12000) -> np.ndarray:
    """Noise, tones, clicks, steps and silence, mixed and of any length."""
    n = draw(st.integers(min_n, max_n))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = np.zeros(n)
    if draw(st.booleans()):
        y += draw(st.floats(1e-3, 1.0)) * rng.standard_normal(n)
    for _ in range(draw(st.integers(0, 3))):
        frequency_hz = draw(st.floats(30.0, 10000.0))
        y += draw(st.floats(1e-3, 1.0)) * np.sin(2 * np.pi * frequency_hz / RATE_HZ * np.arange(n))
    for _ in range(draw(st.integers(0, 3))):
        y[draw(st.integers(0, n - 1))] += draw(st.floats(-1.0, 1.0))
    if draw(st.booleans()):
        y[draw(st.integers(0, n - 1)) :] = 0.0
    return y.astype(np.float32)
