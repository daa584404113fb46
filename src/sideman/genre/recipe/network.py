"""Train the network: first to repeat the teachers on rendered music, then on labelled clips as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sideman.genre.frontend import FLOOR
from sideman.genre.models.backbone import Backbone, BackboneConfig
from sideman.genre.recipe.pools import Pool
from sideman.genre.recipe.teachers import target_weights
from sideman.training.distill import distillation_loss, mask_spectrogram, soft_cross_entropy
from sideman.training.loop import Schedule, fit

_LOG_FLOOR = float(np.log(FLOOR))
PRETRAINING = Schedule(steps=4500, learning_rate=3e-3)
FINE_TUNING = Schedule(steps=1500, learning_rate=3e-3, averaging=0.995)
PRETRAINING_BATCH = 64
FINE_TUNING_BATCH = {"clips": 52, "midi": 6, "negatives": 6}
# Shares of mn04's embedding, musicnn's hidden layer, its tags, mn04's classes, musicnn's pooled features. On real clips
# musicnn is the better teacher of genre, and the easier to follow.
PRETRAINING_SHARES = (1.0, 1.5, 1.0, 0.5, 0.0)
FINE_TUNING_SHARES = (0.3, 2.5, 1.0, 0.2, 2.5)
TRUNK = ("norm.", "stem", "stages.")
"""Layers that fine-tuning takes over from pretraining; what lies above begins anew."""


@dataclass(frozen=True)
class Scale:
    """Mean and deviation (2667,) by which targets are standardised."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, *targets: NDArray[np.float16]) -> Scale:
        """Measure them on at most some 6000 rows of each of ``targets``."""
        sample = np.concatenate([part[:: max(1, len(part) // 6000)].astype(np.float32) for part in targets])
        return cls(sample.mean(0), sample.std(0) + np.float32(1e-3))

    def tensor(self, targets: NDArray[np.float16]) -> torch.Tensor:
        """Standardised targets."""
        return torch.from_numpy((targets.astype(np.float32) - self.mean) / self.deviation)


def _mel(windows: NDArray[np.float16]) -> torch.Tensor:
    return torch.from_numpy(windows.astype(np.float32))


def pretrain(
    midi: Pool,
    scale: Scale,
    *,
    seed: int,
    schedule: Schedule = PRETRAINING,
    config: BackboneConfig | None = None,
    checkpoint: Path | None = None,
) -> Backbone:
    """Learn the teachers' outputs on windows of rendered music alone; no labelled recording is involved."""
    torch.manual_seed(seed)
    network = Backbone(config)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    weights = torch.from_numpy(target_weights(PRETRAINING_SHARES))

    def loss(step: int) -> torch.Tensor:
        rows = np.random.default_rng([seed, step]).integers(0, len(midi.mel), PRETRAINING_BATCH)
        mel = mask_spectrogram(_mel(midi.mel[rows]), _LOG_FLOOR)
        with torch.autocast("cpu", torch.bfloat16):
            _, predicted, _ = network(mel)
        return distillation_loss(predicted, scale.tensor(midi.targets[rows]), weights)

    fit(network, loss, schedule, seed=seed, checkpoint=checkpoint)
    return network


def fine_tune(
    start: Mapping[str, torch.Tensor] | None,
    pools: Mapping[str, Pool],
    soft: Mapping[str, NDArray[np.float32]],
    scale: Scale,
    *,
    seed: int,
    schedule: Schedule = FINE_TUNING,
    config: BackboneConfig | None = None,
    checkpoint: Path | None = None,
    distil: bool = True,
) -> Backbone:
    """Learn labels and teachers together.

    Args:
        start: weights of the pretrained network, of which the trunk is taken, or None to begin at random.
        pools: "clips", "midi" and "negatives"; clips already without the folds that must stay unseen.
        soft: (n, 10) genre probabilities of the teachers' classifier for "clips" and "midi".
        scale: of the targets.
        seed: of weights, batches and masks.
        schedule: length and rate.
        config: sizes of the network.
        checkpoint: file that makes the run resumable.
        distil: False leaves all teacher terms out: labels and negatives only.
    """
    torch.manual_seed(seed)
    network = Backbone(config)
    if start is not None:
        trunk = {name: value for name, value in start.items() if name.startswith(TRUNK)}
        network.load_state_dict(network.state_dict() | trunk)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    weights = torch.from_numpy(target_weights(FINE_TUNING_SHARES))
    clips, midi, negatives = pools["clips"], pools["midi"], pools["negatives"]
    genre = clips.labels.argmax(1)
    draw = np.cumsum(1 / np.bincount(genre, minlength=clips.labels.shape[1])[genre])
    draw /= draw[-1]
    sizes = FINE_TUNING_BATCH if distil else FINE_TUNING_BATCH | {"midi": 0}

    def loss(step: int) -> torch.Tensor:
        rng = np.random.default_rng([seed, step])
        a = np.searchsorted(draw, rng.random(sizes["clips"])).clip(0, len(draw) - 1)
        b = rng.integers(0, len(midi.mel), sizes["midi"])
        c = rng.integers(0, len(negatives.mel), sizes["negatives"])
        mel = mask_spectrogram(_mel(np.concatenate([clips.mel[a], midi.mel[b], negatives.mel[c]])), _LOG_FLOOR)
        no_music = np.eye(11, dtype=np.float32)[np.full(len(c), 10)]
        none = np.zeros((len(b), 11), np.float32)
        hard = torch.from_numpy(np.concatenate([_with_no_music(clips.labels[a]), none, no_music]))
        with torch.autocast("cpu", torch.bfloat16):
            _, predicted, scores = network(mel)
        total = soft_cross_entropy(scores, hard)
        if not distil:
            return total
        teacher = np.concatenate([_with_no_music(soft["clips"][a]), _with_no_music(soft["midi"][b]), no_music])
        targets = scale.tensor(np.concatenate([clips.targets[a], midi.targets[b], negatives.targets[c]]))
        total = total + 0.5 * soft_cross_entropy(scores, torch.from_numpy(teacher))
        return total + distillation_loss(predicted, targets, weights)

    fit(network, loss, schedule, seed=seed, checkpoint=checkpoint)
    return network


def _with_no_music(genres: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.pad(genres, ((0, 0), (0, 1))).astype(np.float32)
