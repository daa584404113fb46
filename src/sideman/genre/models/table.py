"""What the models of the 58-column table share: rows, z-scores, missing classes, log-probabilities and ONNX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import DatasetError, UsageError
from sideman.genre.models.onnx_graph import Graph, check_equal
from sideman.training.task import Examples, Floats, Ints, Task

Wide = NDArray[np.float64]
LEAST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Table:
    """Training rows as table models take them.

    Attributes:
        x: features (rows, columns), float64, but of float32 values: what the ONNX network will see.
        y: place of the class in ``present``, per row.
        weights: per row, mean 1.
        track_of: recording per row.
        present: classes that occur, ascending; the others of ``n_classes`` get the least probability.
        n_classes: number of classes.
    """

    x: Wide
    y: Ints
    weights: Wide
    track_of: Ints
    present: Ints
    n_classes: int

    @classmethod
    def of(cls, task: Task) -> Table:
        """Take the training rows of a task.

        Raises:
            UsageError: rows that are no vectors.
            DatasetError: rows of one class only.
        """
        examples: Examples = task.train
        if examples.x.ndim != 2:
            raise UsageError(f"table models take one row of columns at a time, not {examples.x.shape[1:]}: join none")
        present, y = np.unique(examples.y, return_inverse=True)
        if len(present) < 2:
            raise DatasetError("the training rows are all of one genre: there is nothing to tell apart")
        x = np.asarray(examples.x, np.float32).astype(np.float64)
        weights = examples.weights(task.n_classes).astype(np.float64)
        return cls(x, y, weights, np.asarray(examples.track_of), present, task.n_classes)

    def folds(self, most: int, seed: int) -> Ints:
        """Fold per row, up to ``most`` folds: recordings whole, every class dealt out evenly; 0 everywhere for one.

        There are no more folds than the rarest class has recordings.
        """
        tracks, first, row_track = np.unique(self.track_of, return_index=True, return_inverse=True)
        label = self.y[first]
        n_folds = min(most, int(np.bincount(label).min()))
        fold = np.zeros(len(tracks), int)
        rng = np.random.default_rng(seed)
        for k in range(len(self.present)):
            own = rng.permutation(np.flatnonzero(label == k))
            fold[own] = (np.arange(len(own)) + k) % n_folds
        result: Ints = fold[row_track]
        return result


@dataclass(frozen=True)
class Standard:
    """Columns brought to mean 0 and standard deviation 1 on the training rows; constant columns become 0."""

    mean: Wide
    scale: Wide

    @classmethod
    def of(cls, x: Wide) -> Standard:
        """Measure ``x`` (rows, columns)."""
        mean, scale = x.mean(0), x.std(0)
        return cls(mean, np.where(scale > 1e-9 * np.maximum(np.abs(mean), 1e-30), scale, np.inf))

    def __call__(self, x: Wide) -> Wide:
        """Standardise."""
        return np.asarray((x - self.mean) / self.scale)

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network."""
        return graph.add("Mul", graph.add("Sub", x, graph.constant(self.mean)), graph.constant(1.0 / self.scale))


class Part(Protocol):
    """Something that gives probabilities, in NumPy or scikit-learn and in ONNX."""

    def probabilities(self, x: Wide) -> Wide:
        """Probabilities (rows, present classes) of features (rows, columns)."""
        ...

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network, float64 in and out."""
        ...


@dataclass(frozen=True)
class Scaled:
    """A part that hears z-scores."""

    standard: Standard
    part: Part

    def probabilities(self, x: Wide) -> Wide:
        """Probabilities (rows, present classes)."""
        return self.part.probabilities(self.standard(x))

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network."""
        return self.part.put(graph, self.standard.put(graph, x))


@dataclass(frozen=True)
class TableModel:
    """A trained table model: a :class:`Part` behind the interface of all models.

    Attributes:
        part: gives probabilities of the classes in ``present``.
        table: what it was trained on; the network is checked on these rows.
    """

    part: Part
    table: Table

    def scores(self, x: Floats) -> Floats:
        """Log-probabilities (rows, n_classes) of features (rows, columns), each at least ln 1e-7."""
        if x.ndim != 2 or x.shape[1] != self.table.x.shape[1]:
            raise UsageError(f"the model takes (rows, {self.table.x.shape[1]}) features, not {x.shape}")
        seen = self.part.probabilities(np.asarray(x, np.float32).astype(np.float64))
        every = np.zeros((len(x), self.table.n_classes))
        every[:, self.table.present] = seen
        return np.log(np.maximum(every, LEAST_PROBABILITY)).astype(np.float32)

    def to_onnx(self) -> bytes:
        """ONNX network from "features" (batch, columns) to "scores" (batch, n_classes); checked on the training rows.

        Raises:
            ModelError: the network does not repeat :meth:`scores`.
        """
        graph, table = Graph(), self.table
        seen = self.part.put(graph, graph.wide("features"))
        if len(table.present) < table.n_classes:
            seen = graph.affine(seen, np.eye(table.n_classes)[table.present])
        payload = graph.finish(graph.log_clipped(seen, LEAST_PROBABILITY), table.x.shape[1], table.n_classes)
        x = table.x.astype(np.float32)
        check_equal(payload, x, self.scores(x))
        return payload


def softmax(values: Wide) -> Wide:
    """Softmax over the last axis."""
    shifted = np.exp(values - values.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))


def out_of_fold(table: Table, fold: Ints, fit_score: Callable[[Ints, Ints], Wide], width: int) -> Wide:
    """Values (rows, width) of every row by ``fit_score(train rows, rows)``, a fit on the other folds."""
    values = np.full((len(table.x), width), np.nan)
    for k in np.unique(fold):
        rows = np.flatnonzero(fold == k)
        values[rows] = fit_score(np.flatnonzero(fold != k), rows)
    return values


def quiet(fit: Callable[[], Any]) -> Any:
    """Run a fit without scikit-learn's warnings about iterations: a cap that is reached is a setting, not a fault."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit()
