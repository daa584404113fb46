"""k-means (MacQueen 1967) on z-scored columns: what the columns group by themselves, without being told genres.

As a classifier, a row gets the genre shares of its cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score

from sideman.core.errors import UsageError
from sideman.genre.models.onnx_graph import Graph
from sideman.genre.models.table import Scaled, Standard, Table, TableModel, Wide
from sideman.training.task import Floats, Ints, Task


@dataclass(frozen=True)
class Settings:
    """Clusters, starts of which the tightest counts, and votes that all genres share in every cluster beforehand."""

    clusters: int = 10
    starts: int = 10
    smoothing: float = 0.5


SPACE = {"clusters": ("int", 2, 80), "smoothing": ("float", 0.01, 5.0, "log")}


@dataclass(frozen=True)
class ClusterFigures:
    """What the clusters of a table have to do with its genres.

    Attributes:
        nmi: normalised mutual information of cluster and genre, 0..1; 0 where they have nothing in common.
        purity: share of the rows that are of their cluster's commonest genre, 0..1.
        chance: the same share after the genres were shuffled over the rows, mean of 20 draws: purity without meaning.
        cluster_of: cluster per row, (rows,).
        names: commonest genre per cluster, (k,).
        counts: rows per cluster and genre, (k, genres).
        points_2d: rows on the first two principal components of the z-scores, (rows, 2).
        explained: share of the variance that the two components hold, 0..1.
    """

    nmi: float
    purity: float
    chance: float
    cluster_of: Ints
    names: tuple[str, ...]
    counts: NDArray[np.int_]
    points_2d: Floats
    explained: float


def nmi(cluster_of: Ints, labels: Ints) -> float:
    """Mutual information over the arithmetic mean of both entropies, 0..1 (Strehl, Ghosh 2002)."""
    return float(normalized_mutual_info_score(labels, cluster_of))


def purity(cluster_of: Ints, labels: Ints) -> float:
    """Share of the rows that are of their cluster's commonest label, 0..1."""
    return float(_counts(cluster_of, labels).max(1).sum() / len(labels))


def _counts(cluster_of: Ints, labels: Ints) -> NDArray[np.int_]:
    counts = np.zeros((int(cluster_of.max()) + 1, int(labels.max()) + 1), int)
    np.add.at(counts, (cluster_of, labels), 1)
    return counts


def principal_plane(z: Wide) -> tuple[Wide, float]:
    """Project rows (n, columns) of mean 0 on their first two principal components: (n, 2), and the variance in them."""
    left, size, axes = np.linalg.svd(z, full_matrices=False)
    size = np.pad(size, (0, max(0, 2 - len(size))))
    points = np.zeros((len(z), 2))
    kept = min(2, left.shape[1])
    sign = np.sign(axes[np.arange(kept), np.abs(axes[:kept]).argmax(1)])  # else the picture may flip between machines
    points[:, :kept] = left[:, :kept] * size[:kept] * sign
    return points, float((size[:2] ** 2).sum() / max((size**2).sum(), 1e-300))


def clusters_report(x: Floats, y: Ints, genres: tuple[str, ...], seed: int = 0, k: int = 10) -> ClusterFigures:
    """Cluster a table (rows, columns) without its labels, and compare with the labels y (rows,), indices of genres.

    Raises:
        UsageError: ``k`` is below 2 or above the number of rows.
    """
    if not 2 <= k <= len(x):
        raise UsageError(f"kmeans: {len(x)} rows make 2 to {len(x)} clusters, not {k}")
    wide = np.asarray(x, np.float64)
    z = Standard.of(wide)(wide)
    cluster_of = _trained(z, np.ones(len(z)), k, 10, seed).labels_.astype(int)
    counts = np.zeros((k, len(genres)), int)
    np.add.at(counts, (cluster_of, y), 1)
    rng = np.random.default_rng(seed)
    chance = float(np.mean([purity(cluster_of, rng.permutation(y)) for _ in range(20)]))
    points, explained = principal_plane(z)
    names = tuple(genres[best] for best in counts.argmax(1))
    share, points32 = purity(cluster_of, y), points.astype(np.float32)
    return ClusterFigures(nmi(cluster_of, y), share, chance, cluster_of, names, counts, points32, explained)


def _trained(z: Wide, weights: Wide, k: int, starts: int, seed: int) -> KMeans:
    return KMeans(k, n_init=starts, random_state=seed).fit(z, sample_weight=weights)


@dataclass(frozen=True)
class _Clusters:
    """Genre shares (clusters, classes) of the nearest centre."""

    centres: Wide
    shares: Wide

    def probabilities(self, z: Wide) -> Wide:
        """Probabilities (rows, classes)."""
        distance = (self.centres**2).sum(1) - 2.0 * z @ self.centres.T
        return np.asarray(self.shares[distance.argmin(1)])

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network."""
        distance = graph.affine(x, -2.0 * self.centres.T, (self.centres**2).sum(1))
        return graph.add("Gather", graph.constant(self.shares), graph.add("ArgMin", distance, axis=1, keepdims=0))


def fit(task: Task, settings: Settings) -> TableModel:
    """Cluster the training rows, then count each cluster's genres; more clusters than rows become as many as rows."""
    if settings.clusters < 1 or settings.starts < 1 or settings.smoothing < 0:
        raise UsageError("kmeans: clusters and starts must be 1 or more, smoothing 0 or more")
    table = Table.of(task)
    standard = Standard.of(table.x)
    z = standard(table.x)
    k = min(settings.clusters, len(np.unique(z, axis=0)))
    model = _trained(z, table.weights, k, settings.starts, task.seed)
    counts = np.full((k, len(table.present)), settings.smoothing / len(table.present))
    np.add.at(counts, (model.labels_, table.y), table.weights)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1e-300)
    return TableModel(Scaled(standard, _Clusters(model.cluster_centers_, shares)), table)
