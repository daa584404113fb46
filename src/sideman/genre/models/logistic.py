"""Multinomial logistic regression (Cox 1958) on z-scored columns, with an L2 penalty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from sideman.core.errors import UsageError
from sideman.genre.models.onnx_graph import Graph
from sideman.genre.models.table import Scaled, Standard, Table, TableModel, Wide, quiet, softmax
from sideman.training.task import Ints, Task


@dataclass(frozen=True)
class Settings:
    """Inverse strength of the penalty, and the most iterations."""

    c: float = 0.1
    iterations: int = 1000


SPACE = {"c": ("float", 1e-3, 10.0, "log")}


@dataclass(frozen=True)
class Linear:
    """Softmax of a linear map (columns, classes)."""

    matrix: Wide
    bias: Wide

    def probabilities(self, x: Wide) -> Wide:
        """Probabilities (rows, classes)."""
        return softmax(x @ self.matrix + self.bias)

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network."""
        return graph.add("Softmax", graph.affine(x, self.matrix, self.bias), axis=1)


def fit_linear(z: Wide, y: Ints, weights: Wide, c: float, iterations: int = 1000) -> Linear:
    """Fit on z-scores (rows, columns) and classes 0..n-1, all of which occur."""
    model = LogisticRegression(C=c, max_iter=iterations)
    quiet(lambda: model.fit(z, y, sample_weight=weights))
    matrix, bias = model.coef_.T, model.intercept_
    if matrix.shape[1] == 1:  # two classes: scikit-learn keeps the difference only
        matrix, bias = np.hstack([-matrix / 2, matrix / 2]), np.array([-bias[0] / 2, bias[0] / 2])
    return Linear(matrix, bias)


def fit(task: Task, settings: Settings) -> TableModel:
    """Train on the training rows."""
    if not settings.c > 0:
        raise UsageError(f"logistic: c must be above 0, not {settings.c}")
    table = Table.of(task)
    standard = Standard.of(table.x)
    part = fit_linear(standard(table.x), table.y, table.weights, settings.c, settings.iterations)
    return TableModel(Scaled(standard, part), table)
