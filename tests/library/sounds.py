"""Small recordings that the tests of the library make themselves."""

import numpy as np
import soundfile

RATE_HZ = 22_050
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff")


def piece(seed=0, duration_s=3.0, channels=1):
    """A few decaying notes over a beat, different for every seed; shape (n, channels)."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(duration_s * RATE_HZ)) / RATE_HZ
    y = 0.002 * rng.normal(size=len(t))
    for at in np.arange(0, duration_s, 0.5):
        after = np.clip(t - at, 0, None)
        pitch = 220 * 2 ** (rng.integers(0, 24) / 12)
        y += (t >= at) * 0.2 * np.sin(2 * np.pi * pitch * after) * np.exp(-4 * after)
    return np.repeat(y[:, None], channels, axis=1).astype(np.float32)


def write(path, seed=0, duration_s=3.0, channels=1):
    """Write a piece in the format that the suffix names; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".opus":
        soundfile.write(path, piece(seed, duration_s, channels), 24_000, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, piece(seed, duration_s, channels), RATE_HZ)
    return path


def collection(folder, n=6):
    """``n`` recordings in mixed formats, two folders deep; returns their paths."""
    return [write(folder / f"artist {i % 2}" / f"song {i}{SUFFIXES[i % len(SUFFIXES)]}", seed=i) for i in range(n)]
