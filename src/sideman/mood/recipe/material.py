"""What the mood model learns from and is held back by: rows of features with songs, signs and weights."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sideman.core.atomic import atomic_write
from sideman.core.errors import AudioError, DatasetError
from sideman.core.paths import find_audio
from sideman.genre.frontend import SAMPLE_RATE_HZ
from sideman.genre.predict import DEFAULT_MODEL, listen, unit_mean
from sideman.inference.sessions import open_session
from sideman.mood.recipe.arranging import Players
from sideman.mood.recipe.hearing import hear
from sideman.mood.recipe.pieces import Piece
from sideman.mood.recording import majorness

N_FOLDS = 5
# The first SoundFont plays xmidi and all arrangements of the piano clips, further ones the piano alone.
ARRANGEMENTS: tuple[tuple[Players, ...], ...] = (("written", "other", "band"), ("written",))
_SHARES = {"emopia": 1.0, "xmidi-subset": 0.5}
log = logging.getLogger(__name__)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Pieces as features ``x`` (n, 257), ``signs`` (n, 2) of valence and arousal, ``weight`` and ``folds`` (n,)."""

    pieces: tuple[Piece, ...]
    x: Floats
    signs: NDArray[np.int_]
    weight: Floats
    folds: NDArray[np.int_]

    @property
    def songs(self) -> list[str]:
        """The song of each row."""
        return [piece.song for piece in self.pieces]

    def at(self, index: Sequence[int]) -> Rows:
        """Some of the rows."""
        some = list(index)
        kept = tuple(self.pieces[i] for i in some)
        return Rows(kept, self.x[some], self.signs[some], self.weight[some], self.folds[some])


def fold_of(song: str) -> int:
    """Which of the five folds a song is judged in: the same on every machine, whatever else is there."""
    return int.from_bytes(hashlib.sha256(song.encode()).digest()[:4], "big") % N_FOLDS


def rows_of(
    pieces: Sequence[Piece],
    folder: Path,
    soundfont: Path | None,
    work: Path,
    players: Players = "written",
    advance: Callable[[int], None] = lambda _: None,
) -> Rows:
    """Pieces through one SoundFont; those that could not be played are left out.

    Raises:
        ScoreError: the SoundFont is missing or damaged.
        DatasetError: none of the pieces could be played.
    """
    heard = hear(pieces, folder, soundfont, work, players=players, advance=advance)
    sounded = ~np.isnan(heard.means[:, 0])
    if not sounded.any():
        raise DatasetError(f"{folder}: none of the {len(pieces)} pieces could be played; unpack the sets there")
    kept = tuple(piece for piece, there in zip(pieces, sounded, strict=True) if there)
    points = np.array([unit_mean(mean[None]) for mean in heard.means[sounded]], np.float64)
    signs = np.array([(piece.valence, piece.arousal) for piece in kept])
    classes = [(piece.source, piece.valence) for piece in kept]
    weight = np.array([_SHARES.get(source, 1.0) / classes.count((source, sign)) for source, sign in classes])
    folds = np.array([fold_of(piece.song) for piece in kept])
    return Rows(kept, np.column_stack([points, heard.keys[sounded]]), signs, weight, folds)


def joined(parts: Sequence[Rows]) -> Rows:
    """All rows of some."""
    return Rows(
        tuple(piece for part in parts for piece in part.pieces),
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.signs for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.folds for part in parts]),
    )


@dataclass(frozen=True)
class Recordings:
    """Sound without labels: features ``x`` (n, 257), the ``paths``, and the name of the folder of each."""

    x: Floats
    folders: tuple[str, ...]
    paths: tuple[str, ...] = ()

    @property
    def weight(self) -> Floats:
        """Every folder counts the same, (n,)."""
        return np.array([1 / self.folders.count(name) for name in self.folders])


def recordings_of(folder: Path, work: Path, *, most: int | None = None) -> Recordings:
    """Listen to all recordings below ``folder``; what ``work`` has from an earlier run is taken from there.

    Args:
        folder: a tree of recordings.
        work: folder of the cache.
        most: hear this many only, drawn evenly.

    Raises:
        DatasetError: there are none that can be heard.
    """
    from sideman.audio.tonality import KeyTracker

    files = list(find_audio([str(folder)]))
    step = max(1.0, len(files) / most) if most else 1.0
    files = [files[int(i * step)] for i in range(int(len(files) / step))]
    session = open_session(DEFAULT_MODEL)
    told = "\n".join([session.card.sha256, *(f"{path} {path.stat().st_size}" for path in files)])
    place = work / f"recordings-{hashlib.sha256(told.encode()).hexdigest()[:16]}.npz"
    if place.exists():
        with np.load(place) as kept:
            return Recordings(kept["x"], *(tuple(map(str, kept[name])) for name in ("folders", "paths")))
    rows, names, paths = [], [], []
    for path in files:
        tracker = KeyTracker(SAMPLE_RATE_HZ)
        try:
            heard = listen(path, session, also=(tracker.update,))
        except AudioError as error:
            log.warning("left out: %s", error)
            continue
        rows.append(np.append(unit_mean(heard.embeddings), majorness(tracker.result())))
        names.append(path.parent.name)
        paths.append(str(path))
    if not rows:
        raise DatasetError(f"{folder}: no recording there could be heard; --recordings takes a folder of some")
    work.mkdir(parents=True, exist_ok=True)
    with atomic_write(place) as file:
        np.savez(file, x=np.array(rows, np.float64), folders=np.array(names), paths=np.array(paths))
    return Recordings(np.array(rows, np.float64), tuple(names), tuple(paths))
