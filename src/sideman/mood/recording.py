"""The mood of a recording: valence and arousal from what was heard of it, and how sure that is.

Valence is a regression on the recording's mean embedding by the genre network and, where it is known, on whether its
key is major. Arousal comes from how often something strikes and how dense the sound is, which hold over instruments,
with a share of the embedding; without onsets from the embedding alone. All learnt from rendered scores; the card says
what it is worth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.core.errors import ModelError, UsageError
from sideman.genre.predict import DEFAULT_MODEL, EMBEDDING_SIZE, unit_mean
from sideman.inference.cards import WEIGHTS_FOLDER, read_card
from sideman.inference.sessions import Session, open_session
from sideman.mood.names import nearest

if TYPE_CHECKING:
    from sideman.audio.liveliness import Onsets
    from sideman.audio.tonality import KeyEstimate

MODEL = "mood"
N_FEATURES = EMBEDDING_SIZE + 1
_LEAST_PER_SECOND = 0.3
_FARTHEST = 2.5  # standard deviations: what lies beyond was not learnt from


@dataclass(frozen=True)
class Mood:
    """How a recording feels.

    Attributes:
        valence: how pleasant, -1..1.
        arousal: how excited, -1..1.
        name: the nearest word of :data:`sideman.mood.names.MOODS`.
        confidence: probability, 0.25..1, that the signs of both are right, as far as the card's music goes.
    """

    valence: float
    arousal: float
    name: str
    confidence: float


@dataclass(frozen=True)
class Calibration:
    """How log odds of "pleasant" and "excited" become an answer; from the card of the mood model.

    ``gain`` (2,) stretches them over the plane of the mood names, ``temperature`` (2,) makes them true probabilities.
    """

    gain: NDArray[np.float64]
    temperature: NDArray[np.float64]

    def with_arousal(self, gain: float, temperature: float) -> Calibration:
        """The same for valence, another for arousal."""
        return Calibration(np.array([self.gain[0], gain]), np.array([self.temperature[0], temperature]))

    def mood(self, log_odds: NDArray[np.float64]) -> Mood:
        """The answer for log odds (2,) of valence and arousal."""
        valence, arousal = (float(value) for value in np.tanh(self.gain * log_odds))
        right = 1 / (1 + np.exp(-np.abs(log_odds) / self.temperature))
        return Mood(valence, arousal, nearest(valence, arousal), float(right.prod()))


@dataclass(frozen=True)
class OnsetModel:
    """Log odds of "excited" from onsets, and a ``share`` of what the embedding says; from the card of the mood model.

    ``centre``, ``scale`` and ``weights`` (2,) are of :func:`onset_numbers`; ``gain`` and ``temperature`` as in
    :class:`Calibration`.
    """

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    constant: float
    share: float
    gain: float = 1.0
    temperature: float = 1.0

    def calibrated(self, gain: float, temperature: float) -> OnsetModel:
        """The same with a gain and a temperature."""
        return replace(self, gain=gain, temperature=temperature)

    def standardised(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers (..., 2) in standard deviations, within 2.5 of them."""
        return np.clip((numbers - self.centre) / self.scale, -_FARTHEST, _FARTHEST)

    def log_odds(self, numbers: NDArray[np.float64], by_embedding: ArrayLike) -> NDArray[np.float64]:
        """For numbers (..., 2) and the log odds (...) that the embedding gives."""
        odds: NDArray[np.float64] = self.standardised(numbers) @ self.weights + self.constant
        return odds + self.share * np.asarray(by_embedding, np.float64)


def mood_of(embeddings: NDArray[np.floating], *, key: KeyEstimate | None = None, onsets: Onsets | None = None) -> Mood:
    """Mood of a recording that the default genre network has heard.

    Args:
        embeddings: of its windows, (k, 256), as :func:`sideman.genre.predict.listen` gives them, or their mean (256,)
            at any scale, as :func:`sideman.embed` gives it.
        key: what :class:`sideman.audio.tonality.KeyTracker` heard; without it valence is less often right.
        onsets: of :class:`sideman.audio.rhythm.TempoEstimate`; without them arousal is the embedding's alone, which on
            instruments unlike a piano hardly tells calm from excited.

    Raises:
        UsageError: another shape, or values that are not finite.
        ModelError: the weights are damaged, or made for another embedding than that of the installed genre network.
    """
    windows = np.atleast_2d(embeddings)
    if windows.ndim != 2 or windows.shape[1] != EMBEDDING_SIZE or not len(windows) or not np.isfinite(windows).all():
        raise UsageError(f"embeddings of shape {np.shape(embeddings)}: a mood needs finite ones, (k, 256) or (256,)")
    session, calibration, by_onsets = _opened(WEIGHTS_FOLDER)
    log_odds = session.run(features(unit_mean(windows), key)[None])["scores"][0].astype(np.float64)
    if onsets is not None:
        log_odds[1] = by_onsets.log_odds(onset_numbers(onsets), log_odds[1])
        calibration = calibration.with_arousal(by_onsets.gain, by_onsets.temperature)
    return calibration.mood(log_odds)


def onset_numbers(onsets: Onsets) -> NDArray[np.float64]:
    """What arousal is told from, (2,): octaves of onsets per second, and the crest in dB."""
    return np.array([np.log2(max(onsets.per_second, _LEAST_PER_SECOND)), onsets.crest_db])


def features(vector: NDArray[np.float32], key: KeyEstimate | None) -> NDArray[np.float32]:
    """What the model is given, (257,): a unit vector (256,) and the key's mode."""
    return np.append(vector, np.float32(majorness(key)))


def majorness(key: KeyEstimate | None) -> float:
    """Probability that the key is right, negative for a minor key; 0 where there is none."""
    if key is None or key.key is None:
        return 0.0
    return key.confidence if key.mode == "major" else -key.confidence


@lru_cache(maxsize=4)
def _opened(folder: Path) -> tuple[Session, Calibration, OnsetModel]:
    """The model in ``folder``, its calibration, its model of onsets; made for the genre network beside it."""
    session = open_session(MODEL, folder)
    content, path = session.card.content, session.card.path
    try:
        made_for = str(content["embedding_sha256"])
        gain, temperature = (np.array(content["calibration"][name], np.float64) for name in ("gain", "temperature"))
        vectors = [np.array(content["onsets"][name], np.float64) for name in ("centre", "scale", "weights")]
        plain = [float(content["onsets"][name]) for name in ("constant", "share", "gain", "temperature")]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path}: its card lacks embedding, calibration or onsets ({error}); reinstall sideman"
        ) from error
    if gain.shape != (2,) or temperature.shape != (2,) or not (temperature > 0).all():
        raise ModelError(f"{path}: its card has no calibration of valence and arousal; reinstall sideman")
    if any(vector.shape != (2,) for vector in vectors) or not (vectors[1] > 0).all() or not plain[3] > 0:
        raise ModelError(f"{path}: its card has no model of onsets; reinstall sideman")
    installed = read_card(folder / f"{DEFAULT_MODEL}.json").sha256
    if made_for != installed:
        raise ModelError(
            f"{path}: made for the embedding of {made_for[:12]}, but the genre network here is {installed[:12]}; "
            "reinstall sideman, or make it anew with 'sideman train mood-default'"
        )
    return session, Calibration(gain, temperature), OnsetModel(vectors[0], vectors[1], vectors[2], *plain)
