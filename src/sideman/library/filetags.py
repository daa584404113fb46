"""Tags as the columns of the table of files."""

from __future__ import annotations

import math
import re
from typing import Any

from sideman.library.pathtext import normal
from sideman.library.tags.read import FileTags

GENRE_SEPARATOR = "; "
_YEAR = re.compile(r"(?<!\d)(\d{4})(?!\d)")
_COMPACT_DATE = re.compile(r"(\d{4})\d{4}(?!\d)")
_LEADING = re.compile(r"\s*(\d{1,6})")
_NUMBER = re.compile(r"\s*(\d{1,4}(?:[.,]\d{1,6})?)(?!\d)")
_SEARCHED_CHARACTERS = 500  # of one value; lyrics and the like are not searched


def columns(tags: FileTags) -> dict[str, Any]:
    """Values of the tag columns of ``files``, every one of them: ``title`` to ``n_tags``, without ``n_path``.

    A column is None where the field is absent or makes no sense (a year "unknown", a tempo of 0).
    """
    tags = FileTags(_storable(tags.fields))
    fields = tags.fields
    title, artist, albumartist, album = (_joined(fields.get(n)) for n in ("title", "artist", "albumartist", "album"))
    lines = [
        f"{normal(name)}={normal(value)}"
        for name, values in fields.items()
        if name != "lyrics"
        for value in values
        if len(value) <= _SEARCHED_CHARACTERS
    ]
    return {
        "title": title,
        "artist": artist,
        "albumartist": albumartist,
        "album": album,
        "year": _year(fields),
        "track": _whole(tags.first("track")),
        "disc": _whole(tags.first("disc")),
        "tag_genre": _joined(fields.get("genre")),
        "tag_mood": _joined(fields.get("mood")),
        "tag_bpm": _bpm(tags.first("bpm")),
        "tag_key": tags.first("key"),
        "tags": fields,
        "n_title": _normal(title),
        "n_artist": _normal(artist),
        "n_albumartist": _normal(albumartist),
        "n_album": _normal(album),
        # A line "field=value" for each, the first and last ended too: library/fields searches them so.
        "n_tags": "\n" + "\n".join(lines) + "\n" if lines else None,
    }


def _joined(values: list[str] | None) -> str | None:
    return GENRE_SEPARATOR.join(values) if values else None


def _normal(text: str | None) -> str | None:
    return None if text is None else normal(text)


def _year(fields: dict[str, list[str]]) -> int | None:
    for name in ("date", "year", "originaldate", "originalyear", "releasedate"):
        for value in fields.get(name, ()):
            found = _YEAR.search(value) or _COMPACT_DATE.match(value)
            if found and int(found[1]):
                return int(found[1])
    return None


def _whole(text: str | None) -> int | None:
    found = _LEADING.match(text) if text else None
    return int(found[1]) if found else None


def _bpm(text: str | None) -> float | None:
    found = _NUMBER.match(text) if text else None
    bpm = float(found[1].replace(",", ".")) if found else 0.0
    return bpm if math.isfinite(bpm) and bpm > 0 else None


def _storable(value: Any) -> Any:
    """Without what databases refuse in text: NUL and lone surrogates."""
    if isinstance(value, str):
        return value.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_storable(key): _storable(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_storable(held) for held in value]
    return value
