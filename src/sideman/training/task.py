"""What every trainable model is given, and what it gives back: the one interface of the lab."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int_]


@dataclass(frozen=True)
class Examples:
    """Labelled rows of features.

    Attributes:
        x: features, (rows, ...), float32; may be a memory map, so copy what is changed.
        y: class per row, (rows,).
        track_of: recording per row, (rows,); a recording's rows share a class.
    """

    x: Floats
    y: Ints
    track_of: Ints

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.y)

    def weights(self, n_classes: int) -> Floats:
        """Weight per row, mean 1: every class weighs the same, within it every recording, within that every row."""
        _, recording, rows = np.unique(self.track_of, return_inverse=True, return_counts=True)
        weight = 1.0 / rows[recording]
        total = np.bincount(self.y, weight, minlength=n_classes)
        weight = weight / total[self.y]
        return np.asarray(weight / weight.mean(), np.float32)


@dataclass(frozen=True)
class Epoch:
    """How training stands after a pass over the examples; ``accuracy`` (0..1, balanced) is of the validation rows."""

    number: int
    of: int
    loss: float
    accuracy: float | None
    elapsed_s: float


@dataclass(frozen=True)
class Task:
    """One fit.

    Attributes:
        train: what to learn from; all scaling and selection is measured here.
        valid: what early stopping looks at, None for none; never the test rows.
        n_classes: number of classes; some may be missing in ``train``.
        seed: of everything random; same seed, same weights on one machine.
        checkpoint: file that makes a network's fit resumable after a kill, to the same result.
        on_epoch: called after every epoch; what it raises ends the fit.
    """

    train: Examples
    valid: Examples | None
    n_classes: int
    seed: int = 0
    checkpoint: Path | None = None
    on_epoch: Callable[[Epoch], None] | None = None


class Fitted(Protocol):
    """A trained model."""

    def scores(self, x: Floats) -> Floats:
        """Log-probabilities (rows, n_classes) of features (rows, ...)."""
        ...

    def to_onnx(self) -> bytes:
        """ONNX with the input "features" (batch, ...) and the output "scores" (batch, n_classes), as :meth:`scores`.

        Any standardisation is inside. Checked against :meth:`scores` to within 1e-4.
        """
        ...


class Model(Protocol):
    """What a module under ``genre/models`` that the registry names must have.

    ``Settings`` is a frozen dataclass of everything that may be set, with the source's values as defaults; ``SPACE``
    says between which values :mod:`sideman.genre.tune` looks; ``fit`` trains.
    """

    Settings: type[Any]
    SPACE: dict[str, tuple[Any, ...]]

    def fit(self, task: Task, settings: Any) -> Fitted:
        """Train on ``task``."""
        ...
