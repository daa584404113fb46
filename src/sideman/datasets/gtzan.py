"""GTZAN: 1000 excerpts of 30 s in ten genres, and what is known of its faults.

G. Tzanetakis, P. Cook, "Musical genre classification of audio signals", IEEE Trans. Speech Audio Process. 10(5), 2002.
Its faults: B. L. Sturm, "The GTZAN dataset: Its contents, its faults, their effects on evaluation, and its future use",
arXiv:1306.1461, 2013. The audio never had copyright clearance, so it does not come with this package; the facts do.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from sideman.core.errors import DatasetError
from sideman.core.paths import find_audio
from sideman.datasets.track import Dataset, Relation, Track, data_folder

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
"""The ten labels, sorted."""

TRACKS_PER_GENRE = 100
SAMPLE_RATE_HZ = 22050
DURATION_S = 30.0

_NAME = re.compile(rf"({'|'.join(GENRES)})[._-]?(\d{{5}})", re.IGNORECASE)
# Where a tree holds one track in several formats, the nearest to the original is taken.
_PREFERENCE = (".au", ".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one track without its audio.

    Attributes:
        artist: name in Sturm's index, None for the 81 tracks that nobody has named.
        split: "train", "valid" or "test" of the fault-filtered split (443/197/290), None for the 70 left out.
        repetition: first track of the set of identical excerpts that it belongs to, else None.
        piece: first track of the set with the same title by the same artist, else None.
        fault: "distorted" (reggae.00086: only its first 5 s are usable), "corrupt" (jazz.00054, unreadable in the
            common WAV distribution), else None.
    """

    artist: str | None
    split: str | None
    repetition: str | None
    piece: str | None
    fault: str | None


@cache
def facts() -> dict[str, Facts]:
    """Return the facts about all 1000 tracks, by track id such as "blues.00000"; their sources are in the table."""
    table = resources.files("sideman.datasets").joinpath("data", "gtzan.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in table.splitlines() if not line.startswith("#"))
    return {
        row["track"]: Facts(
            artist=row["artist"] or None,
            split=row["split"] or None,
            repetition=row["repetition"] or None,
            piece=row["piece"] or None,
            fault=row["fault"] or None,
        )
        for row in rows
    }


def known_relations() -> tuple[Relation, ...]:
    """Return the catalogue's repetitions (identical excerpts) and pieces (one title by one artist), all 1000 tracks."""
    sets: dict[tuple[str, str], list[str]] = {}
    for track, fact in facts().items():
        for kind, first in (("repetition", fact.repetition), ("piece", fact.piece)):
            if first is not None:
                sets.setdefault((kind, first), []).append(track)
    return tuple(Relation(kind, f"{first} and its kin", tuple(ids)) for (kind, first), ids in sorted(sets.items()))


def track_id_of(path: str | os.PathLike[str]) -> str | None:
    """Return the GTZAN id that a file's name spells ("Blues.00012.wav" -> "blues.00012"), None for any other name."""
    match = _NAME.fullmatch(Path(path).stem)
    return f"{match[1].lower()}.{match[2]}" if match and int(match[2]) < TRACKS_PER_GENRE else None


def recognises(paths: Iterable[str | os.PathLike[str]]) -> bool:
    """Tell whether most of these audio files bear GTZAN's names."""
    ids = [track_id_of(path) is not None for path in paths]
    return sum(ids) * 2 > len(ids)


def load(root: str | os.PathLike[str] | None = None) -> Dataset:
    """Find GTZAN's tracks anywhere under a folder, whatever its layout and format.

    ``genres/blues/blues.00000.au``, ``Data/genres_original/...``, ``audio/...`` and flat folders all work; hidden files
    are passed over. Where one track is there in several formats, the nearest to the original is taken; files with other
    names end up in :attr:`Dataset.unlabelled`. Tracks may be missing: :func:`sideman.datasets.validate.validate` tells.

    Args:
        root: the folder; None means the environment variable SIDEMAN_DATA.

    Raises:
        DatasetError: the folder does not exist or holds no GTZAN track.
    """
    folder = data_folder(root)
    if not folder.is_dir():
        raise DatasetError(f"{folder}: not a folder; give the folder that holds GTZAN's audio")
    chosen: dict[str, Path] = {}
    others: list[Path] = []
    for path in find_audio([folder]):
        track_id = track_id_of(path)
        if track_id is None:
            others.append(path)
        elif track_id not in chosen or _rank(path) < _rank(chosen[track_id]):
            chosen[track_id] = path
    if not chosen:
        raise DatasetError(f"{folder}: no GTZAN track in it; files are named like blues.00000.wav")
    known = facts()
    tracks = tuple(
        Track(path, name, name.partition(".")[0], artist=known[name].artist, split=known[name].split)
        for name, path in sorted(chosen.items())
    )
    return Dataset("gtzan", folder, tracks, known_relations(), tuple(others))


def _rank(path: Path) -> tuple[int, str]:
    suffix = path.suffix.lower()
    return (_PREFERENCE.index(suffix) if suffix in _PREFERENCE else len(_PREFERENCE), str(path))
