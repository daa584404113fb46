"""The fields of the query language: what each may be asked for, and how that is put to the database."""

from __future__ import annotations

import datetime
import difflib
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, and_, cast, false, func, or_, select, true

from sideman.core.errors import UsageError
from sideman.library.keys import camelot, parse_key
from sideman.library.pathtext import normal
from sideman.library.schema import analyses, files
from sideman.mood.names import mood as mood_point

MOOD_RADIUS = 0.5
"""A track has a mood when its valence and arousal lie within this distance of the word's point."""

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


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _contains(column: Column, text: str) -> ColumnElement[bool]:
    return column.like(f"%{_escaped(normal(text))}%", escape="\\")


def text_of(name: str, searched: Column, column: Column) -> Field:
    """Text: ``x`` contains, ``=x`` is, ``~x`` is spelt like, ``:x`` matches a regular expression, empty: absent."""

    def build(value: str, connection: Connection | None) -> ColumnElement[bool]:
        if not value:
            return or_(column.is_(None), column == "")
        if value[0] == "=":
            return searched == normal(value[1:])
        if value[0] == "~" and len(value) > 1:
            return _among(searched, connection, lambda found: spelt_alike(normal(value[1:]), found))
        if value[0] == ":":
            pattern = _pattern(name, value[1:])
            return _among(column, connection, lambda found: pattern.search(found) is not None)
        return _contains(searched, value)

    return Field(build)


