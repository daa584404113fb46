"""The places of a library: folders and files that are scanned, and what lies there now."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import select

from sideman.core.errors import LibraryError
from sideman.library.pathtext import from_text, to_text
from sideman.library.schema import roots
from sideman.library.store import Store

_GONE = "is not there; is its disk connected? what is known of it is kept"


class Listener(Protocol):
    """Is told how a scan gets on."""

    def stage(self, name: str, total: int) -> None:
        """A stage begins: "reading" files, then "listening" to recordings."""

    def step(self) -> None:
        """One item of the stage is done."""

    def warn(self, line: str) -> None:
        """Something a person should know."""


class Quiet:
    """A listener that says nothing."""

    def stage(self, name: str, total: int) -> None:
        """Ignore."""

    def step(self) -> None:
        """Ignore."""

    def warn(self, line: str) -> None:
        """Ignore."""


@dataclass
class Walk:
    """Files that lie there now: path -> (size, mtime_ns); folders that could not be read."""

    seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def known_roots(store: Store) -> list[str]:
    """Places that were scanned before."""
    with store.read() as connection:
        return [from_text(path) for path in connection.execute(select(roots.c.path).order_by(roots.c.path)).scalars()]


def named(
    store: Store, places: Sequence[str | os.PathLike[str]], listener: Listener
) -> tuple[list[str], list[tuple[str, str]]]:
    """Absolute paths of some places, or of all known ones where none is named; and those that are gone, with why.

    Raises:
        LibraryError: a named place does not exist, or none is named and none known.
    """
    if not places:
        known = known_roots(store)
        if not known:
            raise LibraryError(f"{store.url}: nothing was scanned yet; name a folder: 'sideman scan FOLDER'")
        there = [place for place in known if os.path.lexists(place)]
        gone = [(path, _GONE) for path in sorted(set(known) - set(there))]
        for path, reason in gone:
            listener.warn(f"{path}: {reason}")
        return there, gone
    absolute = []
    for place in places:
        path = os.path.abspath(place)  # noqa: PTH100 - links in it stay as the user wrote them
        if not os.path.lexists(path):
            raise LibraryError(f"{os.fspath(place)}: no such file or folder; is its disk connected?")
        absolute.append(path)
    return list(dict.fromkeys(absolute)), []


def walk(places: Sequence[str], listener: Listener) -> Walk:
    """Look what lies at some places; hidden files and what is no recording by its name are passed over."""
    from sideman.core.paths import find_audio

    found = Walk()

    def unread(error: OSError) -> None:
        found.unread.append(str(error.filename))
        listener.warn(f"{error.filename}: folder passed over ({(error.strerror or str(error)).lower()})")

    for path in find_audio(places, on_error=unread):
        try:
            status = path.stat()
        except OSError:
            # A broken link, or gone since: there is nothing to remember, unless it was named outright.
            listener.warn(f"{path}: cannot be read; passed over")
            continue
        found.seen[str(path)] = (status.st_size, status.st_mtime_ns)
    return found


def keep_roots(store: Store, places: Sequence[str]) -> None:
    """Remember places, but not those inside of known ones."""
    with store.write() as connection:
        known = set(connection.execute(select(roots.c.path)).scalars())
        covered = [from_text(path) for path in known]
        for place in places:
            if not any(_below(place, root) for root in covered):
                connection.execute(roots.insert().values(path=to_text(place), added_at=time.time()))


def real_places(store: Store) -> tuple[str, ...]:
    """Places that were scanned before, with all links followed."""
    return tuple(os.path.realpath(root) for root in known_roots(store))


def within(places: Sequence[str], path: str | os.PathLike[str]) -> str:
    """The real path of a recording, if it lies in one of some :func:`real_places` once all links are followed.

    Raises:
        LibraryError: it lies elsewhere, is gone, or is no regular file.
    """
    real = os.path.realpath(path)
    if not any(_below(real, place) for place in places):
        raise LibraryError("this file lies outside of the library's folders")
    try:
        status = os.stat(real)  # noqa: PTH116 - paths stay text here
    except OSError:
        raise LibraryError("this file is not there any more; 'sideman scan' brings the library up to date") from None
    if not stat.S_ISREG(status.st_mode):
        raise LibraryError("this is no regular file")
    return real


def _below(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip(os.sep) + os.sep)
