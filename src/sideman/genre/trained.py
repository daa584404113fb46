"""A model folder: ONNX files and a card, written by training, read by everything that classifies; no torch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sideman.audio.limits import DEFAULT_LIMITS, Limits
from sideman.core.errors import ModelError
from sideman.genre.inputs import Input, Rows, stream_rows
from sideman.genre.predict import Calibration, Classification, Segment, by_genre, log_softmax
from sideman.inference.cards import Card, sha256_of
from sideman.inference.sessions import Session

if TYPE_CHECKING:
    from sideman.genre.inputs import Listener

CARD = "model.json"
_CONTEXT_ROWS = 3
"""Rows whose mean log-probability makes one segment of the timeline."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Member:
    """One network of a model folder, and what it hears."""

    name: str
    input: Input
    session: Session

    def scores(self, x: NDArray[np.float32]) -> Floats:
        """Log-probabilities (rows, classes)."""
        parts = [
            self.session.run(np.ascontiguousarray(x[i : i + 64], np.float32))["scores"] for i in range(0, len(x), 64)
        ]
        return log_softmax(np.concatenate(parts).astype(np.float64))


@dataclass(frozen=True)
class TrainedModel:
    """A model that ``sideman train genre`` made.

    Attributes:
        folder: where it lies.
        card: all that is known of it.
        genres: class names.
        members: one network, or the members of an ensemble.
        calibration: how scores become an answer.
    """

    folder: Path
    card: Mapping[str, Any]
    genres: tuple[str, ...]
    members: tuple[Member, ...]
    calibration: Calibration

    @property
    def name(self) -> str:
        """Name and the first 12 digits of the first network's checksum."""
        return f"{self.card['model']} {self.members[0].session.card.sha256[:12]}"

    def combined(self, member_scores: Sequence[Floats]) -> Floats:
        """Join the members' mean log-probabilities, each (..., classes), into one."""
        if len(member_scores) == 1:
            return member_scores[0]
        from sideman.genre.combine import Stack, combine

        told = self.card["combine"]
        how = Stack.from_dict(told["stack"]) if told.get("stack") else told.get("weights")
        return combine([np.atleast_2d(scores) for scores in member_scores], how).reshape(member_scores[0].shape)

    def probabilities(self, log_probabilities: Floats) -> Floats:
        """Calibrated probabilities (..., classes) of combined mean log-probabilities."""
        return np.exp(log_softmax(log_probabilities / self.calibration.temperature))

    def classify(
        self,
        path: str | os.PathLike[str],
        *,
        timeline: bool = False,
        start_s: float = 0.0,
        duration_s: float | None = None,
        also: tuple[Listener, ...] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> Classification:
        """Name the genre of a recording, as :func:`sideman.genre.predict.classify`.

        Raises:
            AudioError: the file cannot be read, is too short or is silent throughout.
        """
        logs, rows = self._hear(path, start_s, duration_s, also, limits)
        probabilities = self.probabilities(logs)
        named = by_genre(probabilities, self.genres)
        return Classification(
            path=os.fspath(path),
            duration_s=rows.duration_s,
            genre=next(iter(named)),
            unsure=bool(probabilities.max() < self.calibration.min_probability),
            probabilities=named,
            not_music=0.0,
            timeline=self._timeline(rows, named) if timeline else None,
            model=self.name,
        )

    def log_probabilities(self, path: str | os.PathLike[str]) -> Floats:
        """Mean log-probabilities (classes,) of a whole recording, not calibrated; raises as :meth:`classify`."""
        return self._hear(path, 0.0, None, (), DEFAULT_LIMITS)[0]

    def _hear(
        self,
        path: str | os.PathLike[str],
        start_s: float,
        duration_s: float | None,
        also: tuple[Listener, ...],
        limits: Limits,
    ) -> tuple[Floats, Rows]:
        heard = [
            _listened(member, path, start_s, duration_s, also if number == 0 else (), limits)
            for number, member in enumerate(self.members)
        ]
        return self.combined([rows.x.mean(0, dtype=np.float64) for rows in heard]), heard[0]

    def _timeline(self, rows: Rows, whole: dict[str, float]) -> tuple[Segment, ...]:
        if len(self.members) > 1 or len(rows.x) == 1:
            return (Segment(0.0, rows.duration_s, whole),)
        half = _CONTEXT_ROWS // 2
        segments = []
        for i, (start, end) in enumerate(zip(rows.starts_s, rows.ends_s, strict=True)):
            near = rows.x[max(0, i - half) : i + half + 1].mean(0)
            last = i == len(rows.x) - 1
            named = by_genre(self.probabilities(near), self.genres)
            segments.append(Segment(float(start), rows.duration_s if last else float(end), named))
        return tuple(segments)


def _listened(
    member: Member,
    path: str | os.PathLike[str],
    start_s: float,
    duration_s: float | None,
    also: tuple[Listener, ...],
    limits: Limits,
) -> Rows:
    """Log-probabilities of all rows of a recording."""
    scores, starts, ends, length_s = [], [], [], 0.0
    for rows in stream_rows(path, member.input, start_s=start_s, duration_s=duration_s, also=also, limits=limits):
        scores.append(member.scores(rows.x).astype(np.float32))
        starts.append(rows.starts_s)
        ends.append(rows.ends_s)
        length_s = rows.duration_s
    return Rows(np.concatenate(scores), np.concatenate(starts), np.concatenate(ends), length_s)


@lru_cache(maxsize=4)
def _opened(place: Path, _written_ns: int) -> TrainedModel:
    return _open(place)


def open_model(folder: str | os.PathLike[str]) -> TrainedModel:
    """Open a model folder.

    Raises:
        ModelError: it is no model folder, or a file in it is missing, damaged or not the one on the card.
    """
    place = Path(folder)
    try:
        return _opened(place, (place / CARD).stat().st_mtime_ns)
    except OSError as error:
        raise ModelError(
            f"{place}: not a model folder ({CARD}: {(error.strerror or str(error)).lower()}); "
            "'sideman train genre DIR --model NAME --out FOLDER' makes one"
        ) from None


def _open(place: Path) -> TrainedModel:
    path = place / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        genres = tuple(str(genre) for genre in card["genres"])
        calibration = card["calibration"]
        told = Calibration(genres, float(calibration["temperature"]), float(calibration["min_probability"]), 1.0)
        members = tuple(
            Member(
                str(member["model"]),
                Input.from_dict(member["input"]),
                Session(Card(str(member["model"]), place / Path(member["onnx"]).name, member["sha256"], card)),
            )
            for member in card["members"]
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: not a model's card ({error!r}); train it again") from None
    if not members or not genres:
        raise ModelError(f"{path}: not a model's card (no members or genres); train it again")
    return TrainedModel(place, card, genres, members, told)


def write_member(folder: Path, name: str, given: Input, onnx: bytes) -> dict[str, Any]:
    """Write one network into a model folder under construction; returns its entry on the card."""
    path = folder / f"{name}.onnx"
    path.write_bytes(onnx)
    return {"model": name, "onnx": path.name, "sha256": sha256_of(path), "input": given.as_dict()}
