"""How every network of the lab is trained: standardised features, balanced loss, early stopping, resume, ONNX."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from sideman.core.errors import DatasetError, UsageError
from sideman.core.tuning import tune_allocator
from sideman.training.distill import mask_spectrogram
from sideman.training.export import to_onnx
from sideman.training.loop import Rate, Schedule, fit
from sideman.training.task import Epoch, Examples, Floats, Ints, Task

_SCORED_AT_ONCE = 256


@dataclass(frozen=True)
class Training:
    """What every network's settings have.

    Attributes:
        epochs: passes over the training rows.
        batch_size: rows per step, about: batches are of equal size.
        learning_rate: constant, or the height of the cycle.
        weight_decay: of AdamW.
        rate: "constant" (plain Adam, as the older sources) or "cycle" (one-cycle rate).
        averaging: decay of the moving average of the weights, per step; 0 for none.
        patience: epochs without a lower validation loss after which training ends with its best weights; 0 for off.
        mixup: rows are mixed in pairs with shares drawn from Beta(mixup, mixup) (Zhang et al. 2018); 0 for off.
        mask: hide a stretch of bands and one of frames (SpecAugment, Park et al. 2019).
        label_smoothing: probability that the target gives to all classes alike (Szegedy et al. 2016).
        balanced: weigh every class alike, within it every recording; otherwise every row.
    """

    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    rate: Rate = "constant"
    averaging: float = 0.0
    patience: int = 0
    mixup: float = 0.0
    mask: bool = False
    label_smoothing: float = 0.0
    balanced: bool = True

    def check(self) -> None:
        """Raise :class:`UsageError` on a value that nothing can be trained with."""
        for name, good in (
            ("epochs", self.epochs >= 1),
            ("batch_size", self.batch_size >= 2),
            ("learning_rate", 0 < self.learning_rate < math.inf),
            ("weight_decay", 0 <= self.weight_decay < math.inf),
            ("rate", self.rate in {"constant", "cycle"}),
            ("averaging", 0 <= self.averaging < 1),
            ("patience", self.patience >= 0),
            ("mixup", 0 <= self.mixup < math.inf),
            ("label_smoothing", 0 <= self.label_smoothing < 1),
        ):
            if not good:
                raise UsageError(f"setting '{name}' cannot be {getattr(self, name)!r}")


SettingsT = TypeVar("SettingsT", bound=Training)
Build = Callable[[tuple[int, ...], int, SettingsT], nn.Module]
"""Makes a network of standardised features (batch, *shape) to logits (batch, n_classes).

A method ``penalty()`` of it, if there is one, is added to the loss.
"""


class Standardised(nn.Module):
    """Features to log-probabilities: z-scores by the training rows' mean and deviation, network, log-softmax."""

    mean: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, mean: Floats, scale: Floats) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("scale", torch.from_numpy(scale))

    def standardise(self, x: Tensor) -> Tensor:
        """Z-scores of features (batch, ...)."""
        return (x - self.mean) * self.scale

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities (batch, n_classes)."""
        return torch.log_softmax(self.network(self.standardise(x)), 1)


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network on the CPU; ``shape`` is that of one row."""

    network: Standardised
    shape: tuple[int, ...]

    @property
    def n_parameters(self) -> int:
        """Number of trainable values."""
        return sum(p.numel() for p in self.network.parameters() if p.requires_grad)

    def scores(self, x: Floats) -> Floats:
        """Log-probabilities (rows, n_classes) of features (rows, ...)."""
        return _scores(self.network, x)

    def to_onnx(self) -> bytes:
        """ONNX with the input "features" and the output "scores"; full-precision weights, checked to within 1e-4."""
        noise = torch.randn((3, *self.shape), generator=torch.Generator().manual_seed(0))
        return to_onnx(
            self.network, self.network.mean + noise / self.network.scale, "features", ["scores"], half_weights=False
        )


