"""Random forest (Breiman 2001), or extremely randomised trees (Geurts et al. 2006), on the columns as they are.

Trees only ask whether a column is above a value, so z-scores would change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from sideman.core.errors import UsageError
from sideman.genre.models.onnx_graph import Graph
from sideman.genre.models.table import Table, TableModel, Wide
from sideman.genre.models.trees import Trees
from sideman.training.task import Task


@dataclass(frozen=True)
class Settings:
    """Trees, rows that a leaf needs, share of the columns that a split looks at, and whether cuts are random."""

    trees: int = 300
    leaf_rows: int = 1
    columns: float = 0.15
    random_cuts: bool = False


SPACE = {
    "trees": ("int", 100, 600),
    "leaf_rows": ("int", 1, 10),
    "columns": ("float", 0.05, 0.6, "lin"),
    "random_cuts": ("choice", True, False),
}


@dataclass(frozen=True)
class Forest:
    """Mean of the class shares in the leaves that a row falls into."""

    trees: Any

    def probabilities(self, x: Wide) -> Wide:
        """Probabilities (rows, classes)."""
        return np.asarray(self.trees.predict_proba(x))

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network."""
        n_trees = len(self.trees.estimators_)
        ensemble = Trees(len(self.trees.classes_))
        for member in self.trees.estimators_:
            tree = member.tree_
            share = tree.value[:, 0] / tree.value[:, 0].sum(1, keepdims=True) / n_trees
            leaf = tree.children_left == -1
            ensemble.add(tree.feature, tree.threshold, tree.children_left, tree.children_right, leaf, share)
        return ensemble.put(graph, x)


def fit_forest(x: Wide, table: Table, settings: Settings, seed: int) -> Forest:
    """Fit on features (rows, columns) of a table."""
    kind = ExtraTreesClassifier if settings.random_cuts else RandomForestClassifier
    model = kind(
        settings.trees, min_samples_leaf=settings.leaf_rows, max_features=settings.columns, random_state=seed, n_jobs=1
    )
    return Forest(model.fit(x, table.y, sample_weight=table.weights))


def fit(task: Task, settings: Settings) -> TableModel:
    """Train on the training rows."""
    if settings.trees < 1 or settings.leaf_rows < 1 or not 0 < settings.columns <= 1:
        raise UsageError("forest: trees and leaf_rows must be 1 or more, and columns a share in 0..1")
    table = Table.of(task)
    return TableModel(fit_forest(table.x, table, settings, task.seed), table)
