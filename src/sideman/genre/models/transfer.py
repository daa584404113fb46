"""Transfer learning: a pretrained network, a linear probe on its embedding, then (if asked for) fine-tuning.

Source: Yosinski et al. 2014 (arXiv:1411.1792); probing first and tuning the whole afterwards: Kumar et al.,
"Fine-tuning can distort pretrained features and underperform out-of-distribution", 2022 (arXiv:2202.10054).

The shipped backbone was trained on the labels of GTZAN: what it scores there says nothing (:mod:`sideman.genre.heard`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sideman.core.errors import UsageError
from sideman.genre.models.backbones import Backbone, open_backbone
from sideman.genre.models.logistic import fit_linear
from sideman.genre.models.table import LEAST_PROBABILITY, Standard, Table
from sideman.training.classifier import Training, fit_network
from sideman.training.export import to_onnx
from sideman.training.task import Examples, Fitted, Floats, Task

_STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_FOLDS = 5


@dataclass(frozen=True)
class Settings(Training):
    """How to transfer; what :class:`Training` has is of fine-tuning.

    Attributes:
        backbone: "ours", "mn04" or "musicnn" (:data:`sideman.genre.models.backbones.PLUGINS`).
        weights: path or https address of its weights; empty takes what ships.
        sha256: of the weights; an address needs it.
        c: inverse strength of the probe's L2 penalty; 0 chooses it on the validation rows, or by cross-validation over
            the training recordings where there are none.
        fine_tune: train the network on after the probe.
        frozen: share of the network's parameter tensors, from the input on, that fine-tuning leaves alone (0..1).
    """

    backbone: str = "ours"
    weights: str = ""
    sha256: str = ""
    c: float = 0.0
    fine_tune: bool = False
    frozen: float = 0.4
    epochs: int = 8
    learning_rate: float = 2e-4
    weight_decay: float = 0.02
    rate: Literal["constant", "cycle"] = "cycle"
    averaging: float = 0.98
    patience: int = 2


SPACE = {
    "c": ("float", 3e-4, 3.0, "log"),
    "learning_rate": ("float", 3e-5, 1e-3, "log"),
    "frozen": ("float", 0.0, 0.9, "lin"),
}


class Head(nn.Module):
    """Embedding (batch, size) -> log-probabilities (batch, n_classes); classes that were not there get ln 1e-7."""

    present: Tensor
    absent: Tensor

    def __init__(self, linear: nn.Linear, present: NDArray[np.int_], n_classes: int) -> None:
        super().__init__()
        self.linear = linear
        spread = np.eye(n_classes, dtype=np.float32)[present]
        floor = np.where(spread.any(0), 0.0, np.log(LEAST_PROBABILITY)).astype(np.float32)
        self.register_buffer("present", torch.from_numpy(spread))
        self.register_buffer("absent", torch.from_numpy(floor))

    def forward(self, embedding: Tensor) -> Tensor:
        """Classify."""
        scores: Tensor = self.linear(embedding).log_softmax(1)
        return scores @ self.present + self.absent


class Network(nn.Module):
    """Features (batch, ...) -> log-probabilities (batch, n_classes)."""

    def __init__(self, backbone: nn.Module, head: Head) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def train(self, mode: bool = True) -> Network:
        """Stay in evaluation mode: few recordings would spoil the statistics that batch norm learnt from many."""
        super().train(False)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Classify."""
        scores: Tensor = self.head(self.backbone(x))
        return scores


@dataclass(frozen=True)
class Probe:
    """A linear probe on a frozen backbone.

    Attributes:
        backbone: the pretrained network.
        head: the linear map and the softmax.
        c: inverse strength of the penalty that it was fitted with.
        example: some rows of features, on which the export is checked.
    """

    backbone: Backbone
    head: Head
    c: float
    example: Floats

    @property
    def n_parameters(self) -> int:
        """Values that were trained."""
        return sum(p.numel() for p in self.head.parameters())

    def scores(self, x: Floats) -> Floats:
        """Log-probabilities (rows, n_classes) of features (rows, ...)."""
        with torch.inference_mode():
            result: Floats = self.head(torch.from_numpy(self.backbone.embed(x))).numpy()
        return result

    def network(self) -> Network:
        """Backbone and head as one module."""
        return Network(self.backbone.module(), self.head).eval()

    def to_onnx(self) -> bytes:
        """ONNX network with the backbone and its front end inside; checked on some training rows.

        Raises:
            ModelError: it does not repeat :meth:`scores`.
        """
        return _exported(self.network(), self.example)


