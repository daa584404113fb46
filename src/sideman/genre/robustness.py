"""How a model fares when recordings are changed in ways that leave their genre alone, all in one pass."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.core.errors import DatasetError, UsageError
from sideman.core.parallel import map_files
from sideman.datasets.track import Track
from sideman.genre.interventions import INTERVENTIONS, Intervention, chosen
from sideman.genre.predict import classify
from sideman.genre.statistics import wilson

Floats = NDArray[np.float64]
Predict = Callable[[Path], Mapping[str, float] | ArrayLike]
UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Figures:
    """How a model fares under one change; shares are 0..1, intervals Wilson 95 % over recordings.

    Attributes:
        name: of the intervention, or "unchanged".
        recordings: how many were heard.
        accuracy: share whose answer is their genre; None where no genre is known to the model.
        accuracy_interval: of ``accuracy``.
        same: share whose answer is that for the unchanged recording.
        same_interval: of ``same``.
        total_variation: mean distance of the probabilities from those of the unchanged recording (0 equal, 1 disjoint).
    """

    name: str
    recordings: int
    accuracy: float | None
    accuracy_interval: tuple[float, float] | None
    same: float
    same_interval: tuple[float, float]
    total_variation: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Robustness:
    """What :func:`robustness` measured: figures for the unchanged recordings first, and what could not be read."""

    figures: tuple[Figures, ...]
    failures: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"figures": [figure.to_dict() for figure in self.figures], "failures": list(self.failures)}


def default_predict(path: Path) -> dict[str, float]:
    """Genre probabilities by the default model."""
    return classify(path, tempo=False, key=False).probabilities


def robustness(
    tracks: Sequence[Track],
    predict: Predict = default_predict,
    interventions: Sequence[Intervention] | None = None,
    *,
    genres: Sequence[str] = (),
    workers: int = 1,
    seed: int = 0,
    advance: Callable[[int], None] | None = None,
) -> Robustness:
    """Change every recording in every way, and ask a model each time.

    Recordings are mixed to mono; what is compared with is the unchanged mono recording at its own rate. For accuracy
    use recordings that the model was not trained on.

    Args:
        tracks: labelled recordings.
        predict: from a file to probabilities, by genre or in the order of ``genres``; with several workers a function
            that can be sent to them.
        interventions: changes, by default all of :data:`sideman.genre.interventions.INTERVENTIONS`.
        genres: names of the probabilities, where ``predict`` gives no names.
        workers: processes.
        seed: of what is random in a change; a recording's changes depend on it and on the track's id alone.
        advance: called with 1 after every recording.

    Raises:
        UsageError: ``predict`` gives neither names nor as many numbers as ``genres``.
        DatasetError: no recording can be heard.
    """
    changes = tuple(interventions) if interventions is not None else chosen()
    if not tracks:
        raise DatasetError("no recordings to change; name some")
    names = [change.name for change in changes]
    if len({UNCHANGED, *names}) != len(names) + 1:
        raise UsageError("interventions need names of their own")
    work = partial(_heard, predict, tuple(change.name for change in changes) if workers > 1 else changes, seed)
    if workers > 1 and interventions is not None and any(INTERVENTIONS.get(c.name) is not c for c in changes):
        raise UsageError("interventions of your own run in this process only: use workers=1")
    heard: dict[int, list[dict[str, float]]] = {}
    failures = []
    for outcome in map_files(work, list(tracks), workers):
        if outcome.value is not None:
            heard[outcome.index] = [_named(answer, genres) for answer in outcome.value]
        else:
            failures.append(str(outcome.error))
        if advance is not None:
            advance(1)
    if not heard:
        raise DatasetError(f"none of {len(tracks)} recordings can be heard, first {failures[0]}")
    order = sorted(heard)
    known = sorted({genre for i in order for genre in heard[i][0]})
    probabilities = np.array([[[answer[g] for g in known] for answer in heard[i]] for i in order])
    labels = np.array([known.index(tracks[i].genre) if tracks[i].genre in known else -1 for i in order])
    figures = [
        _figures(name, probabilities[:, k], probabilities[:, 0], labels) for k, name in enumerate([UNCHANGED, *names])
    ]
    return Robustness(tuple(figures), tuple(sorted(failures)))


def _heard(predict: Predict, changes: Sequence[str] | Sequence[Intervention], seed: int, track: Track) -> list[Any]:
    """Answers for a recording as it is and after each change; runs in a worker."""
    from sideman.audio.decode import load

    known = [change if isinstance(change, Intervention) else chosen((change,))[0] for change in changes]
    samples, rate_hz = load(track.path, sample_rate_hz=None)
    key = int.from_bytes(hashlib.sha256(track.track_id.encode("utf-8", "surrogateescape")).digest()[:8], "big")
    unchanged = Intervention(UNCHANGED, "", lambda y, _rate, _rng: y)
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        for number, change in enumerate([unchanged, *known]):
            path = change.write(samples, rate_hz, Path(folder) / f"{number}", np.random.default_rng([seed, key]))
            answers.append(predict(path))
            path.unlink()
    return answers


def _named(answer: Mapping[str, float] | ArrayLike, genres: Sequence[str]) -> dict[str, float]:
    if isinstance(answer, Mapping):
        return {str(name): float(p) for name, p in answer.items()}
    values = np.asarray(answer, float)
    if values.shape != (len(genres),):
        raise UsageError(f"the model gives probabilities of shape {values.shape} for {len(genres)} genres: name them")
    return dict(zip(genres, values.tolist(), strict=True))


def _figures(name: str, now: Floats, before: Floats, labels: NDArray[np.int_]) -> Figures:
    answer = now.argmax(1)
    same = answer == before.argmax(1)
    judged = labels >= 0
    right = answer[judged] == labels[judged]
    return Figures(
        name,
        len(now),
        float(right.mean()) if judged.any() else None,
        wilson(float(right.sum()), len(right)) if judged.any() else None,
        float(same.mean()),
        wilson(float(same.sum()), len(same)),
        float(np.abs(now - before).sum(1).mean() / 2),
    )
