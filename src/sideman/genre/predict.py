"""The genre of a recording: windows through the network, mean log-probability over time, calibrated, or "unsure"."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sideman.audio.limits import DEFAULT_LIMITS, Limits
from sideman.core.errors import AudioError, ModelError
from sideman.genre.classification import Classification, Segment
from sideman.genre.frontend import SAMPLE_RATE_HZ, STEP_S, WINDOW_S, WindowMaker
from sideman.inference.sessions import Session, open_session

if TYPE_CHECKING:
    from sideman.audio.sources import Tap

__all__ = [
    "BLOCK_S",
    "DEFAULT_MODEL",
    "EMBEDDING_SIZE",
    "MIN_DURATION_S",
    "Calibration",
    "Classification",
    "Heard",
    "Listener",
    "Segment",
    "by_genre",
    "classify",
    "listen",
    "log_softmax",
    "unit_mean",
]

DEFAULT_MODEL = "genre"
BLOCK_S = 30.0
MIN_DURATION_S = 0.25
EMBEDDING_SIZE = 256
_CONTEXT_WINDOWS = 3
"""Windows whose mean log-probability makes one segment of the timeline."""


@dataclass(frozen=True)
class Calibration:
    """How a model's window scores become an answer; read from its card.

    ``temperature`` divides mean log-probabilities; below ``min_probability`` or above ``max_not_music`` the answer is
    "unsure". All three were chosen on out-of-fold scores (see the card).
    """

    genres: tuple[str, ...]
    temperature: float
    min_probability: float
    max_not_music: float

    @classmethod
    def of(cls, session: Session) -> Calibration:
        """Read from the card of ``session``; raises :class:`ModelError` where it is not the card of a genre model."""
        content = session.card.content
        try:
            return cls(
                tuple(content["genres"]),
                float(content["calibration"]["temperature"]),
                float(content["calibration"]["min_probability"]),
                float(content["calibration"]["max_not_music"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{session.card.path}: its card lacks genres or calibration ({error}); reinstall sideman"
            ) from error

    def probabilities(self, window_scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Network scores (..., k, 11) of k windows -> genre probabilities (..., 10).

        Genre scores are normalised without the last class ("not music"), averaged over windows as log-probabilities,
        divided by the temperature and normalised.
        """
        genres = log_softmax(window_scores[..., : len(self.genres)].astype(np.float64))
        return np.exp(log_softmax(genres.mean(-2) / self.temperature))

    def not_music(self, window_scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Network scores (..., k, 11) -> mean probability of the class "not music" (...)."""
        mean: NDArray[np.float64] = np.exp(log_softmax(window_scores.astype(np.float64)))[..., -1].mean(-1)
        return mean

    def unsure(self, probabilities: NDArray[np.float64], not_music: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether to answer "unsure", elementwise."""
        doubtful: NDArray[np.bool_] = probabilities.max(-1) < self.min_probability
        return doubtful | (not_music > self.max_not_music)


def log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of the softmax over the last axis."""
    shifted = scores - scores.max(-1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result


@dataclass(frozen=True)
class Heard:
    """Network outputs of the windows of one recording that are not silent.

    ``scores`` (k, 11), ``embeddings`` (k, 256), ``starts_s`` and ``ends_s`` (k,) of the stretches that the windows
    stand for, without overlap, and the ``duration_s`` of the recording.
    """

    scores: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    starts_s: NDArray[np.float64]
    ends_s: NDArray[np.float64]
    duration_s: float


Listener = Callable[[NDArray[np.float32]], object]


def listen(
    path: str | os.PathLike[str],
    session: Session,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    also: tuple[Listener, ...] = (),
    tap: Tap | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Heard:
    """Stream a recording through the network once, in bounded memory.

    ``also`` receives every block of samples, ``tap`` the channels as decoded (:func:`sideman.audio.decode.stream`);
    ``limits`` is what the recording may cost.

    Raises:
        AudioError: the file cannot be read, is shorter than 0.25 s, or is silent throughout.
    """
    from sideman.audio.decode import stream

    maker = WindowMaker()
    outputs: list[dict[str, NDArray[np.float32]]] = []
    silent: list[NDArray[np.bool_]] = []

    def take(windows: NDArray[np.float32], quiet: NDArray[np.bool_]) -> None:
        silent.append(quiet)
        if not quiet.all():
            outputs.append(session.run(np.ascontiguousarray(windows[~quiet])))

    blocks = stream(
        path,
        sample_rate_hz=SAMPLE_RATE_HZ,
        block_s=BLOCK_S,
        start_s=start_s,
        duration_s=duration_s,
        limits=limits,
        tap=tap,
    )
    for block in blocks:
        take(*maker.update(block))
        for listener in also:
            listener(block)
    take(*maker.finish())
    heard_s = maker.samples_n / SAMPLE_RATE_HZ
    name = os.fspath(path)
    if maker.samples_n < int(MIN_DURATION_S * SAMPLE_RATE_HZ):
        raise AudioError(f"{name}: only {heard_s:.3f} s long; a genre needs at least {MIN_DURATION_S} s")
    if not outputs:
        raise AudioError(f"{name}: silent throughout; there is nothing to classify")
    is_silent = np.concatenate(silent)
    starts_s = np.arange(len(is_silent), dtype=np.float64) * STEP_S
    starts_s[-1] = max(0.0, min(float(starts_s[-1]), heard_s - WINDOW_S))
    return Heard(
        np.concatenate([out["scores"] for out in outputs]),
        np.concatenate([out["embedding"] for out in outputs]),
        starts_s[~is_silent],
        np.append(starts_s[1:], heard_s)[~is_silent],
        heard_s,
    )


def unit_mean(embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Mean (256,) of window embeddings (k, 256), scaled to unit length; even in all directions where all are 0."""
    mean = embeddings.mean(0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    return (mean / length if length > 0 else np.full(len(mean), len(mean) ** -0.5)).astype(np.float32)


def classify(
    path: str | os.PathLike[str],
    *,
    timeline: bool = False,
    tempo: bool = True,
    key: bool = True,
    embedding: bool = False,
    start_s: float = 0.0,
    duration_s: float | None = None,
    model: str | os.PathLike[str] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    also: tuple[Listener, ...] = (),
) -> Classification:
    """Name the genre of a recording and, unless turned off, its tempo and key.

    Args:
        path: a recording in any format that :func:`sideman.audio.decode.stream` reads.
        timeline: also tell the genre over time.
        tempo: estimate the tempo.
        key: estimate the key.
        embedding: also give the embedding of the default network, with any ``model``.
        start_s: begin this many seconds into the file.
        duration_s: hear this many seconds only.
        model: folder of a model that ``sideman train genre`` made; None for the one that comes with Sideman.
        limits: what the recording may cost.
        also: called with every block of mono samples at 22,050 Hz, 30 s each but the last, as they are heard.

    Returns:
        The answer, see :class:`Classification`.

    Raises:
        AudioError: the file cannot be read, is too short, too long for ``limits`` or silent throughout.
        ModelError: the weights are damaged, or ``model`` is no model folder.

    Example:
        >>> import sideman
        >>> sideman.classify("song.mp3").genre  # doctest: +SKIP
        'reggae'
    """
    from sideman.audio.rhythm import TempoTracker
    from sideman.audio.tonality import KeyTracker
    from sideman.genre.embed import EmbeddingTracker

    tempo_tracker = TempoTracker(SAMPLE_RATE_HZ) if tempo else None
    key_tracker = KeyTracker(SAMPLE_RATE_HZ) if key else None
    # Another model does not make the embedding, which then costs another network.
    points = EmbeddingTracker() if embedding and model is not None else None
    also += tuple(tracker.update for tracker in (tempo_tracker, key_tracker, points) if tracker is not None)
    if model is None:
        answer = _classify(path, timeline=timeline, start_s=start_s, duration_s=duration_s, also=also, limits=limits)
    else:
        from sideman.genre.trained import open_model

        own = open_model(model)
        answer = own.classify(path, timeline=timeline, start_s=start_s, duration_s=duration_s, also=also, limits=limits)
    tempo_estimate = tempo_tracker.result() if tempo_tracker else None
    key_estimate = key_tracker.result() if key_tracker else None
    return replace(
        answer,
        embedding=points.result() if points else answer.embedding if embedding else None,
        tempo_bpm=tempo_estimate.tempo_bpm if tempo_estimate else None,
        key=key_estimate.key if key_estimate else None,
        tempo=tempo_estimate,
        key_estimate=key_estimate,
    )


def _classify(
    path: str | os.PathLike[str],
    *,
    timeline: bool,
    start_s: float,
    duration_s: float | None,
    also: tuple[Listener, ...],
    limits: Limits,
) -> Classification:
    """Genre alone, by the default model."""
    session = open_session(DEFAULT_MODEL)
    calibration = Calibration.of(session)
    heard = listen(path, session, start_s=start_s, duration_s=duration_s, also=also, limits=limits)
    probabilities = calibration.probabilities(heard.scores)
    not_music = calibration.not_music(heard.scores)
    named = by_genre(probabilities, calibration.genres)
    return Classification(
        path=os.fspath(path),
        duration_s=heard.duration_s,
        genre=next(iter(named)),
        unsure=bool(calibration.unsure(probabilities, not_music)),
        probabilities=named,
        not_music=float(not_music),
        timeline=_timeline(heard, calibration) if timeline else None,
        embedding=unit_mean(heard.embeddings),
        model=f"{session.card.name} {session.card.sha256[:12]}",
    )


def _timeline(heard: Heard, calibration: Calibration) -> tuple[Segment, ...]:
    segments = []
    half = _CONTEXT_WINDOWS // 2
    for i, (start, end) in enumerate(zip(heard.starts_s, heard.ends_s, strict=True)):
        near = calibration.probabilities(heard.scores[max(0, i - half) : i + half + 1])
        segments.append(Segment(float(start), float(end), by_genre(near, calibration.genres)))
    return tuple(segments)


def by_genre(probabilities: NDArray[np.float64], genres: tuple[str, ...]) -> dict[str, float]:
    """Probabilities (genres,) by name, the most probable first."""
    order = np.argsort(-probabilities, kind="stable")
    return {genres[i]: float(probabilities[i]) for i in order}
