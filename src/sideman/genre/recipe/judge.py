"""Judge a recipe on fixed folds: every clip is scored by a network that saw nothing of its artist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.genre import metrics
from sideman.genre.frontend import SAMPLE_RATE_HZ, WINDOW_N
from sideman.training.augment import band_limit, rms

MAX_CROPS = 8
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clips:
    """Labelled clips cut into equal crops.

    ``crops`` (k, 44100) at rms 0.1 and below 8 kHz; ``clip_of`` (k,); per clip ``labels``, ``folds``, ``groups``,
    ``sources`` and ``tracks``, each (n,).
    """

    crops: NDArray[np.float32]
    clip_of: NDArray[np.int_]
    labels: NDArray[np.int_]
    folds: NDArray[np.int_]
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]
    tracks: NDArray[np.str_]

    def average(self, per_crop: NDArray[Any]) -> Floats:
        """Mean over each clip's crops: (k, ...) -> (n, ...)."""
        total = np.zeros((len(self.labels), *per_crop.shape[1:]))
        np.add.at(total, self.clip_of, per_crop)
        count = np.bincount(self.clip_of, minlength=len(self.labels))
        averaged: Floats = total / count.reshape(-1, *[1] * (per_crop.ndim - 1))
        return averaged


def equal_crops(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Two-second crops of a clip, spread evenly: two for the shortest, at most eight; looped, never zero-padded."""
    if len(samples) < WINDOW_N:
        samples = np.resize(samples, WINDOW_N)
    count = int(min(MAX_CROPS, max(2, (len(samples) - WINDOW_N) // SAMPLE_RATE_HZ + 1)))
    starts = np.linspace(0, len(samples) - WINDOW_N, count).astype(int)
    return np.stack([samples[start : start + WINDOW_N] for start in starts])


def level_crops(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The crops that every judged model sees: band-limited alike, each at rms 0.1."""
    crops = equal_crops(band_limit(samples, SAMPLE_RATE_HZ))
    return np.stack([crop / np.float32(rms(crop)) * np.float32(0.1) for crop in crops])


def report(
    probabilities: Sequence[Floats], clips: Clips, genres: Sequence[str], *, draws: int = 2000
) -> dict[str, Any]:
    """Figures of pooled out-of-fold probabilities, one array (n, 10) per seed.

    All clips, those of the source "zenny100" where there are any, and all genres but classical apart.
    Balanced accuracy is the mean over seeds; the interval draws artists anew, for the mean of the seeds' accuracies.
    """
    labels = clips.labels

    def accuracy(rows: NDArray[np.int_]) -> float:
        return float(np.mean([metrics.balanced_accuracy(p[rows], labels[rows]) for p in probabilities]))

    def summary(rows: NDArray[np.int_]) -> dict[str, Any]:
        low, high = metrics.grouped_bootstrap(lambda drawn: accuracy(rows[drawn]), clips.groups[rows], draws=draws)
        seeds = [metrics.balanced_accuracy(p[rows], labels[rows]) for p in probabilities]
        return {"clips": len(rows), "balanced_accuracy": accuracy(rows), "interval_95": [low, high], "seeds": seeds}

    parts = {
        "all": np.arange(len(labels)),
        "zenny100": np.flatnonzero(clips.sources == "zenny100"),
        "nine non-classical genres": np.flatnonzero(labels != list(genres).index("classical")),
    }
    first = probabilities[0]
    return {
        **{name: summary(rows) for name, rows in parts.items() if len(rows)},
        "recall_per_genre": {
            genre: float(np.mean([metrics.recall_per_class(p, labels)[g] for p in probabilities]))
            for g, genre in enumerate(genres)
        },
        "confusion_first_seed": np.array(
            [np.bincount(first[labels == g].argmax(1), minlength=len(genres)) for g in range(len(genres))]
        ).tolist(),
        "calibration": {
            "nll": float(np.mean([metrics.negative_log_likelihood(p, labels) for p in probabilities])),
            "brier": float(np.mean([metrics.brier_score(p, labels) for p in probabilities])),
            "ece": [metrics.expected_calibration_error(p, labels) for p in probabilities],
            "ece_if_perfect_95th": [metrics.calibrated_ece_quantile(p) for p in probabilities],
        },
    }


def out_of_fold(score: Callable[[int], NDArray[Any]], clips: Clips) -> Floats:
    """Pool clip-level scores: ``score(fold)`` -> (k, ...) per crop, by a model that saw nothing of ``fold``."""
    pooled: Floats | None = None
    for fold in np.unique(clips.folds):
        averaged = clips.average(score(int(fold)))
        if pooled is None:
            pooled = np.zeros_like(averaged)
        pooled[clips.folds == fold] = averaged[clips.folds == fold]
    assert pooled is not None
    return pooled
