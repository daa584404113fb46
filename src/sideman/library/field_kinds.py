"""Kinds of fields of the query language: text, numbers, dates, flags, and how each asks the database."""

from __future__ import annotations

import datetime
import difflib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select, true

from sideman.core.errors import UsageError
from sideman.library.pathtext import normal
from sideman.library.patterns import pattern_of

_FUZZY = 0.75  # least similarity of a `~` match
_MOST_VALUES = 20_000
_DURATION = re.compile(r"(?:(\d+):)?(\d+):(\d\d(?:\.\d+)?)")
_AGO = re.compile(r"-?(\d+)([dwmy])")
_DAYS = {"d": 1, "w": 7, "m": 30.44, "y": 365.25}

Column = ColumnElement[Any]


@dataclass(frozen=True)
class Field:
    """What may follow ``name:``; ``build(value, connection)`` makes the condition, and complains of bad values.

    ``condition`` is built once without a connection to check a value before any database is touched.
    """

    build: Callable[[str, Connection | None], ColumnElement[bool]]

    def check(self, value: str) -> None:
        """Raises :class:`UsageError` for a value that makes no sense."""
        self.build(value, None)

    def condition(self, value: str, connection: Connection) -> ColumnElement[bool]:
        """The condition that a track meets; never unknown (NULL), so that it can be negated."""
        return func.coalesce(self.build(value, connection), false())


def escaped(text: str) -> str:
    """Text for LIKE with a backslash as its escape character."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def contains(column: Column, text: str) -> ColumnElement[bool]:
    """Whether a column for searching holds a text, whatever its case and accents."""
    return column.like(f"%{escaped(normal(text))}%", escape="\\")


def text_of(name: str, searched: Column, column: Column) -> Field:
    """Text: ``x`` contains, ``=x`` is, ``~x`` is spelt like, ``:x`` matches a regular expression, empty: absent."""

    def build(value: str, connection: Connection | None) -> ColumnElement[bool]:
        if not value:
            return or_(column.is_(None), column == "")
        if value[0] == "=":
            return searched == normal(value[1:])
        if value[0] == "~" and len(value) > 1:
            return among(searched, connection, lambda found: spelt_alike(normal(value[1:]), found))
        if value[0] == ":":
            pattern = pattern_of(name, value[1:])
            return among(column, connection, lambda found: pattern.search(found) is not None)
        return contains(searched, value)

    return Field(build)


def spelt_alike(wanted: str, found: str) -> bool:
    """Whether ``wanted`` occurs in ``found``, or nearly: some stretch of as many words is spelt alike."""
    if wanted in found:
        return True
    words, n = found.split(), max(1, len(wanted.split()))
    stretches = (" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1)))
    return any(difflib.SequenceMatcher(None, wanted, s, autojunk=False).ratio() >= _FUZZY for s in stretches)


def among(column: Column, connection: Connection | None, holds: Callable[[str], bool]) -> ColumnElement[bool]:
    """Matches that no database knows are made here, on the values that there are."""
    if connection is None:
        return true()
    values = connection.execute(select(column).where(column.is_not(None)).distinct()).scalars()
    found = [value for value in values if holds(value)]
    if len(found) > _MOST_VALUES:
        raise UsageError(f"a pattern that fits {len(found)} values says too little; ask more closely")
    parts = [column.in_(found[i : i + 500]) for i in range(0, len(found), 500)]
    return or_(*parts) if parts else false()


def number_of(name: str, column: Column, read: Callable[[str], float] = float, near: float = 0.0) -> Field:
    """Numbers: ``x``, ``a..b``, ``a..``, ``..b``, ``>x``, ``<x``; ``near`` widens a single value to both sides."""

    def value_of(text: str) -> float:
        try:
            value = read(text)
        except (ValueError, OverflowError):
            raise UsageError(f"{name}:{text}: is not a number that {name} can have") from None
        if value != value:
            raise UsageError(f"{name}:{text}: is not a number")
        return value

    def build(value: str, _: Connection | None) -> ColumnElement[bool]:
        if not value:
            return column.is_(None)
        if ".." in value:
            low, _dots, high = value.partition("..")
            if not low and not high:
                return column.is_not(None)
            ends = [column >= value_of(low)] if low else []
            if low and high and value_of(low) > value_of(high):
                raise UsageError(f"{name}:{value}: the range runs backwards; write {high}..{low}")
            return and_(*ends, *([column <= value_of(high)] if high else []))
        for sign, compare in ((">=", column.__ge__), ("<=", column.__le__), (">", column.__gt__), ("<", column.__lt__)):
            if value.startswith(sign):
                return compare(value_of(value[len(sign) :]))
        wanted = value_of(value)
        return column.between(wanted - near, wanted + near) if near else column == wanted

    return Field(build)


def seconds_of(text: str) -> float:
    """Seconds of "4:30", "1:02:03" or a number."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return float(text)
    return 3600 * int(found[1] or 0) + 60 * int(found[2]) + float(found[3])


def _moment(text: str) -> float:
    """Seconds since 1970 at which a year, month, day or time begins, or of a time ago (-7d, -3m)."""
    ago = _AGO.fullmatch(text)
    if ago:
        return time.time() - 86400 * int(ago[1]) * _DAYS[ago[2]]
    return datetime.datetime.fromisoformat(text + _BEGIN.get(len(text), "")).timestamp()


_BEGIN = {4: "-01-01", 7: "-01"}


def _end(text: str) -> str:
    """The moment after a year, month or day, as text; a time ago reaches until now."""
    if _AGO.fullmatch(text):
        return ""
    begin = datetime.datetime.fromisoformat(text + _BEGIN.get(len(text), ""))
    if len(text) > 10:
        return (begin + datetime.timedelta(seconds=1)).isoformat()
    if len(text) == 10:
        return (begin + datetime.timedelta(days=1)).date().isoformat()
    months = 12 if len(text) == 4 else 1
    return datetime.date(
        begin.year + (begin.month - 1 + months) // 12, (begin.month - 1 + months) % 12 + 1, 1
    ).isoformat()


def date_of(name: str, column: Column) -> Field:
    """Moments: as numbers, where a single year, month or day means all of it, and ``-7d`` what came since."""
    numbers = number_of(name, column, _moment)

    def build(value: str, connection: Connection | None) -> ColumnElement[bool]:
        if value and ".." not in value and value[0] not in "<>":
            try:
                value = f"{value}..{_end(value)}"
            except (ValueError, OverflowError):
                raise UsageError(f"{name}:{value}: is no date; write 2026, 2026-11, 2026-11-21 or -7d") from None
        return numbers.build(value, connection)

    return Field(build)


def flag_of(name: str, holds: ColumnElement[bool]) -> Field:
    """True or false; nothing means true."""

    def build(value: str, _: Connection | None) -> ColumnElement[bool]:
        if value.lower() in ("", "true", "yes", "1"):
            return holds
        if value.lower() in ("false", "no", "0"):
            return func.coalesce(holds, false()).is_(false())
        raise UsageError(f"{name}:{value}: is true or false")

    return Field(build)
