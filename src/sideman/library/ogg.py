"""Ogg pages and packets (RFC 3533): what a file holds whatever its paging, and which packets are headers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_FIRST = 2  # flag of a stream's first page
_MOST_HEADER_BYTES = 1 << 28
_MOST_STREAMS = 10_000


class Page(NamedTuple):
    """One page as it lies in the file: its 27-byte ``head``, ``lacing`` values and ``body``."""

    at: int
    head: bytes
    lacing: bytes
    body: bytes

    @property
    def serial(self) -> bytes:
        """Which stream it belongs to."""
        return self.head[14:18]

    @property
    def first(self) -> bool:
        """Whether a stream begins here."""
        return bool(self.head[5] & _FIRST)


def pages(file: BinaryIO, at: int = 0) -> Iterator[Page]:
    """Pages from a position on, up to the first bytes that are none; the last body may be cut."""
    file.seek(at)
    while True:
        head = file.read(27)
        if len(head) < 27 or head[:5] != b"OggS\0":
            return
        lacing = file.read(head[26])
        body = file.read(sum(lacing))
        yield Page(at, head, lacing, body)
        at += 27 + len(lacing) + len(body)


def headers_n(packet: bytes) -> int | None:
    """How many header packets a stream has, by its first; None for FLAC, whose headers end where frames begin.

    0 for a codec that is not known: nothing is taken for a header.
    """
    if packet[:7] in (b"\x01vorbis", b"\x80theora"):
        return 3
    if packet[:8] == b"OpusHead":
        return 2
    if packet[:8] == b"Speex   ":
        return 2 + min(int.from_bytes(packet[68:72], "little"), 100)
    if packet[:5] == b"\x7fFLAC":
        return None
    return 0


class _Stream:
    """The payload of one logical stream: packets without the comments, however they are cut into pages.

    The lacing values of all pages, one after the other, tell the lengths of the packets and do not depend on paging.
    """

    def __init__(self) -> None:
        self._data, self._lengths = (hashlib.blake2b(digest_size=20) for _ in range(2))
        self._packet = bytearray()  # header under way
        self._seen_n = 0
        self._headers_n: int | None = None
        self._in_headers = True

    def feed(self, lacing: bytes, body: bytes) -> None:
        at = i = 0
        while self._in_headers and i < len(lacing):
            length = lacing[i]
            self._packet += body[at : at + length]
            at, i = at + length, i + 1
            if len(self._packet) > _MOST_HEADER_BYTES:
                raise ValueError("a header of its streams is too large")
            if length < 255:
                self._header(bytes(self._packet))
                self._packet.clear()
        self._data.update(body[at:] if at else body)
        self._lengths.update(lacing[i:] if i else lacing)

    def _header(self, packet: bytes) -> None:
        number, self._seen_n = self._seen_n, self._seen_n + 1
        if number == 0:
            self._headers_n = headers_n(packet)
            if self._headers_n is None:
                packet = packet[:7] + bytes(2) + packet[9:]  # less the number of headers
        flac = self._headers_n is None
        self._in_headers = packet[:1] != b"\xff" if flac else self._seen_n < (self._headers_n or 0)
        if number == 0 or not (self._in_headers if flac else number == 1 < (self._headers_n or 0)):
            self._data.update(packet)
            self._lengths.update(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]))

    def digest(self) -> bytes:
        return self._data.digest() + self._lengths.digest()


def payload_digest(file: BinaryIO) -> tuple[bytes, int]:
    """Digest over the packets of all streams without their comments, and where the pages end.

    Granule positions are left out: they say when, not what.

    Raises:
        ValueError: no pages, or more streams or longer headers than any recording has.
    """
    done: list[_Stream] = []
    running: dict[bytes, _Stream] = {}
    end = 0
    for page in pages(file):
        stream = running.get(page.serial)
        if stream is None or page.first:
            stream = running[page.serial] = _Stream()
            done.append(stream)
            if len(done) > _MOST_STREAMS:
                raise ValueError("it has too many streams")
        stream.feed(page.lacing, page.body)
        end = page.at + 27 + len(page.lacing) + len(page.body)
    if not done:
        raise ValueError("it has no pages")
    return b"".join(stream.digest() for stream in done), end
