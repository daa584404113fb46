"""What is explained: the pieces of a recording that a model hears, where they lie in time, and its odds on them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sideman.audio.limits import DEFAULT_LIMITS, Limits
from sideman.core.errors import AudioError, ModelError, UsageError
from sideman.genre import frontend
from sideman.genre.inputs import SAMPLE_RATE_HZ, Input, stream_rows
from sideman.genre.predict import Calibration, log_softmax
from sideman.inference.sessions import Session, open_session

Float32 = NDArray[np.float32]
Floats = NDArray[np.float64]
HOP_N = 512
"""Samples from one column of a picture to the next; the same for every kind of picture."""
_AT_ONCE = 64
_DEFAULT_INPUT = Input("windows", 2.0)


class Heard(Protocol):
    """A network and what it hears; :class:`sideman.genre.trained.Member` is one."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def input(self) -> Input:
        """What it hears."""
        ...

    @property
    def session(self) -> Session:
        """The network, with an output "scores"."""
        ...


@dataclass(frozen=True)
class DefaultMember:
    """The default model as a :class:`Heard`."""

    session: Session
    name: str = "genre"
    input: Input = _DEFAULT_INPUT


@dataclass(frozen=True)
class Subject:
    """A network and how its scores become an answer.

    Attributes:
        member: network and input.
        genres: names of its first scores.
        temperature: divides mean log-probabilities.
        is_default: whether it is the default model, whose windows overlap by a frame.
    """

    member: Heard
    genres: tuple[str, ...]
    temperature: float
    is_default: bool

    def log_probabilities(self, x: Float32) -> Floats:
        """Log-probabilities (rows, genres) of features (rows, ...)."""
        run = self.member.session.run
        parts = [run(np.ascontiguousarray(x[i : i + _AT_ONCE]))["scores"] for i in range(0, len(x), _AT_ONCE)]
        return log_softmax(np.concatenate(parts)[:, : len(self.genres)].astype(np.float64))

    def log_odds(self, x: Float32, target: int) -> Floats:
        """Log-odds (rows,) of a genre."""
        return odds_of(self.log_probabilities(x), target)

    def probabilities(self, x: Float32) -> Floats:
        """Calibrated probabilities (genres,) of all rows together."""
        return np.exp(log_softmax(self.log_probabilities(x).mean(0) / self.temperature))


def odds_of(log_probabilities: Floats, target: int) -> Floats:
    """Log-odds of one class from log-probabilities (..., classes) of two or more."""
    others = np.delete(log_probabilities, target, -1)
    top = others.max(-1, keepdims=True)
    rest = top[..., 0] + np.log(np.exp(others - top).sum(-1))
    odds: Floats = log_probabilities[..., target] - rest
    return odds


def subject_of(model: Any) -> Subject:
    """Take the default model (None), a trained model with one network, or a network with its genres.

    Raises:
        UsageError: an ensemble: it has several networks, which hear different things.
        ModelError: no genres are known of it.
    """
    if model is None:
        session = open_session("genre")
        calibration = Calibration.of(session)
        return Subject(DefaultMember(session), calibration.genres, calibration.temperature, True)
    members = getattr(model, "members", None)
    if members is not None:
        if len(members) != 1:
            names = ", ".join(member.name for member in members)
            raise UsageError(f"the model is an ensemble of {names}: explain one of its members")
        return Subject(members[0], tuple(model.genres), float(model.calibration.temperature), False)
    content = model.session.card.content
    try:
        genres = tuple(content["genres"])
        temperature = float(content.get("calibration", {}).get("temperature", 1.0))
    except (KeyError, TypeError, ValueError):
        raise ModelError(f"{model.session.card.path}: its card names no genres; train it again") from None
    return Subject(model, genres, temperature, isinstance(model, DefaultMember))


