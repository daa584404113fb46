"""Recordings to learn spectra from: sound, log-mel pictures, genre and mood, read once and kept in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.audio.mel_picture import FORM, log_mel_picture
from sideman.core.atomic import atomic_write
from sideman.core.errors import AudioError, DatasetError

VERSION = 1
LEVEL = 0.1
"""Root mean square of every piece as a picture: -20 dB below full scale."""
SPEEDS = (1.0, 0.93, 0.965, 1.035, 1.07)
"""Every piece is pictured at these speeds, its pitch changing with them, for there is never enough music."""
_LEAST_S = 1.5
_LEAST_LEVEL = 1e-4
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Recording:
    """A file to learn from; ``group`` names what must stay on one side of a split."""

    path: str
    genre: str | None
    group: str


@dataclass(frozen=True)
class Piece:
    """A recording that was read.

    Attributes:
        recording: where it came from.
        start, n: its samples in `SoundCorpus.samples`.
        pictures: first frame and number of frames in `SoundCorpus.mels` of its picture at each of `SPEEDS`.
        gain: factor that brought the picture to `LEVEL`.
        valence, arousal: -1 to 1, as Sideman's mood model hears them; None where it could not tell.
    """

    recording: Recording
    start: int
    n: int
    pictures: tuple[tuple[int, int], ...]
    gain: float
    valence: float | None
    arousal: float | None


class SoundCorpus:
    """What `build` made.

    Attributes:
        pieces: in the order of the recordings.
        samples: all sound, mono 22,050 Hz int16, one piece after the other (memory map).
        mels: all pictures, (frames, 96) float16, each piece at `LEVEL` (memory map).
    """

    def __init__(self, folder: Path) -> None:
        """Open a corpus; raises :class:`DatasetError` where there is none or it is damaged."""
        try:
            told = json.loads((folder / "pieces.json").read_text(encoding="utf-8"))
            if told["version"] != VERSION:
                raise ValueError("of another version")
            self.pieces = [_piece(row) for row in told["pieces"]]
            self.samples: NDArray[np.int16] = np.memmap(folder / "samples.raw", np.int16, "r")
            mels = np.memmap(folder / "mels.raw", np.float16, "r")
            self.mels: NDArray[np.float16] = mels.reshape(-1, FORM.n_mels)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{folder}: no corpus of sound ({error}); delete it to have it made anew") from error

    @property
    def genres(self) -> tuple[str, ...]:
        """Genres that pieces have, sorted."""
        return tuple(sorted({p.recording.genre for p in self.pieces if p.recording.genre}))

    @property
    def duration_s(self) -> float:
        """Length of all pieces together."""
        return sum(p.n for p in self.pieces) / FORM.sample_rate_hz

    def sound(self, piece: Piece) -> Floats:
        """Samples of a piece, (n,), as recorded."""
        return np.asarray(self.samples[piece.start : piece.start + piece.n], np.float32) / np.float32(32_767)

    def picture(self, piece: Piece, speed: int = 0) -> NDArray[np.float16]:
        """Log-mel picture of a piece at `LEVEL`, at the given one of `SPEEDS`, (96, frames)."""
        first, n = piece.pictures[speed]
        return self.mels[first : first + n].T


def _piece(row: dict[str, Any]) -> Piece:
    pictures = tuple((int(first), int(n)) for first, n in row["pictures"])
    return Piece(**row | {"recording": Recording(**row["recording"]), "pictures": pictures})


def build(
    recordings: Sequence[Recording],
    folder: Path,
    *,
    longest_s: float = 120.0,
    moods: bool = True,
    workers: int | None = None,
    advance: Callable[[], None] | None = None,
) -> list[str]:
    """Read recordings into ``folder``; returns a line for each that was left out.

    Args:
        recordings: what to read.
        folder: made here.
        longest_s: of a longer recording, its middle.
        moods: also hear valence and arousal.
        workers: processes; None takes what `sideman.core.parallel.map_files` takes.
        advance: called after each recording.

    Raises:
        DatasetError: nothing could be read.
        OutputError: the folder cannot be written.
    """
    from sideman.core.parallel import in_order, map_files

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pieces.json").unlink(missing_ok=True)
    pieces: list[Piece] = []
    left_out: list[str] = []
    n_samples = n_frames = 0
    read = partial(_read, longest_s=longest_s, moods=moods)
    with (folder / "samples.raw").open("wb") as sound, (folder / "mels.raw").open("wb") as pictures:
        for outcome in in_order(map_files(read, [r.path for r in recordings], workers)):
            if advance is not None:
                advance()
            if outcome.value is None:
                left_out.append(str(outcome.error))
                continue
            samples, mels, gain, mood = outcome.value
            samples.tofile(sound)
            places = []
            for mel in mels:
                mel.tofile(pictures)
                places.append((n_frames, len(mel)))
                n_frames += len(mel)
            pieces.append(Piece(recordings[outcome.index], n_samples, len(samples), tuple(places), gain, *mood))
            n_samples += len(samples)
    if not pieces:
        raise DatasetError(f"none of {len(recordings)} recordings can be learnt from; first: {left_out[0]}")
    told = {"version": VERSION, "pieces": [asdict(piece) for piece in pieces]}
    with atomic_write(folder / "pieces.json", "w") as file:
        json.dump(told, file)
    return left_out


_Read = tuple[NDArray[np.int16], list[NDArray[np.float16]], float, tuple[float | None, float | None]]


def _read(path: str, *, longest_s: float, moods: bool) -> _Read:
    """One recording: samples (n,), its pictures as frames (t, 96), their gain, valence and arousal."""
    import soxr

    from sideman.audio.decode import load, probe

    length_s = probe(path).duration_s
    start_s = max(0.0, (length_s - longest_s) / 2) if length_s else 0.0
    sound, _ = load(path, sample_rate_hz=FORM.sample_rate_hz, start_s=start_s, duration_s=longest_s)
    if len(sound) < _LEAST_S * FORM.sample_rate_hz:
        raise AudioError(f"{path}: shorter than {_LEAST_S:g} s; nothing to learn from")
    level = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    if level < _LEAST_LEVEL:
        raise AudioError(f"{path}: silent; nothing to learn from")
    gain = LEVEL / level
    level_sound = sound * np.float32(gain)
    played = [level_sound if speed == 1.0 else soxr.resample(level_sound, speed, 1.0) for speed in SPEEDS]
    mels = [log_mel_picture(y).T.astype(np.float16) for y in played]
    kept = np.round(np.clip(sound, -1, 1) * 32_767).astype(np.int16)
    return kept, mels, gain, _mood(path, start_s, longest_s) if moods else (None, None)


def _mood(path: str, start_s: float, longest_s: float) -> tuple[float | None, float | None]:
    from sideman.mood.hear import classify

    try:
        heard = classify(path, start_s=start_s, duration_s=longest_s)
    except AudioError:  # too little sound to hear a mood in; the sound itself can be learnt from
        return None, None
    return heard.valence, heard.arousal
