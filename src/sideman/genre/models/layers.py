"""Layers that the lab's networks share, and counting parameters as Keras does."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from sideman.core.errors import UsageError


def count(module: nn.Module) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def keras_count(module: nn.Module) -> int:
    """Parameters as ``model.summary()`` of Keras totals them: with batch norm's moving means and variances."""
    moving = (value.numel() for name, value in module.named_buffers() if name.endswith(("running_mean", "running_var")))
    return count(module) + sum(moving)


def need_axes(what: str, shape: tuple[int, ...], names: str) -> None:
    """Raise :class:`UsageError` unless rows have as many axes as ``names``, such as "bands x frames"."""
    if len(shape) != names.count(" x ") + 1:
        raise UsageError(f"{what} hears rows of {names}, not of shape {shape}")


def glorot(module: nn.Module) -> None:
    """Start dense and convolution layers as Keras does: uniform by Glorot, Bengio 2010, with biases at zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def dense(sizes: list[int], dropout: float) -> nn.Sequential:
    """Dense layers from ``sizes[0]`` on, each with ReLU and, above 0, dropout."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
        layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers)


def same_pool(kernel: int, stride: int, shape: tuple[int, int]) -> nn.MaxPool2d:
    """Max-pool of a picture (height, width) to size ceil(n / stride), its edges padded as Keras' "same" pads them.

    Keras pads in front only when an even number of places is missing; torch's ``ceil_mode`` adds those at the end.
    """
    missing = [max(0, ((n - 1) // stride) * stride + kernel - n) for n in shape]
    front = (missing[0] // 2, missing[1] // 2)
    return nn.MaxPool2d(kernel, stride, padding=front, ceil_mode=True)


class KerasLSTM(nn.LSTM):
    """Stacked LSTM (Hochreiter, Schmidhuber 1997) with Keras' parameters: one bias per gate.

    torch adds two biases, of which the second stays zero here and is not trained. As in Keras, input weights begin
    uniform (Glorot), recurrent ones orthogonal, and the forget gate's bias at 1.
    """

    def __init__(self, inputs: int, units: int, layers: int) -> None:
        super().__init__(inputs, units, layers, batch_first=True)
        for name, value in self.named_parameters():
            if name.startswith("weight_ih"):
                nn.init.xavier_uniform_(value)
            elif name.startswith("weight_hh"):
                for gate in value.detach().chunk(4):
                    nn.init.orthogonal_(gate)
            else:
                nn.init.zeros_(value)
                if name.startswith("bias_ih"):
                    value.detach()[units : 2 * units] = 1.0
                else:
                    value.requires_grad_(False)


class Picture(nn.Module):
    """Features (batch, bands, frames) as a picture of one channel, (batch, 1, bands, frames)."""

    def forward(self, x: Tensor) -> Tensor:
        """Add the channel."""
        return x.unsqueeze(1)


class FramesFirst(nn.Module):
    """Features (batch, bands, frames) as a sequence (batch, frames, bands)."""

    def forward(self, x: Tensor) -> Tensor:
        """Swap the axes."""
        return x.transpose(1, 2)


def size_after(layers: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of one row after ``layers``, which stay as they are."""
    was = layers.training
    layers.eval()
    with torch.no_grad():
        after = tuple(layers(torch.zeros(1, *shape)).shape[1:])
    layers.train(was)
    return after
