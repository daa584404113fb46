"""Composing in a worker: pieces appear in the job's folder, and each is told as soon as it is finished.

A score leaves ``N.mid``, ``N.musicxml``, ``N.json`` (its piano roll) and ``N.flac``, imagined sound ``N.npz`` and
``N.flac``; :func:`convert` makes the other formats from these when somebody asks for them.
"""

from __future__ import annotations

import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sideman.compose.composers import choose
from sideman.compose.controls import Controls
from sideman.compose.generate import DEFAULT_BARS, Composition
from sideman.compose.keys import key_name
from sideman.compose.prompt import describe
from sideman.compose.ranking import Candidate, listen
from sideman.compose.sampling import Sampling
from sideman.compose.spectra.imagine import Wish, frames_of
from sideman.compose.start import Start, styled, writer
from sideman.core.errors import OutputError, ScoreError, UsageError
from sideman.mood.names import nearest
from sideman.symbolic.names import drum_name
from sideman.symbolic.score import DURATION, PITCH, START, VELOCITY, Score
from sideman.web.problems import FullError
from sideman.web.schemas.compose import MOST_S, SCORE_FORMATS, SPECTRA_FORMATS, Heading, Peaks, Piece, heading, plain

if TYPE_CHECKING:
    from sideman.compose.spectra.piece import Imagined

Report = Callable[[dict[str, Any]], None]
_PEAKS_N = 200
_TELL_EVERY_S = 0.25


@dataclass(frozen=True)
class ScoreTask:
    """What to compose.

    Attributes:
        asked: the wish.
        start, source: what to do with the piece in the file ``source``; None for a new piece.
        source_name: as the user knows that file.
        n: pieces, of the seeds from ``seed`` on.
        model: name of shipped weights, or auto.
        temperature, strict_key: how boldly.
        soundfont: to play with; None for the default.
    """

    asked: Controls
    start: Start
    source: Path | None
    source_name: str
    n: int
    seed: int
    model: str
    temperature: float
    strict_key: bool
    soundfont: Path | None


@dataclass(frozen=True)
class SpectraTask:
    """What to imagine: ``n`` sounds of ``seconds``, of the seeds from ``seed`` on."""

    wish: Wish
    seconds: float
    n: int
    seed: int
    model: str


@contextmanager
def kept() -> Iterator[None]:
    """Tell of files that cannot be written without telling where they lie: that is nobody's business.

    Raises:
        FullError: one cannot be written.
    """
    try:
        yield
    except (OSError, OutputError):
        told = "the piece cannot be kept: the server's disk is full or write-protected; free some space there"
        raise FullError(told) from None


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    """Have files that are needed for a moment lie there too: the folder goes with its job, also after a kill."""
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = None


@kept()
def compose_scores(task: ScoreTask, folder: Path, *, report: Report) -> None:
    """Compose, play and keep pieces; each is reported as ``{"piece": ...}``.

    Raises:
        UsageError: the wish does not fit the piece to start from.
        ScoreError: that piece cannot be read.
        FullError: a piece cannot be kept.
    """
    source = None if task.source is None else read_source(task.source, task.source_name)
    asked = task.asked
    if task.start.mode == "style" and source is not None:
        asked = styled(asked, source)
    composer, _ = choose(asked.genre, task.model)
    total = asked.bars or DEFAULT_BARS
    index, told_at, furthest = 0, 0.0, 0.0

    def on_bar(bar: int) -> None:
        nonlocal told_at, furthest
        if time.monotonic() - told_at < _TELL_EVERY_S:
            return
        told_at = time.monotonic()
        known = task.start.mode in ("new", "style")
        if known:  # a try that failed its checks begins anew, the bar on the page does not
            furthest = max(furthest, index + 0.8 * min(1.0, bar / total))
        report({
            "done": round(max(furthest, index), 3), "stage": "composing",
            "message": f"Piece {index + 1} of {task.n}: bar {bar}{f' of {total}' if known else ''}",
        })  # fmt: skip

    write = writer(
        task.start, source, asked, composer, sampling=Sampling(temperature=task.temperature),
        strict_key=task.strict_key, on_bar=on_bar,
    )  # fmt: skip
    for index in range(task.n):
        report({"done": index, "stage": "composing", "message": f"Piece {index + 1} of {task.n}: composing"})
        piece = write(task.seed + index)
        if piece.score.duration_s > MOST_S:
            raise UsageError(
                f"the piece would last {piece.score.duration_s:.0f} s, {MOST_S:.0f} at most; ask for fewer bars"
            )
        report({"stage": "playing", "message": f"Piece {index + 1} of {task.n}: playing and hearing it"})
        with _kept_in(folder):
            heard = listen(piece, soundfont=task.soundfont)
        report({"piece": plain(_keep_score(heard, index, folder, key_asked=asked.key is not None)), "done": index + 1})


