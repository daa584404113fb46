"""JSPF: the JSON form of XSPF (xspf.org); each track has a ``file:`` URI, title, creator, album and milliseconds."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sideman.core.errors import LibraryError
from sideman.library.playlists.m3u8 import Entry, file_uri, from_uri, one_line
from sideman.library.track import Track


def text(title: str, tracks: Sequence[Track]) -> str:
    """The playlist as JSON text; file names in it are absolute."""
    listed = []
    for track in tracks:
        entry: dict[str, Any] = {"location": [file_uri(track.path)], "title": one_line(track.title or track.label)}
        told = {"creator": track.artist, "album": track.album}
        entry |= {name: one_line(value) for name, value in told.items() if value}
        if track.duration_s is not None:
            entry["duration"] = round(1000 * track.duration_s)
        if track.track is not None and track.track > 0:
            entry["trackNum"] = track.track
        listed.append(entry)
    whole = {"playlist": {"title": one_line(title), "creator": "Sideman", "track": listed}}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def read(path: str | os.PathLike[str]) -> list[Entry]:
    """The entries of a JSPF file; each by its first location, tracks without any are left out.

    Raises:
        LibraryError: the file cannot be read, or is no JSPF.
    """
    name = os.fspath(path)
    try:
        content = json.loads(Path(path).read_bytes())
        listed = content["playlist"].get("track", [])
        return [_entry(told) for told in listed if told.get("location")]
    except OSError as error:
        raise LibraryError(f"{name}: cannot be read ({(error.strerror or '').lower()})") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise LibraryError(f"{name}: is no JSPF playlist; it must hold a JSON object 'playlist'") from None


def _entry(told: dict[str, Any]) -> Entry:
    location = told["location"]
    uri = location if isinstance(location, str) else location[0]
    path = from_uri(uri) if uri.lower().startswith("file:") else uri
    duration = told.get("duration")
    return Entry(path, told.get("title"), None if duration is None else duration / 1000)
