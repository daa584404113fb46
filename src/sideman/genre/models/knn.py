"""k nearest neighbours (Cover, Hart 1967) on z-scored columns.

Every neighbour votes with its row's weight, and with more weight the nearer it is. All rows as near as the k-th vote,
so that the result does not depend on the order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sideman.core.errors import UsageError
from sideman.genre.models.onnx_graph import Graph
from sideman.genre.models.table import Scaled, Standard, Table, TableModel, Wide
from sideman.training.task import Task


@dataclass(frozen=True)
class Settings:
    """Number of neighbours, whether near ones count more, and the votes that all classes share beforehand."""

    k: int = 7
    near_counts_more: bool = True
    smoothing: float = 0.5


SPACE = {"k": ("int", 1, 40), "near_counts_more": ("choice", True, False), "smoothing": ("float", 0.01, 5.0, "log")}

_TIE = 1e-9  # relative to the k-th squared distance: equal distances differ by rounding


@dataclass(frozen=True)
class _Neighbours:
    points: Wide
    votes: Wide
    k: int
    near_counts_more: bool
    smoothing: float

    def probabilities(self, z: Wide) -> Wide:
        parts = [self._some(z[start : start + 256]) for start in range(0, len(z), 256)]
        return np.concatenate(parts) if parts else np.zeros((0, self.votes.shape[1]))

    def _some(self, z: Wide) -> Wide:
        cross = z @ (-2.0 * self.points.T) + (self.points**2).sum(1)
        distance = np.maximum((z**2).sum(1, keepdims=True) + cross, 0.0)
        farthest = np.partition(distance, self.k - 1, axis=1)[:, self.k - 1 : self.k] + _TIE
        weight = (distance <= farthest * (1 + _TIE)).astype(float)
        if self.near_counts_more:
            weight *= np.exp(-distance / farthest)
        share = weight @ self.votes + self.smoothing / self.votes.shape[1]
        return np.asarray(share / share.sum(1, keepdims=True))

    def put(self, graph: Graph, x: str) -> str:
        distance = graph.squared_distances(x, self.points)
        negative = graph.add("Neg", distance)
        nearest = graph.topk(negative, self.k)
        kth = graph.add("Neg", graph.add("ReduceMin", nearest, axes=[1], keepdims=1))
        farthest = graph.add("Add", kth, graph.constant(_TIE))
        inside = graph.add("LessOrEqual", distance, graph.add("Mul", farthest, graph.constant(1 + _TIE)))
        weight = graph.wide(inside)
        if self.near_counts_more:
            weight = graph.add("Mul", weight, graph.add("Exp", graph.add("Div", negative, farthest)))
        share = graph.affine(weight, self.votes, self.smoothing / self.votes.shape[1])
        return graph.add("Div", share, graph.add("ReduceSum", share, graph.constant([1], np.int64), keepdims=1))


def fit(task: Task, settings: Settings) -> TableModel:
    """Keep the training rows; ``k`` above their number takes them all."""
    if settings.k < 1 or settings.smoothing < 0:
        raise UsageError(f"knn: k must be 1 or more and smoothing 0 or more, not {settings.k}, {settings.smoothing}")
    table = Table.of(task)
    standard = Standard.of(table.x)
    votes = np.eye(len(table.present))[table.y] * table.weights[:, None]
    k = min(settings.k, len(table.x))
    part = _Neighbours(standard(table.x), votes, k, settings.near_counts_more, settings.smoothing)
    return TableModel(Scaled(standard, part), table)
