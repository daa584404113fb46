"""A playlist as a file; the suffix says which kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sideman.core.atomic import atomic_write
from sideman.core.errors import UsageError
from sideman.library.playlists import jspf, m3u8, rekordbox
from sideman.library.playlists.build import Playlist

if TYPE_CHECKING:
    from pathlib import PurePath

SUFFIXES = (".m3u8", ".m3u", ".jspf", ".xml", ".nsp")


def kind(out: str | os.PathLike[str]) -> str:
    """The suffix of a playlist's file, in lower case.

    Raises:
        UsageError: it is none that is known.
    """
    suffix = Path(out).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{os.fspath(out)}: a playlist's name must end in one of {', '.join(SUFFIXES)}")
    return suffix


def render(playlist: Playlist, out: str | os.PathLike[str], *, absolute: bool = False) -> str:
    """The text of the file ``out``; ``absolute`` is for M3U8, the others always name whole paths.

    Raises:
        UsageError: an unknown suffix, or .nsp, which is a rule and no list.
    """
    suffix = kind(out)
    if suffix == ".jspf":
        return jspf.text(playlist.title, playlist.tracks)
    if suffix == ".xml":
        return rekordbox.text(playlist.title, playlist.tracks)
    if suffix == ".nsp":
        raise UsageError(f"{os.fspath(out)}: a .nsp holds a query, not a list of songs; write an .m3u8")
    folder: PurePath = Path(out).parent
    return m3u8.text(playlist.title, playlist.tracks, folder, absolute=absolute)


def save(playlist: Playlist, out: str | os.PathLike[str], *, absolute: bool = False) -> None:
    """Write the playlist; it appears whole or not at all.

    Raises:
        UsageError: as :func:`render`.
        OutputError: it cannot be written.
    """
    save_text(render(playlist, out, absolute=absolute), out)


def save_text(text: str, out: str | os.PathLike[str]) -> None:
    """Write text as UTF-8 whole or not at all; :class:`OutputError` where that fails."""
    with atomic_write(out, "w", encoding="utf-8", newline="") as file:
        file.write(text)