def read_source(path: Path, name: str) -> Score:
    """The score in an uploaded file; messages say ``name`` for it, not where it lies.

    Raises:
        ScoreError: it cannot be read, or has no notes.
    """
    from sideman.symbolic.reading import read_score

    try:
        score = read_score(path)
    except ScoreError as error:
        raise ScoreError(str(error).replace(str(path), name)) from None
    if not score.n_notes:
        raise ScoreError(f"{name}: holds no notes; give another piece")
    return score


def _keep_score(heard: Candidate, index: int, folder: Path, *, key_asked: bool) -> Piece:
    from sideman.compose.piece_files import write_piece

    piece = heard.piece
    for kind in ("mid", "musicxml", "flac"):
        write_piece(piece, folder / f"{index}.{kind}", heard.samples)
    (folder / f"{index}.json").write_text(json.dumps(roll(piece.score)), "utf-8")
    formats = [f for f in SCORE_FORMATS if f != "png" or importlib.util.find_spec("matplotlib") is not None]
    return Piece(
        index=index, engine="score", seed=piece.seed, controls=heading(piece.controls),
        described=describe(piece.controls), duration_s=round(len(heard.samples) / 44_100, 3),
        notes=piece.score.n_notes, heard=heard.heard, genre_probability=heard.probability,
        score=round(heard.score, 4), key=None if piece.key is None else key_name(piece.key),
        longest_run=piece.longest_run, is_copy=piece.is_copy, remarks=_remarks(piece, key_asked=key_asked),
        formats=formats, peaks=peaks(heard.samples.mean(axis=1)),
    )  # fmt: skip


def _remarks(piece: Composition, *, key_asked: bool) -> list[str]:
    told = []
    if piece.is_copy:
        told.append(f"It has a long run from a learnt piece even after {piece.tries} tries.")
    if not piece.key_is_kept:  # which also costs it in the ranking
        told.append("It may be heard in another key than the asked one." if key_asked else "Its key is not clear.")
    if piece.is_monotonous:
        told.append("It says hardly anything; another seed may say more.")
    return told


def roll(score: Score) -> dict[str, Any]:
    """A score as :class:`sideman.web.schemas.compose.Roll`, in plain values."""
    tracks = []
    for track in score.tracks:
        notes = track.notes
        begins, ends = score.seconds(notes[:, START]), score.seconds(notes[:, START] + notes[:, DURATION])
        rows = zip(begins.round(4).tolist(), ends.round(4).tolist(), notes[:, [PITCH, VELOCITY]].tolist(), strict=True)
        tracks.append({
            "name": track.name, "program": track.program, "is_drum": track.is_drums,
            "strokes": {pitch: drum_name(pitch) for pitch in sorted(set(notes[:, PITCH].tolist())) if track.is_drums},
            "notes": [[begin, end, pitch, velocity] for begin, end, (pitch, velocity) in rows],
        })  # fmt: skip
    bars = score.seconds([bar.start for bar in score.bars()])
    return {"duration_s": round(score.duration_s, 4), "bars_s": bars.round(4).tolist(), "tracks": tracks}


def peaks(samples: NDArray[np.float32]) -> Peaks:
    """The outline of a sound, (n,), in 200 columns."""
    parts = np.array_split(samples, min(_PEAKS_N, max(1, len(samples))))
    return Peaks(
        low=[round(float(part.min(initial=0)), 3) for part in parts],
        high=[round(float(part.max(initial=0)), 3) for part in parts],
    )


