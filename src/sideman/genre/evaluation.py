"""What a model scored under a protocol: kept as JSON with a CSV row per recording, and the source of every figure."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman import __version__
from sideman.core.atomic import atomic_write
from sideman.core.errors import DatasetError, OutputError, SidemanError
from sideman.datasets.splits import group_tracks
from sideman.genre import figures as _figures
from sideman.genre.apart import Apart, Tie, measure
from sideman.genre.material import Material
from sideman.genre.protocols import Partition, Protocol, get_protocol
from sideman.genre.runs import Curve, Run, row_scores_to_run
from sideman.training.task import Epoch

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
__all__ = ["Curve", "Evaluation", "Run", "assemble", "read", "row_scores_to_run"]
FILE, TABLE = "evaluation.json", "tracks.csv"
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One model under one protocol, with every seed.

    Attributes:
        model: name in the registry.
        protocol: name of the protocol.
        dataset: what to call the data set.
        settings: the model's settings, plain values.
        input: what the model heard, as :meth:`sideman.genre.inputs.Input.as_dict`.
        genres: class names; labels are indices into it.
        tracks: ids of all recordings of the data set, tested or not.
        labels: class per recording.
        groups: name of the group that each recording belongs to, by everything that is known.
        runs: one per seed.
        apart: what was kept apart, counted.
        n_parameters: trainable values; 0 where that means nothing.
        fit_seconds: training, all fits of all seeds together.
        curves: what networks said while they trained.
        notes: what else a reader must know.
        version: of Sideman.
    """

    model: str
    protocol: str
    dataset: str
    settings: Mapping[str, Any]
    input: Mapping[str, Any]
    genres: tuple[str, ...]
    tracks: tuple[str, ...]
    labels: Ints
    groups: tuple[str, ...]
    runs: tuple[Run, ...]
    apart: Apart
    n_parameters: int = 0
    fit_seconds: float = 0.0
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = ()
    version: str = field(default=__version__)

    def __post_init__(self) -> None:
        """Raise :class:`DatasetError` where parts do not fit together."""
        n, classes = len(self.tracks), len(self.genres)
        if not self.runs or len(self.labels) != n or len(self.groups) != n:
            raise DatasetError("an evaluation needs a run, and one label and group per recording")
        if n and not 0 <= self.labels.min() <= self.labels.max() < classes:
            raise DatasetError(f"labels of {classes} genres are 0..{classes - 1}")
        for run in self.runs:
            if run.log_probabilities.shape != (n, classes) or not len(run.rows) == len(run.rows_right) == n:
                raise DatasetError(f"seed {run.seed}: scores are for {run.log_probabilities.shape}, not {n, classes}")
            if len(run.fold_of) != n or not run.tested.any():
                raise DatasetError(f"seed {run.seed}: no recording was tested")
            if not np.isfinite(run.log_probabilities[run.tested]).all():
                raise DatasetError(f"seed {run.seed}: a tested recording has no score")

    @property
    def declared(self) -> Protocol:
        """The protocol with its declaration."""
        return get_protocol(self.protocol)

    def sentences(self) -> tuple[str, ...]:
        """Say what was kept apart and what was not, the most telling first."""
        return self.apart.sentences(self.declared)

    def probabilities(self) -> Floats:
        """Mean of the calibrated probabilities over the seeds that tested a recording, (tracks, classes); else NaN."""
        stacked = np.stack([run.probabilities(self.labels) for run in self.runs])
        count = np.isfinite(stacked[..., 0]).sum(0).astype(float)
        count[count == 0] = np.nan
        mean: Floats = np.nansum(stacked, axis=0) / count[:, None]
        return mean

    def figures(self) -> dict[str, Any]:
        """All figures, as plain values; see :func:`sideman.genre.figures.figures`."""
        return _figures.figures(self)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write JSON and, beside it, a CSV with a row per tested recording; returns the path of the JSON.

        ``path`` is a file that ends in ".json" (the CSV takes its stem) or a folder, which is made where it is missing
        (``evaluation.json``, ``tracks.csv``). Each file appears whole or not at all, the JSON last.

        Raises:
            OutputError: the place cannot be written.
        """
        target = Path(path)
        if target.suffix.lower() != ".json":
            try:
                target.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{target}: cannot be made a folder ({(error.strerror or '').lower()})") from None
            target = target / FILE
        table = target.with_name(TABLE) if target.name == FILE else target.with_suffix(".csv")
        with atomic_write(table, "w", errors="surrogateescape") as file:
            csv.writer(file, lineterminator="\n").writerows(self.table())
        with atomic_write(target, "w") as file:
            json.dump(self.as_dict(), file, allow_nan=False, default=str)
            file.write("\n")
        return target

    def table(self) -> list[list[object]]:
        """Rows of the CSV with its header: a row per tested recording, in their order."""
        seeds = [f"right_seed_{run.seed}" for run in self.runs]
        rows: list[list[object]] = [
            ["track", "genre", "group", "predicted", *(f"p_{genre}" for genre in self.genres), *seeds]
        ]
        mean = self.probabilities()
        for i in np.flatnonzero(np.isfinite(mean[:, 0])):
            right = [
                int(run.log_probabilities[i].argmax() == self.labels[i]) if run.tested[i] else "" for run in self.runs
            ]
            shares = [f"{p:.4f}" for p in mean[i]]
            predicted = self.genres[int(mean[i].argmax())]
            rows.append([self.tracks[i], self.genres[self.labels[i]], self.groups[i], predicted, *shares, *right])
        return rows

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values, fit for JSON; with the figures, which :func:`read` passes over."""
        runs = []
        for run in self.runs:
            scores = [row.tolist() if tested else None for row, tested in zip(run.log_probabilities, run.tested)]  # noqa: B905
            runs.append(
                {
                    "seed": run.seed,
                    "valid_temperature": run.valid_temperature,
                    "fold_of": run.fold_of.tolist(),
                    "rows": run.rows.tolist(),
                    "rows_right": run.rows_right.tolist(),
                    "log_probabilities": scores,
                }
            )
        return {
            "format": _FORMAT,
            "sideman": self.version,
            "model": self.model,
            "protocol": self.protocol,
            "dataset": self.dataset,
            "settings": dict(self.settings),
            "input": dict(self.input),
            "n_parameters": self.n_parameters,
            "fit_seconds": self.fit_seconds,
            "notes": list(self.notes),
            "figures": self.figures(),
            "genres": list(self.genres),
            "tracks": list(self.tracks),
            "labels": self.labels.tolist(),
            "groups": list(self.groups),
            "apart": asdict(self.apart),
            "runs": runs,
            "curves": [
                {"name": c.name, "seed": c.seed, "epochs": [asdict(e) for e in c.epochs if math.isfinite(e.loss)]}
                for c in self.curves
            ],
        }


