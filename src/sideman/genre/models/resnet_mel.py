"""A small residual network (He et al. 2016, arXiv:1512.03385) over log-mel, with SpecAugment and mixup.

A convolution 5x5 with stride 2, batch norm, max-pool 2x2, ReLU; then four stages of two 3x3 convolutions each around a
shortcut (1x1 where the shape changes), with 1, 2, 4 and 9 times ``maps`` feature maps, the first at that resolution and
each further one at half of it; mean over the picture, dropout, classes. The layer list is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from sideman.genre.models.layers import Picture, need_axes
from sideman.training.classifier import FittedNetwork, Training, fit_network
from sideman.training.loop import Rate
from sideman.training.task import Task

_STAGES = (1, 2, 4, 9)
"""Feature maps of each stage, in those of the first."""


@dataclass(frozen=True)
class Settings(Training):
    """Training; feature maps of the first stage; dropout before the classes."""

    epochs: int = 10
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    rate: Rate = "cycle"
    averaging: float = 0.99
    mixup: float = 0.3
    mask: bool = True
    maps: int = 16
    dropout: float = 0.3


SPACE = {
    "learning_rate": ("float", 1e-3, 1e-2, "log"),
    "weight_decay": ("float", 1e-3, 0.3, "log"),
    "mixup": ("choice", 0.0, 0.2, 0.4),
    "dropout": ("float", 0.0, 0.5, "lin"),
}


class Block(nn.Module):
    """Two convolutions 3x3 with batch norm around a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        same = before == after and stride == 1
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, after, ...) of maps (batch, before, ...)."""
        return nn.functional.relu(self.body(x) + self.shortcut(x))


def build(shape: tuple[int, ...], n_classes: int, settings: Settings) -> nn.Module:
    """Network of log-mel (batch, bands, frames)."""
    need_axes("resnet-mel", shape, "bands x frames")
    maps = settings.maps
    layers: list[nn.Module] = [Picture(), nn.Conv2d(1, maps, 5, 2, padding=2, bias=False), nn.BatchNorm2d(maps)]
    layers += [nn.MaxPool2d(2, ceil_mode=True), nn.ReLU()]
    before = maps
    for number, times in enumerate(_STAGES):
        layers.append(Block(before, times * maps, 2 if number else 1))
        before = times * maps
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(settings.dropout), nn.Linear(before, n_classes)]
    return nn.Sequential(*layers, *head)


def fit(task: Task, settings: Settings) -> FittedNetwork:
    """Train."""
    return fit_network(build, task, settings)
