"""Every model under every protocol on one page, fit by fit, resumable; figures only, and where they come from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sideman.core.errors import SidemanError
from sideman.datasets.splits import FoldRow
from sideman.genre import evaluation
from sideman.genre.corpus import Corpus
from sideman.genre.evaluate import Plan, evaluate
from sideman.genre.evaluation import Evaluation
from sideman.genre.registry import ModelSpec, get_model

Part = Literal["table", "published", "segments", "audio"]
PARTS: tuple[Part, ...] = ("table", "published", "segments", "audio")
TABLE_MODELS = ("knn", "logistic", "svm", "forest", "boosting", "ensemble", "blend", "mlp-58")
SLOW_TABLE_MODELS = frozenset({"boosting", "ensemble"})
"""Judged with one seed."""
SEGMENT_MODELS = ("knn", "svm", "mlp-58", "lstm-58", "ann-mfcc", "cnn-mfcc", "lstm-mfcc")
AUDIO_MODELS = (
    "cnn-mel", "prcnn", "crnn", "gru-mel", "resnet-mel", "transformer-mel", "transfer", "transfer-mn04",
    "transfer-musicnn",
)  # fmt: skip
EPOCHS = {"cnn-mel": 10, "prcnn": 5, "crnn": 10, "gru-mel": 10, "resnet-mel": 12, "transformer-mel": 12}
"""Fewer than the defaults where a fit would take more than about half a minute: the board has hundreds of them."""
AUDIO_TRACK_FOLDS = 5
"""Of the protocol "tracks" for audio, for the same reason."""
SEEDS = (0, 1, 2)
PUBLISHED_MODELS = ("knn", "svm", "mlp-58", "lstm-58")
SEGMENT_S = 3.0
SEGMENT_CLIPS_S = 15.0
"""The 3-second models need clips that hold several segments."""


@dataclass(frozen=True)
class Entry:
    """One row's worth of work: a model under a protocol on a part of the data."""

    part: Part
    model: str
    protocol: str
    seeds: tuple[int, ...]
    length: bool | None = None

    @property
    def name(self) -> str:
        """File name of its evaluation."""
        kept = "" if self.length is None else "-length" if self.length else "-no-length"
        return f"{self.part}-{self.model}-{self.protocol}{kept}"


@dataclass(frozen=True)
class Board:
    """What is there to be judged.

    Attributes:
        table: the 1000-row table, or None.
        rows: the published table of 3 s rows, or None.
        clips: labelled recordings.
        long_clips: those of them that hold several segments of 3 s.
        folds: rows of the fold file.
        teachers: folder of pretrained networks for ``transfer-mn04`` and ``transfer-musicnn``, or None.
        work: where finished fits and evaluations are kept.
        workers: fits made at once.
    """

    table: Corpus | None
    rows: Corpus | None
    clips: Corpus | None
    long_clips: Corpus | None
    folds: Sequence[FoldRow] | None
    teachers: Path | None
    work: Path
    workers: int = 1


def entries(board: Board, parts: Sequence[Part] = PARTS, models: Sequence[str] = ()) -> Iterator[Entry]:
    """All rows, the quickest part first, and within the audio part the protocol that matters first."""
    chosen = set(models)

    def wanted(name: str) -> bool:
        return not chosen or name in chosen

    if "table" in parts and board.table is not None:
        for model in filter(wanted, TABLE_MODELS):
            seeds = SEEDS[:1] if model in SLOW_TABLE_MODELS else SEEDS
            for protocol in ("fault-filtered", "tracks", "holdout", "artists", "segments-random"):
                yield Entry("table", model, protocol, seeds, False)
            yield Entry("table", model, "tracks", seeds, True)
    leaks: tuple[tuple[Part, Corpus | None, tuple[str, ...]], ...] = (
        ("published", board.rows, PUBLISHED_MODELS),
        ("segments", board.long_clips, SEGMENT_MODELS),
    )
    for part, corpus, names in leaks:
        if part in parts and corpus is not None:
            for model in filter(wanted, names):
                yield Entry(part, model, "segments-random", SEEDS)
                yield Entry(part, model, "artists", SEEDS)
    if "audio" in parts and board.clips is not None:
        heard = [
            m for m in AUDIO_MODELS if wanted(m) and (board.teachers or m.partition("-")[2] not in {"mn04", "musicnn"})
        ]
        for model in heard:
            yield Entry("audio", model, "artists", SEEDS)
        for protocol in ("segments-random", "holdout", "fault-filtered", "tracks"):
            for model in heard:
                yield Entry("audio", model, protocol, (0,))


def run_board(
    board: Board,
    rows: Sequence[Entry],
    *,
    on_entry: Callable[[Entry, Evaluation | None, str], None] | None = None,
) -> dict[str, Evaluation]:
    """Make what is missing; a row that fails is told and passed over.

    Returns:
        Evaluations by :attr:`Entry.name`.
    """
    folder = board.work / "evaluations"
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Evaluation] = {}
    for entry in rows:
        path = folder / f"{entry.name}.json"
        trouble = ""
        try:
            if path.is_file():
                found[entry.name] = evaluation.read(path)
            else:
                made = _evaluate(board, entry)
                made.write(path)
                found[entry.name] = made
        except SidemanError as error:
            trouble = str(error)
        if on_entry is not None:
            on_entry(entry, found.get(entry.name), trouble)
    return found


def _evaluate(board: Board, entry: Entry) -> Evaluation:
    places = {"table": board.table, "published": board.rows, "segments": board.long_clips, "audio": board.clips}
    corpus = places[entry.part]
    assert corpus is not None
    spec = get_model(entry.model)
    settings = _settings(board, spec)
    n_folds = AUDIO_TRACK_FOLDS if entry.part == "audio" and entry.protocol == "tracks" else None
    plan = Plan(entry.model, settings, entry.protocol, entry.seeds, n_folds, length=entry.length, workers=board.workers)
    if entry.part == "segments" and spec.input.kind == "table":
        plan = replace(plan, segment_s=SEGMENT_S)
    if spec.family in {"table", "transfer"} or entry.part == "table":
        plan = replace(plan, workers=1)  # short fits, and one process keeps a backbone's embeddings
    folds = board.folds if entry.part == "audio" and entry.protocol == "artists" else None
    return evaluate(corpus, plan, board.work / "fits", folds=folds)


def _settings(board: Board, spec: ModelSpec) -> Any:
    settings = spec.settings()
    if spec.name in EPOCHS:
        settings = replace(settings, epochs=min(EPOCHS[spec.name], settings.epochs))
    if spec.family == "transfer" and board.teachers is not None and settings.backbone != "ours":
        from sideman.genre.models.backbones import PLUGINS

        return replace(settings, weights=str(board.teachers / PLUGINS[settings.backbone].place))
    return settings


def write_figures(found: dict[str, Evaluation], path: Path) -> None:
    """Write the figures of all rows as JSON."""
    from sideman.core.atomic import atomic_write
    from sideman.genre.headline import summary

    told = {
        name: {"model": e.model, "parameters": e.n_parameters, "fit_s": e.fit_seconds, **summary(e)}
        for name, e in sorted(found.items())
    }
    with atomic_write(path, "w") as file:
        json.dump(told, file, indent=1)
        file.write("\n")
