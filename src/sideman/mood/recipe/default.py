"""The whole road of the shipped mood model: hear, cross-fit, calibrate, judge, export, describe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.atomic import atomic_write
from sideman.genre.models.onnx_graph import Graph, check_equal
from sideman.genre.predict import DEFAULT_MODEL
from sideman.inference.cards import WEIGHTS_FOLDER, read_card
from sideman.mood.names import QUADRANTS
from sideman.mood.recipe.arranging import Players
from sideman.mood.recipe.card import ABOUT, page
from sideman.mood.recipe.fitting import fit, gain_of, penalty_of, temperature_of
from sideman.mood.recipe.judging import figures_of
from sideman.mood.recipe.lively import Strokes, fit_onsets, hear_onsets, onsets_of_recordings, out_of_fold
from sideman.mood.recipe.material import (
    ARRANGEMENTS,
    N_FOLDS,
    Recordings,
    Rows,
    joined,
    recordings_of,
    rows_of,
)
from sideman.mood.recipe.pieces import LEARNT, UNSEEN, Piece, labelled
from sideman.mood.recording import MODEL, N_FEATURES, Calibration, OnsetModel
from sideman.symbolic.render import find_soundfont

STRENGTH, RIDGE = 0.01, 0.002
"""Of the penalty; chosen on the SoundFonts learnt from."""
SPREAD = abs(QUADRANTS["Q1"][0])
"""Root mean square of valence and of arousal out of fold: that of the points of the quadrants."""
_MOST_XMIDI = 480
# Onsets need two weights only, and rendering is what takes the time.
_ONSETS_OF_EVERY = (4, 6)
_ONSET_ARRANGEMENTS: tuple[tuple[Players, ...], ...] = (("written", "band"), ("written",))
_VECTORS, _SCALARS = ("centre", "scale", "weights"), ("constant", "share", "gain", "temperature")
Floats = NDArray[np.float64]
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Sources:
    """Where everything is.

    Attributes:
        midi: folder of the MIDI sets and their catalog.csv.
        soundfonts: to learn from; empty for the default one.
        unseen: SoundFonts that only judge.
        recordings: a tree of recordings without labels that hold the model back; None for the rendered ones alone.
    """

    midi: Path
    soundfonts: tuple[Path, ...] = ()
    unseen: tuple[Path, ...] = ()
    recordings: Path | None = None

    @property
    def learnt(self) -> tuple[Path, ...]:
        """SoundFonts to learn from, found."""
        return tuple(find_soundfont(path) for path in self.soundfonts or (None,))


@dataclass(frozen=True)
class Model:
    """Log odds of valence and arousal are ``x @ weights + constants``: (257, 2), (2,)."""

    weights: Floats
    constants: Floats

    def log_odds(self, x: Floats) -> Floats:
        """For features (n, 257), (n, 2)."""
        odds: Floats = x @ self.weights + self.constants
        return odds


@dataclass(frozen=True)
class Made:
    """The model, the models of the folds, and what was measured of them."""

    model: Model
    fold_models: tuple[Model, ...]
    calibration: Calibration
    by_onsets: OnsetModel
    figures: dict[str, Any]


def solve(rows: Rows, held_back_by: Recordings, chosen: NDArray[np.bool_]) -> Model:
    """Fit both regressions on the ``chosen`` rows (n,)."""
    x, weight = rows.x[chosen], rows.weight[chosen]
    centre = np.average(x, axis=0, weights=weight)
    penalty = penalty_of(held_back_by.x, held_back_by.weight, centre, strength=STRENGTH, ridge=RIDGE)
    found = [fit(x - centre, rows.signs[chosen, side], weight, penalty) for side in (0, 1)]
    weights = np.stack([solution for solution, _ in found], 1)
    return Model(weights, np.array([constant for _, constant in found]) - centre @ weights)


def make(sources: Sources, work: Path, *, short: bool = False, advance: Advance = lambda _: None) -> Made:
    """Hear, fit and judge everything; only what ``work`` has not from an earlier run is heard.

    Raises:
        DatasetError: a set or its catalogue is missing.
        ScoreError: a SoundFont is missing or damaged.
    """
    pieces = {name: _pieces(sources, name, short) for name in (*LEARNT, UNSEEN)}
    blocks, heard_by = [], {}
    for number, font in enumerate(sources.learnt):
        for players in ARRANGEMENTS[min(number, 1)]:
            blocks.append(rows_of(pieces["emopia"], sources.midi, font, work, players, advance))
            heard_by[font, players] = blocks[-1]
    blocks.append(rows_of(pieces["xmidi-subset"], sources.midi, sources.learnt[0], work, advance=advance))
    rows = joined(blocks)
    unlabelled = Recordings(rows.x, ("",) * len(rows.x))
    if sources.recordings is not None:
        unlabelled = recordings_of(sources.recordings, work, most=20 if short else None)
    model = solve(rows, unlabelled, np.ones(len(rows.x), bool))
    folds = tuple(solve(rows, unlabelled, rows.folds != fold) for fold in range(N_FOLDS))
    odds = cross_fitted(folds, rows)
    calibration = Calibration(
        np.array([gain_of(odds[:, side], rows.weight, SPREAD) for side in (0, 1)]),
        np.array([temperature_of(odds[:, side], rows.signs[:, side], rows.weight) for side in (0, 1)]),
    )
    every, further = (1, 1) if short else _ONSETS_OF_EVERY

    def struck(heard: Rows, font: Path, players: Players, step: int) -> tuple[Rows, Strokes]:
        some = pieces["emopia"][::step]
        numbers = hear_onsets(some, sources.midi, font, work, players=players, advance=advance)
        return _struck(heard, some, numbers, folds)

    learnt = [
        struck(heard_by[font, players], font, players, every)
        for number, font in enumerate(sources.learnt)
        for players in _ONSET_ARRANGEMENTS[min(number, 1)]
    ]
    by_onsets, onset_folds = fit_onsets([strokes for _, strokes in learnt], N_FOLDS, SPREAD)
    judge = partial(_judged_with_onsets, folds=folds, onset_folds=onset_folds, by_onsets=by_onsets, plain=calibration)
    figures: dict[str, Any] = {"learnt_soundfonts": _judged(rows, odds, calibration) | judge(learnt)}
    for number, font in enumerate(sources.unseen):
        told: dict[str, Any] = {}
        # Rendering is what takes the time: further SoundFonts play a third of the clips.
        judged = (
            {**pieces, "xmidi-subset": pieces["xmidi-subset"][::6]}
            if number == 0
            else {"emopia": pieces["emopia"][::3]}
        )
        for name, some in judged.items():
            heard = rows_of(some, sources.midi, font, work, advance=advance)
            for suffix, seen in (("", heard), (" without key", without_key(heard))):
                # What no fold has learnt from is judged by the model that ships.
                answer = model.log_odds(seen.x) if name == UNSEEN else cross_fitted(folds, seen)
                told[name + suffix] = figures_of(answer, seen.signs, seen.songs, confidence(answer, calibration))
            if name == "emopia":
                told |= judge([struck(heard, font, "written", further if number else every)])
        figures[font.name] = told
    if sources.recordings is not None:
        numbers = onsets_of_recordings([Path(path) for path in unlabelled.paths], work)
        figures["recordings"] = _by_folder(unlabelled, numbers, model, calibration, by_onsets)
    return Made(model, folds, calibration, by_onsets, figures)


def run(sources: Sources, work: Path, out: Path, *, short: bool = False, advance: Advance = lambda _: None) -> Any:
    """Make the model and write mood.onnx, mood.json and mood.md into ``out``; returns the card.

    Raises:
        DatasetError, ScoreError: as :func:`make`.
        MissingExtraError: onnx is not installed.
        OutputError: ``out`` cannot be written.
    """
    Graph()  # tells of a missing extra before the work
    made = make(sources, work, short=short, advance=advance)
    graph = Graph()
    odds = graph.affine(graph.wide("features"), made.model.weights, made.model.constants)
    onnx = graph.finish(odds, N_FEATURES, 2)
    sample = np.random.default_rng(0).random((8, N_FEATURES), dtype=np.float32) * np.float32(0.06)
    check_equal(onnx, sample, made.model.log_odds(sample.astype(np.float64)).astype(np.float32))
    card = {
        "name": MODEL,
        "file": f"{MODEL}.onnx",
        "sha256": hashlib.sha256(onnx).hexdigest(),
        "embedding_sha256": read_card(WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json").sha256,
        **ABOUT,
        "soundfonts": {"learnt": [path.name for path in sources.learnt], "unseen": [p.name for p in sources.unseen]},
        "penalty": {"strength": STRENGTH, "ridge": RIDGE, "recordings": sources.recordings is not None},
        "calibration": {
            "gain": [round(float(value), 4) for value in made.calibration.gain],
            "temperature": [round(float(value), 4) for value in made.calibration.temperature],
        },
        "onsets": {
            **{name: [round(float(v), 4) for v in getattr(made.by_onsets, name)] for name in _VECTORS},
            **{name: round(float(getattr(made.by_onsets, name)), 4) for name in _SCALARS},
        },
        "figures": made.figures,
    }
    out.mkdir(parents=True, exist_ok=True)
    with atomic_write(out / f"{MODEL}.onnx") as file:
        file.write(onnx)
    for name, text in ((f"{MODEL}.json", json.dumps(card, indent=1) + "\n"), (f"{MODEL}.md", page(card))):
        with atomic_write(out / name, "w") as words:
            words.write(text)
    return card


def cross_fitted(folds: tuple[Model, ...], rows: Rows) -> Floats:
    """Log odds (n, 2) of each row by the model that has not learnt from its song."""
    odds = np.zeros((len(rows.x), 2))
    for fold, model in enumerate(folds):
        odds[rows.folds == fold] = model.log_odds(rows.x[rows.folds == fold])
    return odds


def confidence(log_odds: Floats, calibration: Calibration) -> Floats:
    """Probability (n,) that both signs are right."""
    return np.array([calibration.mood(row).confidence for row in log_odds])


def without_key(rows: Rows) -> Rows:
    """The same where no key was heard."""
    return Rows(rows.pieces, rows.x * (np.arange(N_FEATURES) < N_FEATURES - 1), rows.signs, rows.weight, rows.folds)


def _pieces(sources: Sources, name: str, short: bool) -> list[Piece]:
    most = 20 if short else _MOST_XMIDI if name == "xmidi-subset" else None
    return labelled(sources.midi, [name], most=most)


def _judged(rows: Rows, odds: Floats, calibration: Calibration) -> dict[str, Any]:
    told = {}
    for name in LEARNT:
        own = np.array([piece.source == name for piece in rows.pieces])
        songs = [song for song, there in zip(rows.songs, own, strict=True) if there]
        told[name] = figures_of(odds[own], rows.signs[own], songs, confidence(odds[own], calibration))
    return told


def _struck(heard: Rows, some: Sequence[Piece], numbers: Floats, folds: tuple[Model, ...]) -> tuple[Rows, Strokes]:
    """Those of ``some`` that sounded, as rows of ``heard`` and as strokes with ``numbers`` (some, 2)."""
    at = {piece.path: index for index, piece in enumerate(heard.pieces)}
    there = [i for i, piece in enumerate(some) if piece.path in at and not np.isnan(numbers[i, 0])]
    rows = heard.at([at[some[i].path] for i in there])
    return rows, Strokes(numbers[there], cross_fitted(folds, rows)[:, 1], rows.signs[:, 1], rows.folds)


def _judged_with_onsets(
    heard: Sequence[tuple[Rows, Strokes]],
    *,
    folds: tuple[Model, ...],
    onset_folds: tuple[OnsetModel, ...],
    by_onsets: OnsetModel,
    plain: Calibration,
) -> dict[str, Any]:
    """Figures with onsets, and without them on the same clips."""
    rows = joined([own for own, _ in heard])
    without = cross_fitted(folds, rows)
    arousal = np.concatenate([out_of_fold(onset_folds, strokes) for _, strokes in heard])
    full = plain.with_arousal(by_onsets.gain, by_onsets.temperature)
    told = {}
    for suffix, odds, scale in (
        ("with onsets", np.column_stack([without[:, 0], arousal]), full),
        ("same clips without onsets", without, plain),
    ):
        told[f"emopia {suffix}"] = figures_of(odds, rows.signs, rows.songs, confidence(odds, scale))
    return told


def _by_folder(
    heard: Recordings, numbers: Floats, model: Model, calibration: Calibration, by_onsets: OnsetModel
) -> dict[str, list[float]]:
    """Mean valence and arousal of the recordings of each folder, and arousal without onsets."""
    odds = model.log_odds(heard.x)
    by_embedding = np.tanh(calibration.gain[1] * odds[:, 1])
    arousal = np.where(
        np.isnan(numbers[:, 0]), by_embedding, np.tanh(by_onsets.gain * by_onsets.log_odds(numbers, odds[:, 1]))
    )
    values = np.column_stack([np.tanh(calibration.gain[0] * odds[:, 0]), arousal, by_embedding])
    names = np.array(heard.folders)
    return {str(name): [round(float(value), 2) for value in values[names == name].mean(0)] for name in np.unique(names)}
