"""A table of features as material: the published GTZAN tables, or what ``sideman features --out table.csv`` wrote."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np

from sideman.audio.descriptors import TABLE_COLUMNS
from sideman.core.errors import DatasetError
from sideman.datasets import gtzan
from sideman.datasets.track import Dataset, Relation, Track, normalise_label, relations_of
from sideman.genre.inputs import Input
from sideman.genre.material import Material

_FEATURES = TABLE_COLUMNS[1:-1]
_SEGMENT = re.compile(r"^(?P<stem>.+)\.(?P<segment>\d{1,4})(?P<suffix>\.[^.]+)$")


def is_table(path: Path) -> bool:
    """Whether a CSV file's header is that of a feature table, and not of a manifest."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            header = file.readline()
    except OSError:
        return False
    return header.startswith("filename,") and "mfcc1_mean" in header


def read_table(path: Path) -> Material:
    """Read a table; a row per recording or per segment.

    A recording is its file name without the segment's number: ``blues.00000.3.wav`` belongs to ``blues.00000.wav``,
    where the table has rows 0, 1, 2, ... of it. GTZAN's names bring what is known of its artists and repetitions.

    Raises:
        DatasetError: the file cannot be read, lacks a column, or a cell is empty or no finite number; the row is named
            as an editor counts it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); give a table of features") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in TABLE_COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise DatasetError(f"{path}: lacks the column {missing[0]!r}; 'sideman features --out {path.name}' makes it")
    names, labels, values = [], [], []
    for cells in reader:
        where = f"{path}: row {reader.line_num}"
        names.append((cells["filename"] or "").strip())
        labels.append(normalise_label((cells["label"] or "").strip()))
        if not names[-1] or not labels[-1]:
            raise DatasetError(f"{where} has no {'label' if names[-1] else 'filename'}; fill it in or remove the row")
        values.append(_numbers(where, cells))
    if not names:
        raise DatasetError(f"{path}: holds no row; list at least one recording")
    return _material(path, names, labels, np.array(values, np.float32))


def _numbers(where: str, cells: dict[str, str | None]) -> list[float]:
    row = []
    for column in _FEATURES:
        try:
            value = float(cells[column] or "")
        except ValueError:
            raise DatasetError(f"{where} has {cells[column]!r} as {column}; it must be a number") from None
        if not np.isfinite(value):
            raise DatasetError(f"{where} has {value} as {column}; it must be finite: mend or remove the row")
        row.append(value)
    return row


def _material(path: Path, names: list[str], labels: list[str], values: np.ndarray) -> Material:
    matches = [_SEGMENT.match(name) for name in names]
    cut = all(match is not None for match in matches) and len({m["segment"] for m in matches if m}) < len(names)
    # GTZAN's own file names end in a number too, but of five digits.
    stems = [m["stem"] + m["suffix"] if cut and m else name for m, name in zip(matches, names, strict=True)]
    segment = [int(m["segment"]) if cut and m else 0 for m in matches]
    order = sorted(range(len(names)), key=lambda i: (stems[i], segment[i]))
    genre_of: dict[str, str] = {}
    for i in order:
        if genre_of.setdefault(stems[i], labels[i]) != labels[i]:
            raise DatasetError(f"{path}: {names[i]} is '{labels[i]}', its recording's first row '{genre_of[stems[i]]}'")
    if not cut and len(genre_of) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise DatasetError(f"{path}: {twice} is listed twice; keep one row per recording or segment")
    is_gtzan = gtzan.recognises(list(genre_of))
    tracks = tuple(_track(name, genre, is_gtzan) for name, genre in genre_of.items())
    place = {name: i for i, name in enumerate(genre_of)}
    known: tuple[Relation, ...] = gtzan.known_relations() if is_gtzan else ()
    relations = relations_of(Dataset("table", path, tracks, known))
    return Material(
        values[order],
        np.array([place[stems[i]] for i in order]),
        tracks,
        relations,
        tuple(sorted(set(labels))),
        Input("table", 3.0 if cut else None, length=True),
    )


def _track(name: str, genre: str, is_gtzan: bool) -> Track:
    track_id = gtzan.track_id_of(name) if is_gtzan else None
    if track_id is None:
        return Track(Path(name), name, genre)
    fact = gtzan.facts()[track_id]
    return Track(Path(name), track_id, genre, artist=fact.artist, split=fact.split)
