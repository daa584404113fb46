"""The mood of a recording: valence and arousal from what the genre network heard, and how sure that is.

A regression on the recording's mean embedding and, where it is known, on whether its key is major: the network hears
tension and loudness of playing well and modes hardly. It learnt from rendered scores; its card says what it is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import ModelError, UsageError
from sideman.genre.predict import DEFAULT_MODEL, EMBEDDING_SIZE, unit_mean
from sideman.inference.cards import WEIGHTS_FOLDER, read_card
from sideman.inference.sessions import Session, open_session
from sideman.mood.names import nearest

if TYPE_CHECKING:
    from sideman.audio.tonality import KeyEstimate

MODEL = "mood"
N_FEATURES = EMBEDDING_SIZE + 1


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

    def mood(self, log_odds: NDArray[np.float64]) -> Mood:
        """The answer for log odds (2,) of valence and arousal."""
        valence, arousal = (float(value) for value in np.tanh(self.gain * log_odds))
        right = 1 / (1 + np.exp(-np.abs(log_odds) / self.temperature))
        return Mood(valence, arousal, nearest(valence, arousal), float(right.prod()))


def mood_of(embeddings: NDArray[np.floating], *, key: KeyEstimate | None = None) -> Mood:
    """Mood of a recording that the default genre network has heard.

    Args:
        embeddings: of its windows, (k, 256), as :func:`sideman.genre.predict.listen` gives them, or their mean (256,)
            at any scale, as :func:`sideman.embed` gives it.
        key: what :class:`sideman.audio.tonality.KeyTracker` heard; without it valence is less often right.

    Raises:
        UsageError: another shape, or values that are not finite.
        ModelError: the weights are damaged, or made for another embedding than that of the installed genre network.
    """
    windows = np.atleast_2d(embeddings)
    if windows.ndim != 2 or windows.shape[1] != EMBEDDING_SIZE or not len(windows) or not np.isfinite(windows).all():
        raise UsageError(f"embeddings of shape {np.shape(embeddings)}: a mood needs finite ones, (k, 256) or (256,)")
    session, calibration = _opened(WEIGHTS_FOLDER)
    scores = session.run(features(unit_mean(windows), key)[None])["scores"]
    return calibration.mood(scores[0].astype(np.float64))


def features(vector: NDArray[np.float32], key: KeyEstimate | None) -> NDArray[np.float32]:
    """What the model is given, (257,): a unit vector (256,) and the key's mode."""
    return np.append(vector, np.float32(majorness(key)))


def majorness(key: KeyEstimate | None) -> float:
    """Probability that the key is right, negative for a minor key; 0 where there is none."""
    if key is None or key.key is None:
        return 0.0
    return key.confidence if key.mode == "major" else -key.confidence


@lru_cache(maxsize=4)
def _opened(folder: Path) -> tuple[Session, Calibration]:
    """The model in ``folder`` and its calibration; the genre network beside it must be the one it was made for."""
    session = open_session(MODEL, folder)
    content, path = session.card.content, session.card.path
    try:
        made_for = str(content["embedding_sha256"])
        gain, temperature = (np.array(content["calibration"][name], np.float64) for name in ("gain", "temperature"))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: its card lacks embedding or calibration ({error}); reinstall sideman") from error
    if gain.shape != (2,) or temperature.shape != (2,) or not (temperature > 0).all():
        raise ModelError(f"{path}: its card has no calibration of valence and arousal; reinstall sideman")
    installed = read_card(folder / f"{DEFAULT_MODEL}.json").sha256
    if made_for != installed:
        raise ModelError(
            f"{path}: made for the embedding of {made_for[:12]}, but the genre network here is {installed[:12]}; "
            "reinstall sideman, or make it anew with 'sideman train mood-default'"
        )
    return session, Calibration(gain, temperature)
