"""One program at a time on a file: a lock on the file itself, which ends with the process that holds it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sideman.audio.sources import open_file
from sideman.core.errors import AudioError, LibraryError

if sys.platform != "win32":
    import fcntl

EXCLUSIVE = sys.platform != "win32"
"""Whether there are locks; elsewhere the name of the copy is fixed, and who makes it first has the file."""


class BusyError(LibraryError):
    """Another program is at the file."""


@contextmanager
def locked(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading and keep others that lock it away.

    Raises:
        BusyError: another process holds the lock.
        LibraryError: the file cannot be opened, or another has just taken its place.
    """
    try:
        file = open_file(path, str(path))
    except AudioError as error:
        raise LibraryError(str(error).removeprefix(f"{path}: ")) from None
    with file:
        _lock(file)
        if not _in_place(path, file):
            raise BusyError("it has just been replaced by another program; run it again")
        yield file


def _in_place(path: Path, file: BinaryIO) -> bool:
    """Whether the path still names the file that was opened."""
    with suppress(OSError):
        there, held = path.stat(), os.fstat(file.fileno())
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
    return False


def _lock(file: BinaryIO) -> None:
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network file systems have no locks: there the comparison before the rename remains.
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN):
            raise BusyError("another program is at it; run it again later") from None
