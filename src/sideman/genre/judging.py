"""Train and score a model under a protocol, fit by fit: resumable, in several processes, without a look at the test."""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.atomic import atomic_write
from sideman.core.errors import ModelError
from sideman.core.parallel import map_files
from sideman.genre.material import Material
from sideman.genre.protocols import Partition
from sideman.genre.registry import ModelSpec, get_model
from sideman.training.task import Epoch, Examples, Fitted, Task

Ints = NDArray[np.int_]
Advance = Callable[[int], None]
_EMPTY = np.zeros(0, int)


@dataclass(frozen=True)
class Fit:
    """One fit to be made: a model, a partition, a seed."""

    model: str
    settings: Any
    partition: Partition
    seed: int

    @property
    def spec(self) -> ModelSpec:
        """The model's entry in the registry."""
        return get_model(self.model)


@dataclass(frozen=True)
class Scored:
    """What a fit gave.

    ``test`` and ``valid`` are log-probabilities (rows, classes) in the order of the partition's rows; ``history`` what
    each epoch said; ``fit_s`` seconds of training; ``parameters`` trainable values (0 where that means nothing).
    """

    test: NDArray[np.float32]
    valid: NDArray[np.float32]
    history: tuple[Epoch, ...]
    fit_s: float
    parameters: int


@dataclass(frozen=True)
class _Job:
    fit: Fit
    x: Path | NDArray[np.float32]
    y: Ints
    track_of: Ints
    n_classes: int
    result: Path


def score_all(
    fits: Sequence[Fit],
    material: Material,
    work: Path,
    *,
    workers: int = 1,
    advance: Advance | None = None,
) -> list[Scored]:
    """Make fits, or take their results from the ``work`` folder; in the order of ``fits``.

    Args:
        fits: what to train and score.
        material: what the partitions' rows count.
        work: folder of results and checkpoints; a result is found again by everything that it depends on.
        workers: processes; with 1 the fits run here, on all cores that the model's library uses.
        advance: called with 1 after every fit.

    Raises:
        ModelError: a fit failed; the message says which.
    """
    work.mkdir(parents=True, exist_ok=True)
    digest = _digest(material)
    results = [work / f"{fit.model}-{_key(fit, digest)}.npz" for fit in fits]
    missing = [i for i, result in enumerate(results) if read_scored(result) is None]
    if advance is not None:
        advance(len(fits) - len(missing))
    x: Path | NDArray[np.float32] = material.x
    if workers > 1 and len(missing) > 1:
        x = work / f"x-{digest[:24]}.npy"
        if not x.exists():
            with atomic_write(x) as file:
                np.save(file, material.x)
    jobs = [_Job(fits[i], x, material.y, material.track_of, len(material.genres), results[i]) for i in missing]
    for outcome in map_files(_run, jobs, max(1, min(workers, len(jobs)))):
        if not outcome.ok:
            fit = jobs[outcome.index].fit
            where = f"{fit.model}, {fit.partition.name}, seed {fit.seed}"
            raise ModelError(f"{where}: {str(outcome.error).removeprefix(where)}")
        if advance is not None:
            advance(1)
    scored = [read_scored(result) for result in results]
    return [s for s in scored if s is not None]


def fit_one(
    fit: Fit,
    material: Material,
    *,
    checkpoint: Path | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Fitted:
    """Train on a partition's ``train`` rows, with its ``valid`` rows for early stopping."""
    valid = material.examples(fit.partition.valid) if len(fit.partition.valid) else None
    task = Task(material.examples(fit.partition.train), valid, len(material.genres), fit.seed, checkpoint, on_epoch)
    return fit.spec.load().fit(task, fit.settings)


def _run(job: _Job) -> None:
    x = np.load(job.x, mmap_mode="r") if isinstance(job.x, Path) else job.x

    def examples(rows: Ints) -> Examples:
        return Examples(x[rows], job.y[rows], job.track_of[rows])

    partition = job.fit.partition
    history: list[Epoch] = []
    checkpoint = job.result.with_suffix(".checkpoint")
    valid = examples(partition.valid) if len(partition.valid) else None
    task = Task(examples(partition.train), valid, job.n_classes, job.fit.seed, checkpoint, history.append)
    start = time.monotonic()
    fitted = job.fit.spec.load().fit(task, job.fit.settings)
    fit_s = time.monotonic() - start
    told = [asdict(epoch) for epoch in history]
    with atomic_write(job.result) as file:
        np.savez(
            file,
            test=fitted.scores(x[partition.test]),
            valid=fitted.scores(x[partition.valid]) if len(partition.valid) else np.zeros((0, job.n_classes)),
            history=np.array(json.dumps(told)),
            fit_s=np.array(fit_s),
            parameters=np.array(int(getattr(fitted, "n_parameters", 0))),
        )
    checkpoint.unlink(missing_ok=True)


def read_scored(path: Path) -> Scored | None:
    """Read a kept result; None where there is none or it is damaged."""
    try:
        with np.load(path) as kept:
            history = tuple(Epoch(**epoch) for epoch in json.loads(str(kept["history"])))
            return Scored(
                kept["test"].astype(np.float32),
                kept["valid"].astype(np.float32),
                history,
                float(kept["fit_s"]),
                int(kept["parameters"]),
            )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def settings_dict(settings: Any) -> dict[str, Any]:
    """Settings as plain values."""
    if is_dataclass(settings) and not isinstance(settings, type):
        return asdict(settings)
    return dict(settings) if isinstance(settings, Mapping) else {}


def _digest(material: Material) -> str:
    digest = hashlib.sha256()
    told = [material.input.as_dict(), material.genres, [t.track_id for t in material.tracks]]
    digest.update(json.dumps(told).encode("utf-8", "surrogateescape"))
    digest.update(np.ascontiguousarray(material.track_of, np.int64).tobytes())
    digest.update(np.ascontiguousarray(material.labels, np.int64).tobytes())
    for start in range(0, len(material.x), 1024):
        digest.update(np.ascontiguousarray(material.x[start : start + 1024]).tobytes())
    return digest.hexdigest()


def _key(fit: Fit, digest: str) -> str:
    parts = [np.ascontiguousarray(rows, np.int64).tobytes() for rows in _rows(fit.partition)]
    told = json.dumps([fit.model, settings_dict(fit.settings), fit.seed, digest], sort_keys=True, default=str)
    return hashlib.sha256(b"|".join([told.encode(), *parts])).hexdigest()[:32]


def _rows(partition: Partition) -> tuple[Ints, Ints, Ints]:
    return partition.train, partition.valid, partition.test


def everything(material: Material, valid: Ints = _EMPTY) -> Partition:
    """Make the partition for the model that is kept: all rows but those that early stopping looks at."""
    train = np.setdiff1d(np.arange(len(material.x)), valid)
    return Partition("all recordings", train, valid, _EMPTY)
