"""What one file is, without hearing it: the hash of its audio, and its tags."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from sideman.core.errors import AudioError, SidemanError


@dataclass(frozen=True)
class Examined:
    """A file as a row of the table ``files``.

    Attributes:
        path: absolute.
        size, mtime_ns: as before it was read, so that a file still being written is read again.
        audio_hash: None where it could not be read, for the reason in ``error``.
        container: kind of file.
        tags: columns of its tags.
    """

    path: str
    size: int
    mtime_ns: int
    audio_hash: str | None
    container: str | None
    tags: dict[str, Any]
    error: str | None = None


def examine(path: str) -> Examined:
    """Hash the audio of a file and read its tags; a file that cannot be read has an error.

    Raises:
        AudioError: there is no such file any more.
    """
    from sideman.library.filetags import columns
    from sideman.library.payload import audio_hash
    from sideman.library.tags.read import FileTags, read_tags

    try:
        status = os.stat(path)  # noqa: PTH116 - paths stay text here
    except OSError as error:
        raise AudioError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    try:
        digest, container = audio_hash(path)
        told = columns(read_tags(path))
    except (SidemanError, OSError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        return Examined(path, status.st_size, status.st_mtime_ns, None, None, columns(FileTags({})), reason)
    return Examined(path, status.st_size, status.st_mtime_ns, digest, container, told)