@dataclass(frozen=True)
class Pieces:
    """Rows of features, and where they lie in the explained stretch.

    Attributes:
        x: (rows, ...).
        starts_s: start of each row in seconds from the beginning of the stretch.
        length_s: seconds that a row lasts.
        duration_s: seconds of the stretch.
    """

    x: Float32
    starts_s: Floats
    length_s: float
    duration_s: float

    @property
    def columns(self) -> int:
        """Columns of the picture of the whole stretch."""
        return 1 + round(self.duration_s * SAMPLE_RATE_HZ) // HOP_N

    def stitched(self, pictures: Floats, first_column: int = 0) -> Floats:
        """Mean of pictures (rows, bands, frames) where they lie: (bands, columns), NaN where there is none.

        A stretch shorter than a row was heard in a loop; its pictures are folded back.
        """
        total = np.zeros((self.columns, pictures.shape[1]))
        count = np.zeros(self.columns)
        place = np.arange(pictures.shape[2]) + first_column
        for picture, start_s in zip(pictures, self.starts_s, strict=True):
            at = round(start_s * SAMPLE_RATE_HZ / HOP_N) + place
            if self.duration_s < self.length_s:
                at = at % self.columns
            inside = at < self.columns
            np.add.at(total, at[inside], picture.T[inside])
            np.add.at(count, at[inside], 1)
        count[count == 0] = np.nan
        return (total / count[:, None]).T


def pieces_of(
    subject: Subject,
    path: str | os.PathLike[str],
    start_s: float,
    duration_s: float,
    limits: Limits = DEFAULT_LIMITS,
) -> Pieces:
    """Hear a stretch of a recording as the model does.

    Raises:
        AudioError: it cannot be read, is too short or silent.
    """
    given = subject.member.input
    if not subject.is_default:
        rows = list(stream_rows(path, given, start_s=start_s, duration_s=duration_s, limits=limits))
        x = np.concatenate([part.x for part in rows])
        length_s = rows[-1].duration_s if given.segment_s is None else given.segment_s
        return Pieces(x, np.concatenate([part.starts_s for part in rows]), length_s, rows[-1].duration_s)
    from sideman.audio.decode import load

    samples, _ = load(path, sample_rate_hz=SAMPLE_RATE_HZ, start_s=start_s, duration_s=duration_s, limits=limits)
    windows, silent = frontend.windows_of(samples)
    if silent.all():
        raise AudioError(f"{os.fspath(path)}: silent throughout; there is nothing to explain")
    heard_s = len(samples) / SAMPLE_RATE_HZ
    starts_s: Floats = np.arange(len(windows), dtype=np.float64) * frontend.STEP_S
    starts_s[-1] = max(0.0, min(float(starts_s[-1]), heard_s - frontend.WINDOW_S))
    return Pieces(windows[~silent], starts_s[~silent], frontend.WINDOW_S, heard_s)


def loudest_stretch(
    path: str | os.PathLike[str], most_s: float, limits: Limits = DEFAULT_LIMITS
) -> tuple[float, float]:
    """Start of the loudest stretch of ``most_s`` seconds, and the length of the recording; whole seconds, one pass.

    Raises:
        AudioError: the recording cannot be read.
    """
    from sideman.audio.decode import stream

    energy, samples_n = [], 0
    for block in stream(path, sample_rate_hz=SAMPLE_RATE_HZ, block_s=1.0, limits=limits):
        energy.append(float(np.square(block, dtype=np.float64).sum()))
        samples_n += len(block)
    total_s = samples_n / SAMPLE_RATE_HZ
    if total_s <= most_s:
        return 0.0, total_s
    sums = np.convolve(energy, np.ones(max(1, int(most_s))), "valid")
    return float(min(int(sums.argmax()), total_s - most_s)), total_s


def band_frequencies_hz(given: Input) -> Floats | None:
    """Centre frequency of each row of a picture; None for cepstra, which have none."""
    from sideman.audio.mel import hz_to_mel, mel_to_hz
    from sideman.audio.sequences import IMAGE_N_FFT

    bands = given.shape[0]
    if given.kind == "stft":
        return np.arange(bands) * SAMPLE_RATE_HZ / IMAGE_N_FFT
    if given.kind not in {"windows", "mel"}:
        return None
    top_hz = frontend.FMAX_HZ if given.kind == "windows" else SAMPLE_RATE_HZ / 2
    return mel_to_hz(np.linspace(0.0, hz_to_mel(top_hz), bands + 2)[1:-1])


Scorer = Callable[[Float32], Floats]


def neutral_of(x: Float32, kind: str) -> Float32:
    """What a picture is compared with, of the shape of ``x`` (rows, bands, frames).

    Every value becomes the mean of its picture; of cepstra and magnitudes, whose rows differ in kind and size, the mean
    of its row.
    """
    axes = (1, 2) if kind in {"windows", "mel"} else (2,)
    return np.broadcast_to(x.mean(axes, keepdims=True), x.shape).astype(np.float32)
