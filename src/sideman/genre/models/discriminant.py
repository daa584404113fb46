"""Regularised discriminant analysis (Friedman 1989): a Gaussian per class, its covariance pulled to the common one."""

from __future__ import annotations

from dataclasses import dataclass

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
class Gaussians:
    """Log-densities of the classes, over a temperature.

    Attributes:
        means: (classes, columns).
        maps: (classes, columns, columns), after which a class is white.
        offsets: logarithm of the density at the mean, up to a common constant, (classes,).
        sharpness: one over the temperature.
    """

    means: Wide
    maps: Wide
    offsets: Wide
    sharpness: float

    def values(self, z: Wide) -> Wide:
        """Log-densities (rows, classes)."""
        parts = [((z @ m - mean @ m) ** 2).sum(1) for mean, m in zip(self.means, self.maps, strict=True)]
        return np.asarray(self.offsets - 0.5 * np.stack(parts, 1))

    def probabilities(self, z: Wide) -> Wide:
        """Probabilities (rows, classes), all classes being equally likely beforehand."""
        return softmax(self.values(z) * self.sharpness)

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network."""
        classes, columns = self.means.shape
        together = self.maps.transpose(1, 0, 2).reshape(columns, -1)
        centre = np.concatenate([mean @ m for mean, m in zip(self.means, self.maps, strict=True)])
        white = graph.affine(x, together, -centre)
        shaped = graph.add("Reshape", white, graph.constant([-1, classes, columns], np.int64))
        distance = graph.add("ReduceSumSquare", shaped, axes=[2], keepdims=0)
        values = graph.add("Mul", distance, graph.constant(-0.5 * self.sharpness))
        return graph.add("Softmax", graph.add("Add", values, graph.constant(self.offsets * self.sharpness)), axis=1)


def fit_gaussians(z: Wide, table: Table, pull: float, ridge: float, fold: Ints) -> Gaussians:
    """Fit on z-scores (rows, columns) of a table.

    Args:
        z: z-scores.
        table: classes and weights.
        pull: share of the common covariance in every class's, 0..1 (1 is linear discriminant analysis).
        ridge: share of the identity, 0..1.
        fold: per row; the temperature is measured on folds that were left out, and is 2 where there is one only.
    """

    def trained(rows: Ints) -> Gaussians:
        moments = Moments.of(z[rows], table.y[rows], table.weights[rows])
        maps, offsets = [], []
        for own in moments.covariances:
            values, axes = np.linalg.eigh(pulled((1 - pull) * own + pull * moments.common, ridge))
            maps.append(axes / np.sqrt(values))
            offsets.append(-0.5 * np.log(values).sum())
        return Gaussians(moments.means, np.array(maps), np.array(offsets), 1.0)

    gaussians = trained(np.arange(len(z)))
    sharpness = 0.5
    if fold.max():
        values = out_of_fold(table, fold, lambda rows, asked: trained(rows).values(z[asked]), len(table.present))
        sharpness = 1.0 / best_temperature(values, table.y)
    return Gaussians(gaussians.means, gaussians.maps, gaussians.offsets, sharpness)
