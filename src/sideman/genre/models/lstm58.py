"""Two LSTM layers over 50 neighbouring table rows: a student's slide deck, with 80 % accuracy.

50 rows x 58 columns - LSTM 64 - LSTM 64 - Dense 64, ReLU - 10: 69,322 parameters in Keras, which has one bias per
gate; torch has two, of which the second is kept at zero and out of the count. In the deck a window of rows runs over
the sorted table, so that neighbours in it come from other files of, mostly, the same genre; how rows are joined is a
matter of the input, not of this network. Adam at 1e-3; the deck states neither epochs nor batches.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from sideman.genre.models.layers import KerasLSTM, dense, glorot, need_axes
from sideman.training.classifier import FittedNetwork, Training, fit_network
from sideman.training.task import Task


@dataclass(frozen=True)
class Settings(Training):
    """Training, units of both LSTM layers and of the dense one, and the share of dropped units before the classes."""

    epochs: int = 20
    batch_size: int = 64
    units: int = 64
    dropout: float = 0.0


SPACE = {
    "learning_rate": ("float", 1e-4, 1e-2, "log"),
    "dropout": ("float", 0.0, 0.6, "lin"),
    "weight_decay": ("float", 1e-4, 1.0, "log"),
}


class LSTMNetwork(nn.Module):
    """Sequence (batch, steps, columns) - two LSTM layers - dense with ReLU and dropout - logits (batch, n_classes)."""

    def __init__(self, columns: int, units: int, dropout: float, n_classes: int) -> None:
        super().__init__()
        self.head = nn.Sequential(dense([units, units], dropout), nn.Linear(units, n_classes))
        glorot(self)
        self.lstm = KerasLSTM(columns, units, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of what the second layer says at the last step."""
        logits: Tensor = self.head(self.lstm(x)[0][:, -1])
        return logits


def build(shape: tuple[int, ...], n_classes: int, settings: Settings) -> nn.Module:
    """Network of joined table rows (batch, neighbours, columns)."""
    need_axes("lstm-58", shape, "neighbours x columns")
    return LSTMNetwork(shape[1], settings.units, settings.dropout, n_classes)


def fit(task: Task, settings: Settings) -> FittedNetwork:
    """Train."""
    return fit_network(build, task, settings, axis=2)
