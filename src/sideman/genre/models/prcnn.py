"""Parallel convolutional and recurrent branches over the STFT: Feng, Liu, Yao 2017 (arXiv:1712.08370).

Input 513 bins x 128 frames of 3 s. One branch: five 3x3 convolutions of 16, 32, 64, 128 and 64 maps with ReLU and
max-pools 2x2, 2x2, 2x2, 4x4, 4x4, flattened to 256 values. The other: max-pool of 2 bins, an embedding of 128 per frame
and a bidirectional GRU of 128 units, whose last states make 256 more. Both joined (512), softmax. We read these sizes
from the paper's published re-implementations, which agree on them; where the pools ask for more frames than a shorter
segment has, they take what there is. ``width`` scales maps, embedding and units; 1 is the source, and costs a
processor without GPU ten times as much as the default.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sideman.core.errors import UsageError
from sideman.genre.models.layers import FramesFirst, Picture, need_axes
from sideman.training.classifier import FittedNetwork, Training, fit_network
from sideman.training.task import Task

_MAPS = (16, 32, 64, 128, 64)
_POOLS = (2, 2, 2, 4, 4)
_UNITS = 128


@dataclass(frozen=True)
class Settings(Training):
    """Training; maps and units in those of the source; dropout before the classes."""

    epochs: int = 5
    width: float = 0.25
    dropout: float = 0.3


SPACE = {
    "learning_rate": ("float", 1e-4, 5e-3, "log"),
    "dropout": ("float", 0.0, 0.6, "lin"),
    "weight_decay": ("float", 1e-3, 1.0, "log"),
}


class PRCNN(nn.Module):
    """The network of the module's description."""

    def __init__(self, shape: tuple[int, ...], n_classes: int, settings: Settings) -> None:
        super().__init__()
        bins, frames = shape
        units = max(1, round(_UNITS * settings.width))
        self.embed = nn.Sequential(FramesFirst(), nn.MaxPool1d(2), nn.Linear(bins // 2, units))
        self.gru = nn.GRU(units, units, batch_first=True, bidirectional=True)
        layers: list[nn.Module] = [Picture()]
        before = 1
        for maps, size in zip(_MAPS, _POOLS, strict=True):
            after, pool = max(1, round(maps * settings.width)), (min(size, bins), min(size, frames))
            # ReLU never falls: after the pool it gives the same, on fewer values.
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.MaxPool2d(pool), nn.ReLU()]
            bins, frames, before = bins // pool[0], frames // pool[1], after
        self.convolve = nn.Sequential(*layers, nn.Flatten())
        joined = before * bins * frames + 2 * units
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(joined, n_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, n_classes) of an STFT (batch, bins, frames)."""
        last = self.gru(self.embed(x))[1]
        logits: Tensor = self.head(torch.cat([self.convolve(x), last[0], last[1]], 1))
        return logits


def build(shape: tuple[int, ...], n_classes: int, settings: Settings) -> nn.Module:
    """Network of an STFT (batch, bins, frames)."""
    need_axes("prcnn", shape, "bins x frames")
    if shape[0] < 2 or not settings.width > 0:
        raise UsageError(f"prcnn needs at least 2 bins and a width above 0, not {shape[0]} and {settings.width}")
    return PRCNN(shape, n_classes, settings)


def fit(task: Task, settings: Settings) -> FittedNetwork:
    """Train."""
    return fit_network(build, task, settings)
