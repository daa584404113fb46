"""Feature tables on disk: finished files kept one by one while a run lasts, then one CSV, Parquet or NPZ file.

While a run lasts, ``OUT.part/`` holds one small file per finished recording, named by a digest of the recording's path,
size, modification time and the recipe; it appears whole or not at all, so that a run that was killed goes on where it
was. The final file is streamed from them and takes its name when it is complete.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sideman.audio.descriptors import DESCRIPTOR_COLUMNS, TABLE_COLUMNS
from sideman.audio.extract import Recipe, extract
from sideman.core.atomic import atomic_write
from sideman.core.errors import AudioError, MissingExtraError, OutputError, UsageError

SUFFIXES = (".csv", ".parquet", ".npz")
_ROWS_PER_GROUP = 4096
_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True)
class Source:
    """A recording whose features are wanted, and its label ("" where it has none)."""

    path: Path
    label: str = ""

    def __str__(self) -> str:
        """Its path, as messages name it."""
        return str(self.path)


def check_output(path: Path, recipe: Recipe) -> None:
    """Refuse an output that cannot be written, before any work is done.

    Raises
    ------
    UsageError
        Another suffix than .csv, .parquet or .npz, or CSV for features that are not a table.
    MissingExtraError
        Parquet without pyarrow.
    OutputError
        The folder does not exist.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: the output's name must end in one of {', '.join(SUFFIXES)}")
    if suffix == ".csv" and recipe.kind != "table":
        raise UsageError(f"{path}: features of kind {recipe.kind!r} have two axes: write them to .npz or .parquet")
    if suffix == ".parquet":
        _pyarrow()
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file to write")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: cannot be written (its folder does not exist); create the folder first")