def spelt_alike(wanted: str, found: str) -> bool:
    """Whether ``wanted`` occurs in ``found``, or nearly: some stretch of as many words is spelt alike."""
    if wanted in found:
        return True
    words, n = found.split(), max(1, len(wanted.split()))
    stretches = (" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1)))
    return any(difflib.SequenceMatcher(None, wanted, s, autojunk=False).ratio() >= _FUZZY for s in stretches)


def _among(column: Column, connection: Connection | None, holds: Callable[[str], bool]) -> ColumnElement[bool]:
    """Matches that no database knows are made here, on the values that there are."""
    if connection is None:
        return true()
    values = connection.execute(select(column).where(column.is_not(None)).distinct()).scalars()
    found = [value for value in values if holds(value)]
    if len(found) > _MOST_VALUES:
        raise UsageError(f"a pattern that fits {len(found)} values says too little; ask more closely")
    parts = [column.in_(found[i : i + 500]) for i in range(0, len(found), 500)]
    return or_(*parts) if parts else false()


def _pattern(name: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise UsageError(f"{name}::{text}: is no regular expression ({error})") from None


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


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        return float(text)
    return 3600 * int(found[1] or 0) + 60 * int(found[2]) + float(found[3])


def _moment(text: str) -> float:
    """Seconds since 1970 of a date (2026-11-21), a time ago (-7d, -3m), or a number."""
    ago = _AGO.fullmatch(text)
    if ago:
        return time.time() - 86400 * int(ago[1]) * _DAYS[ago[2]]
    if re.fullmatch(r"\d{4}", text):
        text += "-01-01"
    elif re.fullmatch(r"\d{4}-\d\d", text):
        text += "-01"
    return datetime.datetime.fromisoformat(text).timestamp()


def _genre(value: str, _: Connection | None) -> ColumnElement[bool]:
    """The heard genre, sure or not: its name, ``=`` allowed; several by ``|``."""
    if not value:
        return analyses.c.genre.is_(None)
    names = [re.sub(r"[^a-z0-9&]", "", normal(part.lstrip("="))) for part in value.split("|")]
    return analyses.c.genre.in_(names)


def _mood(value: str, _: Connection | None) -> ColumnElement[bool]:
    if not value:
        return analyses.c.valence.is_(None)
    near = []
    for word in value.split("|"):
        valence, arousal = mood_point(word.lstrip("="))
        dv, da = analyses.c.valence - valence, analyses.c.arousal - arousal
        near.append(dv * dv + da * da <= MOOD_RADIUS**2)
    return or_(*near)


def _key(value: str, _: Connection | None) -> ColumnElement[bool]:
    """A key in any spelling (Dm, "D minor", 7A); ``~`` also takes those that mix with it (one step on the wheel)."""
    if not value:
        return analyses.c.key.is_(None)
    if value[0] != "~":
        return analyses.c.key.in_([parse_key(part.lstrip("=")) for part in value.split("|")])
    number, letter = _wheel(camelot(parse_key(value[1:])))
    mixes = {
        (number, letter),
        (number, "AB".replace(letter, "")),
        (number % 12 + 1, letter),
        ((number - 2) % 12 + 1, letter),
    }
    return analyses.c.key.in_([parse_key(f"{n}{mode}") for n, mode in sorted(mixes)])


def _wheel(code: str) -> tuple[int, str]:
    return int(code[:-1]), code[-1]


def _flag(name: str, holds: ColumnElement[bool]) -> Field:
    def build(value: str, _: Connection | None) -> ColumnElement[bool]:
        if value.lower() in ("", "true", "yes", "1"):
            return holds
        if value.lower() in ("false", "no", "0"):
            return func.coalesce(holds, false()).is_(false())
        raise UsageError(f"{name}:{value}: is true or false")

    return Field(build)


def _any_text(value: str, connection: Connection | None) -> ColumnElement[bool]:
    if not value:
        return true()
    columns = (
        files.c.n_title,
        files.c.n_artist,
        files.c.n_albumartist,
        files.c.n_album,
        files.c.n_tags,
        files.c.n_path,
    )
    if value[0] == "~" and len(value) > 1:
        fuzzy = (_among(c, connection, lambda found: spelt_alike(normal(value[1:]), found)) for c in columns[:4])
        return or_(*(func.coalesce(c, false()) for c in fuzzy))
    return or_(*(func.coalesce(_contains(c, value), false()) for c in columns))


any_text = Field(_any_text)


def _path(value: str, _: Connection | None) -> ColumnElement[bool]:
    return files.c.n_path.like(f"%{_escaped(normal(value))}%", escape="\\")


def named_tag(name: str) -> Field:
    """A tag by its own name, as the file has it: ``composer:bach``, ``grouping:``."""

    def build(value: str, connection: Connection | None) -> ColumnElement[bool]:
        # n_tags holds "name=value" lines between line breaks.
        wanted = normal(name)
        if not value:
            return or_(files.c.n_tags.is_(None), ~files.c.n_tags.like(f"%\n{_escaped(wanted)}=%", escape="\\"))
        if value[0] == "=":
            return files.c.n_tags.like(f"%\n{_escaped(wanted)}={_escaped(normal(value[1:]))}\n%", escape="\\")
        lines = f"(?m)^{re.escape(wanted)}=.*"
        if value[0] in "~:" and len(value) > 1:
            fuzzy = value[0] == "~"
            pattern = None if fuzzy else _pattern(name, value[1:])

            def holds(found: str) -> bool:
                told = [line.partition("=")[2] for line in re.findall(lines, found)]
                return any(
                    pattern.search(t) is not None if pattern else spelt_alike(normal(value[1:]), t) for t in told
                )

            return _among(files.c.n_tags, connection, holds)
        text = normal(value)
        pattern = re.compile(f"{lines}{re.escape(text)}")
        narrowed = _contains(files.c.n_tags, value)
        return and_(narrowed, _among(files.c.n_tags, connection, lambda found: pattern.search(found) is not None))

    return Field(build)


FIELDS: dict[str, Field] = {
    "title": text_of("title", files.c.n_title, files.c.title),
    "artist": text_of("artist", files.c.n_artist, files.c.artist),
    "albumartist": text_of("albumartist", files.c.n_albumartist, files.c.albumartist),
    "album": text_of("album", files.c.n_album, files.c.album),
    "tag_genre": named_tag("genre"),
    "tag_mood": named_tag("mood"),
    "tag_key": named_tag("key"),
    "tag": Field(lambda value, _: _contains(files.c.n_tags, value) if value else files.c.n_tags.is_(None)),
    "path": Field(_path),
    "format": Field(lambda value, _: files.c.container == value.lower().lstrip(".=")),
    "hash": Field(lambda value, _: files.c.audio_hash.like(f"{_escaped(value.lower())}%", escape="\\")),
    "year": number_of("year", files.c.year),
    "track": number_of("track", files.c.track),
    "disc": number_of("disc", files.c.disc),
    "tag_bpm": number_of("tag_bpm", files.c.tag_bpm, near=0.5),
    "id": number_of("id", files.c.id),
    "size": number_of("size", files.c.size),
    "added": number_of("added", files.c.added_at, _moment),
    "analysed": number_of("analysed", analyses.c.analysed_at, _moment),
    "length": number_of("length", analyses.c.duration_s, _seconds, near=0.5),
    "bpm": number_of("bpm", analyses.c.tempo_bpm, near=0.5),
    "bpm_confidence": number_of("bpm_confidence", analyses.c.tempo_confidence),
    "genre": Field(_genre),
    "confidence": number_of("confidence", analyses.c.genre_probability),
    "mood": Field(_mood),
    "valence": number_of("valence", analyses.c.valence, near=0.05),
    "arousal": number_of("arousal", analyses.c.arousal, near=0.05),
    "key": Field(_key),
    "key_confidence": number_of("key_confidence", analyses.c.key_confidence),
    "loudness": number_of("loudness", analyses.c.loudness_lufs, near=0.5),
    "peak": number_of("peak", analyses.c.peak_db, near=0.05),
    "not_music": number_of("not_music", analyses.c.not_music),
    "unsure": _flag("unsure", analyses.c.unsure.is_(True)),
    "missing": _flag("missing", files.c.missing_since.is_not(None)),
    "failed": _flag("failed", or_(files.c.error.is_not(None), analyses.c.error.is_not(None))),
    "pending": _flag("pending", analyses.c.state == "pending"),
}
"""By name, as asked for before the colon."""

SORTS: dict[str, Column] = {
    "title": files.c.n_title, "artist": files.c.n_artist, "albumartist": files.c.n_albumartist,
    "album": files.c.n_album, "year": files.c.year, "track": files.c.track, "disc": files.c.disc,
    "path": files.c.path, "format": files.c.container, "id": files.c.id, "size": files.c.size,
    "added": files.c.added_at, "analysed": analyses.c.analysed_at, "length": analyses.c.duration_s,
    "bpm": analyses.c.tempo_bpm, "genre": analyses.c.genre, "confidence": analyses.c.genre_probability,
    "valence": analyses.c.valence, "arousal": analyses.c.arousal, "key": analyses.c.key,
    "loudness": analyses.c.loudness_lufs, "tag_genre": cast(files.c.tag_genre, String), "tag_bpm": files.c.tag_bpm,
}  # fmt: skip
"""What can be sorted by, as in ``year-``."""


def known_names() -> Iterable[str]:
    """Names for help texts."""
    return sorted(FIELDS)
