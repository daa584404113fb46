"""Convolutions, then a recurrent network, over log-mel: Choi, Fazekas, Sandler, Cho 2017 (arXiv:1609.04243).

The source hears 96 mel bands x 1366 frames (29 s). Batch norm of every band (here the standardisation does it), then
four blocks: convolution 3x3 with padding, batch norm, ELU, max-pool (2x2, 3x3, 4x4, 4x4), dropout 0.1, which leave one
band; then two GRU layers over what is left of time, dropout 0.3 and the classes. The authors' own program has 64, 128,
128, 128 feature maps and GRU of 32 units. Ours differs where a window of 2 s (87 frames) and a processor without GPU
ask for it: pools of 2 and 1 frames for 3 and 4, so that ten steps of time are left to the GRU; ``maps`` is 8 for
their 64; dropout takes whole maps; softmax stands for the tags' sigmoids.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from sideman.genre.models.layers import Picture, need_axes
from sideman.training.classifier import FittedNetwork, Training, fit_network
from sideman.training.loop import Rate
from sideman.training.task import Task

_POOLS = ((2, 2), (3, 2), (4, 2), (4, 1))
"""Bands and frames of each block's pool."""


@dataclass(frozen=True)
class Settings(Training):
    """Training; feature maps of the first block (twice as many in the others); units of the GRU; dropout before it."""

    epochs: int = 12
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    rate: Rate = "cycle"
    averaging: float = 0.99
    maps: int = 8
    units: int = 32
    dropout: float = 0.3


SPACE = {
    "learning_rate": ("float", 1e-3, 1e-2, "log"),
    "weight_decay": ("float", 1e-3, 0.3, "log"),
    "units": ("choice", 32, 64),
    "dropout": ("float", 0.1, 0.5, "lin"),
}


class CRNN(nn.Module):
    """The network of the module's description."""

    def __init__(self, shape: tuple[int, ...], n_classes: int, settings: Settings) -> None:
        super().__init__()
        bands, frames = shape
        layers: list[nn.Module] = [Picture()]
        before, after = 1, settings.maps
        for by_bands, by_frames in _POOLS:
            pool = (min(by_bands, bands), min(by_frames, frames))
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
            layers += [nn.MaxPool2d(pool), nn.ELU(), nn.Dropout2d(0.1)]  # ELU rises: after the pool it is the same
            bands, frames = bands // pool[0], frames // pool[1]
            before, after = after, 2 * settings.maps
        self.blocks = nn.Sequential(*layers)
        self.gru = nn.GRU(before * bands, settings.units, 2, batch_first=True)
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(settings.units, n_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, n_classes) of log-mel (batch, bands, frames)."""
        over_time = self.blocks(x).permute(0, 3, 1, 2).flatten(2)
        logits: Tensor = self.head(self.gru(over_time)[0][:, -1])
        return logits


def build(shape: tuple[int, ...], n_classes: int, settings: Settings) -> nn.Module:
    """Network of log-mel (batch, bands, frames)."""
    need_axes("crnn", shape, "bands x frames")
    return CRNN(shape, n_classes, settings)


def fit(task: Task, settings: Settings) -> FittedNetwork:
    """Train."""
    return fit_network(build, task, settings)
