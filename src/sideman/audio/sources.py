"""Open a recording: check that it is a regular file, tell its kind, and start the decoder for it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from sideman.audio.limits import Limits, check_format
from sideman.audio.sniff import Container, looks_like_text, sniff
from sideman.core.errors import AudioError

KNOWN_FORMATS = "wav, aiff, au, flac, ogg, opus, mp3, and with the extra 'm4a' also m4a, aac, wma, webm"


Tap = Callable[[NDArray[np.float32], int], object]
"""Takes samples before they are mixed to mono, (n, channels) float32, and their rate in Hz; must not keep the array."""


class Source(Protocol):
    """What both decoders offer: mono blocks from a frame on, and what the file says of itself."""

    codec: str
    sample_rate_hz: int
    channels: int
    frames_n: int | None
    damage: str | None
    skipped_n: int
    tap: Tap | None

    def blocks(self, start_n: int) -> Iterator[NDArray[np.float32]]:
        """Yield mono blocks from frame ``start_n`` on; ``damage`` and ``skipped_n`` change meanwhile."""
        ...

    def close(self) -> None:
        """Release the decoder."""
        ...


@contextlib.contextmanager
def opened(path: str | os.PathLike[str], limits: Limits) -> Iterator[tuple[Source, Container]]:
    """Open, sniff and check one file; the source and the file are closed at the end of the block."""
    name = shown(path)
    with open_file(path, name) as file:
        size = os.fstat(file.fileno()).st_size
        source, container = _open_source(file, size, name)
        with contextlib.closing(source):
            check_format(source.sample_rate_hz, source.channels, name, limits)
            yield source, container


def open_file(path: str | os.PathLike[str], name: str) -> BinaryIO:
    """Open a regular file that is not empty, without waiting on pipes; ``name`` is how errors call it.

    Raises AudioError for anything else.
    """
    try:
        # Not to block on a pipe without a writer; regular files ignore the flag.
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise AudioError(f"{name}: no such file") from None
    except PermissionError:
        # Windows reports folders this way.
        problem = "is a folder, not a sound file" if Path(path).is_dir() else "permission denied"
        raise AudioError(f"{name}: {problem}") from None
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENODEV):
            raise AudioError(f"{name}: not a regular file") from None
        raise AudioError(f"{name}: cannot be opened: {error.strerror or error}") from None
    except ValueError as error:  # a null character in the path
        raise AudioError(f"{name}: cannot be opened: {error}") from None
    status = os.fstat(fd)
    problem = ""
    if stat.S_ISDIR(status.st_mode):
        problem = "is a folder, not a sound file"
    elif not stat.S_ISREG(status.st_mode):
        problem = "is a pipe or a device, not a regular file"
    elif status.st_size == 0:
        problem = "is empty (0 bytes)"
    if problem:
        os.close(fd)
        raise AudioError(f"{name}: {problem}")
    return os.fdopen(fd, "rb")


def _open_source(file: BinaryIO, size: int, name: str) -> tuple[Source, Container]:
    try:
        container = sniff(file, size)
        if container is None:
            looks = "text" if looks_like_text(file) else "no known sound file"
            raise AudioError(f"{name}: its content is {looks}; expected {KNOWN_FORMATS}")
        if container.library == "sndfile":
            from sideman.audio.decode_sndfile import SndfileSource

            return SndfileSource(file, size, container, name), container
        from sideman.audio.decode_av import AvSource

        return AvSource(file, container, name), container
    except OSError as error:
        raise AudioError(f"{name}: cannot be read: {error.strerror or error}") from None


def shown(path: str | os.PathLike[str]) -> str:
    """Return the path as it may be printed: one line, no control characters, nothing that cannot be encoded."""
    text = os.fspath(path)
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