class _AsTuple(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (self.network(x),)


def _exported(network: nn.Module, example: Floats) -> bytes:
    return to_onnx(_AsTuple(network), torch.from_numpy(example), "features", ["scores"], half_weights=False)


def fit(task: Task, settings: Settings) -> Fitted:
    """Fit the probe and, where the settings say so, fine-tune.

    Raises:
        UsageError: a setting out of range, or features that the backbone does not hear.
        DatasetError: training rows of one class only.
        ModelError: the backbone's weights cannot be had.
    """
    probe = fit_probe(task, settings)
    return _fine_tuned(probe, task, settings) if settings.fine_tune else probe


def fit_probe(task: Task, settings: Settings) -> Probe:
    """Fit the linear probe on the frozen embedding; arguments and errors as :func:`fit`."""
    if not settings.c >= 0 or not 0 <= settings.frozen <= 1:
        raise UsageError("transfer: c must be 0 (chosen by itself) or above, and frozen a share between 0 and 1")
    backbone = open_backbone(settings.backbone, settings.weights, settings.sha256)
    wanted = 1 if backbone.plugin.hears == "samples" else 2
    if task.train.x.ndim - 1 != wanted:
        other = f"transfer-{backbone.name}" if wanted == 1 else "transfer"
        raise UsageError(
            f"the backbone '{backbone.name}' hears '{backbone.plugin.hears}', not rows of shape "
            f"{task.train.x.shape[1:]}; choose the model '{other}'"
        )

    def embedded(examples: Examples) -> Examples:
        return replace(examples, x=backbone.embed(examples.x))

    train = embedded(task.train)
    valid = embedded(task.valid) if task.valid is not None and len(task.valid) else None
    table = Table.of(replace(task, train=train))
    c = settings.c or _chosen(table, valid, task)
    linear = _linear(table, np.arange(len(table.x)), c)
    example = np.ascontiguousarray(task.train.x[:4], np.float32)
    return Probe(backbone, Head(linear, table.present, task.n_classes).eval(), c, example)


def _linear(table: Table, rows: NDArray[np.int_], c: float) -> nn.Linear:
    """Logistic regression on z-scores, written as one linear map of the embedding itself."""
    standard = Standard.of(table.x[rows])
    fitted = fit_linear(standard(table.x[rows]), table.y[rows], table.weights[rows], c)
    matrix = fitted.matrix / standard.scale[:, None]
    linear = nn.Linear(*matrix.shape)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(matrix.T))
        linear.bias.copy_(torch.from_numpy(fitted.bias - standard.mean @ matrix))
    return linear


def _chosen(table: Table, valid: Examples | None, task: Task) -> float:
    """Penalty with the least log-loss, every class weighing the same, on rows that the probe was not fitted on."""
    everything = np.arange(len(table.x))
    if valid is not None:
        known = np.isin(valid.y, table.present)
        valid = Examples(valid.x[known], valid.y[known], valid.track_of[known])
    if valid is not None and len(valid):
        weights, x = valid.weights(task.n_classes), valid.x
        y = np.searchsorted(table.present, valid.y)
        return min(_STRENGTHS, key=lambda c: _loss(_linear(table, everything, c), x, y, weights))
    fold = table.folds(_FOLDS, task.seed)
    if fold.max() == 0:  # a class with one recording: nothing can be held out
        return 0.01

    def loss(c: float) -> float:
        total = 0.0
        for k in range(int(fold.max()) + 1):
            out = fold == k
            linear = _linear(table, np.flatnonzero(~out), c)
            total += _loss(linear, table.x[out].astype(np.float32), table.y[out], table.weights[out].astype(np.float32))
        return total

    return min(_STRENGTHS, key=loss)


def _loss(linear: nn.Linear, x: Floats, y: NDArray[np.int_], weights: Floats) -> float:
    with torch.inference_mode():
        scores = linear(torch.from_numpy(x)).log_softmax(1).numpy()
    return float(-(scores[np.arange(len(y)), y] * weights).sum())


def _fine_tuned(probe: Probe, task: Task, settings: Settings) -> Fitted:
    """Train backbone and head end to end, from the probe on."""

    def build(_shape: tuple[int, ...], _n_classes: int, _settings: Settings) -> nn.Module:
        network = probe.network()
        weights = list(network.backbone.parameters())
        for parameter in weights[: round(settings.frozen * len(weights))]:
            parameter.requires_grad_(False)
        return network

    return fit_network(build, task, settings, axis=None)
