"""M3U8: extended M3U in UTF-8, which nearly every player reads.

A line is a path, relative to the playlist's folder or absolute. What no line of UTF-8 can hold (bytes that are no
UTF-8, line breaks, blanks at an end) is written as a ``file:`` URI, with every byte percent-encoded where needed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import quote, unquote_to_bytes

from sideman.core.errors import LibraryError
from sideman.library.track import Track

_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True)
class Entry:
    """A line of a playlist: an absolute path, and what is told of it."""

    path: str
    title: str | None = None
    duration_s: float | None = None


def one_line(text: str) -> str:
    """Text on one line that encodes as UTF-8: line breaks become spaces, stray bytes U+FFFD."""
    clean = _CONTROL.sub(" ", text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join(clean.split())


def file_uri(path: str) -> str:
    """``file:`` URI of an absolute path, whatever its bytes."""
    if os.name == "nt":
        return PurePath(path).as_uri()
    return "file://" + quote(os.fsencode(path))


def from_uri(uri: str) -> str:
    """Path of a ``file:`` URI."""
    rest = uri[len("file:") :]
    if rest.startswith("//"):
        host, _, rest = rest[2:].partition("/")
        rest = "/" + rest if host in ("", "localhost") else f"//{host}/{rest}"
    path = os.fsdecode(unquote_to_bytes(rest))
    return path[1:] if os.name == "nt" and re.match(r"/[A-Za-z]:", path) else path


def text(title: str, tracks: Sequence[Track], folder: str | os.PathLike[str], *, absolute: bool = False) -> str:
    """The playlist as text.

    Args:
        title: of the playlist.
        tracks: in order.
        folder: where the playlist will lie; paths are relative to it.
        absolute: full paths instead.
    """
    lines = ["#EXTM3U", f"#PLAYLIST:{one_line(title)}"]
    base = os.path.realpath(folder)
    for track in tracks:
        length = -1 if track.duration_s is None else round(track.duration_s)
        lines += [f"#EXTINF:{length},{one_line(track.label)}", _line(track.path, base, absolute)]
    return "\n".join(lines) + "\n"


def _line(path: str, base: str, absolute: bool) -> str:
    shown = path
    if not absolute:
        try:
            shown = os.path.relpath(path, base)
        except ValueError:  # another drive
            shown = path
    holds = shown == shown.strip() and not _CONTROL.search(shown) and not any(0xD800 <= ord(c) < 0xE000 for c in shown)
    if not holds:
        return file_uri(path)
    # "#1 hit.mp3" would be a comment, "http: a song.mp3" an address
    return f".{os.sep}{shown}" if shown.startswith("#") or (_SCHEME.match(shown) and not absolute) else shown


def read(path: str | os.PathLike[str]) -> list[Entry]:
    """The entries of an M3U8 file, with absolute paths; web addresses are kept as they are.

    Raises:
        LibraryError: the file cannot be read, or is not UTF-8.
    """
    try:
        content = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise LibraryError(f"{os.fspath(path)}: cannot be read ({(error.strerror or '').lower()})") from None
    except UnicodeDecodeError:
        raise LibraryError(f"{os.fspath(path)}: is not UTF-8; save the playlist as M3U8") from None
    base = Path(os.path.realpath(path)).parent
    entries: list[Entry] = []
    title: str | None = None
    duration_s: float | None = None
    for line in re.split("\r\n|\r|\n", content):
        told = line.strip()
        if told.startswith("#EXTINF:"):
            length, _, name = told[len("#EXTINF:") :].partition(",")
            title, duration_s = name or None, _length(length)
        elif told and not told.startswith("#"):
            entries.append(Entry(_absolute(told, base), title, duration_s))
            title = duration_s = None
    return entries


def _length(told: str) -> float | None:
    try:
        seconds = float(told.split()[0])
    except (ValueError, IndexError):
        return None
    return seconds if seconds >= 0 else None


def _absolute(told: str, base: Path) -> str:
    if told.lower().startswith("file:"):
        return from_uri(told)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", told):
        return told
    return os.path.normpath(base / told)
