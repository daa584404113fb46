"""Sideman's own network: a small residual CNN over log-mel windows, with a 256-d embedding.

Source: residual blocks of He et al., "Deep residual learning", CVPR 2016 (arXiv:1512.03385), with the average-pooled
shortcut of He et al., "Bag of tricks", CVPR 2019 (arXiv:1812.01187); mean and maximum pooling over time as in musicnn
(Pons, Serra 2019). 1.45 M parameters without the teacher heads, 39 M multiply-adds for a 2 s window.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class BackboneConfig:
    """Sizes of a :class:`Backbone`."""

    n_mels: int = 96
    widths: tuple[int, ...] = (16, 24, 48, 96, 160)
    embedding_size: int = 256
    n_classes: int = 11
    n_targets: int = 1161
    n_details: int = 1506
    dropout: float = 0.2


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut; ``stride`` 2 halves time and frequency."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        pool = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False) if stride == 2 else nn.Identity()
        project = (
            nn.Sequential(nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out))
            if n_in != n_out
            else nn.Identity()
        )
        self.shortcut = nn.Sequential(pool, project)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(out + self.shortcut(x))


class Backbone(nn.Module):
    """Log-mel (batch, n_mels, frames) -> embedding (batch, 256), teacher targets (batch, n), class logits (batch, 11).

    The classes are the ten genres and, last, "not music". The two teacher heads exist for training only and are not
    exported: one reads the embedding, the other (for the teacher's own pooled features) the layers below it, as in
    Romero et al., "FitNets" (arXiv:1412.6550).
    """

    def __init__(self, config: BackboneConfig | None = None) -> None:
        super().__init__()
        self.config = config or BackboneConfig()
        widths = self.config.widths
        self.norm = nn.BatchNorm1d(self.config.n_mels)
        self.stem = nn.Conv2d(1, widths[0], 5, 2, 2, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        self.stages = nn.ModuleList(
            nn.Sequential(_Block(n_in, n_out, 2), _Block(n_out, n_out, 1)) for n_in, n_out in pairwise(widths)
        )
        n_pooled = 2 * sum(widths[1:-1]) + 3 * widths[-1]
        self.project = nn.Linear(n_pooled, self.config.embedding_size)
        self.project_norm = nn.BatchNorm1d(self.config.embedding_size)
        self.dropout = nn.Dropout(self.config.dropout)
        self.teacher_head = nn.Linear(self.config.embedding_size, self.config.n_targets)
        self.detail_head = nn.Linear(n_pooled, self.config.n_details)
        self.class_head = nn.Linear(self.config.embedding_size, self.config.n_classes)

    def pool(self, log_mel: Tensor) -> Tensor:
        """Log-mel (batch, n_mels, frames) -> what every stage sees, pooled over time and frequency."""
        x = torch.relu(self.stem_norm(self.stem(self.norm(log_mel)[:, None])))
        pooled = []
        for depth, stage in enumerate(self.stages):
            x = stage(x)
            loudest = x.amax(2)
            if depth == len(self.stages) - 1:
                pooled.append(x.mean((2, 3)))
            pooled += [loudest.mean(2), loudest.amax(2)]
        return torch.cat(pooled, 1)

    def embed(self, log_mel: Tensor) -> Tensor:
        """Log-mel (batch, n_mels, frames) -> embedding (batch, 256), non-negative."""
        return self._embed(self.pool(log_mel))

    def _embed(self, pooled: Tensor) -> Tensor:
        return torch.relu(self.project_norm(self.project(pooled)))

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embedding, predicted teacher targets (batch, n_targets + n_details), and class logits."""
        pooled = self.pool(log_mel)
        embedding = self._embed(pooled)
        dropped = self.dropout(embedding)
        targets = torch.cat([self.teacher_head(dropped), self.detail_head(pooled)], 1)
        return embedding, targets, self.class_head(dropped)
