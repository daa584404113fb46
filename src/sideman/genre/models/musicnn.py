"""MSD-musicnn: a musically motivated CNN, tagger of the Million Song Dataset (comparison and teacher only).

Source: Pons, Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging" (arXiv:1909.06654).
0.79 M parameters, 50 tags. The weights are never part of Sideman: they are read from a path that the user names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sideman.core.errors import MissingExtraError, ModelError

SAMPLE_RATE_HZ = 16_000
EMBEDDING_SIZE = 200
_TIMBRAL = (38, 67)
_TEMPORAL = (128, 64, 32)


class _ConvBn(nn.Module):
    """Convolution, ReLU, then batch norm: the order of the original."""

    def __init__(self, n_in: int, n_out: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel)
        self.bn = nn.BatchNorm2d(n_out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.bn(torch.relu(self.conv(x)))
        return out


class MusiCNN(nn.Module):
    """Log-mel (batch, frames, 96) -> (penultimate (batch, 200), pooled (batch, 1506), tag logits (batch, 50))."""

    def __init__(self) -> None:
        super().__init__()
        self.bn_in = nn.BatchNorm2d(1, eps=1e-3)
        self.timbral = nn.ModuleList(_ConvBn(1, 204, (7, bands)) for bands in _TIMBRAL)
        self.temporal = nn.ModuleList(_ConvBn(1, 51, (frames, 1)) for frames in _TEMPORAL)
        self.mid = nn.ModuleList([_ConvBn(1, 64, (7, 561)), _ConvBn(1, 64, (7, 64)), _ConvBn(1, 64, (7, 64))])
        self.bn_pool, self.bn_dense = nn.BatchNorm1d(1506, eps=1e-3), nn.BatchNorm1d(200, eps=1e-3)
        self.dense, self.out = nn.Linear(1506, 200), nn.Linear(200, 50)

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Last hidden layer, pooled features and tag logits."""
        x = self.bn_in(log_mel[:, None])
        padded = nn.functional.pad(x, (0, 0, 3, 3))
        front = [block(padded).amax(3) for block in self.timbral]
        for block, frames in zip(self.temporal, _TEMPORAL, strict=True):
            front.append(block(nn.functional.pad(x, (0, 0, (frames - 1) // 2, frames // 2))).amax(3))
        joined = torch.cat(front, 1)
        parts, mid = [joined], None
        for block in self.mid:
            # The feature axis of one layer is the frequency axis of the next.
            source = (joined if mid is None else mid).transpose(1, 2)[:, None]
            out = block(nn.functional.pad(source, (0, 0, 3, 3)))[..., 0]
            mid = out if mid is None else out + mid
            parts.append(mid)
        everything = torch.cat(parts, 1)
        pooled = torch.stack([everything.amax(2), everything.mean(2)], 2).flatten(1)
        hidden = self.bn_dense(torch.relu(self.dense(self.bn_pool(pooled))))
        return hidden, pooled, self.out(hidden)


def load(path: str | Path) -> MusiCNN:
    """Read the published Keras weights from ``path``; raises :class:`ModelError` where they do not fit."""
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("reading musicnn weights", "train") from error
    model = MusiCNN()

    def put(target: Any, group: Any, kind: str) -> None:
        values = {}
        for name in group:
            values[name.split(":")[0].removesuffix("_1")] = torch.from_numpy(np.asarray(group[name]))
        if kind == "bn":
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            pairs = zip((target.weight, target.bias, target.running_mean, target.running_var), names, strict=True)
        else:
            order = (3, 2, 0, 1) if values["kernel"].ndim == 4 else (1, 0)
            values["kernel"] = values["kernel"].permute(order)
            pairs = zip((target.weight, target.bias), ("kernel", "bias"), strict=True)
        for parameter, name in pairs:
            parameter.data.copy_(values[name].reshape(parameter.shape))

    try:
        with h5py.File(path) as file, torch.no_grad():
            weights = file["model_weights"]
            put(model.bn_in, weights["batch_normalization/batch_normalization"], "bn")
            blocks: list[Any] = [*model.timbral, *model.temporal]
            for i, block in enumerate(blocks):
                name = f"conv2d_{i}" if i else "conv2d"
                put(block.conv, weights[f"{name}/{name}"], "conv")
                put(block.bn, weights[f"batch_normalization_{i + 1}/batch_normalization_{i + 1}"], "bn")
            mid: list[Any] = list(model.mid)
            for i, block in enumerate(mid, 1):
                put(block.conv, weights[f"midend_conv{i}/midend_conv{i}"], "conv")
                put(block.bn, weights[f"bn_midend_conv{i}/bn_midend_conv{i}"], "bn")
            put(model.bn_pool, weights["bn_flatpool/bn_flatpool"], "bn")
            put(model.bn_dense, weights["bn_dense/bn_dense"], "bn")
            put(model.dense, weights["dense/dense"], "dense")
            put(model.out, weights["dense_1/dense_1"], "dense")
    except Exception as error:  # h5py answers what is not there with errors of many unrelated classes
        reason = "not there" if isinstance(error, FileNotFoundError) else "damaged, or of another network"
        raise ModelError(f"{path}: not the MSD musicnn weights ({reason}); give MSD_musicnn.h5") from error
    return model.eval()
