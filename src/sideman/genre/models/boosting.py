"""Gradient-boosted trees (Friedman 2001) over binned columns (Ke et al. 2017), one tree per class and round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from sideman.core.errors import UsageError
from sideman.genre.models.onnx_graph import Graph
from sideman.genre.models.table import Table, TableModel, Wide
from sideman.genre.models.trees import Trees
from sideman.training.task import Task


@dataclass(frozen=True)
class Settings:
    """Rounds, step per round, leaves per tree, rows per leaf, L2 penalty, share of the columns that a split sees."""

    rounds: int = 120
    step: float = 0.1
    leaves: int = 8
    leaf_rows: int = 10
    l2: float = 1.0
    columns: float = 0.3


SPACE = {
    "rounds": ("int", 40, 300),
    "step": ("float", 0.02, 0.3, "log"),
    "leaves": ("int", 3, 31),
    "leaf_rows": ("int", 3, 40),
    "l2": ("float", 1e-2, 30.0, "log"),
    "columns": ("float", 0.1, 1.0, "lin"),
}


@dataclass(frozen=True)
class Boosted:
    """Softmax (or logistic function, of two classes) of the sum of all trees."""

    trees: HistGradientBoostingClassifier

    def probabilities(self, x: Wide) -> Wide:
        """Probabilities (rows, classes)."""
        return np.asarray(self.trees.predict_proba(x))

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network."""
        rounds = self.trees._predictors
        n_outputs = len(rounds[0])
        ensemble = Trees(n_outputs)
        for members in rounds:
            for output, member in enumerate(members):
                nodes = member.nodes
                values = np.zeros((len(nodes), n_outputs))
                values[:, output] = nodes["value"]
                left, right, leaf = nodes["left"].astype(int), nodes["right"].astype(int), nodes["is_leaf"].astype(bool)
                ensemble.add(nodes["feature_idx"].astype(int), nodes["num_threshold"], left, right, leaf, values)
        start = np.asarray(self.trees._baseline_prediction, np.float64).reshape(1, n_outputs)
        total = graph.add("Add", ensemble.put(graph, x), graph.constant(start))
        if n_outputs == 1:  # of two classes, the second's log-odds
            total = graph.affine(total, np.array([[0.0, 1.0]]))
        return graph.add("Softmax", total, axis=1)


def fit_boosted(x: Wide, table: Table, settings: Settings, seed: int) -> Boosted:
    """Fit on features (rows, columns) of a table."""
    model = HistGradientBoostingClassifier(
        max_iter=settings.rounds,
        learning_rate=settings.step,
        max_leaf_nodes=settings.leaves,
        min_samples_leaf=settings.leaf_rows,
        l2_regularization=settings.l2,
        max_features=settings.columns,
        early_stopping=False,
        random_state=seed,
    )
    return Boosted(model.fit(x, table.y, sample_weight=table.weights))


def fit(task: Task, settings: Settings) -> TableModel:
    """Train on the training rows."""
    if settings.rounds < 1 or settings.leaves < 2 or not settings.step > 0 or not 0 < settings.columns <= 1:
        raise UsageError("boosting: rounds 1 or more, leaves 2 or more, step above 0, columns a share in 0..1")
    table = Table.of(task)
    return TableModel(fit_boosted(table.x, table, settings, task.seed), table)
