"""The nearest vectors of a library: exact search, over a cache that can always be made again.

The cache is one file: a NumPy array (n, 256) that is mapped into memory, not read, and after it the array of the
hashes. Its name holds a digest of the database and of the state of its analyses, so that an old one is never taken for
a new one. :mod:`sideman.library.approximate` can make an index beside it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from sideman.core.errors import LibraryError, OutputError, StoreError
from sideman.library.schema import analyses, details
from sideman.library.store import Store

Float32 = NDArray[np.float32]

SIZE = 256
CACHE_FROM = 5_000
"""Tracks from which on the vectors are cached in a file; fewer are read from the database just as quickly."""
_BLOCK = 1 << 14  # 16 MB of vectors: scores of a block stay in the processor's cache
_HEADER_N = 128  # of a NumPy file, version 1.0
_HASH = np.dtype("S40")


@dataclass(frozen=True)
class Vectors:
    """All embeddings that one network made of a library.

    Attributes:
        matrix: (n, 256) unit rows; may be a memory-mapped file.
        hashes: (n,) audio hashes as bytes, ascending.
        model: sha256 of the network.
        file: the cache, if there is one.
    """

    matrix: Float32
    hashes: NDArray[np.bytes_]
    model: str
    file: Path | None = None

    def __len__(self) -> int:
        """Number of vectors."""
        return len(self.hashes)

    def row(self, audio_hash: str | None) -> int | None:
        """Where an audio payload's vector is, if there is one."""
        if not audio_hash:
            return None
        wanted = audio_hash.encode()
        at = int(np.searchsorted(self.hashes, np.bytes_(wanted)))
        return at if at < len(self.hashes) and self.hashes[at] == wanted else None

    def hash(self, row: int) -> str:
        """The audio hash of a row."""
        return bytes(self.hashes[row]).decode()


