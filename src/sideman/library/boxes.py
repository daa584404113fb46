"""Walk the parts of a sound file: chunks (RIFF, AIFF), boxes (MP4), objects (ASF), blocks (FLAC), tags around a stream.

Sources: Microsoft/IBM RIFF (1991), EBU Tech 3306 (RF64), Sony's W64, AIFF-C (Apple 1991), ISO/IEC 14496-12, ASF
specification 1.2, FLAC (RFC 9639), id3.org, the APEv2 and Lyrics3 specifications. Sizes in a file are believed only as
far as the file reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from sideman.audio import mpeg

_MOST = 100_000  # parts of one level; a file with more is hostile
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of the GUIDs of W64's fmt and data chunks
_TAG_BYTES, _TAG_PLUS_BYTES, _APE_BYTES = 128, 227, 32
_LYRICS_BYTES = 5100 + 20


class Part(NamedTuple):
    """One part of a file: its ``name``, where it begins (``at``), and its content (``start``, ``size`` in bytes)."""

    name: bytes
    at: int
    start: int
    size: int

    @property
    def end(self) -> int:
        """First byte after the content (and its padding aside)."""
        return self.start + self.size


def riff(file: BinaryIO, size: int) -> Iterator[Part]:
    """Chunks of a RIFF, RIFX, RF64 or FORM (AIFF) file of ``size`` bytes."""
    file.seek(0)
    order = "little" if file.read(4) in (b"RIFF", b"RF64") else "big"
    at, data_bytes = 12, None
    for _ in range(_MOST):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or not head[:4].isascii() or not head[:4].decode("ascii").isprintable():
            return
        name, declared = head[:4], int.from_bytes(head[4:], order)  # type: ignore[arg-type]
        if name == b"ds64":
            data_bytes = int.from_bytes(file.read(16)[8:], "little")
        if name == b"data" and declared == 0xFFFFFFFF and data_bytes is not None:
            declared = data_bytes
        yield Part(name, at, at + 8, min(declared, size - at - 8))
        at += 8 + declared + declared % 2


def w64(file: BinaryIO, size: int) -> Iterator[Part]:
    """Chunks of a W64 file; those that count are named by their first four bytes."""
    at = 40
    for _ in range(_MOST):
        file.seek(at)
        head = file.read(24)
        declared = int.from_bytes(head[16:], "little")
        if len(head) < 24 or declared < 24:
            return
        name = head[:4] if head[4:16] == _W64_TAIL else b"?"
        yield Part(name, at, at + 24, min(declared - 24, size - at - 24))
        at += declared + -declared % 8


def mp4(file: BinaryIO, start: int, end: int) -> Iterator[Part]:
    """Boxes between two positions of an MP4 file."""
    at = start
    for _ in range(_MOST):
        if at + 8 > end:
            return
        file.seek(at)
        head = file.read(16)
        declared, skip = int.from_bytes(head[:4], "big"), 8
        if declared == 1:
            declared, skip = int.from_bytes(head[8:16], "big"), 16
        elif declared == 0:
            declared = end - at
        if declared < skip:
            return
        yield Part(head[4:8], at, at + skip, max(0, min(declared, end - at) - skip))
        at += declared


def asf(file: BinaryIO, size: int) -> Iterator[Part]:
    """Top-level objects of an ASF file, named by their 16-byte GUID."""
    at = 0
    for _ in range(_MOST):
        file.seek(at)
        head = file.read(24)
        declared = int.from_bytes(head[16:], "little")
        if len(head) < 24 or declared < 24:
            return
        yield Part(head[:16], at, at + 24, min(declared, size - at) - 24)
        at += declared


def flac(file: BinaryIO, offset: int) -> list[Part]:
    """Metadata blocks of a FLAC stream whose "fLaC" stands at ``offset``, named by one byte; frames follow the last.

    Raises:
        ValueError: the blocks do not end.
    """
    blocks: list[Part] = []
    at = offset + 4
    for _ in range(_MOST):
        file.seek(at)
        head = file.read(4)
        if len(head) < 4:
            break
        blocks.append(Part(bytes([head[0] & 0x7F]), at, at + 4, int.from_bytes(head[1:], "big")))
        at = blocks[-1].end
        if head[0] & 0x80:
            return blocks
    raise ValueError("its metadata blocks do not end")


def without_tags(file: BinaryIO, size: int) -> tuple[int, int]:
    """Where the stream begins and ends without ID3v2 and APEv2 in front and what :func:`end_without_tags` removes."""
    start = mpeg.skip_id3(file)
    file.seek(start)
    head = file.read(_APE_BYTES)
    if head[:8] == b"APETAGEX" and head[23:24] and head[23] & 0x20:
        start += _APE_BYTES + int.from_bytes(head[12:16], "little")
    if start >= size:
        return 0, size
    return start, end_without_tags(file, start, size)


def end_without_tags(file: BinaryIO, start: int, end: int) -> int:
    """The end of a stream without ID3v1, APEv2, Lyrics3 and appended ID3v2 tags, in any order and number."""
    for begin, _ in end_tags(file, start, end):
        end = begin
    return end


def end_tags(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where each of those tags begins and ends, the last first."""
    while True:
        length = _last_tag(file, start, end)
        if not length or end - length <= start:
            return
        yield end - length, end
        end -= length


def _last_tag(file: BinaryIO, start: int, end: int) -> int:
    """Bytes of the tag that ends at ``end``; 0 where there is none."""
    file.seek(max(start, end - _TAG_BYTES))
    tail = file.read(min(_TAG_BYTES, end - start))
    if len(tail) == _TAG_BYTES and tail[:3] == b"TAG":
        file.seek(max(start, end - _TAG_BYTES - _TAG_PLUS_BYTES))
        return _TAG_BYTES + (_TAG_PLUS_BYTES if file.read(4) == b"TAG+" else 0)
    ape = tail[-_APE_BYTES:]
    if ape[:8] == b"APETAGEX" and not ape[23] & 0x20:
        return int.from_bytes(ape[12:16], "little") + (_APE_BYTES if ape[23] & 0x80 else 0)
    if tail[-10:-7] == b"3DI" and not any(b & 0x80 for b in tail[-4:]):
        return 20 + (tail[-4] << 21 | tail[-3] << 14 | tail[-2] << 7 | tail[-1])
    if tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
        return 15 + int(tail[-15:-9])
    if tail[-9:] == b"LYRICSEND":
        file.seek(max(start, end - _LYRICS_BYTES))
        text = file.read(min(_LYRICS_BYTES, end - start))
        begin = text.rfind(b"LYRICSBEGIN")
        return len(text) - begin if begin >= 0 else 0
    return 0