class PartFolder:
    """Finished recordings of an unfinished run."""

    def __init__(self, output: Path, recipe: Recipe) -> None:
        """Belong to this output and recipe; nothing is created yet."""
        self.folder = output.with_name(output.name + ".part")
        self.recipe = recipe
        self._settings = json.dumps(recipe.as_dict(), sort_keys=True)

    def part_of(self, source: Source) -> Path:
        """Where the rows of a recording belong, as it is on disk now.

        Raises
        ------
        AudioError
            There is no such file.
        """
        try:
            status = source.path.stat()
        except OSError as error:
            raise AudioError(f"{source.path}: {(error.strerror or str(error)).lower()}") from None
        identity = [str(source.path.resolve()), status.st_size, status.st_mtime_ns, self._settings]
        digest = hashlib.sha256(json.dumps(identity).encode("utf-8", "surrogateescape")).hexdigest()
        return self.folder / f"{digest[:40]}.rows"

    def rows_in(self, part: Path) -> int:
        """Number of rows that a finished recording has."""
        return part.stat().st_size // (self.recipe.row_type.itemsize * int(np.prod(self.recipe.row_shape)))

    def write(self, source: Source) -> Path:
        """Extract a recording's features into its part, unless that is done already; returns the part."""
        part = self.part_of(source)
        if not part.exists():
            self.folder.mkdir(exist_ok=True)
            with atomic_write(part) as file:
                for row in extract(source.path, self.recipe):
                    file.write(np.ascontiguousarray(row, self.recipe.row_type).tobytes())
        return part

    def rows(self, part: Path) -> Iterator[NDArray[Any]]:
        """Rows of a finished recording, in groups of a few megabytes: arrays of shape (rows, *row_shape)."""
        shape, kind = self.recipe.row_shape, self.recipe.row_type
        row_bytes = kind.itemsize * int(np.prod(shape))
        group = max(_CHUNK_BYTES // row_bytes, 1) * row_bytes
        with part.open("rb") as file:
            while data := file.read(group):
                yield np.frombuffer(data, kind).reshape(-1, *shape)

    def remove(self) -> None:
        """Delete the folder, once the final file is there."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class _Finished:
    source: Source
    part: Path
    count: int


def write_features(path: Path, parts: PartFolder, done: Iterable[tuple[Source, Path]]) -> int:
    """Join recordings and their parts, in this order, into one file; returns the number of rows.

    CSV has the columns of the published tables. Parquet has these too, or ``filename``, ``label`` and ``features`` (a
    flat list; the shape is in the schema's metadata). NPZ holds ``features`` (rows first), ``filename``, ``label`` and,
    for the table, ``columns``; it holds no pickled objects.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    finished = [_Finished(source, part, parts.rows_in(part)) for source, part in done]
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        _write_parquet(path, parts, finished)
    elif suffix == ".npz":
        _write_npz(path, parts, finished)
    else:
        with atomic_write(path, "w", errors="surrogateescape") as file:
            write_csv(file, _table_rows(parts, finished))
    return sum(item.count for item in finished)


def write_csv(file: IO[str], rows: Iterable[tuple[str, NDArray[np.float64], str]], *, header: bool = True) -> None:
    """Write table rows (file name, 58 values, label) as the published CSV files have them."""
    writer = csv.writer(file, lineterminator="\n")
    if header:
        writer.writerow(TABLE_COLUMNS)
    for name, values, label in rows:
        writer.writerow([name, int(values[0]), *(repr(float(value)) for value in values[1:]), label])


def _table_rows(parts: PartFolder, finished: list[_Finished]) -> Iterator[tuple[str, NDArray[np.float64], str]]:
    for item in finished:
        index = 0
        for group in parts.rows(item.part):
            for values in group:
                yield parts.recipe.row_name(item.source.path, index), values, item.source.label
                index += 1


def _names(parts: PartFolder, finished: list[_Finished]) -> list[str]:
    return [
        _unicode(parts.recipe.row_name(item.source.path, index)) for item in finished for index in range(item.count)
    ]


def _labels(finished: list[_Finished]) -> list[str]:
    return [_unicode(item.source.label) for item in finished for _ in range(item.count)]


def _write_npz(path: Path, parts: PartFolder, finished: list[_Finished]) -> None:
    rows = sum(item.count for item in finished)
    header = {
        "descr": np.lib.format.dtype_to_descr(parts.recipe.row_type),
        "fortran_order": False,
        "shape": (rows, *parts.recipe.row_shape),
    }
    texts = {"filename": _names(parts, finished), "label": _labels(finished)}
    if parts.recipe.kind == "table":
        texts["columns"] = list(DESCRIPTOR_COLUMNS)
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        with archive.open("features.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_2_0(member, header)
            for item in finished:
                for group in parts.rows(item.part):
                    member.write(group.tobytes())
        for name, values in texts.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.array(values, np.str_), allow_pickle=False)


def _write_parquet(path: Path, parts: PartFolder, finished: list[_Finished]) -> None:
    pa, pq = _pyarrow()
    recipe = parts.recipe
    if recipe.kind == "table":
        numbers = [(name, pa.int64() if name == "length" else pa.float64()) for name in DESCRIPTOR_COLUMNS]
        schema = pa.schema([("filename", pa.string()), *numbers, ("label", pa.string())])
    else:
        flat = pa.list_(pa.float32(), int(np.prod(recipe.row_shape)))
        schema = pa.schema([("filename", pa.string()), ("label", pa.string()), ("features", flat)])
    metadata = {"sideman.shape": json.dumps(recipe.row_shape), "sideman.recipe": json.dumps(recipe.as_dict())}
    with atomic_write(path) as file, pq.ParquetWriter(file, schema.with_metadata(metadata)) as writer:
        for names, labels, values in _groups(parts, finished):
            columns: dict[str, Any] = {"filename": names, "label": labels}
            if recipe.kind == "table":
                columns.update(zip(DESCRIPTOR_COLUMNS, values.T, strict=True))
                columns["length"] = values[:, 0].astype(np.int64)
            else:
                columns["features"] = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), flat.list_size)
            writer.write_table(pa.table(columns, schema=schema.with_metadata(metadata)))


def _groups(parts: PartFolder, finished: list[_Finished]) -> Iterator[tuple[list[str], list[str], NDArray[Any]]]:
    """Rows of several recordings together, so that a Parquet file does not get a row group for each recording."""
    names: list[str] = []
    labels: list[str] = []
    held: list[NDArray[Any]] = []
    for item in finished:
        index = 0
        for group in parts.rows(item.part):
            names += [_unicode(parts.recipe.row_name(item.source.path, index + row)) for row in range(len(group))]
            labels += [_unicode(item.source.label)] * len(group)
            index += len(group)
            held.append(group)
            if len(names) >= _ROWS_PER_GROUP or sum(array.nbytes for array in held) >= 16 * _CHUNK_BYTES:
                yield names, labels, np.concatenate(held)
                names, labels, held = [], [], []
    if held:
        yield names, labels, np.concatenate(held)


def _unicode(name: str) -> str:
    """Name of a file whose bytes may be no UTF-8, for formats that take nothing else; stray bytes become U+FFFD."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _pyarrow() -> tuple[Any, Any]:
    with contextlib.suppress(ImportError):
        import pyarrow as pa
        import pyarrow.parquet as pq

        return pa, pq
    raise MissingExtraError("writing Parquet", "parquet")
