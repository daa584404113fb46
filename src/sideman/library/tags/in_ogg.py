"""Vorbis comments in Ogg: Vorbis, Opus, FLAC and Speex, one stream to a file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sideman.core.errors import LibraryError
from sideman.library import ogg
from sideman.library.tags import vorbis
from sideman.library.tags.formats import Values, copy, digest, size_of, stretch

WHOLE_BPM = False
_CONTINUED, _LAST_BLOCK = 1, 0x80
_SEGMENTS = 255
_MOST_HEADER_BYTES = 1 << 28
_DAMAGED = "its Ogg headers are damaged or of a rare kind; they are left alone"
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass
class _Head:
    """Header packets of the stream: the first has a page of its own; ``end`` is where the pages with sound begin."""

    packets: list[bytes]
    pages_n: int
    end: int
    serial: bytes
    comments: vorbis.Comments
    at: int  # which packet holds the comments
    skip: int  # its bytes before them


def current(file: BinaryIO) -> Values:
    """See :class:`~sideman.library.tags.formats.Format`."""
    return vorbis.current(_head(file).comments)


def others(file: BinaryIO) -> list[str]:
    """See :class:`~sideman.library.tags.formats.Format`."""
    head = _head(file)
    packets = [digest("packet", packet) for i, packet in enumerate(head.packets) if i != head.at]
    end = max(
        (page.at + 27 + len(page.lacing) + len(page.body) for page in ogg.pages(file, head.end)), default=head.end
    )
    return vorbis.others(head.comments) + packets + stretch("end", file, end, size_of(file))


def rewrite(file: BinaryIO, changes: Values, out: BinaryIO) -> None:
    """See :class:`~sideman.library.tags.formats.Format`."""
    head = _head(file)
    vorbis.change(head.comments, changes)
    old = head.packets[head.at]
    prefix, data = old[: head.skip], head.comments.to_bytes()
    if head.packets[0][:5] == b"\x7fFLAC":
        if len(data) > 0xFFFFFF:
            raise LibraryError("its comments would be longer than 16 MB, which FLAC does not allow")
        prefix = old[:1] + len(data).to_bytes(3, "big")
    head.packets[head.at] = prefix + data
    first = next(ogg.pages(file))
    copy(file, 0, 27 + len(first.lacing) + len(first.body), out)
    made = list(_paged(head.packets[1:], head.serial))
    out.write(b"".join(made))
    moved = 1 + len(made) - head.pages_n
    end = head.end
    if moved:
        for page in ogg.pages(file, head.end):
            number = (int.from_bytes(page.head[18:22], "little") + moved) % (1 << 32)
            out.write(_sealed(page.head[:18] + number.to_bytes(4, "little"), page.lacing, page.body))
            end = page.at + 27 + len(page.lacing) + len(page.body)
    copy(file, end, size_of(file), out)


def _head(file: BinaryIO) -> _Head:
    packets: list[bytes] = []
    held = bytearray()
    end = pages_n = 0
    serial = b""
    for page in ogg.pages(file):
        if pages_n and (page.serial != serial or page.first):
            raise LibraryError("it holds several streams; its tags are left alone")
        serial, pages_n, at = page.serial, pages_n + 1, 0
        end = page.at + 27 + len(page.lacing) + len(page.body)
        for length in page.lacing:
            held += page.body[at : at + length]
            at += length
            if length < 255:
                packets.append(bytes(held))
                held.clear()
        if pages_n == 1 and (len(packets) != 1 or held):
            raise LibraryError(_DAMAGED)
        if len(held) > _MOST_HEADER_BYTES or len(packets) > 100:
            raise LibraryError(_DAMAGED)
        if _complete(packets) and not held:
            break
    else:
        raise LibraryError(_DAMAGED)
    if any(page.serial != serial or page.first for page in ogg.pages(file, end)):
        raise LibraryError("it holds several streams; its tags are left alone")
    at, skip = _comment_packet(packets)
    return _Head(packets, pages_n, end, serial, vorbis.whole(vorbis.parse(packets[at][skip:])), at, skip)


def _complete(packets: list[bytes]) -> bool:
    """Whether these are all header packets, and no more.

    Raises:
        LibraryError: sound has begun on the page of a header, or the codec is not known.
    """
    if not packets:
        return False
    count = ogg.headers_n(packets[0])
    if count == 0:
        raise LibraryError(_DAMAGED)
    if count is None:
        if any(packet[:1] == b"\xff" for packet in packets[1:]):
            raise LibraryError(_DAMAGED)
        return len(packets) > 1 and bool(packets[-1][:1] and packets[-1][0] & _LAST_BLOCK)
    if len(packets) > count:
        raise LibraryError(_DAMAGED)
    return len(packets) == count


def _comment_packet(packets: list[bytes]) -> tuple[int, int]:
    """Which packet holds the comments, and how many of its bytes stand before them."""
    if packets[0][:8] == b"Speex   ":
        return 1, 0
    flac = packets[0][:5] == b"\x7fFLAC"
    for number, packet in enumerate(packets[1:], 1):
        skip = vorbis.prefix_n(packet)
        if skip is not None and (skip == 4) == flac:
            return number, skip
    raise LibraryError(_DAMAGED)


def _paged(packets: list[bytes], serial: bytes) -> Iterator[bytes]:
    """Header packets as pages 1, 2, ... of granule position 0, as full as pages get; -1 where no packet ends."""
    lacing = b"".join(b"\xff" * (len(p) // 255) + bytes([len(p) % 255]) for p in packets)
    body = b"".join(packets)
    at = 0
    continued = False
    for number, first in enumerate(range(0, len(lacing), _SEGMENTS), 1):
        segments = lacing[first : first + _SEGMENTS]
        ends = any(length < 255 for length in segments)
        flags = bytes([0, _CONTINUED if continued else 0])
        granule = bytes(8) if ends else b"\xff" * 8
        head = b"OggS" + flags + granule + serial + number.to_bytes(4, "little")
        yield _sealed(head, segments, body[at : at + sum(segments)])
        at += sum(segments)
        continued = segments[-1] == 255


def _sealed(head: bytes, lacing: bytes, body: bytes) -> bytes:
    """A page from its first 22 bytes, with its checksum."""
    rest = bytes([len(lacing)]) + lacing + body
    return head + _checksum(head + bytes(4) + rest) + rest


def _checksum(page: bytes) -> bytes:
    """CRC-32 with Ogg's polynomial, most significant bit first and without inversion, by way of zlib's mirrored one."""
    crc = ~zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) & 0xFFFFFFFF
    return crc.to_bytes(4, "big").translate(_MIRRORED)