def fit_network(build: Build[SettingsT], task: Task, settings: SettingsT, *, axis: int | None = 1) -> FittedNetwork:
    """Train a network on the GPU where there is one, else on the CPU, where the same seed gives the same weights.

    Args:
        build: makes the network.
        task: what to learn; ``task.checkpoint`` is written after every epoch and resumed, to the same result.
        settings: how to learn.
        axis: of ``x``, along which features differ in kind and are standardised one by one: 1 for (rows, columns) and
            (rows, bands, frames), 2 for (rows, neighbours, columns); None for a network that takes them as they are.

    Raises:
        UsageError: a setting that makes no sense, or masks for features that are no picture.
        DatasetError: fewer than two training rows, or a feature that is no finite number.
        ModelError: a checkpoint that is damaged or of another run, or a loss that is no finite number.
    """
    settings.check()
    train = task.train
    if settings.mask and train.x.ndim != 3:
        raise UsageError(f"setting 'mask' hides bands and frames, which features of shape {train.x.shape[1:]} lack")
    if len(train) < 2:
        raise DatasetError(f"{len(train)} training row: a network needs at least two")
    tune_allocator()
    mean, scale = _standards(train.x, axis)
    shape = tuple(int(n) for n in train.x.shape[1:])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(task.seed)
    network = Standardised(build(shape, task.n_classes, settings), mean, scale)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = _Batches(train, task, settings, device)
    steps = batches.per_epoch
    watch = _Watch(network, task, settings.epochs, steps)
    schedule = Schedule(
        steps=settings.epochs * steps,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        averaging=settings.averaging,
        checkpoint_every=steps,
        rate=settings.rate,
        fused=True,
        patience=settings.patience if task.valid is not None else 0,
    )
    fit(
        network,
        lambda step: batches.loss(network, step),
        schedule,
        seed=task.seed,
        checkpoint=task.checkpoint,
        on_step=watch.on_step,
        on_pause=watch.on_pause,
        facts=_facts(task, settings, mean, scale),
    )
    return FittedNetwork(network.cpu(), shape)


def _standards(x: Floats, axis: int | None) -> tuple[Floats, Floats]:
    """Mean and one over the deviation per feature, each to broadcast over rows (..., features, ...).

    Without an axis nothing is standardised: 0 and 1.
    """
    others = tuple(i for i in range(x.ndim) if i != axis)
    origin = np.asarray(x[:1], np.float64).mean(others, keepdims=True)  # sums of squares stay exact far from zero
    total, squares, count = np.zeros_like(origin), np.zeros_like(origin), 0
    for start in range(0, len(x), 512):
        part = np.asarray(x[start : start + 512], np.float64) - origin
        total += part.sum(others, keepdims=True)
        squares += np.square(part).sum(others, keepdims=True)
        count += part.size // origin.size
    if not np.isfinite(squares).all():
        raise DatasetError("the training rows have a feature that is no finite number; mend or leave out the row")
    if axis is None:
        return np.zeros_like(origin[0], np.float32), np.ones_like(origin[0], np.float32)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    mean += origin
    deviation[deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-6)] = 1.0  # a feature that never changes
    return mean[0].astype(np.float32), (1 / deviation[0]).astype(np.float32)


