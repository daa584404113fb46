"""Bidirectional GRU (Cho et al. 2014, arXiv:1406.1078) over log-mel, with attention over time, SpecAugment and mixup.

A convolution over 5 frames with stride 2 (bands to ``units``), batch norm, max-pool of 2, ReLU; two bidirectional GRU
layers; a weighted mean over time whose weights are learnt (Bahdanau et al. 2015, arXiv:1409.0473, without a query);
dropout, classes. The layer list is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sideman.genre.models.layers import need_axes
from sideman.training.classifier import FittedNetwork, Training, fit_network
from sideman.training.loop import Rate
from sideman.training.task import Task


@dataclass(frozen=True)
class Settings(Training):
    """Training; units per direction; dropout before the classes and between the layers."""

    epochs: int = 12
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    rate: Rate = "cycle"
    averaging: float = 0.99
    mixup: float = 0.3
    mask: bool = True
    units: int = 64
    dropout: float = 0.3


SPACE = {
    "learning_rate": ("float", 1e-3, 1e-2, "log"),
    "weight_decay": ("float", 1e-3, 0.3, "log"),
    "mixup": ("choice", 0.0, 0.2, 0.4),
    "units": ("choice", 48, 64, 96),
    "dropout": ("float", 0.0, 0.5, "lin"),
}


class GRUNetwork(nn.Module):
    """The network of the module's description."""

    def __init__(self, bands: int, n_classes: int, settings: Settings) -> None:
        super().__init__()
        units = settings.units
        convolution = nn.Conv1d(bands, units, 5, 2, padding=2, bias=False)
        self.stem = nn.Sequential(convolution, nn.BatchNorm1d(units), nn.MaxPool1d(2, ceil_mode=True), nn.ReLU())
        self.gru = nn.GRU(units, units, 2, batch_first=True, bidirectional=True, dropout=settings.dropout)
        self.attend = nn.Sequential(nn.Linear(2 * units, units), nn.Tanh(), nn.Linear(units, 1))
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(2 * units, n_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, n_classes) of log-mel (batch, bands, frames)."""
        states = self.gru(self.stem(x).transpose(1, 2))[0]
        weights = torch.softmax(self.attend(states), 1)
        logits: Tensor = self.head((weights * states).sum(1))
        return logits


def build(shape: tuple[int, ...], n_classes: int, settings: Settings) -> nn.Module:
    """Network of log-mel (batch, bands, frames)."""
    need_axes("gru-mel", shape, "bands x frames")
    return GRUNetwork(shape[0], n_classes, settings)


def fit(task: Task, settings: Settings) -> FittedNetwork:
    """Train."""
    return fit_network(build, task, settings)
