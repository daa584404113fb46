"""Where recordings lie and where Sideman may keep its own files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

# fmt: off
AUDIO_SUFFIXES = frozenset((
    ".aac", ".aif", ".aifc", ".aiff", ".alac", ".ape", ".au", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mp2", ".mp3",
    ".mp4", ".oga", ".ogg", ".opus", ".rf64", ".snd", ".w64", ".wav", ".wave", ".webm", ".wma", ".wv",
))
# fmt: on
"""Suffixes (lower case) by which a walk through a folder recognises recordings; a file named outright needs none."""


def find_audio(
    paths: Iterable[str | os.PathLike[str]],
    recursive: bool = True,
    *,
    on_error: Callable[[OSError], None] | None = None,
) -> list[Path]:
    """List the recordings among files and folders, folders in the order of their sorted names.

    A path that is no folder is taken as it is, whatever its name, even where it does not exist: whoever opens it
    reports that. Inside folders hidden entries are passed over (``.git``, macOS's ``._song.mp3``), and a folder reached
    twice through symbolic links is visited once.

    Args:
        paths: files and folders.
        recursive: descend into sub-folders.
        on_error: called with the error of a folder that cannot be read; such folders are otherwise passed over.
    """
    found: list[Path] = []
    visited: set[tuple[int, int]] = set()
    for given in paths:
        path = Path(given)
        if path.is_dir():
            found.extend(_walk(path, recursive, on_error, visited))
        else:
            found.append(path)
    return found


def _walk(
    folder: Path, recursive: bool, on_error: Callable[[OSError], None] | None, visited: set[tuple[int, int]]
) -> Iterator[Path]:
    pending = [folder]  # a stack of our own: a deep tree must not meet Python's recursion limit
    while pending:
        current = pending.pop()
        try:
            status = current.stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(current) as entries:
                listed = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            if on_error is not None:
                on_error(error)
            continue
        folders = [current / entry.name for entry in listed if _is_dir(entry)]
        yield from (
            current / entry.name
            for entry in listed
            if not _is_dir(entry) and os.path.splitext(entry.name)[1].lower() in AUDIO_SUFFIXES  # noqa: PTH122 - speed
        )
        if recursive:
            pending.extend(reversed(folders))


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a broken link: whoever opens it reports it


def user_data_folder() -> Path:
    """Folder for databases and weights that the user added (XDG_DATA_HOME and its kin); created when missing."""
    from platformdirs import user_data_path

    return user_data_path("sideman", appauthor=False, ensure_exists=True)


def user_cache_folder() -> Path:
    """Folder for what can be made again (XDG_CACHE_HOME and its kin); created when missing."""
    from platformdirs import user_cache_path

    return user_cache_path("sideman", appauthor=False, ensure_exists=True)


def user_config_folder() -> Path:
    """Folder for settings (XDG_CONFIG_HOME and its kin); created when missing."""
    from platformdirs import user_config_path

    return user_config_path("sideman", appauthor=False, ensure_exists=True)
