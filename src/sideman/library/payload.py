"""The identity of a recording: a hash of its sound, which no tag changes.

What is hashed, by the kind of file (told by its content):

- mp3, mp2, aac, wavpack, ape, and what is not known: the file without ID3v1, ID3v2, APEv2 and Lyrics3 tags at its ends;
- flac: STREAMINFO and the frames;
- ogg: the packets of every stream without the comments, whatever the paging;
- mp4: the content of ``mdat``; asf: the Data object; wav, rf64, w64, aiff: the format and the sample chunks.

A file that does not keep to its format is hashed whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import BinaryIO

from sideman.audio.sniff import Container, sniff
from sideman.audio.sources import open_file, shown
from sideman.core.errors import AudioError
from sideman.library import boxes, ogg

_VERSION = b"sideman payload 1\0"
_BLOCK_BYTES = 1 << 20
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_SOUND = (b"data", b"SSND", b"fmt ", b"COMM")
Span = tuple[int, int]  # begin and end in bytes


def audio_hash(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Hash of a file's audio payload, and the name of its container.

    Args:
        path: of any file; its memory need does not grow with its length.

    Returns:
        40 hexadecimal digits (BLAKE2b), equal for files that hold the same encoded sound in the same container
        whatever their tags; and a name such as "mp3", "unknown" where the content is none that Sideman knows.

    Raises:
        AudioError: it cannot be read, is empty, or is not a regular file.
    """
    name = shown(path)
    with open_file(path, name) as file:
        try:
            return hash_of(file)
        except OSError as error:
            raise AudioError(f"{name}: cannot be read: {error.strerror or error}") from None


def hash_of(file: BinaryIO) -> tuple[str, str]:
    """As :func:`audio_hash`, of an open file; raises OSError where it cannot be read."""
    size = os.fstat(file.fileno()).st_size
    container = sniff(file, size)
    name = container.name if container else "unknown"
    try:
        return _hashed(file, size, container), name
    except ValueError:
        return _over(file, b"whole", [(0, size)]), name


def _hashed(file: BinaryIO, size: int, container: Container | None) -> str:
    name = container.name if container else "unknown"
    if name == "ogg":
        digest, end = ogg.payload_digest(file)
        rest = (end, boxes.end_without_tags(file, end, size)) if end < size else (end, end)
        return _over(file, b"ogg" + digest, [rest])
    if container is not None and name == "flac":
        return _over(file, b"flac", _flac(file, size, container.offset))
    if name in ("wav", "rf64", "aiff"):
        return _over(file, name.encode(), _sound(boxes.riff(file, size)))
    if name == "w64":
        return _over(file, name.encode(), _sound(boxes.w64(file, size)))
    if name == "mp4":
        return _over(file, b"mp4", _wanted(boxes.mp4(file, 0, size), b"mdat"))
    if name == "asf":
        return _over(file, b"asf", _wanted(boxes.asf(file, size), _ASF_DATA))
    return _over(file, b"stream", [boxes.without_tags(file, size)])


def _flac(file: BinaryIO, size: int, offset: int) -> list[Span]:
    blocks = boxes.flac(file, offset)
    first, last = blocks[0], blocks[-1]
    if first.name != b"\0" or last.end >= size:
        raise ValueError("no FLAC frames")
    return [(first.start, first.end), (last.end, boxes.end_without_tags(file, last.end, size))]


def _sound(chunks: Iterable[boxes.Part]) -> list[Span]:
    found = [part for part in chunks if part.name in _SOUND]
    if not any(part.size for part in found if part.name in _SOUND[:2]):
        raise ValueError("no samples")
    return [(part.start, part.end) for part in found]


def _wanted(parts: Iterable[boxes.Part], name: bytes) -> list[Span]:
    spans = [(part.start, part.end) for part in parts if part.name == name and part.size > 0]
    if not spans:
        raise ValueError("no samples")
    return spans


def _over(file: BinaryIO, kind: bytes, spans: Iterable[Span]) -> str:
    """Digest over the kind and the spans, each with its length."""
    digest = hashlib.blake2b(_VERSION + kind + b"\0", digest_size=20)
    block = memoryview(bytearray(_BLOCK_BYTES))
    for start, end in spans:
        left = end - start
        digest.update(left.to_bytes(8, "little"))
        file.seek(start)
        while left > 0:
            n = file.readinto(block[: min(left, _BLOCK_BYTES)])  # type: ignore[attr-defined]
            if not n:
                break  # it has become shorter meanwhile
            digest.update(block[:n])
            left -= n
    return digest.hexdigest()
