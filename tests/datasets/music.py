"""Small pieces of music, made up by seed, and files of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

RATE_HZ = 22050


def tune(seed: int, duration_s: float = 6.0, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """Return a made-up melody over a bass and a snare, peak 0.5; another seed gives another tune."""
    rng = np.random.default_rng(seed)
    y = np.zeros(round(duration_s * rate_hz))
    beat_n = int(rate_hz * rng.uniform(0.18, 0.3))
    root = rng.uniform(100.0, 180.0)
    t = np.arange(beat_n * 3) / rate_hz
    for index, start in enumerate(range(0, len(y), beat_n)):
        f0 = root * 2 ** (rng.choice([0, 2, 3, 5, 7, 8, 10, 12, 15]) / 12) * (1 if index % 4 else 0.5)
        note = sum(np.sin(2 * np.pi * f0 * k * t) / k for k in range(1, 9)) * np.exp(-t * rng.uniform(3, 12))
        if index % 2:
            note = note + rng.normal(size=len(t)) * np.exp(-t * 40) * 0.7
        at = start + int(rng.uniform(0, 0.03) * rate_hz)  # nobody plays like a clock
        y[at : at + len(t)] += note[: max(0, len(y) - at)] * rng.uniform(0.5, 1.0)
    y += rng.normal(size=len(y), scale=0.01 * np.abs(y).max())
    return (0.5 * y / np.abs(y).max()).astype(np.float32)


def write(path: Path, y: NDArray[np.float32], rate_hz: int = RATE_HZ, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, y, rate_hz, **options)
    return path


def recompressed(y: NDArray[np.float32], rate_hz: int = RATE_HZ, level: float = 0.9) -> NDArray[np.float32]:
    """Return what is left of samples after mp3."""
    file = io.BytesIO()
    sf.write(file, y, rate_hz, format="MP3", subtype="MPEG_LAYER_III", compression_level=level)
    file.seek(0)
    return sf.read(file, dtype="float32")[0]
