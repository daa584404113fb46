"""Three convolution blocks over MFCC, as a much copied Keras tutorial for GTZAN has them.

Input 130 frames x 13 coefficients. Each block: convolution without padding (32 of 3x3, 32 of 3x3, 32 of 2x2), ReLU,
max-pool with stride 2 and "same" padding (3x3, 3x3, 2x2), batch norm; then dense 64 with ReLU, dropout 0.3, softmax.
For ten classes Keras counts 45,514 parameters; 192 of them are batch norm's moving statistics, which no gradient
moves, so 45,322 are trainable. The source trains with Adam at 1e-4, batches of 32, for 30 epochs. The moving statistics
follow ten times as fast as Keras', so that a few hundred steps suffice.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from sideman.core.errors import UsageError
from sideman.genre.models.layers import FramesFirst, Picture, glorot, need_axes, same_pool
from sideman.training.classifier import FittedNetwork, Training, fit_network
from sideman.training.task import Task

_BLOCKS = ((3, 3), (3, 3), (2, 2))
"""Kernel of the convolution and of the pool, per block."""


@dataclass(frozen=True)
class Settings(Training):
    """Training, and the share of dropped units."""

    learning_rate: float = 1e-4
    dropout: float = 0.3


SPACE = {"learning_rate": ("float", 5e-5, 3e-3, "log"), "dropout": ("float", 0.0, 0.6, "lin")}


def build(shape: tuple[int, ...], n_classes: int, settings: Settings) -> nn.Module:
    """Network of MFCC (batch, coefficients, frames)."""
    need_axes("cnn-mfcc", shape, "coefficients x frames")
    height, width = shape[1], shape[0]
    if height < 14 or width < 13:
        raise UsageError(f"cnn-mfcc needs at least 13 coefficients x 14 frames, not {width} x {height}")
    layers: list[nn.Module] = [FramesFirst(), Picture()]
    channels = 1
    for kernel, pool in _BLOCKS:
        height, width = height - kernel + 1, width - kernel + 1
        # ReLU never falls: after the pool it gives the same, on fewer values.
        layers += [nn.Conv2d(channels, 32, kernel), same_pool(pool, 2, (height, width)), nn.ReLU()]
        layers += [nn.BatchNorm2d(32, eps=1e-3)]
        height, width, channels = (height + 1) // 2, (width + 1) // 2, 32
    layers += [nn.Flatten(), nn.Linear(32 * height * width, 64), nn.ReLU(), nn.Dropout(settings.dropout)]
    network = nn.Sequential(*layers, nn.Linear(64, n_classes))
    glorot(network)
    return network


def fit(task: Task, settings: Settings) -> FittedNetwork:
    """Train."""
    return fit_network(build, task, settings)
