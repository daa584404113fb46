"""DCGAN over patches of log-mel pictures: a convolutional generator and its mirror image, with or without genre.

Sources: A. Radford, L. Metz and S. Chintala, "Unsupervised representation learning with deep convolutional generative
adversarial networks", ICLR 2016 (layers, start values, Adam's settings); T. Miyato and M. Koyama, "cGANs with
projection discriminator", ICLR 2018 (how the discriminator hears of the genre).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from sideman.audio.mel_picture import FORM

WINDOW = 128
"""Frames in a patch: 1.49 s."""
_ROWS, _COLUMNS = FORM.n_mels // 16, WINDOW // 16
_RANGE = 3.0  # deviations from the mean that reach the ends of tanh


@dataclass(frozen=True)
class Settings:
    """Size: numbers in the noise, channels next to the picture (they double inwards three times), genres told."""

    noise: int = 100
    channels: int = 32
    conditional: bool = True


class Generator(nn.Module):
    """Noise (batch, 100) and genre (batch,) -> patches (batch, 96, 128), as tanh gives them."""

    mean: Tensor
    spread: Tensor

    def __init__(self, n_genres: int, mean: Tensor, spread: Tensor, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = size = settings or Settings()
        self.n_genres = n_genres
        self.register_buffer("mean", mean.reshape(-1, 1))
        self.register_buffer("spread", spread.reshape(-1, 1))
        deepest = 8 * size.channels
        self.genre = nn.Embedding(n_genres + 1, size.noise) if size.conditional else None
        inputs = size.noise * (2 if size.conditional else 1)
        self.begin = nn.Sequential(
            nn.ConvTranspose2d(inputs, deepest, (_ROWS, _COLUMNS), bias=False), nn.BatchNorm2d(deepest), nn.ReLU()
        )
        steps: list[nn.Module] = []
        for before, after in ((8, 4), (4, 2), (2, 1)):
            steps += [
                nn.ConvTranspose2d(before * size.channels, after * size.channels, 4, 2, 1, bias=False),
                nn.BatchNorm2d(after * size.channels),
                nn.ReLU(),
            ]
        self.grow = nn.Sequential(*steps, nn.ConvTranspose2d(size.channels, 1, 4, 2, 1), nn.Tanh())
        self.apply(start)

    def forward(self, noise: Tensor, genre: Tensor) -> Tensor:
        """See the class."""
        if self.genre is not None:
            noise = torch.cat((noise, self.genre(genre)), 1)
        out: Tensor = self.grow(self.begin(noise[:, :, None, None]))[:, 0]
        return out

    def as_scores(self, mel: Tensor) -> Tensor:
        """Log-mel patches as tanh would give them."""
        return ((mel - self.mean) / (_RANGE * self.spread)).clamp(-1, 1)

    def as_mel(self, scores: Tensor) -> Tensor:
        """What tanh gives as log-mel patches."""
        return scores * (_RANGE * self.spread) + self.mean


class Discriminator(nn.Module):
    """Patches (batch, 96, 128) and genre (batch,) -> how real they look (batch,), above 0 for real."""

    def __init__(self, n_genres: int, settings: Settings | None = None) -> None:
        super().__init__()
        size = settings or Settings()
        layers: list[nn.Module] = [nn.Conv2d(1, size.channels, 4, 2, 1), nn.LeakyReLU(0.2)]
        for before, after in ((1, 2), (2, 4), (4, 8)):
            layers += [
                nn.Conv2d(before * size.channels, after * size.channels, 4, 2, 1, bias=False),
                nn.BatchNorm2d(after * size.channels),
                nn.LeakyReLU(0.2),
            ]
        self.shrink = nn.Sequential(*layers)
        self.end = nn.Conv2d(8 * size.channels, 1, (_ROWS, _COLUMNS))
        self.genre = nn.Embedding(n_genres + 1, 8 * size.channels) if size.conditional else None
        self.apply(start)

    def forward(self, patches: Tensor, genre: Tensor) -> Tensor:
        """See the class."""
        seen = self.shrink(patches[:, None])
        looks: Tensor = self.end(seen).flatten()
        if self.genre is not None:
            looks = looks + (self.genre(genre) * seen.mean((2, 3))).sum(1)
        return looks


def start(module: nn.Module) -> None:
    """Start values of the paper: N(0, 0.02), and N(1, 0.02) for the scales of batch norms."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Embedding):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """Cross-entropy of telling real from made; the real ones count as 0.9 (one-sided smoothing)."""
    true = functional.binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9))
    loss: Tensor = true + functional.binary_cross_entropy_with_logits(made, torch.zeros_like(made))
    return loss


def generator_loss(made: Tensor) -> Tensor:
    """Cross-entropy of being taken for real."""
    return functional.binary_cross_entropy_with_logits(made, torch.ones_like(made))
