"""Judge a model that is already trained on labelled recordings; what it was trained on is named."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from sideman.core.errors import DatasetError
from sideman.core.parallel import map_files
from sideman.datasets.splits import group_tracks
from sideman.datasets.track import printable, relations_of
from sideman.genre.apart import Apart
from sideman.genre.corpus import Corpus
from sideman.genre.evaluation import Evaluation, Run
from sideman.genre.heard import heard_notes
from sideman.genre.protocols import AS_IS
from sideman.genre.trained import open_model


def evaluate_folder(
    corpus: Corpus,
    folder: Path,
    *,
    workers: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> Evaluation:
    """Score a model folder on all recordings of a corpus.

    Raises:
        ModelError: the folder is no model.
        DatasetError: the corpus is a table, has a genre that the model does not know, or nothing can be read.
    """
    model = open_model(folder)
    dataset = corpus.dataset
    strange = sorted(set(dataset.genres) - set(model.genres))
    if strange:
        raise DatasetError(f"{corpus.root}: the model does not know the genre '{printable(strange[0])}'; leave it out")
    logs = np.full((len(dataset.tracks), len(model.genres)), np.nan)
    failures = []
    work = partial(_log_probabilities, folder)
    for outcome in map_files(work, [track.path for track in dataset.tracks], workers):
        if outcome.value is not None:
            logs[outcome.index] = outcome.value
        else:
            failures.append(str(outcome.error))
        if advance is not None:
            advance(1)
    known = ~np.isnan(logs).any(1)
    if not known.any():
        raise DatasetError(f"{corpus.root}: none of {len(known)} recordings can be read, first {failures[0]}")
    corpus.failures = tuple(sorted({*corpus.failures, *failures}))
    labels = np.array([model.genres.index(track.genre) for track in dataset.tracks])
    right = (np.where(known[:, None], logs, 0).argmax(1) == labels) & known
    ids = tuple(track.track_id for track in dataset.tracks)
    groups = group_tracks(ids, relations_of(dataset))
    named = sum(1 for track in dataset.tracks if track.artist)
    return Evaluation(
        model=str(model.card["model"]),
        protocol=AS_IS.name,
        dataset=corpus.name,
        settings=dict(model.card.get("settings") or {}),
        input=model.members[0].input.as_dict(),
        genres=model.genres,
        tracks=ids,
        labels=labels,
        groups=tuple(groups[name] for name in ids),
        runs=(
            Run(0, logs, right.astype(int), known.astype(int), np.where(known, 0, -1), model.calibration.temperature),
        ),
        apart=Apart(len(ids), named, ()),
        notes=(*heard_notes(model.card, ids), *corpus.failures),
    )


def _log_probabilities(folder: Path, path: Path) -> np.ndarray:
    model = open_model(folder)
    return model.log_probabilities(path)
