"""Signals and a stand-in network for tests of the genre room; no trained weights needed."""

from types import SimpleNamespace

import numpy as np

from sideman.genre.frontend import SAMPLE_RATE_HZ
from sideman.genre.predict import log_softmax

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


def song(duration_s: float, seed: int = 0) -> np.ndarray:
    """A few decaying notes a second over quiet noise, rms about 0.1."""
    rng = np.random.default_rng(seed)
    n = round(duration_s * SAMPLE_RATE_HZ)
    t = np.arange(n) / SAMPLE_RATE_HZ
    y = 0.01 * rng.standard_normal(n)
    for at in np.arange(0, duration_s, 0.25):
        hz = 110 * 2 ** (rng.integers(0, 30) / 12)
        since = t - at
        y += np.where(since >= 0, 0.2 * np.exp(-6 * np.maximum(since, 0)) * np.sin(2 * np.pi * hz * t), 0)
    return y.astype(np.float32)


class Ear:
    """Stands in for a session: scores are the levels of eleven mel bands, the embedding all levels above the floor."""

    def __init__(self, temperature: float = 1.0, min_probability: float = 0.0, max_not_music: float = 1.0) -> None:
        calibration = {
            "temperature": temperature,
            "min_probability": min_probability,
            "max_not_music": max_not_music,
        }
        content = {"genres": list(GENRES), "calibration": calibration}
        self.card = SimpleNamespace(name="ear", sha256="0123456789abcdef" * 4, path="ear.onnx", content=content)
        self.batches: list[np.ndarray] = []

    def run(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        assert windows.dtype == np.float32
        assert windows.shape[1:] == (96, 87)
        assert len(windows)
        self.batches.append(windows)
        level = windows.mean(2)
        embedding = np.zeros((len(windows), 256), np.float32)
        embedding[:, :96] = level + np.float32(10)
        return {"scores": level[:, 3:47:4], "embedding": embedding}

    @property
    def scores(self) -> np.ndarray:
        """Of all windows heard so far."""
        return np.concatenate([batch.mean(2)[:, 3:47:4] for batch in self.batches])

    def expected(self) -> np.ndarray:
        """Genre probabilities of all windows heard so far, spelled out: mean log-probability over windows."""
        logs = log_softmax(self.scores[:, :10].astype(np.float64)).mean(0)
        logs /= self.card.content["calibration"]["temperature"]
        return np.exp(logs) / np.exp(logs).sum()