@kept()
def compose_spectra(task: SpectraTask, folder: Path, *, report: Report) -> None:
    """Imagine sounds and keep them; each is reported as ``{"piece": ...}``."""
    from sideman.compose.spectra.imaginers import open_imaginer
    from sideman.compose.spectra.piece import compose_sound, listened

    imaginer = open_imaginer(task.model)
    frames = frames_of(task.seconds)
    for index in range(task.n):
        done = 0

        def advance(n: int, index: int = index) -> None:
            nonlocal done
            done += n
            share = min(1.0, done / frames)
            message = f"Piece {index + 1} of {task.n}: {share:.0%} imagined"
            report({"done": round(index + 0.8 * share, 3), "stage": "imagining", "message": message})

        report({"done": index, "stage": "imagining", "message": f"Piece {index + 1} of {task.n}: imagining"})
        piece = compose_sound(imaginer, task.wish, task.seconds, seed=task.seed + index, advance=advance)
        report({"stage": "hearing", "message": f"Piece {index + 1} of {task.n}: hearing it"})
        with _kept_in(folder):
            heard = listened(piece)
        report({"piece": plain(_keep_sound(heard, index, folder)), "done": index + 1})


def _keep_sound(piece: Imagined, index: int, folder: Path) -> Piece:
    from sideman.audio.mel_picture import FORM
    from sideman.compose.spectra.files import write_picture
    from sideman.symbolic.render import write_audio

    write_audio(piece.samples, folder / f"{index}.flac", FORM.sample_rate_hz)
    write_picture(piece.mel, folder / f"{index}.npz")
    wish = piece.wish
    mood = None if wish.valence is None or wish.arousal is None else nearest(wish.valence, wish.arousal)
    seconds = round(piece.duration_s, 3)
    told = Heading(genre=wish.genre, mood=mood, valence=wish.valence, arousal=wish.arousal, seconds=seconds)
    return Piece(
        index=index, engine="spectra", seed=piece.seed, controls=told,
        described=", ".join([wish.genre or "any genre", *([mood] if mood else []), f"{seconds:g} s"]),
        duration_s=seconds, notes=None, heard=piece.heard, genre_probability=piece.probability,
        score=round(piece.probability or 0.0, 4), key=None, longest_run=None, is_copy=False, remarks=[],
        formats=list(SPECTRA_FORMATS), peaks=peaks(piece.samples),
    )  # fmt: skip


@kept()
def convert(folder: Path, index: int, kind: str, title: str, *, report: Report) -> Path:
    """A kept piece in another format; the file appears whole in the folder."""
    target = folder / f"{index}.{kind}"
    if target.is_file():
        return target
    if kind in ("wav", "mp3", "ogg"):
        import soundfile

        from sideman.symbolic.render import write_audio

        samples, rate_hz = soundfile.read(folder / f"{index}.flac", dtype="float32")
        write_audio(samples, target, rate_hz)
    elif kind == "png" and (folder / f"{index}.mid").is_file():
        from sideman.symbolic.midi import read_midi
        from sideman.symbolic.pianoroll import write_pianoroll

        write_pianoroll(read_midi(folder / f"{index}.mid"), target, title)
    else:
        from sideman.compose.spectra.files import read_picture, write_picture

        mel = read_picture(folder / f"{index}.npz")
        if kind == "png":
            write_picture(mel, target)
        else:
            _write_view(mel, target)
    return target


def _write_view(mel: NDArray[np.float32], target: Path) -> None:
    """A picture in colours for people: low frequencies below, at most 2400 frames wide."""
    from sideman.core.atomic import atomic_write
    from sideman.core.png import colourise, write_png

    step = -(-mel.shape[1] // 2400)
    shown = mel[::-1, : mel.shape[1] // step * step].reshape(len(mel), -1, step).mean(axis=2)
    high = float(shown.max())
    low = min(float(np.quantile(shown, 0.02)), high - 1.0)
    with atomic_write(target) as file:
        file.write(write_png(np.repeat(colourise(shown, low, high), 2, axis=0)))
