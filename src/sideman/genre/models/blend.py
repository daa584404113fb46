"""The lab's strongest table model: derived columns, kernel densities with full covariances, a support vector machine.

What it gains, it gains from full covariances: which MFCC and spectral figures go together tells more of a genre than
where each of them lies. The densities have a kernel per row, shaped by its class; the machine measures distances in a
space where the spread within classes is the same in all directions. Their log-probabilities are averaged. Columns,
members and settings were chosen by cross-validation within the training and validation tracks of GTZAN's fault-filtered
split, by artists and by tracks, for the sum of both accuracies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sideman.core.errors import UsageError
from sideman.genre.models.derived import Derived
from sideman.genre.models.kernel_density import fit_kernels, whitening
from sideman.genre.models.onnx_graph import Graph
from sideman.genre.models.svm import fit_machine
from sideman.genre.models.table import LEAST_PROBABILITY, Part, Standard, Table, TableModel, Wide, softmax
from sideman.training.task import Task

_FARTHEST = 8.0  # in standard deviations: a silent or broken recording shall not be worse than very odd


@dataclass(frozen=True)
class Settings:
    """Settings of the members.

    Attributes:
        share: of the densities in the mean, 0..1; the machine has the rest.
        gather: how far a kernel is moved from its row to the class's mean, above 0, up to 1.
        pull: share of the common covariance in every class's, 0..1.
        ridge: share of the identity in the kernels' covariances, 0..1.
        c: the machine's cost of a violated margin.
        gamma: its kernel's width, over the number of columns.
        whitening: share of the identity in the covariance that whitens its columns, 0..1.
        folds: parts of the training rows on which the temperatures are measured.
    """

    share: float = 2 / 3
    gather: float = 0.6
    pull: float = 0.92
    ridge: float = 0.0075
    c: float = 3.0
    gamma: float = 1.2
    whitening: float = 0.1
    folds: int = 5


SPACE = {
    "share": ("float", 0.0, 1.0, "lin"),
    "gather": ("float", 0.4, 1.0, "lin"),
    "pull": ("float", 0.7, 1.0, "lin"),
    "ridge": ("float", 1e-3, 0.1, "log"),
    "c": ("float", 0.3, 30.0, "log"),
    "gamma": ("float", 0.1, 4.0, "log"),
    "whitening": ("float", 0.01, 0.5, "log"),
}


@dataclass(frozen=True)
class _White:
    """A part that hears whitened z-scores."""

    matrix: Wide
    part: Part

    def probabilities(self, x: Wide) -> Wide:
        return self.part.probabilities(x @ self.matrix)

    def put(self, graph: Graph, x: str) -> str:
        return self.part.put(graph, graph.add("MatMul", x, graph.constant(self.matrix)))


@dataclass(frozen=True)
class _Blend:
    """Weighted mean log-probabilities of parts that hear derived columns as z-scores, as probabilities again."""

    derived: Derived
    standard: Standard
    parts: tuple[Part, ...]
    shares: tuple[float, ...]

    def probabilities(self, x: Wide) -> Wide:
        z = z_scores(x, self.derived, self.standard)
        seen = np.array([part.probabilities(z) for part in self.parts])
        return softmax(np.tensordot(self.shares, np.log(np.maximum(seen, LEAST_PROBABILITY)), axes=1))

    def put(self, graph: Graph, x: str) -> str:
        z = self.standard.put(graph, self.derived.put(graph, x))
        z = graph.add("Min", graph.add("Max", z, graph.constant(-_FARTHEST)), graph.constant(_FARTHEST))
        logs = [graph.log_clipped(part.put(graph, z), LEAST_PROBABILITY) for part in self.parts]
        weighted = [graph.add("Mul", log, graph.constant(share)) for log, share in zip(logs, self.shares, strict=True)]
        return graph.add("Softmax", graph.add("Sum", *weighted), axis=1)


def z_scores(x: Wide, derived: Derived, standard: Standard) -> Wide:
    """Derived columns as z-scores, kept within 8 standard deviations."""
    return np.asarray(standard(derived(x)).clip(-_FARTHEST, _FARTHEST))


def fit(task: Task, settings: Settings) -> TableModel:
    """Train on the training rows, then on folds of whole recordings of them for the temperatures."""
    shares = (settings.share, settings.gather, settings.pull, settings.ridge, settings.whitening)
    if not all(0 <= share <= 1 for share in shares) or not (settings.gather and settings.c > 0 and settings.gamma > 0):
        raise UsageError("blend: share, gather, pull, ridge and whitening lie in 0..1; gather, c and gamma above 0")
    table = Table.of(task)
    derived = Derived(table.x.shape[1])
    standard = Standard.of(derived(table.x))
    z = z_scores(table.x, derived, standard)
    fold = table.folds(settings.folds, task.seed)
    kernels = fit_kernels(z, table, settings.gather, settings.pull, settings.ridge, fold)
    white = whitening(z, table, settings.whitening)
    machine = _White(white, fit_machine(z @ white, table, settings.c, settings.gamma, fold))
    return TableModel(_Blend(derived, standard, (kernels, machine), (settings.share, 1 - settings.share)), table)
