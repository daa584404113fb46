"""Why a model named this genre: which stretches of time and frequency, or which columns, carried the answer."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np

from sideman.audio.limits import DEFAULT_LIMITS, Limits
from sideman.core.errors import MissingExtraError, ModelError, UsageError
from sideman.genre import explain_pieces
from sideman.genre.explain_methods import deletion_check, gradients_available, occlusion
from sideman.genre.explain_pieces import Floats, Pieces, Subject, neutral_of, pieces_of, subject_of
from sideman.genre.explain_result import Completeness, Explanation, Moment, Region
from sideman.genre.explain_table import column_falls
from sideman.genre.inputs import SAMPLE_RATE_HZ

Method = Literal["auto", "gradients", "occlusion"]
METHODS: tuple[Method, ...] = ("auto", "gradients", "occlusion")
MOST_S = 30.0
STEPS = 64
"""Points of the quadrature: the map then adds up to about 2 % for the default model."""
_EDGES_HZ = (0, 150, 300, 600, 1200, 2400, 4800, 8000, 11_025)
_REGIONS = 8


def explain(
    path: str | os.PathLike[str],
    model: Any = None,
    method: Method = "auto",
    *,
    genre: str | None = None,
    start_s: float | None = None,
    most_s: float = MOST_S,
    steps: int = STEPS,
    check: bool = True,
    centre: Floats | None = None,
    seed: int = 0,
    limits: Limits = DEFAULT_LIMITS,
) -> Explanation:
    """Find what in a recording carried the answer of a model.

    Args:
        path: a recording.
        model: None for the default model, a :class:`sideman.genre.trained.TrainedModel` with one network, or a network
            with its input (:class:`sideman.genre.explain_pieces.Heard`).
        method: "gradients" (integrated gradients; needs the extra ``train``), "occlusion" (needs nothing), or "auto":
            gradients where they can be had. Models of a table are explained by their columns in any case.
        genre: genre to explain, by default the one that the model names.
        start_s: explain what begins here; by default, of a recording longer than ``most_s``, its loudest stretch.
        most_s: explain at most so many seconds, 1 to 600.
        steps: points of the quadrature of integrated gradients.
        check: also delete the regions found and see whether they matter.
        centre: for a table model, mean of each column over the training rows; by default the card's.
        seed: of the deletion check's random parts.
        limits: what the recording may cost.

    Raises:
        AudioError: the recording cannot be read, is too short or silent.
        UsageError: an unknown method or genre, an ensemble, a model that hears samples.
        MissingExtraError: gradients were asked for and torch is missing.
        ModelError: a network that gradients do not go through, or a card without what is needed.
    """
    if method not in METHODS:
        raise UsageError(f"unknown method '{method}': choose one of {', '.join(METHODS)}")
    if not 1 <= most_s <= 600 or not 2 <= steps <= 1000:
        raise UsageError("most_s must be 1 to 600 seconds, and steps 2 to 1000")
    subject = subject_of(model)
    kind = subject.member.input.kind
    if kind == "samples":
        raise UsageError(f"'{subject.member.name}' hears samples, of which there is no picture to explain")
    if genre is not None and genre not in subject.genres:
        raise UsageError(f"no genre '{genre}'; the model knows {', '.join(subject.genres)}")
    if method == "gradients" and kind != "table" and not gradients_available():
        raise MissingExtraError("explaining by integrated gradients", "train")
    loudest_s, total_s = explain_pieces.loudest_stretch(path, most_s, limits)
    at_s = loudest_s if start_s is None else start_s
    pieces = pieces_of(subject, path, at_s, most_s, limits)
    probabilities = subject.probabilities(pieces.x)
    answer = subject.genres[int(probabilities.argmax())]
    target = subject.genres.index(genre or answer)
    note = ""
    if pieces.duration_s < total_s - 0.05:
        how = "the loudest part" if start_s is None else "a part"
        note = f"{how} of {total_s:.1f} s: {at_s:.1f} to {at_s + pieces.duration_s:.1f} s"
    common: dict[str, Any] = {
        "path": os.fspath(path),
        "model": subject.member.name,
        "kind": kind,
        "genre": subject.genres[target],
        "answer": answer,
        "probability": float(probabilities[target]),
        "start_s": at_s,
        "duration_s": pieces.duration_s,
        "total_s": total_s,
        "note": note,
    }
    if kind == "table":
        columns = column_falls(subject, pieces, target, centre)
        moments = _moments(pieces, subject.log_odds(pieces.x, target), np.zeros(len(pieces.x)), at_s)
        return Explanation(**common, method="columns", moments=moments, columns=columns)
    return _of_pictures(common, subject, pieces, target, method, steps, check, seed)


def _of_pictures(
    common: dict[str, Any],
    subject: Subject,
    pieces: Pieces,
    target: int,
    method: Method,
    steps: int,
    check: bool,
    seed: int,
) -> Explanation:
    x = np.ascontiguousarray(pieces.x, np.float32)
    neutral = neutral_of(x, common["kind"])

    def score(pictures: explain_pieces.Float32) -> Floats:
        return subject.log_odds(pictures, target)

    found = None
    if method == "gradients" or (method == "auto" and gradients_available()):
        from sideman.genre.models.gradients import integrated_gradients

        try:
            network = subject.member.session.card.path
            found = integrated_gradients(network, x, neutral, target, len(subject.genres), steps=steps)
        except ModelError as error:
            if method == "gradients":
                raise
            told = f"by occlusion, for gradients do not go through this network ({error})"
            common["note"] = "; ".join(filter(None, (common["note"], told)))
    by_gradients = found is not None
    importance = found if found is not None else occlusion(score, x, neutral)
    odds = score(x)
    total = importance.sum((1, 2), dtype=np.float64)
    first = 1 if common["kind"] == "stft" else 0  # its first frame is centred one hop into the segment
    whole = pieces.stitched(importance.astype(np.float64) / len(x), first)
    frequencies = explain_pieces.band_frequencies_hz(subject.member.input)
    return Explanation(
        **common,
        method="gradients" if by_gradients else "occlusion",
        moments=_moments(pieces, odds, total, common["start_s"]),
        importance=whole,
        picture=pieces.stitched(x.astype(np.float64), first),
        frequencies_hz=frequencies,
        regions=_regions(whole, frequencies, common["start_s"]),
        bands=_bands(whole, frequencies),
        completeness=Completeness.of(total, odds - score(neutral)) if by_gradients else None,
        deletion=deletion_check(score, x, neutral, importance, seed=seed) if check else None,
    )


def _moments(pieces: Pieces, odds: Floats, total: Floats, at_s: float) -> tuple[Moment, ...]:
    return tuple(
        Moment(at_s + start, at_s + min(start + pieces.length_s, pieces.duration_s), float(o), float(t))
        for start, o, t in zip(pieces.starts_s.tolist(), odds, total, strict=True)
    )


def _for(importance: Floats) -> Floats:
    """What speaks for the genre, as shares that sum to 1 (all 0 where nothing does)."""
    positive = np.maximum(np.nan_to_num(importance), 0)
    return np.asarray(positive / max(positive.sum(), 1e-12))


def _ranges(frequencies: Floats | None, bands: int) -> list[tuple[float, float, slice]]:
    """Ranges of frequencies and the bands in them; one range of all bands where bands have no frequency."""
    if frequencies is None:
        return [(0.0, SAMPLE_RATE_HZ / 2, slice(0, bands))]
    places = np.searchsorted(frequencies, _EDGES_HZ)
    ranges = zip(_EDGES_HZ[:-1], _EDGES_HZ[1:], places[:-1], places[1:], strict=True)
    return [(float(low), float(high), slice(int(a), int(b))) for low, high, a, b in ranges if b > a]


def _bands(importance: Floats, frequencies: Floats | None) -> tuple[tuple[float, float, float], ...]:
    share = _for(importance)
    return tuple((low, high, float(share[rows].sum())) for low, high, rows in _ranges(frequencies, len(share)))


def _regions(importance: Floats, frequencies: Floats | None, at_s: float) -> tuple[Region, ...]:
    """Rectangles of one second and about an octave that spoke for the genre most."""
    share = _for(importance)
    step = round(SAMPLE_RATE_HZ / explain_pieces.HOP_N)
    second = step * explain_pieces.HOP_N / SAMPLE_RATE_HZ
    found = [
        Region(
            at_s + i * second, at_s + (i + 1) * second, low, high, float(share[rows, i * step : (i + 1) * step].sum())
        )
        for low, high, rows in _ranges(frequencies, len(share))
        for i in range(-(-share.shape[1] // step))
    ]
    found.sort(key=lambda region: -region.share)
    return tuple(region for region in found[:_REGIONS] if region.share > 0)
