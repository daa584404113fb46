"""Two LSTM layers over MFCC, as a much copied Keras tutorial for GTZAN has them.

130 frames x 13 coefficients - LSTM 64 - LSTM 64 - Dense 64, ReLU, dropout 0.3 - 10: 57,802 parameters in Keras, which
has one bias per gate (see :class:`.layers.KerasLSTM`). Adam at 1e-4, batches of 32, 30 epochs, as the source.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from sideman.genre.models.layers import FramesFirst, need_axes
from sideman.genre.models.lstm58 import LSTMNetwork
from sideman.training.classifier import FittedNetwork, Training, fit_network
from sideman.training.task import Task


@dataclass(frozen=True)
class Settings(Training):
    """Training, units of both LSTM layers and of the dense one, and the share of dropped units."""

    learning_rate: float = 1e-4
    units: int = 64
    dropout: float = 0.3


SPACE = {
    "learning_rate": ("float", 5e-5, 5e-3, "log"),
    "dropout": ("float", 0.0, 0.6, "lin"),
    "units": ("choice", 32, 64, 128),
}


def build(shape: tuple[int, ...], n_classes: int, settings: Settings) -> nn.Module:
    """Network of MFCC (batch, coefficients, frames)."""
    need_axes("lstm-mfcc", shape, "coefficients x frames")
    return nn.Sequential(FramesFirst(), LSTMNetwork(shape[0], settings.units, settings.dropout, n_classes))


def fit(task: Task, settings: Settings) -> FittedNetwork:
    """Train."""
    return fit_network(build, task, settings)
