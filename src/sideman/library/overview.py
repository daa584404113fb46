"""A library in figures: how much there is, and which genres, moods, kinds of file and decades a query finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from sideman.library.places import known_roots
from sideman.library.query import Query
from sideman.library.schema import analyses, files
from sideman.library.store import Store
from sideman.library.tracks import JOINED, condition

Counts = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Summary:
    """How much there is.

    Attributes:
        tracks: files that are there; of them ``analysed`` were heard, ``pending`` wait for it, ``failed`` cannot be.
        missing: files that the last scan did not find.
        hours: length of what was heard.
        roots: places that are scanned.
    """

    tracks: int
    analysed: int
    pending: int
    failed: int
    missing: int
    hours: float
    roots: tuple[str, ...]


@dataclass(frozen=True)
class Facets:
    """What a query finds, by property; (name, tracks), the most frequent first, decades in their order.

    Attributes:
        genres, moods: as heard.
        containers: kinds of file.
        decades: of the year in the tags, such as "1990".
        unsure: tracks whose genre is a guess.
        errors: tracks that could not be read or heard.
    """

    genres: Counts
    moods: Counts
    containers: Counts
    decades: Counts
    unsure: int
    errors: int


def summary(store: Store) -> Summary:
    """Figures of the whole library."""
    gone = files.c.missing_since.is_not(None)
    failed = files.c.error.is_not(None) | analyses.c.error.is_not(None)
    with store.read() as connection:
        row = connection.execute(
            select(
                _number(~gone),
                _number(~gone & analyses.c.genre.is_not(None)),
                _number(~gone & (analyses.c.state == "pending")),
                _number(~gone & failed),
                _number(gone),
                func.coalesce(func.sum(case((~gone, analyses.c.duration_s))), 0.0),
            ).select_from(JOINED)
        ).one()
    tracks, analysed, pending, broken, missing = (int(n) for n in row[:5])
    return Summary(tracks, analysed, pending, broken, missing, float(row[5]) / 3600, tuple(known_roots(store)))


def facets(store: Store, query: Query | str | None = None) -> Facets:
    """Count what a query finds.

    Raises:
        UsageError: the query makes no sense.
    """
    asked = query if isinstance(query, Query) else Query.parse(query or "")
    with store.read() as connection:
        where = condition(connection, asked)
        failed = files.c.error.is_not(None) | analyses.c.error.is_not(None)
        flags = select(_number(analyses.c.unsure.is_(True)), _number(failed)).select_from(JOINED).where(where)
        unsure, errors = connection.execute(flags).one()
        genres, moods, containers = (
            _counted(connection, column, where) for column in (analyses.c.genre, analyses.c.mood, files.c.container)
        )
        decades = sorted((int(name), n) for name, n in _counted(connection, files.c.year // 10 * 10, where))
    return Facets(genres, moods, containers, tuple((str(year), n) for year, n in decades), int(unsure), int(errors))


def _number(holds: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((holds, 1), else_=0)), 0)


def _counted(connection: Connection, column: ColumnElement[Any], where: ColumnElement[bool]) -> Counts:
    n = func.count()
    grouped = select(column, n).select_from(JOINED).where(where & column.is_not(None)).group_by(column)
    return tuple((str(name), int(count)) for name, count in connection.execute(grouped.order_by(n.desc(), column)))
