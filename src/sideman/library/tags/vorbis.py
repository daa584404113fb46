"""Vorbis comments (xiph.org), in a FLAC block or an Ogg packet: taken apart and put together byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from sideman.core.errors import LibraryError
from sideman.library import boxes, ogg
from sideman.library.tags.formats import Values, digest

COMMENT_BLOCK = b"\x04"
_MOST_PAGES = 10_000
_MOST_PACKETS = 20  # of a stream: comments come second, in FLAC among the first

_PLACES = {
    "genre": ("genre",),
    "mood": ("mood",),
    "bpm": ("bpm", "tempo"),
    "key": ("key", "initialkey", "initial key"),
}


@dataclass
class Comments:
    """What a comment header holds: ``vendor``, ``entries`` as ``b"NAME=value"``, ``rest`` (framing, padding)."""

    vendor: bytes
    entries: list[bytes]
    rest: bytes = b""
    problem: str | None = None

    def values(self, names: tuple[str, ...]) -> list[str]:
        """Values of the entries with one of these names (lower case)."""
        split = (name_and_value(entry) for entry in self.entries)
        return [value for name, value in split if name in names]

    def to_bytes(self) -> bytes:
        """The header as it lies in a file."""
        parts = [len(self.vendor).to_bytes(4, "little"), self.vendor, len(self.entries).to_bytes(4, "little")]
        for entry in self.entries:
            parts += [len(entry).to_bytes(4, "little"), entry]
        return b"".join([*parts, self.rest])


def name_and_value(entry: bytes) -> tuple[str, str]:
    """The name of an entry in lower case, and its text; bytes that are no UTF-8 become U+FFFD."""
    name, _, value = entry.partition(b"=")
    return name.decode("ascii", "replace").lower(), value.decode("utf-8", "replace")


def parse(data: bytes) -> Comments:
    """Take a comment header apart; what is damaged is left out and said in ``problem``."""
    at = 4 + int.from_bytes(data[:4], "little")
    found = Comments(data[4:at], [])
    count = int.from_bytes(data[at : at + 4], "little")
    if len(data) < at + 4:
        found.problem = "its comments are cut off"
        return found
    at += 4
    for _ in range(count):
        length = int.from_bytes(data[at : at + 4], "little")
        if at + 4 + length > len(data) or len(data) < at + 4:
            found.problem = "its comments are cut off"
            return found
        found.entries.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    found.rest = data[at:]
    return found


def in_flac(file: BinaryIO, offset: int) -> Comments | None:
    """The comments of a FLAC stream that begins at ``offset``; None where it has none.

    Raises:
        ValueError: its blocks do not end.
    """
    for block in boxes.flac(file, offset):
        if block.name == COMMENT_BLOCK:
            file.seek(block.start)
            return parse(file.read(block.size))
    return None


def prefix_n(packet: bytes) -> int | None:
    """Bytes before the comments in an Ogg packet; None where the packet holds no comments."""
    if packet[:7] in (b"\x03vorbis", b"\x81theora"):
        return 7
    if packet[:8] == b"OpusTags":
        return 8
    if packet[:1] in (b"\x04", b"\x84") and len(packet) >= 4 and int.from_bytes(packet[1:4], "big") == len(packet) - 4:
        return 4  # a FLAC block
    return None


def in_ogg(file: BinaryIO) -> Comments | None:
    """The comments of the first stream that has any.

    Streams are looked at in the order of their comment packets.
    """
    packets: dict[bytes, list[bytes]] = {}
    under_way: dict[bytes, bytearray] = {}
    for number, page in enumerate(ogg.pages(file)):
        if number >= _MOST_PAGES:
            return None
        held = under_way.setdefault(page.serial, bytearray())
        known = packets.setdefault(page.serial, [])
        at = 0
        for length in page.lacing:
            held += page.body[at : at + length]
            at += length
            if length == 255:
                continue
            known.append(bytes(held))
            held.clear()
            comments = _of_packet(known) if len(known) <= _MOST_PACKETS else None
            if comments is not None:
                return comments
        if len(known) >= _MOST_PACKETS and not held:
            return None
    return None


def _of_packet(packets: list[bytes]) -> Comments | None:
    """The comments in the last of a stream's packets."""
    packet, number = packets[-1], len(packets) - 1
    if packets[0][:8] == b"Speex   ":
        return parse(packet) if number == 1 else None
    if number == 0:
        return None
    skip = prefix_n(packet)
    flac = packets[0][:5] == b"\x7fFLAC"
    return parse(packet[skip:]) if skip is not None and (skip == 4) == flac else None


def current(comments: Comments) -> Values:
    """Values of the fields as they stand in the comments."""
    return {name: [value for value in comments.values((_place(comments, name),)) if value.strip()] for name in _PLACES}


def others(comments: Comments) -> list[str]:
    """Digests of everything but the fields."""
    ours = {_place(comments, name) for name in _PLACES}
    kept = [digest("comment", entry) for entry in comments.entries if name_and_value(entry)[0] not in ours]
    return [digest("vendor", comments.vendor), *kept, digest("rest", comments.rest)]


def change(comments: Comments, changes: Values) -> None:
    """Put other values into the comments, where the old ones stood, else at the end."""
    for name, values in changes.items():
        place = _place(comments, name)
        old = [i for i, entry in enumerate(comments.entries) if name_and_value(entry)[0] == place]
        at = old[0] if old else len(comments.entries)
        spelling = comments.entries[at].partition(b"=")[0] if old else place.upper().encode("ascii")
        comments.entries = [entry for i, entry in enumerate(comments.entries) if i not in old]
        comments.entries[at:at] = [spelling + b"=" + value.encode("utf-8") for value in values]


def whole(comments: Comments) -> Comments:
    """The comments themselves.

    Raises:
        LibraryError: they are damaged.
    """
    if comments.problem:
        raise LibraryError(f"{comments.problem}; mend it with a tag editor before it is tagged")
    return comments


def _place(comments: Comments, name: str) -> str:
    there = {name_and_value(entry)[0] for entry in comments.entries}
    return next((place for place in _PLACES[name] if place in there), _PLACES[name][0])
