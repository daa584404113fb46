"""The ``moov`` box of an MP4 file as a tree that can be changed and put together again byte for byte.

Sources: ISO/IEC 14496-12; QuickTime File Format for ``udta`` and ``meta``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sideman.core.errors import LibraryError
from sideman.library import boxes
from sideman.library.tags.formats import size_of

DAMAGED = "its MP4 boxes do not fit together; mend it (ffmpeg -c copy does) before it is tagged"
HANDLER = bytes(8) + b"mdirappl" + bytes(9)
"""Body of the hdlr box that a list of tags has beside it."""
_LARGEST = 1 << 28
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"meta", b"ilst")
_OFFSETS = {b"stco": ("I", 1 << 32), b"co64": ("Q", 1 << 64)}


@dataclass
class Box:
    """A box: a leaf with a ``body``, or ``children`` between what stands before (``front``) and behind (``tail``)."""

    name: bytes
    body: bytes = b""
    children: list[Box] | None = None
    front: bytes = b""
    tail: bytes = b""

    def to_bytes(self) -> bytes:
        """The box with its header."""
        body = self.body
        if self.children is not None:
            body = b"".join([self.front, *(child.to_bytes() for child in self.children), self.tail])
        return (len(body) + 8).to_bytes(4, "big") + self.name + body

    def child(self, name: bytes) -> Box | None:
        """The first child of a name."""
        return next((box for box in self.children or [] if box.name == name), None)

    def leaves(self, path: str = "") -> Iterator[tuple[str, Box]]:
        """All boxes without children below, each with its path."""
        for box in self.children or []:
            here = f"{path}/{box.name.decode('latin-1')}"
            if box.children is None:
                yield here, box
            else:
                yield from box.leaves(here)


def read_moov(file: BinaryIO) -> tuple[boxes.Part, Box]:
    """Where the one moov box of a file lies, and its tree.

    Raises:
        LibraryError: the boxes do not fit together.
    """
    size = size_of(file)
    tops = list(boxes.mp4(file, 0, size))
    found = [top for top in tops if top.name == b"moov"]
    if len(found) != 1 or found[0].size > _LARGEST or tops[-1].end < size - 7:
        raise LibraryError(DAMAGED)
    file.seek(found[0].start)
    moov = _tree(b"moov", file.read(found[0].size))
    if moov.children is None:
        raise LibraryError(DAMAGED)
    return found[0], moov


def split(body: bytes) -> tuple[list[Box], bytes] | None:
    """The boxes in a body and up to 7 bytes behind them (QuickTime closes lists so); None where they do not fit."""
    found: list[Box] = []
    at = 0
    while at + 8 <= len(body):
        length = int.from_bytes(body[at : at + 4], "big")
        if length < 8 or at + length > len(body):
            return None
        found.append(Box(body[at + 4 : at + 8], body[at + 8 : at + length]))
        at += length
    return found, body[at:]


def _tree(name: bytes, body: bytes, depth: int = 0) -> Box:
    if name not in _PARENTS or depth > 8:
        return Box(name, body)
    front = body[:4] if name == b"meta" and body[4:8] != b"hdlr" else b""
    inside = split(body[len(front) :])
    if inside is None:
        return Box(name, body)
    if name == b"ilst":
        return Box(name, b"", inside[0], front, inside[1])
    children = [_tree(box.name, box.body, depth + 1) for box in inside[0]]
    return Box(name, b"", children, front, inside[1])


def move(moov: Box, by: int, beyond: int) -> None:
    """Add to every chunk offset past a position.

    Raises:
        LibraryError: an offset becomes too large for its table.
    """
    for _, box in moov.leaves():
        if box.name not in _OFFSETS:
            continue
        code, limit = _OFFSETS[box.name]
        count = min(int.from_bytes(box.body[4:8], "big"), (len(box.body) - 8) // struct.calcsize(f">{code}"))
        form = f">{count}{code}"
        moved = [at + by if at >= beyond else at for at in struct.unpack_from(form, box.body, 8)]
        if any(not 0 <= at < limit for at in moved):
            raise LibraryError("it is too long for its kind of table; ffmpeg -c copy makes another")
        box.body = box.body[:8] + struct.pack(form, *moved) + box.body[8 + struct.calcsize(form) :]


def list_of_tags(moov: Box, *, make: bool = False) -> Box | None:
    """moov/udta/meta/ilst; with ``make`` it is made where it is not there.

    Raises:
        LibraryError: something else stands in its place.
    """
    udta = _child(moov, b"udta", make)
    meta = _child(udta, b"meta", make) if udta else None
    return _child(meta, b"ilst", make) if meta else None


def _child(parent: Box, name: bytes, make: bool) -> Box | None:
    found = parent.child(name)
    if found is None and make:
        found = Box(name, b"", [])
        if name == b"meta":
            found.front = bytes(4)
            found.children = [Box(b"hdlr", HANDLER)]
        assert parent.children is not None
        parent.children.append(found)
    if found is not None and found.children is None:
        raise LibraryError(DAMAGED)
    return found
