"""Dense layers on the flattened MFCC, as a much copied Keras tutorial for GTZAN has them.

130 frames x 13 coefficients, flattened to 1690 - 512 - 256 - 64 - 10, ReLU, dropout 0.3 after every hidden layer, whose
weights (not biases) pay an L2 penalty of 1e-3: 1,014,218 parameters. Adam at 1e-4 and batches of 32, as the source.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sideman.genre.models.layers import FramesFirst, dense, glorot, need_axes
from sideman.training.classifier import FittedNetwork, Training, fit_network
from sideman.training.task import Task

_UNITS = (512, 256, 64)


@dataclass(frozen=True)
class Settings(Training):
    """Training, the share of dropped units, and the price of the sum of squared weights."""

    learning_rate: float = 1e-4
    dropout: float = 0.3
    l2: float = 1e-3


SPACE = {
    "learning_rate": ("float", 3e-5, 3e-3, "log"),
    "dropout": ("float", 0.0, 0.6, "lin"),
    "l2": ("float", 1e-5, 1e-2, "log"),
}


class ANN(nn.Module):
    """The network of the module's description."""

    def __init__(self, inputs: int, n_classes: int, settings: Settings) -> None:
        super().__init__()
        self.flatten = nn.Sequential(FramesFirst(), nn.Flatten())
        self.hidden = dense([inputs, *_UNITS], settings.dropout)
        self.head = nn.Linear(_UNITS[-1], n_classes)
        self._l2 = settings.l2
        glorot(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, n_classes) of MFCC (batch, coefficients, frames)."""
        logits: Tensor = self.head(self.hidden(self.flatten(x)))
        return logits

    def penalty(self) -> Tensor:
        """Price of the hidden layers' weights."""
        squares = [layer.weight.square().sum() for layer in self.hidden if isinstance(layer, nn.Linear)]
        return self._l2 * torch.stack(squares).sum()


def build(shape: tuple[int, ...], n_classes: int, settings: Settings) -> nn.Module:
    """Network of MFCC (batch, coefficients, frames)."""
    need_axes("ann-mfcc", shape, "coefficients x frames")
    return ANN(shape[0] * shape[1], n_classes, settings)


def fit(task: Task, settings: Settings) -> FittedNetwork:
    """Train."""
    return fit_network(build, task, settings)
