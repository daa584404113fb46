"""What worker processes hear: one function per answer of the API, each with one pass over the recording."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from sideman.audio.limits import DEFAULT_LIMITS, SERVER_LIMITS, Limits
from sideman.core.errors import SidemanError
from sideman.web.process import Report
from sideman.web.work import drawing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sideman.genre.classification import Classification

_COLUMNS = 1200
_RATE_HZ = 22_050


@dataclass(frozen=True)
class Recording:
    """What is to be heard.

    Attributes:
        path: where it lies.
        name: how people call it: it stands for the path in every message and answer.
        own: whether it is of the user's library, and not a stranger's upload, which may cost less.
        start_s, duration_s: the part that counts; None for from the start, and to the end.
    """

    path: Path
    name: str
    own: bool = False
    start_s: float | None = None
    duration_s: float | None = None

    @property
    def begin_s(self) -> float:
        """Where the part begins."""
        return self.start_s or 0.0

    @property
    def limits(self) -> Limits:
        """What it may cost."""
        return DEFAULT_LIMITS if self.own else SERVER_LIMITS


@dataclass(frozen=True)
class Wanted:
    """What is to be told of it."""

    timeline: bool = False
    tempo: bool = True
    key: bool = True
    mood: bool = True


def warm_up() -> None:
    """Load what every recording needs: the first one does not wait for it, and the limit of memory comes after it.

    Within a tight limit OpenBLAS tries for ever to get memory when it is loaded (by SciPy), and ends the process when
    it gets none for its first product of matrices.
    """
    import numpy as np
    import scipy.fft
    import scipy.ndimage  # noqa: F401
    import soundfile  # noqa: F401
    import soxr  # noqa: F401

    import sideman.audio.beats
    import sideman.audio.decode
    import sideman.audio.decode_sndfile
    import sideman.audio.liveliness
    import sideman.audio.overview
    import sideman.audio.rhythm
    import sideman.audio.tempogram
    import sideman.audio.tonality
    import sideman.genre.embed
    import sideman.mood.hear  # noqa: F401
    from sideman.audio.scorer import load_scorer
    from sideman.genre.predict import DEFAULT_MODEL
    from sideman.inference.sessions import open_session

    open_session(DEFAULT_MODEL)
    load_scorer()
    for kind in (np.float32, np.float64):
        square = np.ones((256, 256), kind)
        square @ square


def classify(recording: Recording, wanted: Wanted, *, report: Report) -> dict[str, Any]:
    """{"heard": plain values for JSON, "vector": (256,) embedding, "model_sha256": of what made it}."""
    with _named(recording):
        return _heard(recording, wanted, _Progress(recording, report))


def listen(recording: Recording, *, report: Report) -> dict[str, Any]:
    """As :func:`classify` with everything, and pictures of the recording."""
    from sideman.audio.overview import Overview

    overview = Overview()
    with _named(recording):
        told = _heard(recording, Wanted(timeline=True), _Progress(recording, report), overview)
        report({"stage": "drawing", "done_s": told["heard"]["duration_s"], "total_s": told["heard"]["duration_s"]})
        pictures = overview.result(_COLUMNS)
    told["waveform"] = drawing.waveform(pictures)
    told["spectrogram"] = drawing.spectrogram(pictures)
    told["chroma"] = drawing.chroma(pictures)
    return told


def features(recording: Recording, *, report: Report) -> dict[str, float]:
    """The 58 columns by name."""
    from sideman.audio.descriptors import DESCRIPTOR_COLUMNS
    from sideman.audio.extract import Recipe, extract

    with _named(recording):
        report({"stage": "listening", "done_s": 0.0, "total_s": _length_s(recording)})
        row = next(iter(extract(recording.path, Recipe(), limits=recording.limits)))
    return dict(zip(DESCRIPTOR_COLUMNS, map(float, row), strict=True))


def waveform(recording: Recording, columns: int, *, report: Report) -> dict[str, Any]:
    """{"duration_s", "low", "high"}: least and greatest sample per column."""
    with _named(recording):
        return drawing.waveform(_seen(recording, columns, report, spectra=False))


def spectrogram(
    recording: Recording, kind: Literal["mel", "chroma"], width: int, height: int, *, report: Report
) -> bytes:
    """A picture (PNG) of so many pixels, time from left to right, low frequencies (or C) below."""
    with _named(recording):
        pictures = _seen(recording, min(width, 4096), report, spectra=True)
    values = pictures.mel_db if kind == "mel" else pictures.chroma
    return drawing.mel_png(values, width, height) if kind == "mel" else drawing.chroma_png(values, width, height)


def explain(recording: Recording, genre: str | None, method: str, *, report: Report) -> dict[str, Any]:
    """What carried the answer: the explanation as plain values, and a picture to lay over the spectrogram."""
    from sideman.genre.explain import Method
    from sideman.genre.explain import explain as explained

    with _named(recording):
        report({"stage": "explaining", "done_s": 0.0, "total_s": _length_s(recording)})
        found = explained(
            recording.path, method=cast("Method", method), genre=genre, start_s=recording.start_s,
            most_s=max(1.0, min(30.0, recording.duration_s or 30.0)), limits=recording.limits,
        )  # fmt: skip
    told = found.to_dict()
    del told["path"]
    return {"name": recording.name, **told, "overlay": drawing.overlay(found)}


def _heard(recording: Recording, wanted: Wanted, progress: _Progress, overview: Any = None) -> dict[str, Any]:
    with _noted(recording) as notes:
        told = _hearing(recording, wanted, progress, overview)
    told["heard"]["notes"] = notes
    return told


def _hearing(recording: Recording, wanted: Wanted, progress: _Progress, overview: Any) -> dict[str, Any]:
    from sideman.genre.predict import DEFAULT_MODEL
    from sideman.inference.sessions import open_session
    from sideman.mood.hear import classify as hear

    also = (progress.update,) if overview is None else (progress.update, overview.update)
    answer = hear(
        recording.path, timeline=wanted.timeline, tempo=wanted.tempo, key=wanted.key, mood=wanted.mood,
        embedding=True, start_s=recording.begin_s, duration_s=recording.duration_s, limits=recording.limits, also=also,
    )  # fmt: skip
    return {
        "heard": _plain(recording, answer),
        "vector": answer.embedding,
        "model_sha256": open_session(DEFAULT_MODEL).card.sha256,
    }


def _plain(recording: Recording, answer: Classification) -> dict[str, Any]:
    plain = answer.to_dict()
    del plain["path"]
    tempo, key = answer.tempo, answer.key_estimate
    plain["tempo"] = plain["key_estimate"] = None
    if tempo is not None and tempo.tempo_bpm is not None:
        plain["tempo"] = {
            "bpm": round(float(tempo.tempo_bpm), 2),
            "confidence": round(float(tempo.confidence), 4),
            "alternatives_bpm": [round(float(bpm), 2) for bpm in tempo.alternatives_bpm],
            "beats_s": [round(float(at), 3) for at in tempo.beats_s],
        }
    if key is not None and key.key is not None:
        plain["key_estimate"] = {
            "key": key.key,
            "confidence": round(float(key.confidence), 4),
            "alternatives": list(key.alternatives),
            "tuning_cents": round(float(key.tuning_cents), 1),
        }
    return {"name": recording.name, **plain}


class _Progress:
    """Tells how many seconds were heard, of how many if the file says."""

    def __init__(self, recording: Recording, report: Report) -> None:
        self._report, self._total_s, self._done_n = report, _length_s(recording), 0
        self._tell()

    def update(self, block: NDArray[np.float32]) -> None:
        """After every block."""
        self._done_n += len(block)
        self._tell()

    def _tell(self) -> None:
        done_s = self._done_n / _RATE_HZ
        total_s = None if self._total_s is None else max(done_s, self._total_s)
        self._report({"stage": "listening", "done_s": done_s, "total_s": total_s})


def _length_s(recording: Recording) -> float | None:
    from sideman.audio.decode import probe

    whole_s = probe(recording.path, limits=recording.limits).duration_s
    if whole_s is None:
        return recording.duration_s
    left_s = max(0.0, whole_s - recording.begin_s)
    return left_s if recording.duration_s is None else min(left_s, recording.duration_s)


def _seen(recording: Recording, columns: int, report: Report, *, spectra: bool) -> Any:
    from sideman.audio.decode import stream
    from sideman.audio.overview import Overview

    overview, progress = Overview(spectra=spectra), _Progress(recording, report)
    blocks = stream(
        recording.path, sample_rate_hz=_RATE_HZ, start_s=recording.begin_s, duration_s=recording.duration_s,
        limits=recording.limits,
    )  # fmt: skip
    for block in blocks:
        overview.update(block)
        progress.update(block)
    return overview.result(columns)


@contextmanager
def _noted(recording: Recording) -> Iterator[list[str]]:
    """Collect what the decoder warns of: an end that is missing, say."""
    notes: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            notes.append(record.getMessage().removeprefix(f"{recording.path}: "))

    log, keeper = logging.getLogger("sideman.audio.decode"), Keeper(logging.WARNING)
    log.addHandler(keeper)
    try:
        yield notes
    finally:
        log.removeHandler(keeper)


@contextmanager
def _named(recording: Recording) -> Iterator[None]:
    """Errors speak of the recording's name: where an upload lies on this machine is nobody's business."""
    try:
        yield
    except SidemanError as error:
        told = str(error).replace(str(recording.path), recording.name)
        if told != str(error):
            error.args = (told, *error.args[1:])
        raise