def load(store: Store, model: str | None = None, *, cache: Path | None = None) -> Vectors:
    """The vectors of a library, from the cache where it is up to date.

    Args:
        store: the library.
        model: sha256 of the network; by default the one that most tracks were heard with.
        cache: folder for the file; by default the user's cache folder.

    Raises:
        LibraryError: nothing was analysed yet, or not by this network.
        StoreError: there is no place for the cache.
    """
    with store.read() as connection:
        model, count, stamp = _state(connection, model)
        if count < CACHE_FROM:
            found = sorted((h, blob) for rows in _rows(connection, model) for h, blob in rows)
            matrix = np.frombuffer(b"".join(blob for _, blob in found), "<f4").reshape(-1, SIZE)
            return Vectors(matrix.astype(np.float32, copy=False), np.array([h for h, _ in found], _HASH), model)
        from sideman.core.paths import user_cache_folder

        try:
            folder = cache or user_cache_folder()
        except OSError as error:
            why = f"{error.filename}: cannot be made ({(error.strerror or str(error)).lower()})"
            raise StoreError(f"{why}; set XDG_CACHE_HOME to a folder that can be written to") from None
        name = hashlib.sha256(_database(store).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        path = folder / f"vectors-{name}-{model[:12]}-{stamp}.npy"
        if (known := _mapped(path, model)) is not None:
            return known
        with suppress(OutputError):  # without a cache it is only slower
            _write(path, connection, model, count)
            _forget(folder, f"vectors-{name}-", path)
    if (known := _mapped(path, model)) is None:
        raise StoreError(f"{path}: vectors could not be cached there; free some space or set XDG_CACHE_HOME")
    return known


def nearest(matrix: Float32, query: Float32, n: int) -> tuple[NDArray[np.int64], Float32]:
    """Rows with the greatest dot product with ``query``, exactly, best first; equal ones in the order of the rows.

    Args:
        matrix: (m, d).
        query: (d,).
        n: how many; fewer where the matrix has fewer.

    Returns:
        rows and products, each of shape (min(n, m),).
    """
    n = min(n, len(matrix))
    if n <= 0:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    query = np.ascontiguousarray(query, np.float32)
    best_rows: list[NDArray[np.int64]] = []
    best: list[Float32] = []
    floor, held = np.float32(-np.inf), 0
    for first in range(0, len(matrix), _BLOCK):
        scores = np.asarray(matrix[first : first + _BLOCK]) @ query
        good = np.flatnonzero(scores > floor)  # an equal score of a later row would lose anyway
        if not len(good):
            continue
        best_rows.append(good + first)
        best.append(scores[good])
        held += len(good)
        if held >= max(2 * n, 1024) or first + _BLOCK >= len(matrix):
            rows, products = _best(np.concatenate(best_rows), np.concatenate(best), n)
            best_rows, best, held = [rows], [products], len(rows)
            if held == n:
                floor = products[-1]
    return _best(np.concatenate(best_rows), np.concatenate(best), n)


def _best(rows: NDArray[np.int64], products: Float32, n: int) -> tuple[NDArray[np.int64], Float32]:
    if len(products) > 8 * n:  # sort only what can be among the best
        bar = np.partition(products, len(products) - n)[len(products) - n]
        kept = products >= bar
        rows, products = rows[kept], products[kept]
    order = np.lexsort((rows, -products))[:n]
    return rows[order], products[order]


def _state(connection: Connection, model: str | None) -> tuple[str, int, str]:
    """Network, number of tracks it heard, and a text that changes whenever these change."""
    done = analyses.c.state == "done"
    stamps = func.count(), func.max(analyses.c.analysed_at), func.min(analyses.c.analysed_at)
    found = {
        str(row[0]): row
        for row in connection.execute(select(analyses.c.model, *stamps).where(done).group_by(analyses.c.model))
        if row[0] is not None
    }
    if not found:
        raise LibraryError("nothing in the library was listened to yet; 'sideman scan FOLDER' does it")
    chosen = model or max(found, key=lambda name: (found[name][1], name))
    if chosen not in found:
        raise LibraryError("the library was heard by another version of the network; run 'sideman scan' again")
    _, count, newest, oldest = found[chosen]
    stamp = f"{chosen} {count} {newest!r} {oldest!r}"
    return chosen, int(count), hashlib.sha256(stamp.encode()).hexdigest()[:12]


def _database(store: Store) -> str:
    return os.path.realpath(store.url) if store.is_sqlite else store.url


def _rows(connection: Connection, model: str) -> Iterator[list[tuple[str, bytes]]]:
    """Hashes and vectors in the order of the hashes' bytes, some thousands at a time."""
    last = ""
    while True:
        # by key, not by cursor: drivers would fetch a gigabyte at once
        statement = (
            select(details.c.audio_hash, details.c.vector)
            .join(analyses, analyses.c.audio_hash == details.c.audio_hash)
            .where(analyses.c.model == model, analyses.c.state == "done", details.c.audio_hash > last)
            .order_by(details.c.audio_hash)
            .limit(4096)
        )
        rows = [(str(h), bytes(blob)) for h, blob in connection.execute(statement)]
        if not rows:
            return
        last = rows[-1][0]
        yield [(h, blob) for h, blob in rows if len(blob) == 4 * SIZE]


def _write(path: Path, connection: Connection, model: str, expected: int) -> None:
    from sideman.core.atomic import atomic_write

    hashes: list[NDArray[np.bytes_]] = []
    with atomic_write(path, "wb") as file:
        file.write(bytes(_HEADER_N))
        for rows in _rows(connection, model):
            file.write(b"".join(blob for _, blob in rows))
            hashes.append(np.array([h for h, _ in rows], _HASH))
        joined = np.concatenate(hashes) if hashes else np.zeros(0, _HASH)
        np.save(file, joined, allow_pickle=False)
        file.seek(0)
        file.write(_header(len(joined)))


def _header(n: int) -> bytes:
    """Of a NumPy file (format 1.0) of n vectors: magic, version, length, dictionary padded to 128 bytes."""
    told = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({n}, {SIZE}), }}"
    length = _HEADER_N - 10
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + told.ljust(length - 1).encode("ascii") + b"\n"


def _mapped(path: Path, model: str) -> Vectors | None:
    """The cache, if it is there and whole."""
    try:
        with path.open("rb") as file:
            n = _count(file)
            file.seek(_HEADER_N + 4 * SIZE * n)
            hashes: NDArray[Any] = np.load(file, allow_pickle=False)
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if hashes.dtype != _HASH or matrix.shape != (len(hashes), SIZE) or matrix.dtype != np.float32:
        return None
    return Vectors(matrix, hashes, model, path)


def _count(file: IO[bytes]) -> int:
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("not version 1.0")
    shape = np.lib.format.read_array_header_1_0(file)[0]
    return int(shape[0])


def _forget(folder: Path, prefix: str, newest: Path) -> None:
    """Remove the caches of older states; one that another process has open goes when it lets go."""
    for path in folder.glob(f"{prefix}*"):
        if path.stem != newest.stem:
            with suppress(OSError):
                path.unlink()
