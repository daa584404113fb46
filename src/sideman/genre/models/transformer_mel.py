"""A small transformer over patches of log-mel, after Gong, Chung, Glass 2021 (AST, arXiv:2104.01778).

The source cuts the picture into patches of 16 bands x 16 frames, overlapping by 6, maps each to 768 values, and starts
its 12 blocks from ImageNet's weights. This one starts from nothing, on few recordings, so convolutions lead up to the
patches (Xiao et al. 2021, arXiv:2106.14881): 5x5 with stride 2, max-pool 2x2, and 3x3 with stride 2, with batch norm
and ReLU, halve bands and frames three times; a patch is 2x2 of what is left, 16 x 16 of the picture. To its vector of
``size`` values a learnt one for its row and one for its column are added. Blocks of self-attention and a dense layer
with GELU, normalised before each (Vaswani et al. 2017; Xiong et al. 2020); mean over the patches, layer norm, dropout,
classes. While training, a share of the patches is left out (Koutini et al. 2022, PaSST, arXiv:2110.05069), besides
SpecAugment and mixup.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sideman.core.errors import UsageError
from sideman.genre.models.layers import Picture, need_axes, size_after
from sideman.training.classifier import FittedNetwork, Training, fit_network
from sideman.training.loop import Rate
from sideman.training.task import Task


@dataclass(frozen=True)
class Settings(Training):
    """Training; maps of the first convolution; size of vectors; heads, blocks; share of patches left out; dropout."""

    epochs: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    rate: Rate = "cycle"
    averaging: float = 0.99
    mixup: float = 0.1
    mask: bool = True
    maps: int = 16
    size: int = 128
    heads: int = 4
    blocks: int = 3
    left_out: float = 0.5
    dropout: float = 0.1


SPACE = {
    "learning_rate": ("float", 3e-4, 5e-3, "log"),
    "weight_decay": ("float", 1e-3, 0.3, "log"),
    "mixup": ("choice", 0.0, 0.1, 0.3),
    "left_out": ("choice", 0.0, 0.25, 0.5),
    "dropout": ("float", 0.0, 0.4, "lin"),
}


class Attention(nn.Module):
    """Every patch looks at every patch."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(size, 3 * size)
        self.join = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        """Vectors (batch, patches, size) of such vectors."""
        parts = self.project(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts[0], parts[1], parts[2]
        weights = torch.softmax(query @ key.transpose(2, 3) * query.shape[3] ** -0.5, 3)
        joined: Tensor = self.join((weights @ value).transpose(1, 2).flatten(2))
        return joined


class Block(nn.Module):
    """Attention and a dense layer, each normalised before and added to what came in."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.attend = nn.Sequential(nn.LayerNorm(size), Attention(size, heads))
        wide = [nn.Linear(size, 2 * size), nn.GELU(), nn.Linear(2 * size, size)]
        self.think = nn.Sequential(nn.LayerNorm(size), *wide)

    def forward(self, x: Tensor) -> Tensor:
        """Vectors (batch, patches, size) of such vectors."""
        x = x + self.attend(x)
        after: Tensor = x + self.think(x)
        return after


class Transformer(nn.Module):
    """The network of the module's description."""

    def __init__(self, shape: tuple[int, ...], n_classes: int, settings: Settings) -> None:
        super().__init__()
        maps, size = settings.maps, settings.size
        self.cut = nn.Sequential(
            Picture(),
            nn.Conv2d(1, maps, 5, 2, padding=2, bias=False),
            nn.BatchNorm2d(maps),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.ReLU(),
            nn.Conv2d(maps, 2 * maps, 3, 2, padding=1, bias=False),
            nn.BatchNorm2d(2 * maps),
            nn.ReLU(),
            nn.ZeroPad2d((0, -(-shape[1] // 8) % 2, 0, -(-shape[0] // 8) % 2)),  # to whole patches
            nn.Conv2d(2 * maps, size, 2, 2),
        )
        _, rows, columns = size_after(self.cut, shape)
        self.row = nn.Parameter(0.02 * torch.randn(size, rows, 1))
        self.column = nn.Parameter(0.02 * torch.randn(size, 1, columns))
        self.blocks = nn.Sequential(*(Block(size, settings.heads) for _ in range(settings.blocks)))
        self.head = nn.Sequential(nn.LayerNorm(size), nn.Dropout(settings.dropout), nn.Linear(size, n_classes))
        self.kept = max(1, round(rows * columns * (1 - settings.left_out)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, n_classes) of log-mel (batch, bands, frames)."""
        patches = (self.cut(x) + self.row + self.column).flatten(2).transpose(1, 2)
        if self.training:
            patches = patches[:, torch.randperm(patches.shape[1])[: self.kept].to(x.device)]
        logits: Tensor = self.head(self.blocks(patches).mean(1))
        return logits


def build(shape: tuple[int, ...], n_classes: int, settings: Settings) -> nn.Module:
    """Network of log-mel (batch, bands, frames)."""
    need_axes("transformer-mel", shape, "bands x frames")
    if min(settings.heads, settings.blocks, settings.maps) < 1 or settings.size % settings.heads:
        raise UsageError(f"transformer-mel: size ({settings.size}) must be a multiple of heads ({settings.heads})")
    return Transformer(shape, n_classes, settings)


def fit(task: Task, settings: Settings) -> FittedNetwork:
    """Train."""
    return fit_network(build, task, settings)
