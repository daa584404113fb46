"""Tracks out of the database: by query, by number, by path, and their vectors."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, true

from sideman.core.errors import LibraryError
from sideman.library.pathtext import from_text, normal, to_text
from sideman.library.query import Query
from sideman.library.schema import analyses, details, files
from sideman.library.store import Store
from sideman.library.track import Track

VECTOR_N = 256
_IN_MOST = 500  # values in one IN (...)

_OF_FILE = (
    "id", "path", "size", "audio_hash", "container", "title", "artist", "albumartist", "album", "year", "track", "disc",
    "tag_genre", "tag_mood", "tag_bpm", "tag_key", "error", "missing_since", "added_at",
)  # fmt: skip
_HEARD = (
    "duration_s", "genre", "genre_probability", "unsure", "not_music", "valence", "arousal", "mood", "mood_confidence",
    "tempo_bpm", "tempo_confidence", "first_beat_s", "key", "key_confidence", "loudness_lufs", "peak_db",
)  # fmt: skip
JOINED = files.outerjoin(analyses, files.c.audio_hash == analyses.c.audio_hash)
"""Files with what was heard in them."""


def find(
    store: Store,
    query: Query | str | None = None,
    *,
    missing: bool = False,
    whole: bool = False,
    limit: int | None = None,
    offset: int = 0,
) -> list[Track]:
    """Tracks that answer a query, in its order (else by path).

    Args:
        store: the library.
        query: see :mod:`sideman.library.query`; None for all.
        missing: also files that the last scan did not find.
        whole: also fill ``tags`` and ``probabilities`` (slower).
        limit: at most so many.
        offset: with a limit, leave out so many first ones.

    Raises:
        UsageError: the query makes no sense.
        LibraryError: the database cannot be read.
    """
    asked = Query.parse(query or "") if not isinstance(query, Query) else query
    with store.read() as connection:
        statement = _select(whole).where(condition(connection, asked, missing))
        by_path = limit is None and not asked.sorts
        if not by_path:
            statement = statement.order_by(*asked.order()).limit(limit).offset(offset or None)
        make = _whole_track if whole else _track
        with _uncollected():
            found = [make(row) for row in connection.execute(statement)]
    if by_path:
        found.sort(key=attrgetter("path"))  # quicker here than in the database, which would sort whole rows
    return found


def count(store: Store, query: Query | str | None = None, *, missing: bool = False) -> int:
    """How many tracks answer a query; errors as :func:`find`."""
    asked = Query.parse(query or "") if not isinstance(query, Query) else query
    with store.read() as connection:
        statement = select(func.count()).select_from(JOINED).where(condition(connection, asked, missing))
        return int(connection.execute(statement).scalar_one())


def get(store: Store, which: str | int | os.PathLike[str]) -> Track:
    """The track with a number or a path; a path need not be written as it was scanned.

    Raises:
        LibraryError: the library has none such; the message says what to do.
    """
    text = str(which) if isinstance(which, int) else os.fspath(which)
    with store.read() as connection:
        row = None
        if text.isascii() and text.isdigit() and len(text) < 16:
            row = connection.execute(_select(True).where(files.c.id == int(text))).first()
        if row is None:
            for path in dict.fromkeys((os.path.abspath(text), os.path.realpath(text))):  # noqa: PTH100 - as scanned
                row = row or connection.execute(_select(True).where(files.c.path == to_text(path))).first()
    if row is None:
        known = "'sideman scan' it first" if Path(text).exists() else "'sideman ls' shows numbers and paths"
        raise LibraryError(f"{text}: is not in the library; {known}")
    return _whole_track(row)


def by_number(store: Store, numbers: Iterable[int], *, whole: bool = False) -> dict[int, Track]:
    """Tracks with some numbers, missing files too; numbers that there are none of are left out."""
    wanted = list(dict.fromkeys(numbers))
    make = _whole_track if whole else _track
    found: dict[int, Track] = {}
    with store.read() as connection:
        for first in range(0, len(wanted), _IN_MOST):
            some = files.c.id.in_(wanted[first : first + _IN_MOST])
            found.update({row.id: make(row) for row in connection.execute(_select(whole).where(some))})
    return found


def by_hash(store: Store, hashes: Iterable[str]) -> dict[str, Track]:
    """One present track for each audio payload that has one."""
    found: dict[str, Track] = {}
    wanted = list(dict.fromkeys(hashes))
    with store.read() as connection:
        for first in range(0, len(wanted), _IN_MOST):
            some = files.c.audio_hash.in_(wanted[first : first + _IN_MOST])
            for row in connection.execute(_select(False).where(some & files.c.missing_since.is_(None))):
                found.setdefault(row.audio_hash, _track(row))
    return found


def vectors(store: Store, hashes: Sequence[str] | None = None) -> tuple[list[str], NDArray[np.float32]]:
    """Embeddings of audio payloads: hashes and a matrix (n, 256) of unit rows, in the order asked (else by hash).

    Payloads without an embedding are left out.
    """
    with store.read() as connection:
        if hashes is None:
            rows: list[Any] = list(
                connection.execute(select(details.c.audio_hash, details.c.vector).order_by(details.c.audio_hash))
            )
        else:
            known: dict[str, Any] = {}
            wanted = list(dict.fromkeys(hashes))
            for first in range(0, len(wanted), _IN_MOST):
                some = details.c.audio_hash.in_(wanted[first : first + _IN_MOST])
                known.update(
                    {r[0]: r for r in connection.execute(select(details.c.audio_hash, details.c.vector).where(some))}
                )
            rows = [known[h] for h in wanted if h in known]
    if not rows:
        return [], np.zeros((0, VECTOR_N), np.float32)
    matrix = np.frombuffer(b"".join(r[1] for r in rows), "<f4").reshape(-1, VECTOR_N)
    return [r[0] for r in rows], matrix.astype(np.float32, copy=False)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for garbage: among 100,000 new objects that takes as long as making them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _select(whole: bool) -> Any:
    columns: list[ColumnElement[Any]] = [files.c[name] for name in _OF_FILE]
    columns += [analyses.c[name] for name in _HEARD]
    columns.append(analyses.c.error.label("heard_error"))
    if whole:
        columns += [files.c.tags, analyses.c.probabilities]
    return select(*columns).select_from(JOINED)


def condition(connection: Connection, query: Query, missing: bool = False) -> ColumnElement[bool]:
    """What a row of :data:`JOINED` meets that answers a query; files that are gone only with ``missing``."""
    present = true() if missing or query.asks_for_missing else files.c.missing_since.is_(None)
    return and_(present, query.condition(connection))


_NAMES = (*_OF_FILE, *_HEARD)


def _track(row: Row[Any]) -> Track:
    # Past the frozen dataclass' own __init__, which takes ten times as long: a library has 100,000 of these.
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=False))
    values["path"] = from_text(values["path"])
    genres = values.pop("tag_genre")
    values["tag_genres"] = tuple(genres.split("; ")) if genres else ()
    values["missing"] = values.pop("missing_since") is not None
    values["error"] = values["error"] or row[_HEARD_ERROR]
    values["probabilities"] = {}
    values["tags"] = {}
    track = object.__new__(Track)
    track.__dict__.update(values)
    return track


_HEARD_ERROR = len(_NAMES)


def _whole_track(row: Row[Any]) -> Track:
    from dataclasses import replace

    values = row._mapping
    return replace(_track(row), tags=values["tags"] or {}, probabilities=values["probabilities"] or {})


__all__ = ["Query", "by_hash", "by_number", "count", "find", "get", "normal", "vectors"]