class _Batches:
    """The batch of every step, drawn from the seed and the number of the epoch or step."""

    def __init__(self, train: Examples, task: Task, settings: Training, device: torch.device) -> None:
        self._train, self._seed, self._settings, self._device = train, task.seed, settings, device
        self._weights = train.weights(task.n_classes) if settings.balanced else np.ones(len(train), np.float32)
        self._of_epoch: tuple[int, list[Ints]] = (-1, [])
        # Never a batch of one row, which batch norm could not take.
        self.per_epoch = max(1, min(round(len(train) / settings.batch_size), len(train) // 2))

    def _rows(self, step: int) -> Ints:
        epoch, place = divmod(step, self.per_epoch)
        if self._of_epoch[0] != epoch:
            order = np.random.default_rng([self._seed, epoch]).permutation(len(self._train))
            self._of_epoch = (epoch, np.array_split(order, self.per_epoch))
        return self._of_epoch[1][place]

    def loss(self, network: Standardised, step: int) -> Tensor:
        """Weighted cross entropy of the step's batch."""
        rows, settings = self._rows(step), self._settings
        z = network.standardise(_tensor(self._train.x, rows).to(self._device))
        target = torch.from_numpy(self._train.y[rows]).to(self._device)
        weight = torch.from_numpy(self._weights[rows]).to(self._device)
        if settings.mask:
            z = mask_spectrogram(z, 0.0, time=max(1, z.shape[2] // 4), bands=max(1, z.shape[1] // 5), share=0.8)
        if not settings.mixup:
            loss = (self._losses(network.network(z), target) * weight).mean()
        else:
            share = torch.distributions.Beta(settings.mixup, settings.mixup).sample((len(rows),)).to(self._device)
            other = torch.randperm(len(rows)).to(self._device)
            ours = share.reshape(-1, *[1] * (z.ndim - 1))
            logits = network.network(ours * z + (1 - ours) * z[other])
            first = self._losses(logits, target) * weight * share
            second = self._losses(logits, target[other]) * weight[other] * (1 - share)
            loss = (first + second).mean()
        penalty = getattr(network.network, "penalty", None)
        return loss if penalty is None else loss + penalty()

    def _losses(self, logits: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(
            logits, target, reduction="none", label_smoothing=self._settings.label_smoothing
        )


class _Watch:
    """Tells how every epoch went, and how well the validation rows are known."""

    def __init__(self, network: Standardised, task: Task, epochs: int, steps: int) -> None:
        self._network, self._task, self._epochs, self._steps = network, task, epochs, steps
        self._losses: list[float] = []
        self._start = time.monotonic()
        self._weights = None if task.valid is None else task.valid.weights(task.n_classes)

    def on_step(self, step: int, loss: float) -> None:
        """Remember the loss of a step."""
        self._losses.append(loss)

    def on_pause(self, step: int) -> float | None:
        """Report an epoch; the measure is the validation rows' weighted cross entropy."""
        loss, accuracy = None, None
        valid = self._task.valid
        if valid is not None:
            scores = _scores(self._network, valid.x)
            if not np.isfinite(scores).all():
                raise DatasetError("the validation rows have a feature that is no finite number; leave out the row")
            loss = -float(np.average(scores[np.arange(len(valid)), valid.y], weights=self._weights))
            accuracy = float(np.average(scores.argmax(1) == valid.y, weights=self._weights))
        if self._task.on_epoch is not None:
            number = (step + 1) // self._steps
            mean = float(np.mean(self._losses))
            self._task.on_epoch(Epoch(number, self._epochs, mean, accuracy, time.monotonic() - self._start))
        self._losses.clear()
        return loss


def _facts(task: Task, settings: Training, mean: Floats, scale: Floats) -> dict[str, Any]:
    """What a checkpoint must agree with besides the schedule: settings and data."""
    digest = hashlib.sha256()
    for part in (mean, scale, task.train.y, *(() if task.valid is None else (task.valid.y,))):
        digest.update(np.ascontiguousarray(part).tobytes())
    told = {
        "network": type(settings).__module__,
        "settings": asdict(settings),
        "shape": task.train.x.shape,
        "n_classes": task.n_classes,
        "data": digest.hexdigest(),
    }
    facts: dict[str, Any] = json.loads(json.dumps(told))  # as a checkpoint gives it back
    return facts


def _tensor(x: Floats, rows: Ints | slice) -> Tensor:
    return torch.from_numpy(np.array(x[rows], np.float32))


def _scores(network: Standardised, x: Floats) -> Floats:
    network.eval()
    device = network.mean.device
    with torch.inference_mode():
        parts = [
            network(_tensor(x, slice(i, i + _SCORED_AT_ONCE)).to(device)).cpu().numpy()
            for i in range(0, len(x), _SCORED_AT_ONCE)
        ]
    scores: Floats = np.concatenate(parts)
    return scores
