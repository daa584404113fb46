"""Support vector machines with an RBF kernel, one per pair of classes (Cortes, Vapnik 1995), on z-scored columns.

A class's value is its mean decision value over its pairs; probabilities are the softmax of these values over a
temperature. The temperature is measured on rows that the machine did not see (folds of whole recordings), because
decision values of the training rows are too sure of themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from sklearn.svm import SVC

from sideman.core.errors import UsageError
from sideman.genre.metrics import best_temperature
from sideman.genre.models.onnx_graph import Graph
from sideman.genre.models.table import Scaled, Standard, Table, TableModel, Wide, out_of_fold, softmax
from sideman.training.task import Ints, Task


@dataclass(frozen=True)
class Settings:
    """Cost of a violated margin, and the kernel's width: ``gamma`` over the number of columns."""

    c: float = 5.0
    gamma: float = 1.0
    folds: int = 4


SPACE = {"c": ("float", 0.1, 100.0, "log"), "gamma": ("float", 0.05, 5.0, "log")}


@dataclass(frozen=True)
class Machine:
    """Decision values of all pairs, averaged per class, over a temperature.

    Attributes:
        machine: as scikit-learn trained it.
        sharpness: one over the temperature.
    """

    machine: SVC
    sharpness: float

    def values(self, z: Wide) -> Wide:
        """Mean decision value per class, (rows, classes)."""
        pairs = self.machine.decision_function(z)
        pairs = -pairs[:, None] if pairs.ndim == 1 else pairs  # of two classes, the second is the positive one
        return np.asarray(pairs @ _to_classes(len(self.machine.classes_)))

    def probabilities(self, z: Wide) -> Wide:
        """Probabilities (rows, classes)."""
        return softmax(self.values(z) * self.sharpness)

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network."""
        svc = self.machine
        distance = graph.squared_distances(x, svc.support_vectors_)
        kernel = graph.add("Exp", graph.add("Mul", distance, graph.constant(-svc.gamma)))
        matrix, bias = _pair_map(svc)
        to_classes = _to_classes(len(svc.classes_)) * self.sharpness
        return graph.add("Softmax", graph.affine(kernel, matrix @ to_classes, bias @ to_classes), axis=1)


def _to_classes(n: int) -> Wide:
    """Map (pairs, classes) from decision values to each class's mean; a pair's first class is the positive one."""
    matrix = np.zeros((n * (n - 1) // 2, n))
    for row, (first, second) in enumerate(combinations(range(n), 2)):
        matrix[row, first], matrix[row, second] = 1.0, -1.0
    return matrix / (n - 1)


def _pair_map(svc: SVC) -> tuple[Wide, Wide]:
    """Map from kernel values (support vectors) to decision values of all pairs, and its bias."""
    n = len(svc.classes_)
    sign = -1.0 if n == 2 else 1.0
    ends = np.cumsum(svc.n_support_)
    matrix = np.zeros((len(svc.support_vectors_), n * (n - 1) // 2))
    for column, (i, j) in enumerate(combinations(range(n), 2)):
        of_i, of_j = slice(ends[i] - svc.n_support_[i], ends[i]), slice(ends[j] - svc.n_support_[j], ends[j])
        matrix[of_i, column] = svc.dual_coef_[j - 1, of_i]
        matrix[of_j, column] = svc.dual_coef_[i, of_j]
    return sign * matrix, sign * svc.intercept_


def fit_machine(z: Wide, table: Table, c: float, gamma: float, fold: Ints) -> Machine:
    """Fit on z-scores (rows, columns) of a table; ``fold`` per row is for the temperature, of one fold it is 1."""

    def trained(rows: Ints) -> Machine:
        machine = SVC(C=c, gamma=gamma / z.shape[1], decision_function_shape="ovo")
        return Machine(machine.fit(z[rows], table.y[rows], sample_weight=table.weights[rows]), 1.0)

    machine = trained(np.arange(len(z)))
    if len(np.unique(fold)) < 2:
        return machine
    values = out_of_fold(table, fold, lambda rows, asked: trained(rows).values(z[asked]), len(table.present))
    return Machine(machine.machine, 1.0 / best_temperature(values, table.y))


def fit(task: Task, settings: Settings) -> TableModel:
    """Train on the training rows, then on folds of them for the temperature."""
    if not (settings.c > 0 and settings.gamma > 0):
        raise UsageError(f"svm: c and gamma must be above 0, not {settings.c}, {settings.gamma}")
    table = Table.of(task)
    standard = Standard.of(table.x)
    part = fit_machine(standard(table.x), table, settings.c, settings.gamma, table.folds(settings.folds, task.seed))
    return TableModel(Scaled(standard, part), table)
