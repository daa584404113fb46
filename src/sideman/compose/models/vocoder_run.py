"""Training a vocoder: first by spectra alone, then against discriminators too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sideman.audio.mel_picture import FORM, TONAL_BINS
from sideman.compose.models.spectral_losses import SpectralLoss
from sideman.compose.models.vocoder import Mel, Vocoder, frames_of
from sideman.compose.models.vocoder_judge import Judge, feature_distance, judge_loss, maker_loss
from sideman.compose.spectra.crops import SoundBatches
from sideman.training.adversarial import Duel, Losses, duel
from sideman.training.loop import Schedule, fit

CROP_FRAMES = 96
CROP_N = (CROP_FRAMES - 1) * FORM.hop_length
PLAIN_STEPS = 600
"""Steps before the corrections take part."""
ROUNDS = 3
"""Rounds of correction while training."""
PLAIN_WEIGHT = 0.2
SPECTRAL_WEIGHT, FEATURE_WEIGHT = 8.0, 4.0


def schedule_of(steps: int, rate: float | None = None, *, every: int = 250) -> Schedule:
    """How a vocoder is trained by spectra for so many steps, with a checkpoint every so often."""
    return Schedule(
        steps, rate or 1.5e-3,
        warm_up=0.08, averaging=0.998, gradient_clip=1.0, checkpoint_every=every, fused=True,
    )  # fmt: skip


def with_tones(frames: Tensor, true: Tensor) -> Tensor:
    """The network's frames with the true low bins, which the vocoder finds otherwise: see `compose.vocoder`."""
    return torch.cat((true[:, :TONAL_BINS], frames[:, TONAL_BINS:]), 1)


def learn_spectra(
    network: Vocoder,
    batches: SoundBatches,
    schedule: Schedule,
    *,
    checkpoint: Path | None = None,
    facts: dict[str, Any] | None = None,
    on_step: Callable[[int, float], None] | None = None,
    on_pause: Callable[[int], float | None] | None = None,
    device: str = "cpu",
) -> None:
    """Train ``network`` in place by `SpectralLoss`; arguments as :func:`sideman.training.loop.fit`."""
    mel, distance = Mel().to(device), SpectralLoss().to(device)
    plain_steps = min(PLAIN_STEPS, schedule.steps // 8)

    def loss(step: int) -> Tensor:
        sound = torch.from_numpy(batches.sound(step)).to(device)
        picture = mel(sound)
        frames = frames_of(network(picture))
        if step < plain_steps:
            return distance(mel.sound(frames), sound)  # type: ignore[no-any-return]
        # Told by what the corrections make of it; the uncorrected sound must still stand for itself.
        made = mel.corrected(with_tones(frames, mel.frames(sound)), picture, ROUNDS)
        plain = (mel(mel.sound(frames)) - picture).abs().mean()
        return distance(made, sound) + PLAIN_WEIGHT * plain  # type: ignore[no-any-return]

    fit(
        network.to(device), loss, schedule,
        seed=batches.seed, checkpoint=checkpoint, on_step=on_step, on_pause=on_pause, facts=facts,
    )  # fmt: skip


class _Losses(Losses):
    def __init__(self, network: Vocoder, judge: Judge, batches: SoundBatches, device: str) -> None:
        self.network, self.judged, self.batches, self.device = network, judge, batches, device
        self.mel, self.distance = Mel().to(device), SpectralLoss().to(device)
        self.real, self.made = torch.empty(0), torch.empty(0)

    def judge(self, step: int) -> Tensor:
        """Loss of the judge; makes the sound that the vocoder's loss uses too."""
        self.real = torch.from_numpy(self.batches.sound(step)).to(self.device)
        picture = self.mel(self.real)
        frames = with_tones(frames_of(self.network(picture)), self.mel.frames(self.real))
        self.made = self.mel.corrected(frames, picture, ROUNDS)
        return judge_loss(self.judged(self.real), self.judged(self.made.detach()))

    def maker(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Spectral distance, being taken for real, and matched features."""
        made, spectral = self.judged(self.made), self.distance(self.made, self.real)
        with torch.no_grad():
            real = self.judged(self.real)
        fooling, features = maker_loss(made), feature_distance(real, made)
        loss = SPECTRAL_WEIGHT * spectral + fooling + FEATURE_WEIGHT * features
        return loss, {"spectral": float(spectral.detach()), "fooling": float(fooling.detach())}


def learn_against_judge(
    network: Vocoder,
    batches: SoundBatches,
    plan: Duel,
    *,
    checkpoint: Path | None = None,
    facts: dict[str, Any] | None = None,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
    on_pause: Callable[[int], None] | None = None,
    device: str = "cpu",
) -> list[dict[str, float]]:
    """Train ``network`` on in place, against discriminators; arguments as :func:`sideman.training.adversarial.duel`."""
    judge = Judge().to(device)
    losses = _Losses(network.to(device), judge, batches, device)
    return duel(
        network, judge, losses, plan,
        seed=batches.seed, checkpoint=checkpoint, facts=facts, on_step=on_step, on_pause=on_pause,
    )  # fmt: skip
