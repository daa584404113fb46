"""The fields of the query language: what each may be asked for, and how that is put to the database."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, String, and_, cast, false, func, or_, true

from sideman.library.field_kinds import (
    Column,
    Field,
    among,
    contains,
    date_of,
    escaped,
    flag_of,
    number_of,
    seconds_of,
    spelt_alike,
    text_of,
)
from sideman.library.keys import camelot, parse_key
from sideman.library.pathtext import normal
from sideman.library.patterns import pattern_of
from sideman.library.schema import analyses, files
from sideman.mood.names import mood as mood_point

MOOD_RADIUS = 0.5
"""A track has a mood when its valence and arousal lie within this distance of the word's point."""


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
        fuzzy = (among(c, connection, lambda found: spelt_alike(normal(value[1:]), found)) for c in columns[:4])
        return or_(*(func.coalesce(c, false()) for c in fuzzy))
    return or_(*(func.coalesce(contains(c, value), false()) for c in columns))


any_text = Field(_any_text)


def _path(value: str, _: Connection | None) -> ColumnElement[bool]:
    return files.c.n_path.like(f"%{escaped(normal(value))}%", escape="\\")


def named_tag(name: str) -> Field:
    """A tag by its own name, as the file has it: ``composer:bach``, ``grouping:``."""

    def build(value: str, connection: Connection | None) -> ColumnElement[bool]:
        # n_tags holds "name=value" lines between line breaks.
        wanted = normal(name)
        if not value:
            return or_(files.c.n_tags.is_(None), ~files.c.n_tags.like(f"%\n{escaped(wanted)}=%", escape="\\"))
        if value[0] == "=":
            return files.c.n_tags.like(f"%\n{escaped(wanted)}={escaped(normal(value[1:]))}\n%", escape="\\")
        lines = f"(?m)^{re.escape(wanted)}=.*"
        if value[0] in "~:" and len(value) > 1:
            fuzzy = value[0] == "~"
            asked = None if fuzzy else pattern_of(name, value[1:])

            def holds(found: str) -> bool:
                told = [line.partition("=")[2] for line in re.findall(lines, found)]
                return any(asked.search(t) is not None if asked else spelt_alike(normal(value[1:]), t) for t in told)

            return among(files.c.n_tags, connection, holds)
        text = normal(value)
        pattern = re.compile(f"{lines}{re.escape(text)}")
        narrowed = contains(files.c.n_tags, value)
        return and_(narrowed, among(files.c.n_tags, connection, lambda found: pattern.search(found) is not None))

    return Field(build)


FIELDS: dict[str, Field] = {
    "title": text_of("title", files.c.n_title, files.c.title),
    "artist": text_of("artist", files.c.n_artist, files.c.artist),
    "albumartist": text_of("albumartist", files.c.n_albumartist, files.c.albumartist),
    "album": text_of("album", files.c.n_album, files.c.album),
    "tag_genre": named_tag("genre"),
    "tag_mood": named_tag("mood"),
    "tag_key": named_tag("key"),
    "tag": Field(lambda value, _: contains(files.c.n_tags, value) if value else files.c.n_tags.is_(None)),
    "path": Field(_path),
    "format": Field(lambda value, _: files.c.container == value.lower().lstrip(".=")),
    "hash": Field(lambda value, _: files.c.audio_hash.like(f"{escaped(value.lower())}%", escape="\\")),
    "year": number_of("year", files.c.year),
    "track": number_of("track", files.c.track),
    "disc": number_of("disc", files.c.disc),
    "tag_bpm": number_of("tag_bpm", files.c.tag_bpm, near=0.5),
    "id": number_of("id", files.c.id),
    "size": number_of("size", files.c.size),
    "added": date_of("added", files.c.added_at),
    "analysed": date_of("analysed", analyses.c.analysed_at),
    "length": number_of("length", analyses.c.duration_s, seconds_of, near=0.5),
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
    "unsure": flag_of("unsure", analyses.c.unsure.is_(True)),
    "missing": flag_of("missing", files.c.missing_since.is_not(None)),
    "failed": flag_of("failed", or_(files.c.error.is_not(None), analyses.c.error.is_not(None))),
    "pending": flag_of("pending", analyses.c.state == "pending"),
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
