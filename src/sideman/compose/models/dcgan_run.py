"""Training a DCGAN over pictures of a corpus, with what shows whether it converges."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sideman.compose.models.dcgan import Discriminator, Generator, Settings, discriminator_loss, generator_loss
from sideman.compose.spectra.picture_batches import PictureBatches
from sideman.training.adversarial import Duel, Losses, duel


class _Losses(Losses):
    def __init__(self, generator: Generator, discriminator: Discriminator, batches: PictureBatches) -> None:
        self.generator, self.discriminator, self.batches = generator, discriminator, batches
        self.device = next(generator.parameters()).device
        self.genre, self.made = torch.empty(0), torch.empty(0)

    def judge(self, step: int) -> Tensor:
        """Loss of the discriminator; makes the patches that the generator's loss uses too."""
        batch = self.batches(step)
        self.genre = torch.from_numpy(batch.genre).to(self.device)
        real = self.generator.as_scores(torch.from_numpy(batch.mel).to(self.device))
        noise = torch.randn(len(real), self.generator.settings.noise, device=self.device)
        self.made = self.generator(noise, self.genre)
        self.looks_real = self.discriminator(real, self.genre)
        looks_made = self.discriminator(self.made.detach(), self.genre)
        self.caught = float((looks_made < 0).float().mean())
        return discriminator_loss(self.looks_real, looks_made)

    def maker(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Loss of the generator; tells how often the discriminator was right before its step."""
        loss = generator_loss(self.discriminator(self.made, self.genre))
        spread = self.made.detach().std(0).mean()  # of patches of a batch: it falls where modes collapse
        told = {
            "real_taken_for_real": float((self.looks_real > 0).float().mean()),
            "made_taken_for_made": self.caught,
            "spread": float(spread),
        }
        return loss, told


def learn_dcgan(
    batches: PictureBatches,
    n_genres: int,
    plan: Duel,
    *,
    settings: Settings | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    facts: dict[str, Any] | None = None,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
    on_pause: Callable[[Generator, int], None] | None = None,
    device: str = "cpu",
) -> tuple[Generator, list[dict[str, float]]]:
    """A trained generator, and how both networks stood over training; arguments as `training.adversarial.duel`."""
    mean, spread = batches.moments()
    torch.manual_seed(seed)
    generator = Generator(n_genres, torch.from_numpy(mean), torch.from_numpy(spread), settings).to(device)
    discriminator = Discriminator(n_genres, settings).to(device)
    history = duel(
        generator, discriminator, _Losses(generator, discriminator, batches), plan,
        seed=seed, checkpoint=checkpoint, facts=facts, on_step=on_step,
        on_pause=None if on_pause is None else lambda step: on_pause(generator, step),
    )  # fmt: skip
    return generator, history
