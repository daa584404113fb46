"""The lab's strongest table model: derived columns, densities with full covariances, and a support vector machine.

What it gains, it gains from full covariances: which MFCC and spectral figures go together tells more of a genre, and
less of an artist, than where each of them lies. One Gaussian per class generalises best to unheard artists, a kernel
density best among known ones; the machine measures distances in a space where the spread within classes is the same in
all directions. Their log-probabilities are averaged. Columns, members and settings were chosen by cross-validation
within the training and validation tracks of GTZAN's fault-filtered split, by artists and by tracks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sideman.core.errors import UsageError
from sideman.genre.models.derived import Derived
from sideman.genre.models.discriminant import fit_gaussians, fit_kernels, whitening
from sideman.genre.models.onnx_graph import Graph
from sideman.genre.models.svm import fit_machine
from sideman.genre.models.table import LEAST_PROBABILITY, Part, Standard, Table, TableModel, Wide, softmax
from sideman.training.task import Task

_FARTHEST = 8.0  # in standard deviations: a silent or broken recording shall not be worse than very odd


@dataclass(frozen=True)
class Settings:
    """Settings of the members.

    Attributes:
        pull: share of the common covariance in every class's, 0..1, of the Gaussians.
        kernel_pull: the same, of the kernels.
        gather: how far a kernel is moved from its row to the class's mean, above 0, up to 1.
        ridge: share of the identity in all covariances of both, 0..1.
        c: the machine's cost of a violated margin.
        gamma: its kernel's width, over the number of columns.
        whitening: share of the identity in the covariance that whitens its columns, 0..1.
        folds: parts of the training rows on which the temperatures are measured.
    """

    pull: float = 0.9
    kernel_pull: float = 0.92
    gather: float = 0.6
    ridge: float = 0.0075
    c: float = 3.0
    gamma: float = 0.6
    whitening: float = 0.1
    folds: int = 5


SPACE = {
    "pull": ("float", 0.7, 1.0, "lin"),
    "kernel_pull": ("float", 0.7, 1.0, "lin"),
    "gather": ("float", 0.4, 0.9, "lin"),
    "ridge": ("float", 1e-3, 0.1, "log"),
    "c": ("float", 0.3, 30.0, "log"),
    "gamma": ("float", 0.1, 2.0, "log"),
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
    """Mean log-probabilities of parts that hear derived columns as z-scores, as probabilities again."""

    derived: Derived
    standard: Standard
    parts: tuple[Part, ...]

    def probabilities(self, x: Wide) -> Wide:
        z = z_scores(x, self.derived, self.standard)
        logs = [np.log(np.maximum(part.probabilities(z), LEAST_PROBABILITY)) for part in self.parts]
        return softmax(np.mean(logs, axis=0))

    def put(self, graph: Graph, x: str) -> str:
        z = self.standard.put(graph, self.derived.put(graph, x))
        z = graph.add("Min", graph.add("Max", z, graph.constant(-_FARTHEST)), graph.constant(_FARTHEST))
        logs = [graph.log_clipped(part.put(graph, z), LEAST_PROBABILITY) for part in self.parts]
        mean = graph.add("Div", graph.add("Sum", *logs), graph.constant(float(len(logs))))
        return graph.add("Softmax", mean, axis=1)


def z_scores(x: Wide, derived: Derived, standard: Standard) -> Wide:
    """Derived columns as z-scores, kept within 8 standard deviations."""
    return np.asarray(standard(derived(x)).clip(-_FARTHEST, _FARTHEST))


def fit(task: Task, settings: Settings) -> TableModel:
    """Train on the training rows, then on folds of whole recordings of them for the temperatures."""
    shares = (settings.pull, settings.kernel_pull, settings.gather, settings.ridge, settings.whitening)
    if not all(0 <= share <= 1 for share in shares) or not (settings.gather and settings.c > 0 and settings.gamma > 0):
        raise UsageError("blend: pulls, gather, ridge and whitening are shares in 0..1; gather, c and gamma above 0")
    table = Table.of(task)
    derived = Derived(table.x.shape[1])
    standard = Standard.of(derived(table.x))
    z = z_scores(table.x, derived, standard)
    fold = table.folds(settings.folds, task.seed)
    gaussians = fit_gaussians(z, table, settings.pull, settings.ridge, fold)
    kernels = fit_kernels(z, table, settings.gather, settings.kernel_pull, settings.ridge, fold)
    white = whitening(z, table, settings.whitening)
    machine = _White(white, fit_machine(z @ white, table, settings.c, settings.gamma, fold))
    return TableModel(_Blend(derived, standard, (gaussians, kernels, machine)), table)
