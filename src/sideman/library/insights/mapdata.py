"""The map's points as compact JSON that is safe inside a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any

from sideman.datasets.track import printable
from sideman.library.insights.gather import Map
from sideman.library.track import Track

SCALE = 1000
"""Positions are whole numbers within -1000..1000."""
_LONGEST = 90  # characters of a name


def map_json(shown: Map) -> str:
    """JSON of the points, by columns; names that repeat (folders, genres, moods, keys) are listed once.

    No "<" and no line separator appears in it, so that nothing ends the script element around it or its lines.
    """
    tracks = sorted(range(len(shown.tracks)), key=lambda i: (shown.tracks[i].label.casefold(), shown.tracks[i].path))
    place = {old: new for new, old in enumerate(tracks)}
    rows = [shown.tracks[i] for i in tracks]
    genres, genre = _listed([t.genre for t in rows])
    moods, mood = _listed([t.mood for t in rows])
    keys, key = _listed([t.key for t in rows])
    folders, folder = _listed([_folder(t) for t in rows])
    columns: dict[str, Any] = {
        "genres": genres,
        "moods": moods,
        "keys": keys,
        "folders": folders,
        "genre": genre,
        "mood": mood,
        "key": key,
        "folder": folder,
        "x": [round(float(shown.positions[i, 0]) * SCALE) for i in tracks],
        "y": [round(float(shown.positions[i, 1]) * SCALE) for i in tracks],
        "title": [_short(t.label) for t in rows],
        "album": [_short(t.album or "") for t in rows],
        "file": [_short(PurePath(t.path).name) for t in rows],
        "year": [t.year or 0 for t in rows],
        "sure": [round(100 * (t.genre_probability or 0)) for t in rows],
        "bpm": [round(t.tempo_bpm or 0) for t in rows],
        "similar": [[place[int(j)] for j in shown.similar[i]] for i in tracks],
    }
    text = json.dumps(columns, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _listed(values: Sequence[str | None]) -> tuple[list[str], list[int]]:
    names = sorted(_present(values))
    number = {name: i for i, name in enumerate(names)}
    return [_plain(name) for name in names], [-1 if value is None else number[value] for value in values]


def _present(values: Iterable[str | None]) -> set[str]:
    return {value for value in values if value is not None}


def _folder(track: Track) -> str:
    folder = str(PurePath(track.path).parent)
    return folder if folder.endswith("/") else folder + "/"


def _short(text: str) -> str:
    text = _plain(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _plain(text: str) -> str:
    """Control characters, and marks that turn the direction of the text after them, as spaces."""
    return "".join(c if c.isprintable() else " " for c in printable(text))
