"""Which columns of the table carry a model: by permuting them over a data set, or by making them average in one file.

Source: Breiman, "Random forests", 2001 (permutation importance).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import ModelError, UsageError
from sideman.genre.explain_pieces import Float32, Floats, Pieces, Subject
from sideman.genre.metrics import balanced_accuracy

Ints = NDArray[np.int_]


class Scores(Protocol):
    """A trained model: :class:`sideman.training.task.Fitted`, or :class:`sideman.genre.trained.Member`."""

    def scores(self, x: Float32) -> NDArray[np.floating]:
        """Log-probabilities (rows, classes) of features (rows, ...)."""
        ...


@dataclass(frozen=True)
class ColumnImportance:
    """How much worse a model does without a column.

    ``fall`` is the mean loss of balanced accuracy over recordings (0..1) when the column is permuted, ``fall_sd`` its
    standard deviation over the repeats, ``loss`` the mean rise of the log-loss in nats.
    """

    column: str
    fall: float
    fall_sd: float
    loss: float


def permutation_importance(
    model: Scores,
    x: Float32,
    labels: Ints,
    track_of: Ints,
    columns: Sequence[str],
    *,
    repeats: int = 10,
    seed: int = 0,
) -> tuple[ColumnImportance, ...]:
    """Importance of each column, the greatest first.

    Use rows that the model was not trained on: on others a column counts that was merely learnt by heart.

    Args:
        model: gives scores.
        x: rows (rows, columns) or joined rows (rows, context, columns).
        labels: class per row.
        track_of: recording per row; accuracy is per recording.
        columns: names.
        repeats: permutations per column.
        seed: of the permutations.

    Raises:
        UsageError: shapes that do not fit.
    """
    if x.shape[-1] != len(columns) or not len(x) == len(labels) == len(track_of) or repeats < 1:
        raise UsageError(f"{len(columns)} columns, {len(labels)} labels and {x.shape} features do not fit together")
    _, first, inverse = np.unique(track_of, return_index=True, return_inverse=True)
    truth = labels[first]

    def judged(rows: Float32) -> tuple[float, float]:
        scores = model.scores(rows).astype(np.float64)
        mean = np.zeros((len(truth), scores.shape[1]))
        np.add.at(mean, inverse, scores)
        mean /= np.bincount(inverse)[:, None]
        loss = -float(mean[np.arange(len(truth)), truth].mean())
        return balanced_accuracy(mean, truth), loss

    accuracy, loss = judged(x)
    found = []
    for j, column in enumerate(columns):
        rng = np.random.default_rng([seed, j])
        changed = np.array(x, np.float32)
        falls, losses = [], []
        for _ in range(repeats):
            changed[..., j] = x[rng.permutation(len(x))][..., j]
            now, now_loss = judged(changed)
            falls.append(accuracy - now)
            losses.append(now_loss - loss)
        found.append(ColumnImportance(column, float(np.mean(falls)), float(np.std(falls)), float(np.mean(losses))))
    return tuple(sorted(found, key=lambda f: (-f.fall, -f.loss)))


@dataclass(frozen=True)
class ColumnFall:
    """What a column carried of one answer: its ``value``, the ``centre`` of the training rows, and the ``fall`` of the
    answer's log-odds when it has that instead."""

    column: str
    value: float
    centre: float
    fall: float


def column_falls(
    subject: Subject, pieces: Pieces, target: int, centre: NDArray[np.floating] | None = None
) -> tuple[ColumnFall, ...]:
    """Make each column of a recording's rows average in turn; the greatest fall of the mean log-odds first.

    Args:
        subject: the model.
        pieces: rows (rows, columns) or (rows, context, columns).
        target: class whose odds are looked at.
        centre: mean of each column over the training rows; by default the one on the card.

    Raises:
        ModelError: the card has no such mean.
        UsageError: it has another number of columns.
    """
    x = np.ascontiguousarray(pieces.x, np.float32)
    names = columns_of(x.shape[-1])
    middle = np.asarray(_centre(subject) if centre is None else centre, np.float64)
    if middle.shape != (x.shape[-1],) or not np.isfinite(middle).all():
        raise UsageError(f"the mean of each of {x.shape[-1]} columns is needed, got shape {middle.shape}")
    whole = float(subject.log_odds(x, target).mean())
    found = []
    for j, name in enumerate(names):
        changed = x.copy()
        changed[..., j] = middle[j]
        fall = whole - float(subject.log_odds(changed, target).mean())
        found.append(ColumnFall(name, float(x[..., j].mean()), float(middle[j]), fall))
    return tuple(sorted(found, key=lambda f: -f.fall))


def columns_of(count: int) -> tuple[str, ...]:
    """Names of the table's columns, with or without the first one, the length."""
    from sideman.audio.descriptors import DESCRIPTOR_COLUMNS

    names = tuple(DESCRIPTOR_COLUMNS)
    if count not in {len(names), len(names) - 1}:
        raise UsageError(f"the table has {len(names)} columns, or one less without the length; not {count}")
    return names[len(names) - count :]


def _centre(subject: Subject) -> Floats:
    card = subject.member.session.card
    for member in card.content.get("members", ()):
        if member.get("model") == subject.member.name and "centre" in member:
            return np.asarray(member["centre"], np.float64)
    raise ModelError(f"{card.path}: its card has no mean of each column; train the model again")
