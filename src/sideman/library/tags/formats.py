"""The tag formats that are written, and which one a file gets."""

from __future__ import annotations

import hashlib
import os
from typing import BinaryIO, Protocol

from sideman.audio.sniff import Container, sniff
from sideman.core.errors import LibraryError
from sideman.library import boxes

FIELDS = ("genre", "mood", "bpm", "key")
"""What is ever written."""

Values = dict[str, list[str]]
_BLOCK_BYTES = 1 << 20


class Format(Protocol):
    """How one format's tags are read and written; every module ``in_*`` is one.

    The values are those of the file, as they stand there, so that a write can be taken back. Each field has one place
    in a file (where the format knows several, the first that is used); everything else is left as it is, byte for byte.
    """

    WHOLE_BPM: bool
    """Whether it holds whole beats per minute only."""

    def current(self, file: BinaryIO) -> Values:
        """The values of every one of FIELDS; an empty list where there is none.

        Raises:
            LibraryError: the tag is damaged.
        """
        ...

    def others(self, file: BinaryIO) -> list[str]:
        """Name and digest of everything else in the tags, in its order; equal before and after a write."""
        ...

    def rewrite(self, file: BinaryIO, changes: Values, out: BinaryIO) -> None:
        """Write the file with other values to ``out`` (empty, open for writing and reading).

        Raises:
            LibraryError: the file cannot take them; the message says why.
        """
        ...


def format_of(file: BinaryIO) -> Format:
    """The format in which an open file takes its tags.

    Raises:
        LibraryError: it is of a kind whose tags are not written.
    """
    from sideman.library.tags import in_ape, in_chunks, in_flac, in_id3, in_mp4, in_ogg

    size = size_of(file)
    container = sniff(file, size)
    name = container.name if container else "unknown"
    if name in ("mp3", "aac"):
        return in_ape if not in_id3.has_tag(file) and in_ape.has_tag(file) else in_id3
    formats: dict[str, Format] = {
        "flac": in_flac, "ogg": in_ogg, "mp4": in_mp4, "wav": in_chunks, "aiff": in_chunks,
        "wavpack": in_ape, "ape": in_ape,
    }  # fmt: skip
    if name not in formats:
        raise LibraryError(f"tags of {name} files are not written; mp3, flac, ogg, opus, m4a, wav, aiff, wv, ape are")
    if container is not None and container.cut:
        raise LibraryError("its end is missing; mend it before it is tagged")
    return formats[name]


def container_of(file: BinaryIO) -> Container:
    """What the file is; to be asked only after :func:`format_of`."""
    found = sniff(file, size_of(file))
    if found is None:
        raise LibraryError("it is no longer a sound file")
    return found


def size_of(file: BinaryIO) -> int:
    """Its length in bytes."""
    return os.fstat(file.fileno()).st_size


def copy(file: BinaryIO, start: int, end: int, out: BinaryIO) -> None:
    """Append a stretch of the file to ``out``."""
    file.seek(start)
    left = end - start
    while left > 0:
        block = file.read(min(left, _BLOCK_BYTES))
        if not block:
            raise LibraryError("it became shorter while it was copied")
        out.write(block)
        left -= len(block)


def digest(name: str, data: bytes) -> str:
    """One line for :meth:`Format.others`."""
    return f"{name} {len(data)} {hashlib.blake2b(data, digest_size=16).hexdigest()}"


def stretch(name: str, file: BinaryIO, start: int, end: int) -> list[str]:
    """Lines for bytes that lie between or behind the tags, none where there are none."""
    if end <= start:
        return []
    found = hashlib.blake2b(digest_size=16)
    file.seek(start)
    left = end - start
    while left > 0 and (block := file.read(min(left, _BLOCK_BYTES))):
        found.update(block)
        left -= len(block)
    return [f"{name} {end - start} {found.hexdigest()}"]


def end_of_sound(file: BinaryIO, start: int) -> int:
    """Where the tags at the end of a file begin."""
    return boxes.end_without_tags(file, start, size_of(file))
