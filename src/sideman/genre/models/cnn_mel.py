"""Two convolutions and three dense layers over a mel picture: a student's report, 70.5 % on 200 tracks.

Convolution 3x3 - 2-d max-pool - convolution 5x5 - 2-d max-pool to 16 maps of 23 x 35, then three hidden dense layers
and ten classes; the report states no more. With pools of 3x3 and 4x4 that keep their last, partial window, and
convolutions without padding, the 288 x 432 pictures that come with GTZAN's published tables give exactly that size;
that the report used those pictures is our inference. Any other picture gives another size: 128 bands x 87 frames of
2 s give 16 x 10 x 7. The widths of the dense layers (256, 128, 64), dropout and Adam at 1e-3 are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from sideman.core.errors import UsageError
from sideman.genre.models.layers import Picture, dense, glorot, need_axes, size_after
from sideman.training.classifier import FittedNetwork, Training, fit_network
from sideman.training.task import Task

_UNITS = (256, 128, 64)


@dataclass(frozen=True)
class Settings(Training):
    """Training, and the share of dropped units."""

    epochs: int = 12
    dropout: float = 0.3


SPACE = {
    "learning_rate": ("float", 1e-4, 5e-3, "log"),
    "dropout": ("float", 0.0, 0.6, "lin"),
    "weight_decay": ("float", 1e-3, 1.0, "log"),
}


def feature_map() -> nn.Sequential:
    """Convolutions and pools; ReLU comes after each pool, where it is the same and cheaper."""
    return nn.Sequential(
        Picture(),
        nn.Conv2d(1, 16, 3),
        nn.MaxPool2d(3, ceil_mode=True),
        nn.ReLU(),
        nn.Conv2d(16, 16, 5),
        nn.MaxPool2d(4, ceil_mode=True),
        nn.ReLU(),
    )


def build(shape: tuple[int, ...], n_classes: int, settings: Settings) -> nn.Module:
    """Network of a mel picture (batch, bands, frames)."""
    need_axes("cnn-mel", shape, "bands x frames")
    if min(shape) < 20:
        raise UsageError(f"cnn-mel needs at least 20 bands x 20 frames, not {shape[0]} x {shape[1]}")
    maps = feature_map()
    channels, height, width = size_after(maps, shape)
    hidden = dense([channels * height * width, *_UNITS], settings.dropout)
    network = nn.Sequential(maps, nn.Flatten(), hidden, nn.Linear(_UNITS[-1], n_classes))
    glorot(network)
    return network


def fit(task: Task, settings: Settings) -> FittedNetwork:
    """Train."""
    return fit_network(build, task, settings)