def read(path: str | os.PathLike[str]) -> Evaluation:
    """Read what :meth:`Evaluation.write` wrote: a JSON file, or the folder that holds it.

    Raises:
        DatasetError: it cannot be read, or is no evaluation of this version.
    """
    place = Path(path)
    if place.is_dir():
        place = place / FILE
    try:
        told = json.loads(place.read_text(encoding="utf-8"))
        if told["format"] != _FORMAT:
            raise DatasetError(f"format {told['format']}, not {_FORMAT}")
        return _parsed(told)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise DatasetError(f"{place}: cannot be read ({why}); 'sideman evaluate' writes it") from None
    except (ValueError, KeyError, TypeError, AttributeError, SidemanError) as error:
        why = str(error) if isinstance(error, SidemanError) else repr(error)
        raise DatasetError(f"{place}: not an evaluation ({why}); run 'sideman evaluate' again") from None


def _parsed(told: Mapping[str, Any]) -> Evaluation:
    classes = len(told["genres"])
    apart = told["apart"]
    get_protocol(told["protocol"])
    runs = []
    for run in told["runs"]:
        scores = np.array([row or [math.nan] * classes for row in run["log_probabilities"]], float)
        right, rows, fold_of = (np.array(run[name], int) for name in ("rows_right", "rows", "fold_of"))
        runs.append(Run(int(run["seed"]), scores, right, rows, fold_of, run["valid_temperature"]))
    return Evaluation(
        model=told["model"],
        protocol=told["protocol"],
        dataset=told["dataset"],
        settings=dict(told["settings"]),
        input=dict(told["input"]),
        genres=tuple(told["genres"]),
        tracks=tuple(told["tracks"]),
        labels=np.array(told["labels"], int),
        groups=tuple(told["groups"]),
        runs=tuple(runs),
        apart=Apart(apart["tracks"], apart["named"], tuple(Tie(**tie) for tie in apart["ties"])),
        n_parameters=int(told["n_parameters"]),
        fit_seconds=float(told["fit_seconds"]),
        curves=tuple(Curve(c["name"], c["seed"], tuple(Epoch(**e) for e in c["epochs"])) for c in told["curves"]),
        notes=tuple(told["notes"]),
        version=told["sideman"],
    )


def assemble(
    material: Material,
    protocol: Protocol,
    partitions: Sequence[Partition],
    runs: Sequence[Run],
    *,
    model: str,
    dataset: str,
    settings: Mapping[str, Any],
    n_parameters: int = 0,
    fit_seconds: float = 0.0,
    curves: Sequence[Curve] = (),
    notes: Sequence[str] = (),
) -> Evaluation:
    """Make an evaluation of the runs; ``partitions`` are those of the first seed, on which the ties are counted."""
    ids = tuple(track.track_id for track in material.tracks)
    group_of = group_tracks(ids, material.relations)
    return Evaluation(
        model=model,
        protocol=protocol.name,
        dataset=dataset,
        settings=dict(settings),
        input=material.input.as_dict(),
        genres=material.genres,
        tracks=ids,
        labels=material.labels,
        groups=tuple(group_of[track] for track in ids),
        runs=tuple(runs),
        apart=measure(material, partitions),
        n_parameters=n_parameters,
        fit_seconds=fit_seconds,
        curves=tuple(curves),
        notes=tuple(notes),
    )
