"""An approximate index of a very large library's vectors (usearch's HNSW graph, extra `search`).

Exact search takes about 0.15 s among a million tracks, so this pays only far beyond that. The index lies beside the
cache of the vectors, under the same name; it is made on request, never silently, and can always be made again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import LibraryError, MissingExtraError
from sideman.library.nearest import SIZE, Vectors

_BATCH = 10_000


def build(vectors: Vectors) -> Path:
    """Make the index of a library's vectors; returns its file.

    Raises:
        MissingExtraError: usearch is not installed.
        LibraryError: the library is so small that its vectors are not cached.
    """
    path = _path(vectors)
    if path is None:
        raise LibraryError(f"{len(vectors)} tracks need no index; exact search among them takes milliseconds")
    index = _new()
    for first in range(0, len(vectors), _BATCH):
        rows = np.asarray(vectors.matrix[first : first + _BATCH])
        index.add(np.arange(first, first + len(rows), dtype=np.uint64), rows, threads=1)
    beside = path.with_suffix(".partial")
    index.save(str(beside))
    beside.replace(path)
    return path


def search(vectors: Vectors, query: NDArray[np.float32], n: int) -> NDArray[np.int64] | None:
    """About the ``n`` nearest rows, or None where there is no index of this state of the library."""
    path = _path(vectors)
    if path is None or not path.exists():
        return None
    try:
        index = _new()
        index.view(str(path))
    except (MissingExtraError, RuntimeError):
        return None
    if len(index) != len(vectors):
        return None
    found = index.search(np.ascontiguousarray(query, np.float32), min(n, len(vectors)), threads=1)
    return np.sort(np.asarray(found.keys, np.int64))


def _path(vectors: Vectors) -> Path | None:
    return vectors.file.with_suffix(".usearch") if vectors.file else None


def _new() -> Any:
    import onnxruntime  # noqa: F401 - whoever loads usearch 2.26 before it meets a segmentation fault when it loads

    try:
        from usearch.index import Index
    except ImportError as error:
        raise MissingExtraError("an approximate index", "search") from error
    return Index(ndim=SIZE, metric="ip", dtype="f16", connectivity=16, expansion_add=128, expansion_search=256)
