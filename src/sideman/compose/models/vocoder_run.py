"""Training a vocoder: first by spectra alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sideman.audio.mel_picture import FORM
from sideman.compose.models.spectral_losses import SpectralLoss
from sideman.compose.models.vocoder import Vocoder, sound_of
from sideman.compose.spectra.crops import SoundBatches
from sideman.training.loop import Schedule, fit

CROP_FRAMES = 96
CROP_N = (CROP_FRAMES - 1) * FORM.hop_length


class Pictures(torch.nn.Module):
    """Sound (batch, n) to log-mel pictures (batch, 96, t), as `sideman.audio.mel_picture.log_mel_picture`."""

    def __init__(self) -> None:
        super().__init__()
        from sideman.audio.mel import mel_filterbank

        bank = torch.from_numpy(mel_filterbank(FORM.sample_rate_hz, FORM.n_fft, n_mels=FORM.n_mels).copy())
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("window", torch.hann_window(FORM.n_fft), persistent=False)

    def forward(self, sound: Tensor) -> Tensor:
        """See the class."""
        window: Tensor = self.window  # type: ignore[assignment]
        bank: Tensor = self.bank  # type: ignore[assignment]
        frames = torch.stft(
            sound, FORM.n_fft, FORM.hop_length, window=window, center=True, pad_mode="constant", return_complex=True
        )
        return (bank @ frames.abs()).clamp(min=FORM.floor).log()


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
    pictures, distance = Pictures().to(device), SpectralLoss().to(device)

    def loss(step: int) -> Tensor:
        sound = torch.from_numpy(batches.sound(step)).to(device)
        value: Tensor = distance(sound_of(network(pictures(sound))), sound)
        return value

    fit(
        network.to(device), loss, schedule,
        seed=batches.seed, checkpoint=checkpoint, on_step=on_step, on_pause=on_pause, facts=facts,
    )  # fmt: skip
