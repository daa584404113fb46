"""Ensembles: soft vote, or stacking (Wolpert 1992), over other models.

:func:`fit_stack` works on any models' scores of the same recordings. As a model of its own, ``ensemble`` combines
models of the table into one network. Applying a stack needs NumPy only: :mod:`sideman.genre.combine`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression

from sideman.core.errors import UsageError
from sideman.genre.combine import FLOOR, Stack, stack_features
from sideman.genre.models.onnx_graph import Graph
from sideman.genre.models.table import LEAST_PROBABILITY, Part, Table, TableModel, Wide, quiet
from sideman.training.task import Examples, Ints, Task

MEMBERS = ("knn", "svm", "logistic", "forest", "boosting", "blend")
"""Models that can be joined into one network."""

PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Inverse strengths of the stack's penalty, of which the inner folds choose one."""


@dataclass(frozen=True)
class Settings:
    """Names of the members, "vote" or "stack", and the folds whose unseen rows a stack learns from."""

    members: tuple[str, ...] = ("svm", "logistic", "forest", "boosting")
    how: str = "vote"
    folds: int = 5


SPACE = {"how": ("choice", "vote", "stack")}


def fit_stack(
    members: Sequence[ArrayLike],
    labels: Ints,
    *,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Stack:
    """Train multinomial logistic regression on the members' log-probabilities.

    Every class weighs the same. The penalty is the one with the least log loss on inner folds that keep groups whole.

    Args:
        members: out-of-fold log-probabilities (tracks, classes) of each member; scores of rows that a member was
            trained on would make the stack trust whoever overfits most.
        labels: class per track, (tracks,); every class must occur.
        groups: what inner folds keep whole (artists), per track; None for single tracks.
        weights: per track, beside the balance of classes.
        folds: inner folds, fewer where a class has fewer groups.
        seed: of the inner folds.

    Raises:
        UsageError: shapes that do not fit, or a class without a track.
    """
    logs = np.stack([np.maximum(np.asarray(member, float), FLOOR) for member in members])
    n_members, n_tracks, n_classes = logs.shape
    count = np.bincount(labels, minlength=n_classes) if len(labels) == n_tracks else np.zeros(n_classes)
    if len(count) != n_classes or not (count > 0).all() or n_classes < 2:
        raise UsageError(f"a stack needs a label per track and tracks of every class, not {count.tolist()}")
    x = stack_features(logs).transpose(1, 0, 2).reshape(n_tracks, -1)
    weight = (np.ones(n_tracks) if weights is None else np.asarray(weights, float)).copy()
    weight /= np.bincount(labels, weight)[labels] * n_classes / n_tracks
    fold = _folds(labels, np.arange(n_tracks) if groups is None else np.asarray(groups), folds, seed)

    def trained(rows: Ints, c: float) -> LogisticRegression:
        model = LogisticRegression(C=c, max_iter=2000, tol=1e-8)
        return quiet(lambda: model.fit(x[rows], labels[rows], sample_weight=weight[rows]))

    def loss(c: float) -> float:
        total = 0.0
        for k in range(fold.max() + 1):
            model, asked = trained(np.flatnonzero(fold != k), c), np.flatnonzero(fold == k)
            seen = np.full((len(asked), n_classes), LEAST_PROBABILITY)
            seen[:, model.classes_] = model.predict_proba(x[asked])
            told = np.maximum(seen[np.arange(len(asked)), labels[asked]], LEAST_PROBABILITY)
            total -= float((weight[asked] * np.log(told)).sum())
        return total

    best = min(PENALTIES, key=loss) if fold.max() else PENALTIES[2]
    model = trained(np.arange(n_tracks), best)
    matrix, bias = model.coef_.T, model.intercept_
    if n_classes == 2:
        matrix, bias = np.hstack([-matrix / 2, matrix / 2]), np.array([-bias[0] / 2, bias[0] / 2])
    return Stack(matrix.reshape(n_members, n_classes, n_classes), bias)


def _folds(labels: Ints, groups: Ints, most: int, seed: int) -> Ints:
    """Fold per track: groups whole, the largest placed first, each where it adds least to its classes."""
    _, group_of = np.unique(groups, return_inverse=True)
    n_groups, n_classes = int(group_of.max()) + 1, int(labels.max()) + 1
    content = np.zeros((n_groups, n_classes))
    np.add.at(content, (group_of, labels), 1.0)
    n_folds = max(1, min(most, int((content > 0).sum(0).min())))
    share = content / content.sum(0)
    filled, fold = np.zeros((n_folds, n_classes)), np.zeros(n_groups, int)
    order = np.random.default_rng(seed).permutation(n_groups)
    for group in order[np.argsort(-content.sum(1)[order], kind="stable")]:
        fold[group] = int(((2 * filled + share[group]) * share[group]).sum(1).round(12).argmin())
        filled[fold[group]] += share[group]
    result: Ints = fold[group_of]
    return result


@dataclass(frozen=True)
class _Joined:
    """Several parts, voting or stacked."""

    parts: tuple[Part, ...]
    stack: Stack | None

    def probabilities(self, x: Wide) -> Wide:
        """Probabilities (rows, classes)."""
        seen = [part.probabilities(x) for part in self.parts]
        if self.stack is None:
            return np.asarray(np.mean(seen, axis=0))
        return np.asarray(np.exp(self.stack.combine([np.log(np.maximum(p, LEAST_PROBABILITY)) for p in seen])))

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network."""
        seen = [part.put(graph, x) for part in self.parts]
        if self.stack is None:
            return graph.add("Div", graph.add("Sum", *seen), graph.constant(float(len(seen))))
        values = graph.constant(self.stack.bias)
        for member, matrix in zip(seen, self.stack.matrix, strict=True):
            centred = matrix - matrix.mean(0)  # subtracting the mean over classes, moved into the map
            logs = graph.add("Max", graph.log_clipped(member, LEAST_PROBABILITY), graph.constant(FLOOR))
            values = graph.add("Add", values, graph.add("MatMul", logs, graph.constant(centred)))
        return graph.add("Softmax", values, axis=1)


def fit(task: Task, settings: Settings) -> TableModel:
    """Train every member with its defaults on the training rows; a stack also on folds of whole recordings of them."""
    unknown = [name for name in settings.members if name not in MEMBERS]
    if unknown or not settings.members:
        raise UsageError(f"ensemble: members are some of {', '.join(MEMBERS)}, not '{', '.join(unknown)}'")
    if settings.how not in {"vote", "stack"} or settings.folds < 2:
        raise UsageError(f"ensemble: how is 'vote' or 'stack', folds 2 or more, not '{settings.how}', {settings.folds}")
    table = Table.of(task)
    every = np.arange(len(table.x))
    parts = tuple(_member(name, task, every) for name in settings.members)
    if settings.how == "vote":
        return TableModel(_Joined(parts, None), table)
    fold = table.folds(settings.folds, task.seed)
    if not fold.max():
        raise UsageError("ensemble: a stack needs two recordings of every genre; use how=vote")
    unseen = np.zeros((len(parts), len(every), len(table.present)))
    for k in range(fold.max() + 1):
        rows, asked = every[fold != k], every[fold == k]
        for place, name in enumerate(settings.members):
            unseen[place, asked] = _member(name, task, rows).probabilities(table.x[asked])
    logs = np.log(np.maximum(unseen, LEAST_PROBABILITY))
    stack = fit_stack(list(logs), table.y, groups=table.track_of, weights=table.weights, seed=task.seed)
    return TableModel(_Joined(parts, stack), table)


def _member(name: str, task: Task, rows: Ints) -> Part:
    module = importlib.import_module(f"sideman.genre.models.{name}")
    given = task.train
    part_of = replace(task, train=Examples(given.x[rows], given.y[rows], given.track_of[rows]), checkpoint=None)
    fitted: TableModel = module.fit(part_of, module.Settings())
    return fitted.part
