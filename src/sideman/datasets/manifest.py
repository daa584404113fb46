"""A CSV manifest: a row per recording, with the columns path, genre and, where known, artist, title, split, group."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

from sideman.core.atomic import atomic_write
from sideman.core.errors import DatasetError
from sideman.datasets.track import Dataset, Track, normalise_label, printable

REQUIRED = ("path", "genre")
OPTIONAL = ("artist", "title", "split", "group")


def load(path: str | os.PathLike[str]) -> Dataset:
    """Read a manifest.

    Paths are relative to the manifest's folder, or absolute. Other columns are passed over; blank cells of the optional
    ones mean "unknown". The path, as written, is the track's id. Excel's byte order mark and semicolons are understood.

    Raises:
        DatasetError: the file cannot be read, lacks a required column, holds no row, or a row has a blank path or
            genre, names a file that is not there, or one named before; the message has the row, counted as in an
            editor.
    """
    source = Path(path)
    try:
        # file names need not be text: what is not UTF-8 is carried through as Python carries such names
        text = source.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise DatasetError(f"{source}: cannot be read ({error.strerror}); give a CSV with path,genre") from None
    header = text.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip().lower() for name in reader.fieldnames or ()]
        lacking = [name for name in REQUIRED if name not in columns]
        if lacking:
            raise DatasetError(f"{source}: lacks the column {lacking[0]!r}; a manifest has the columns path,genre")
        reader.fieldnames = columns
        tracks = _tracks(source, reader)
    except csv.Error as error:
        raise DatasetError(f"{source}: row {reader.line_num} is not valid CSV ({error}); mend its quotes") from None
    if not tracks:
        raise DatasetError(f"{source}: holds no row; list at least one recording")
    return Dataset("manifest", source, tuple(sorted(tracks, key=lambda t: t.track_id)))


def _tracks(source: Path, reader: csv.DictReader[str]) -> list[Track]:
    tracks: list[Track] = []
    seen: dict[Path, int] = {}
    for cells in reader:
        row = reader.line_num
        if None in cells:
            raise DatasetError(f"{source}: row {row} has more cells than the header; quote cells that hold commas")
        value = {name: " ".join((cells.get(name) or "").split()) for name in (*REQUIRED, *OPTIONAL)}
        value["path"] = (cells["path"] or "").strip()
        for name in REQUIRED:
            if not value[name]:
                raise DatasetError(f"{source}: row {row} has a blank {name}; fill it in or remove the row")
        file = source.parent / value["path"]
        if not _is_file(file):
            shown = printable(value["path"])
            hint = "mend the path" if shown == value["path"] else "save the manifest as UTF-8"
            raise DatasetError(f"{source}: row {row} names {shown}, which is not there; {hint}")
        earlier = seen.setdefault(Path(os.path.normpath(file)), row)
        if earlier != row:
            raise DatasetError(
                f"{source}: row {row} names {printable(value['path'])} again (first in row {earlier}); keep one"
            )
        optional = {name: value[name] or None for name in OPTIONAL}
        tracks.append(Track(file, value["path"], normalise_label(value["genre"]), **optional))
    return tracks


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a null character in it
        return False


def write(path: str | os.PathLike[str], tracks: Iterable[Track]) -> None:
    """Write a manifest that :func:`load` reads back.

    Paths are relative to its folder where they lie under it, else absolute.

    Raises:
        OutputError: the file cannot be written.
    """
    target = Path(path)
    folder = target.parent.resolve()
    with atomic_write(target, "w", errors="surrogateescape") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow((*REQUIRED, *OPTIONAL))
        for track in tracks:
            file = track.path.resolve()
            shown = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)
            writer.writerow((shown, track.genre, *(getattr(track, name) or "" for name in OPTIONAL)))
