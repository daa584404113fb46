"""Calibrate, export and describe a trained network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sideman.core.atomic import atomic_write
from sideman.core.errors import MissingExtraError
from sideman.genre import metrics
from sideman.genre.models.backbone import Backbone
from sideman.genre.predict import log_softmax
from sideman.genre.recipe import judge
from sideman.genre.recipe.card import ABOUT, page
from sideman.training.export import to_onnx

ANSWERED = 0.78
"""Share of music that the confidence threshold lets through, out of fold."""
MUSIC_KEPT = 0.98
"""Share of music that the "not music" threshold lets through, out of fold."""
Floats = NDArray[np.float64]


class Exported(nn.Module):
    """The network as it ships: log-mel windows to class scores and embedding.

    Genre scores are the mean of two heads' log-probabilities: the trained one, and a logistic regression on the
    embedding (the probe), which leans less on single training clips.
    """

    def __init__(self, backbone: Backbone, probe: nn.Linear) -> None:
        """Join a trained network and the probe fitted on its embedding."""
        super().__init__()
        self.backbone, self.probe = backbone, probe

    def forward(self, log_mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch, 96, 87) -> log-probabilities of the classes (batch, 11), embedding (batch, 256)."""
        embedding = self.backbone.embed(log_mel)
        trained = torch.log_softmax(self.backbone.class_head(embedding), 1)
        genres = torch.log_softmax(trained[:, :-1], 1) + torch.log_softmax(self.probe(embedding), 1)
        no_music = trained[:, -1:]
        music = torch.log1p(-no_music.exp().clamp(max=1 - 1e-6))
        return torch.cat([torch.log_softmax(0.5 * genres, 1) + music, no_music], 1), embedding


def with_probe(backbone: Backbone, clips: judge.Clips, mel: NDArray[np.float32], unseen: tuple[int, ...]) -> Exported:
    """Fit the probe on the embeddings of the crops (k, 96, 87) outside the ``unseen`` folds."""
    embeddings = _in_batches(backbone.eval().embed, mel)
    seen = ~np.isin(clips.folds[clips.clip_of], unseen)
    labels = clips.labels[clips.clip_of[seen]]
    weight = 1 / np.bincount(clips.clip_of)[clips.clip_of[seen]]
    model = logistic_regression(embeddings[seen], labels, weight)
    scaler, regression = model[0], model[-1]
    probe = nn.Linear(embeddings.shape[1], len(regression.classes_))
    coefficients = regression.coef_ / scaler.scale_
    with torch.no_grad():
        probe.weight.copy_(torch.from_numpy(coefficients.astype(np.float32)))
        probe.bias.copy_(torch.from_numpy((regression.intercept_ - coefficients @ scaler.mean_).astype(np.float32)))
    return Exported(backbone, probe).eval()


def logistic_regression(features: NDArray[np.float32], labels: NDArray[np.int_], weight: Floats) -> Any:
    """Standardising, class-balanced logistic regression; C as in the musicnn baseline."""
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise MissingExtraError("the default recipe", "train") from error
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, class_weight="balanced", max_iter=400))
    return model.fit(features, labels, logisticregression__sample_weight=weight / weight.mean())


def scores_of(network: Exported, mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Class scores (k, 11) of windows (k, 96, 87)."""
    return _in_batches(lambda windows: network(windows)[0], mel)


def _in_batches(
    function: Callable[[torch.Tensor], torch.Tensor], mel: NDArray[np.float32], batch: int = 128
) -> NDArray[np.float32]:
    with torch.inference_mode():
        parts = [function(torch.from_numpy(mel[i : i + batch])).numpy() for i in range(0, len(mel), batch)]
    return np.concatenate(parts)


def clip_scores(window_scores: NDArray[np.float32]) -> Floats:
    """Per crop what is averaged over a clip: genre log-probabilities (10) and the probability of no music (1)."""
    scores = window_scores.astype(np.float64)
    genres = log_softmax(scores[:, :-1])
    return np.concatenate([genres, np.exp(log_softmax(scores))[:, -1:]], axis=1)


def thresholds(clip: Floats, labels: NDArray[np.int_]) -> dict[str, float]:
    """Temperature and both thresholds from clips (n, 11) that the networks behind them had not seen."""
    temperature = metrics.best_temperature(clip[:, :-1], labels)
    probability = np.exp(log_softmax(clip[:, :-1] / temperature)).max(1)
    max_not_music = float(max(np.quantile(clip[:, -1], MUSIC_KEPT), 0.05))
    music = probability[clip[:, -1] <= max_not_music]
    return {
        "temperature": temperature,
        "min_probability": float(np.quantile(music, 1 - ANSWERED / MUSIC_KEPT)),
        "max_not_music": max_not_music,
    }


def publish(
    network: Exported,
    judged: Sequence[Floats],
    inner: Mapping[int, Floats],
    clips: judge.Clips,
    genres: Sequence[str],
    out: Path,
    *,
    example: NDArray[np.float32],
) -> dict[str, Any]:
    """Write ``genre.onnx``, ``genre.json`` and ``genre.md`` to ``out``; returns the card.

    Args:
        network: trained on all clips.
        judged: per seed, pooled out-of-fold clip scores (n, 11).
        inner: per outer fold, clip scores (n, 11) by networks that had seen neither that fold nor the clip's own;
            for a fold without, temperature and thresholds come from the judged scores of the other folds.
        clips: the judged clips.
        genres: names of the classes.
        out: folder.
        example: windows on which the export is checked against torch.
    """
    out.mkdir(parents=True, exist_ok=True)
    payload = to_onnx(network, torch.from_numpy(example), "log_mel", ("scores", "embedding"))
    chosen = thresholds(judged[0], clips.labels)
    per_fold = {}
    for fold in map(int, np.unique(clips.folds)):
        others = clips.folds != fold
        per_fold[fold] = thresholds(inner.get(fold, judged[0])[others], clips.labels[others])
    calibrated = []
    answered = np.zeros(len(clips.labels), bool)
    for scores in judged:
        probabilities = np.zeros_like(scores[:, :-1])
        for fold in np.unique(clips.folds):
            rows = clips.folds == fold
            settings = per_fold[int(fold)]
            probabilities[rows] = np.exp(log_softmax(scores[rows, :-1] / settings["temperature"]))
            if scores is judged[0]:
                sure = probabilities[rows].max(1) >= settings["min_probability"]
                answered[rows] = sure & (scores[rows, -1] <= settings["max_not_music"])
        calibrated.append(probabilities)
    right = calibrated[0].argmax(1) == clips.labels
    figures = judge.report(calibrated, clips, genres)
    figures["answered"] = {"share": float(answered.mean()), "accuracy": float(right[answered].mean())}
    card = {
        "name": "genre",
        "sha256": hashlib.sha256(payload).hexdigest(),
        "bytes": len(payload),
        "genres": list(genres),
        "about": ABOUT,
        "calibration": chosen,
        "calibration_per_fold": {str(fold): value for fold, value in per_fold.items()},
        "figures": figures,
        "heard": {"gtzan": sorted(clips.tracks.tolist())},
    }
    with atomic_write(out / "genre.onnx", "wb") as file:
        file.write(payload)
    with atomic_write(out / "genre.json", "w") as text:
        text.write(json.dumps(card, indent=1) + "\n")
    with atomic_write(out / "genre.md", "w") as text:
        text.write(page(card))
    return card
