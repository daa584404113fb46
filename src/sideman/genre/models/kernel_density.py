"""Kernel densities per class (Parzen 1962), their covariances regularised as in discriminant analysis (Friedman 1989).

A Gaussian sits on every training row, moved some way to its class's mean. Moved all the way, this is regularised
discriminant analysis: one Gaussian per class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sideman.genre.metrics import best_temperature
from sideman.genre.models.onnx_graph import Graph
from sideman.genre.models.table import Table, Wide, out_of_fold, softmax
from sideman.training.task import Ints


@dataclass(frozen=True)
class Moments:
    """Weighted moments of z-scores: means (classes, columns), covariances (classes, columns, columns), common one."""

    means: Wide
    covariances: Wide
    common: Wide

    @classmethod
    def of(cls, z: Wide, y: Ints, weights: Wide) -> Moments:
        """Measure rows (rows, columns) of classes 0..n-1, all of which occur."""
        means, covariances, totals = [], [], []
        for k in range(int(y.max()) + 1):
            own, weight = z[y == k], weights[y == k] / weights[y == k].sum()
            mean = weight @ own
            means.append(mean)
            covariances.append(((own - mean) * weight[:, None]).T @ (own - mean))
            totals.append(weights[y == k].sum())
        share = np.array(totals) / np.sum(totals)
        return cls(np.array(means), np.array(covariances), np.tensordot(share, covariances, axes=1))


def pulled(covariance: Wide, ridge: float) -> Wide:
    """Pull a covariance to a multiple of the identity by the share ``ridge``, so that it can be inverted."""
    size = max(float(np.trace(covariance)) / len(covariance), 1e-6)
    return np.asarray((1 - ridge) * covariance + ridge * size * np.eye(len(covariance)))


def whitening(z: Wide, table: Table, ridge: float) -> Wide:
    """Matrix (columns, columns) after which the spread within classes is the same in every direction."""
    values, axes = np.linalg.eigh(pulled(Moments.of(z, table.y, table.weights).common, ridge))
    return np.asarray(axes / np.sqrt(values) @ axes.T)


@dataclass(frozen=True)
class Kernels:
    """Logarithms of kernel densities, over a temperature.

    Attributes:
        maps: (classes, columns, columns), after which a class's kernel is white.
        centres: one per training row of the class, after its map, (rows, columns) per class.
        shares: logarithm of each centre's weight, (rows,) per class.
        offsets: logarithm of a kernel at its centre, up to a common constant, (classes,).
        sharpness: one over the temperature.
    """

    maps: Wide
    centres: tuple[Wide, ...]
    shares: tuple[Wide, ...]
    offsets: Wide
    sharpness: float

    def values(self, z: Wide) -> Wide:
        """Log-densities (rows, classes)."""
        columns = []
        for matrix, centres, shares in zip(self.maps, self.centres, self.shares, strict=True):
            white = z @ matrix
            distance = (white**2).sum(1, keepdims=True) - 2.0 * white @ centres.T + (centres**2).sum(1)
            terms = shares - 0.5 * np.maximum(distance, 0.0)
            top = terms.max(1)
            columns.append(top + np.log(np.exp(terms - top[:, None]).sum(1)))
        return np.asarray(np.stack(columns, 1) + self.offsets)

    def probabilities(self, z: Wide) -> Wide:
        """Probabilities (rows, classes), all classes being equally likely beforehand."""
        return softmax(self.values(z) * self.sharpness)

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network."""
        columns = []
        for matrix, centres, shares in zip(self.maps, self.centres, self.shares, strict=True):
            distance = graph.squared_distances(graph.add("MatMul", x, graph.constant(matrix)), centres)
            terms = graph.add("Add", graph.add("Mul", distance, graph.constant(-0.5)), graph.constant(shares))
            top = graph.add("ReduceMax", terms, axes=[1], keepdims=1)
            total = graph.add("Exp", graph.add("Sub", terms, top))
            total = graph.add("ReduceSum", total, graph.constant([1], np.int64), keepdims=1)
            columns.append(graph.add("Add", top, graph.add("Log", total)))
        values = graph.add("Add", graph.add("Concat", *columns, axis=1), graph.constant(self.offsets))
        return graph.add("Softmax", graph.add("Mul", values, graph.constant(self.sharpness)), axis=1)


def fit_kernels(z: Wide, table: Table, gather: float, pull: float, ridge: float, fold: Ints) -> Kernels:
    """Fit on z-scores (rows, columns) of a table.

    Args:
        z: z-scores.
        table: classes and weights.
        gather: how far every centre is moved from its row to the mean of the class, above 0, up to 1; kernels are so
            wide that together they keep the class's covariance.
        pull: share of the common covariance in every class's, 0..1.
        ridge: share of the identity, 0..1.
        fold: per row; the temperature is measured on folds that were left out, and is 2 where there is one only.
    """

    def trained(rows: Ints) -> Kernels:
        moments = Moments.of(z[rows], table.y[rows], table.weights[rows])
        width = np.sqrt(1.0 - (1.0 - gather) ** 2)
        maps, offsets = _white(moments, pull, ridge)
        maps, centres, shares = maps / width, [], []
        for k, (mean, matrix) in enumerate(zip(moments.means, maps, strict=True)):
            own = rows[table.y[rows] == k]
            centres.append((gather * mean + (1.0 - gather) * z[own]) @ matrix)
            shares.append(np.log(table.weights[own] / table.weights[own].sum()))
        return Kernels(maps, tuple(centres), tuple(shares), offsets, 1.0)  # the width adds the same to all offsets

    sharpness = _sharpness(lambda rows, asked: trained(rows).values(z[asked]), table, fold)
    return replace(trained(np.arange(len(z))), sharpness=sharpness)


def _white(moments: Moments, pull: float, ridge: float) -> tuple[Wide, Wide]:
    """Maps after which every class is white, and the logarithms of their determinants."""
    maps, offsets = [], []
    for own in moments.covariances:
        values, axes = np.linalg.eigh(pulled((1 - pull) * own + pull * moments.common, ridge))
        maps.append(axes / np.sqrt(values))
        offsets.append(-0.5 * np.log(values).sum())
    return np.array(maps), np.array(offsets)


def _sharpness(fit_score: Callable[[Ints, Ints], Wide], table: Table, fold: Ints) -> float:
    """Measure one over the temperature on rows that a fit did not see; one half where nothing can be left out."""
    if not fold.max():
        return 0.5
    return 1.0 / best_temperature(out_of_fold(table, fold, fit_score, len(table.present)), table.y)
