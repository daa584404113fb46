"""Scores of test rows joined into one result per recording: what one seed of a protocol gave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import ModelError
from sideman.genre.material import Material
from sideman.genre.protocols import Partition
from sideman.genre.statistics import calibrated, cross_fitted_temperatures, fitted_temperature
from sideman.training.task import Epoch

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
_LEAST_LOG_PROBABILITY = math.log(1e-12)
_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Run:
    """What one seed of a protocol gave, per recording of the data set.

    Attributes:
        seed: of the split and of training.
        log_probabilities: mean over the test rows of the rows' log-probabilities, (tracks, classes); NaN where a
            recording was never tested.
        rows_right: test rows whose own answer is right, (tracks,).
        rows: test rows, (tracks,).
        fold_of: partition in which a recording was tested, (tracks,); -1 where it never was.
        valid_temperature: fitted on the validation recordings; for protocols with one test part, else None.
    """

    seed: int
    log_probabilities: Floats
    rows_right: Ints
    rows: Ints
    fold_of: Ints
    valid_temperature: float | None = None

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Recordings that were tested, (tracks,)."""
        return self.fold_of >= 0

    def temperatures(self, labels: Ints) -> Floats:
        """Temperature per tested recording, never fitted on the recording itself; 1 where there is nothing to fit on.

        With several folds it comes from the out-of-fold scores of the other folds, else from the validation rows.
        """
        tested = self.tested
        fold = self.fold_of[tested]
        if len(np.unique(fold)) > 1:
            return cross_fitted_temperatures(self.log_probabilities[tested], labels[tested], fold)
        return np.full(int(tested.sum()), self.valid_temperature or 1.0)

    def probabilities(self, labels: Ints) -> Floats:
        """Calibrated probabilities, (tracks, classes); NaN where a recording was never tested."""
        made = np.full(self.log_probabilities.shape, np.nan)
        made[self.tested] = calibrated(self.log_probabilities[self.tested], self.temperatures(labels))
        return made


@dataclass(frozen=True)
class Curve:
    """What one fit said after each epoch."""

    name: str
    seed: int
    epochs: tuple[Epoch, ...]


def row_scores_to_run(
    material: Material,
    partitions: Sequence[Partition],
    scores: Sequence[NDArray[np.floating]],
    seed: int,
    valid_scores: Sequence[NDArray[np.floating]] | None = None,
) -> Run:
    """Join the scores of all partitions of one seed.

    Args:
        material: what the partitions' rows count.
        partitions: of one seed.
        scores: per partition the log-probabilities of its test rows, (rows, classes).
        seed: of the run.
        valid_scores: the same of its validation rows; with one partition the temperature is fitted on them.

    Raises:
        ModelError: scores have another shape than the rows, or are no numbers.
    """
    tracks, classes = len(material.tracks), len(material.genres)
    fold_of = np.full(tracks, -1)
    every_row, every_score = [], []
    for number, (partition, given) in enumerate(zip(partitions, scores, strict=True)):
        every_score.append(_sound(partition.name, given, (len(partition.test), classes)))
        every_row.append(partition.test)
        fold_of[material.track_of[partition.test]] = number
    rows, row_scores = np.concatenate(every_row), np.concatenate(every_score)
    owner = material.track_of[rows]
    right = row_scores.argmax(1) == material.y[rows]
    temperature = None
    if len(partitions) == 1 and valid_scores is not None and len(partitions[0].valid):
        valid = partitions[0].valid
        sound = _sound(f"{partitions[0].name}, validation", valid_scores[0], (len(valid), classes))
        mean = material.per_track(sound, valid)
        known = np.isfinite(mean[:, 0])
        temperature = round(fitted_temperature(mean[known], material.labels[known]), _DIGITS)
    return Run(
        seed,
        material.per_track(row_scores, rows).round(_DIGITS),
        np.bincount(owner, right, minlength=tracks).astype(int),
        np.bincount(owner, minlength=tracks),
        fold_of,
        temperature,
    )


def _sound(where: str, given: NDArray[np.floating], shape: tuple[int, int]) -> Floats:
    scores = np.asarray(given, float)
    if scores.shape != shape:
        raise ModelError(f"{where}: the model gave scores of shape {scores.shape} for {shape}")
    if np.isnan(scores).any():
        raise ModelError(f"{where}: the model's scores are no numbers; lower its learning rate or change its settings")
    kept: Floats = np.maximum(scores, _LEAST_LOG_PROBABILITY)  # one impossible row must not decide alone
    return kept
