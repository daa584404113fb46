"""Small labelled collections that the tests synthesise: three genres that a model can tell apart."""

from pathlib import Path

import numpy as np
import soundfile as sf

RATE_HZ = 22_050
GENRES = {"tick tock": (2000.0, 4000.0, 0.3), "drone 🎵": (80.0, 200.0, 0.01), "bells": (600.0, 1200.0, 0.05)}


def piece(genre: str, duration_s: float, seed: int) -> np.ndarray:
    """Decaying notes in the genre's range over the genre's noise."""
    low, high, noise = GENRES[genre]
    rng = np.random.default_rng([seed, len(genre)])
    n = round(duration_s * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    y = noise * rng.standard_normal(n)
    for at in np.arange(0, duration_s, 0.25):
        since = np.maximum(t - at, 0)
        y += np.where(t >= at, 0.2 * np.exp(-6 * since) * np.sin(2 * np.pi * rng.uniform(low, high) * t), 0)
    return (0.3 * y).astype(np.float32)


def make_folders(root: Path, per_genre: int = 4, duration_s: float = 3.2, genres=tuple(GENRES)) -> Path:
    """One folder per genre, ``per_genre`` WAV files in each."""
    for genre in genres:
        (root / genre).mkdir(parents=True, exist_ok=True)
        for i in range(per_genre):
            sf.write(root / genre / f"{i}.wav", piece(genre, duration_s + 0.3 * i, i), RATE_HZ)
    return root
