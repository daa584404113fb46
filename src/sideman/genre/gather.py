"""Features of a whole data set, computed once: every recording's rows are kept in a cache folder."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sideman.core.atomic import atomic_write
from sideman.core.errors import AudioError, DatasetError
from sideman.core.parallel import map_files
from sideman.datasets.track import Dataset, Relation, Track, printable, relations_of
from sideman.genre.inputs import Input, spread_rows
from sideman.genre.material import Material

MOST_ROWS = 10
"""Segments taken of a recording, spread evenly over it."""


@dataclass(frozen=True)
class Gathered:
    """Material, and the recordings that could not be read with the reason (one line each)."""

    material: Material
    failures: tuple[str, ...]


def cache_folder() -> Path:
    """Where features are kept when no other folder is named; SIDEMAN_CACHE moves it."""
    import platformdirs

    named = os.environ.get("SIDEMAN_CACHE")
    return (Path(named) if named else Path(platformdirs.user_cache_dir("sideman"))) / "features"


def gather(
    dataset: Dataset,
    given: Input,
    *,
    most: int = MOST_ROWS,
    cache: Path | None = None,
    workers: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> Gathered:
    """Take the features of every recording, from the cache where it has them.

    Identical files under one genre become a relation; a recording that cannot be read is left out and told.

    Args:
        dataset: labelled recordings.
        given: what to take.
        most: segments per recording at the most, spread evenly.
        cache: folder, by default :func:`cache_folder`.
        workers: processes, one per core by default.
        advance: called with 1 after every recording.

    Raises:
        DatasetError: one recording lies under two genres, or nothing could be read.
    """
    folder = cache or cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    work = partial(_cached, folder, given.plain, most)
    parts: dict[int, Path] = {}
    failures: list[str] = []
    for outcome in map_files(work, [track.path for track in dataset.tracks], workers):
        if outcome.value is not None:
            parts[outcome.index] = outcome.value
        else:
            failures.append(str(outcome.error))
        if advance is not None:
            advance(1)
    if not parts:
        hint = f", first {failures[0]}" if failures else ""
        raise DatasetError(f"{dataset.root}: none of {len(dataset.tracks)} recordings can be read{hint}")
    tracks = tuple(dataset.tracks[i] for i in sorted(parts))
    rows, digests = [], []
    for i in sorted(parts):
        with np.load(parts[i]) as kept:
            rows.append(kept["x"])
            digests.append(str(kept["sha256"]))
    relations = (*relations_of(dataset), *_copies(tracks, digests))
    x = np.concatenate(rows)
    track_of = np.repeat(np.arange(len(tracks)), [len(part) for part in rows])
    genres = tuple(sorted({track.genre for track in tracks}))
    material = Material(x, track_of, tracks, relations, genres, given.plain)
    return Gathered(material.narrowed(given) if given != given.plain else material, tuple(sorted(failures)))


def _cached(folder: Path, given: Input, most: int, path: Path) -> Path:
    """Make a recording's part unless it is there; runs in a worker."""
    try:
        status = path.stat()
    except OSError as error:
        raise AudioError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    identity = [str(path.resolve()), status.st_size, status.st_mtime_ns, given.as_dict(), most]
    key = hashlib.sha256(json.dumps(identity).encode("utf-8", "surrogateescape")).hexdigest()[:40]
    part = folder / key[:2] / f"{key}.npz"
    if not _whole(part):
        x = spread_rows(path, given, most)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        part.parent.mkdir(exist_ok=True)
        with atomic_write(part) as file:
            np.savez(file, x=np.asarray(x, np.float32), sha256=np.array(digest))
    return part


def _whole(part: Path) -> bool:
    """Whether a part is there and readable; a damaged one is made anew."""
    try:
        with np.load(part) as kept:
            return {"x", "sha256"} <= set(kept.files)
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def _copies(tracks: tuple[Track, ...], digests: list[str]) -> tuple[Relation, ...]:
    """Relate identical files; raises :class:`DatasetError` where they lie under two genres."""
    members: dict[str, list[Track]] = {}
    for track, digest in zip(tracks, digests, strict=True):
        members.setdefault(digest, []).append(track)
    relations = []
    for digest, same in members.items():
        other = next((t for t in same if t.genre != same[0].genre), None)
        if other is not None:
            first = same[0]
            raise DatasetError(
                f"{printable(first.track_id)} ({printable(first.genre)}) and {printable(other.track_id)} "
                f"({printable(other.genre)}) are one and the same file; keep it under one genre"
            )
        if len(same) > 1:
            relations.append(Relation("repetition", f"file {digest[:12]}", tuple(sorted(t.track_id for t in same))))
    return tuple(relations)
