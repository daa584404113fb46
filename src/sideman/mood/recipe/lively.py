"""Onsets of labelled scores and of recordings, kept on disk once heard, and the fit of arousal on them.

A network's embedding of a new instrument is shifted, and arousal with it; how often something strikes, and how dense
the sound is, hold over instruments. So these two numbers lead, and the embedding only adds a share.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sideman.audio.liveliness import Onsets
from sideman.audio.rhythm import TempoTracker, estimate_tempo
from sideman.core.atomic import atomic_write
from sideman.core.errors import AudioError, ScoreError
from sideman.genre.frontend import SAMPLE_RATE_HZ
from sideman.mood.recipe.arranging import Players, arranged, excerpt
from sideman.mood.recipe.fitting import fit, gain_of, temperature_of
from sideman.mood.recipe.pieces import Piece
from sideman.mood.recording import OnsetModel, onset_numbers
from sideman.symbolic.midi import read_midi
from sideman.symbolic.render import find_soundfont, render

EXCERPT_S = 20.0
SHARE = 0.2
"""Of the embedding's log odds; more is right more often through SoundFonts learnt from, and less through others."""
_RIDGE = 0.01
_SHARD = 90
log = logging.getLogger(__name__)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Strokes:
    """Clips through one SoundFont: ``numbers`` (n, 2) of :func:`onset_numbers`, ``signs`` of arousal, ``folds`` (n,).

    ``by_embedding`` (n,): what models that have not learnt from the song say of arousal, log odds.
    """

    numbers: Floats
    by_embedding: Floats
    signs: NDArray[np.int_]
    folds: NDArray[np.int_]


def hear_onsets(
    pieces: Sequence[Piece],
    folder: Path,
    soundfont: Path | None,
    work: Path,
    *,
    players: Players = "written",
    advance: Callable[[int], None] = lambda _: None,
) -> Floats:
    """Numbers (n, 2) of each piece, NaN where nothing sounded or for less than 3 s; arguments as ``hearing.hear``.

    Raises:
        ScoreError: the SoundFont is missing or damaged.
    """
    font = find_soundfont(soundfont)
    told = ["onsets", font.name, str(font.stat().st_size), players]
    parts = []
    for first in range(0, len(pieces), _SHARD):
        some = pieces[first : first + _SHARD]

        def heard(some: Sequence[Piece] = some) -> Floats:
            rows = []
            for piece in some:
                rows.append(_of_piece(piece, folder, font, players))
                advance(1)
            return np.array(rows)

        parts.append(_kept(work, [*told, *(piece.path for piece in some)], heard))
    return np.concatenate(parts)


def onsets_of_recordings(files: Sequence[Path], work: Path) -> Floats:
    """Numbers (n, 2) of recordings, NaN where they cannot be heard."""
    from sideman.audio.decode import stream

    def heard() -> Floats:
        rows = []
        for path in files:
            tracker = TempoTracker(SAMPLE_RATE_HZ)
            try:
                for block in stream(path, sample_rate_hz=SAMPLE_RATE_HZ):
                    tracker.update(block)
            except AudioError as error:
                log.warning("left out: %s", error)
            rows.append(_numbers(tracker.result().onsets))
        return np.array(rows)

    return _kept(work, ["onsets", *(f"{path} {path.stat().st_size}" for path in files)], heard)


def fit_onsets(parts: Sequence[Strokes], n_folds: int, spread: float) -> tuple[OnsetModel, tuple[OnsetModel, ...]]:
    """The model and those of the folds; every part counts the same. ``spread`` as in :func:`gain_of`.

    Gain and temperature are set on log odds out of fold.
    """
    numbers, by_embedding = (np.concatenate([getattr(p, name) for p in parts]) for name in ("numbers", "by_embedding"))
    signs, folds = (np.concatenate([getattr(p, name) for p in parts]) for name in ("signs", "folds"))
    weight = np.concatenate([np.full(len(part.signs), 1 / len(part.signs)) for part in parts])
    centre, scale = numbers.mean(0), np.maximum(numbers.std(0), 1e-6)

    def solved(chosen: NDArray[np.bool_]) -> OnsetModel:
        blank = OnsetModel(centre, scale, np.zeros(2), 0.0, SHARE)
        found = fit(blank.standardised(numbers[chosen]), signs[chosen], weight[chosen], _RIDGE * np.eye(2))
        return OnsetModel(centre, scale, *found, SHARE)

    models = tuple(solved(folds != fold) for fold in range(n_folds))
    odds = out_of_fold(models, Strokes(numbers, by_embedding, signs, folds))
    whole = solved(np.ones(len(signs), bool))
    gain, temperature = gain_of(odds, weight, spread), temperature_of(odds, signs, weight)
    return whole.calibrated(gain, temperature), models


def out_of_fold(models: Sequence[OnsetModel], strokes: Strokes) -> Floats:
    """Log odds (n,) of arousal of each clip by the model that has not learnt from its song."""
    odds = np.zeros(len(strokes.signs))
    for fold, model in enumerate(models):
        own = strokes.folds == fold
        odds[own] = model.log_odds(strokes.numbers[own], strokes.by_embedding[own])
    return odds


def _of_piece(piece: Piece, folder: Path, font: Path, players: Players) -> Floats:
    try:
        score = arranged(excerpt(read_midi(folder / piece.path), EXCERPT_S), players, piece.seed)
        stereo = render(score, soundfont=font, sample_rate_hz=SAMPLE_RATE_HZ)
    except ScoreError as error:
        log.warning("left out: %s", error)
        return np.full(2, np.nan)
    samples = stereo.mean(1)[: int(EXCERPT_S * SAMPLE_RATE_HZ)]
    return _numbers(estimate_tempo(samples, SAMPLE_RATE_HZ).onsets)


def _numbers(onsets: Onsets | None) -> Floats:
    return np.full(2, np.nan) if onsets is None else onset_numbers(onsets)


def _kept(work: Path, told: Sequence[str], heard: Callable[[], Floats]) -> Floats:
    work.mkdir(parents=True, exist_ok=True)
    place = work / f"onsets-{hashlib.sha256(chr(10).join(told).encode()).hexdigest()[:16]}.npz"
    if not place.exists():
        numbers = heard()
        with atomic_write(place) as file:
            np.savez(file, numbers=numbers)
    with np.load(place) as kept:
        found: Floats = kept["numbers"]
        return found
