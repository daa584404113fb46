"""ID3v2 tags (id3.org: 2.2, 2.3, 2.4), taken apart into frames that are kept byte for byte.

A tag keeps its version, and frames that are not asked for are never decoded: nothing is lost in conversion.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from typing import NamedTuple

from sideman.core.errors import LibraryError
from sideman.library.tags.formats import Values, digest

_PADDING_BYTES = 1024
_LARGEST = (1 << 28) - 1
_LARGEST_TEXT = 1 << 20
_NAME = {2: re.compile(rb"[A-Z][A-Z0-9]{2}"), 3: re.compile(rb"[A-Z][A-Z0-9]{2}[A-Z0-9 \0]")}
_NAME[4] = _NAME[3]
_CODECS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_PLACES = {  # by version: where a field stands; the first that is there, else the first
    2: {
        "genre": ("TCO",), "mood": ("TXX:MOOD",), "bpm": ("TBP", "TXX:BPM"),
        "key": ("TKE", "TXX:INITIALKEY", "TXX:KEY"),
    },
    3: {
        "genre": ("TCON",), "mood": ("TXXX:MOOD", "TMOO"), "bpm": ("TBPM", "TXXX:BPM"),
        "key": ("TKEY", "TXXX:INITIALKEY", "TXXX:KEY"),
    },
    4: {
        "genre": ("TCON",), "mood": ("TMOO", "TXXX:MOOD"), "bpm": ("TBPM", "TXXX:BPM"),
        "key": ("TKEY", "TXXX:INITIALKEY", "TXXX:KEY"),
    },
}  # fmt: skip
_DAMAGED = "its ID3 tag is damaged ({}); mend it with a tag editor before it is tagged"


class Frame(NamedTuple):
    """A frame: its ``name``, ``flags``, the ``body`` as it lies in the file, and ``raw``, all of it with its header."""

    name: str
    flags: bytes
    body: bytes
    raw: bytes


@dataclass
class Tag:
    """A tag of ``version`` 2, 3 or 4 that takes ``size`` bytes in its file (0: a new one)."""

    version: int = 4
    frames: list[Frame] = field(default_factory=list)
    size: int = 0
    unsynchronised: bool = False  # v2.4: all frames are; frames of ours never need it
    plain_sizes: bool = False  # v2.4 as old iTunes wrote it


def parse(data: bytes) -> Tag:
    """Take the tag apart with which ``data`` begins.

    Raises:
        LibraryError: it is damaged, or of a kind that nobody writes.
    """
    version, flags = data[3], data[5]
    length = unsafe(data[6:10])
    if version not in _PLACES or (version == 2 and flags & 0x40) or len(data) < 10 + length:
        raise LibraryError(_DAMAGED.format(f"version {version}" if version not in _PLACES else "cut off or compressed"))
    body = data[10 : 10 + length]
    tag = Tag(version, [], 10 + length + (10 if version == 4 and flags & 0x10 else 0))
    if flags & 0x80:
        if version == 4:
            tag.unsynchronised = True
        else:
            body = _synchronised(body)
    if version > 2 and flags & 0x40:  # the extended header: a checksum and the like, which a write makes void
        body = body[(4 + int.from_bytes(body[:4], "big")) if version == 3 else unsafe(body[:4]) :]
    frames = _walk(body, version, plain=version == 3)
    if frames is None and version == 4:
        frames = _walk(body, version, plain=True)
        tag.plain_sizes = True
    if frames is None:
        raise LibraryError(_DAMAGED.format("its frames do not fit together"))
    tag.frames = frames
    return tag


def _walk(body: bytes, version: int, *, plain: bool) -> list[Frame] | None:
    """The frames up to the padding; None where they do not fit head to tail."""
    head = 6 if version == 2 else 10
    frames: list[Frame] = []
    at = 0
    while at + head <= len(body) and body[at]:
        name = body[at : at + (3 if version == 2 else 4)]
        size = body[at + 3 : at + 6] if version == 2 else body[at + 4 : at + 8]
        length = int.from_bytes(size, "big") if plain or version == 2 else unsafe(size)
        if not _NAME[version].fullmatch(name) or at + head + length > len(body):
            return None
        if not plain and version == 4 and any(b & 0x80 for b in size):
            return None
        raw = body[at : at + head + length]
        frames.append(Frame(name.decode("ascii"), b"" if version == 2 else raw[8:10], raw[head:], raw))
        at += head + length
    return frames if not any(body[at:]) else None


def render(tag: Tag, at_least: int = 0) -> bytes:
    """The tag as bytes, padded to ``at_least`` so many; nothing where it has no frames.

    Raises:
        LibraryError: it grows too large.
    """
    body = b"".join(frame.raw for frame in tag.frames)
    if not body:
        return b""
    padding = at_least - 10 - len(body)
    if padding < 0:
        padding = _PADDING_BYTES
    if len(body) + padding > _LARGEST:
        raise LibraryError("its ID3 tag is full (256 MB)")
    flags = 0x80 if tag.unsynchronised else 0
    return b"ID3" + bytes([tag.version, 0, flags]) + safe(len(body) + padding) + body + bytes(padding)


def current(tag: Tag) -> Values:
    """Values of the fields as they stand in the tag."""
    return {name: _values(tag, _place(tag, name)) for name in _PLACES[tag.version]}


def others(tag: Tag) -> list[str]:
    """Digests of all frames but those of the fields."""
    ours = {_place(tag, name) for name in _PLACES[tag.version]}
    return [digest(frame.name, frame.raw) for frame in tag.frames if _key(tag, frame) not in ours]


def change(tag: Tag, changes: Values) -> None:
    """Put other values into the tag: each in the place of the old frame, new ones at the end."""
    for name, values in changes.items():
        place = _place(tag, name)
        old = [i for i, frame in enumerate(tag.frames) if _key(tag, frame) == place]
        at = old[0] if old else len(tag.frames)
        description = _described(tag, tag.frames[at])[0] if old and ":" in place else place.partition(":")[2]
        tag.frames = [frame for i, frame in enumerate(tag.frames) if i not in old]
        if values:
            tag.frames.insert(
                at, text_frame(tag, place.partition(":")[0], values, description if ":" in place else None)
            )


def text_frame(tag: Tag, name: str, values: list[str], description: str | None = None) -> Frame:
    """A text frame with values divided by NUL, in the plainest encoding that its version knows and that holds them."""
    text = "\0".join(values if description is None else [description, *values])
    if text.isascii() or (tag.version < 4 and all(ord(c) < 256 for c in text)):
        body = b"\0" + text.encode("latin-1")
    elif tag.version == 4:
        body = b"\3" + text.encode("utf-8")
    elif description is None:
        body = b"\1\xff\xfe" + text.encode("utf-16-le")
    else:  # each of the two strings with its own mark
        parts = (description, "\0".join(values))
        body = b"\1" + b"\0\0".join(b"\xff\xfe" + part.encode("utf-16-le") for part in parts)
    return frame_of(tag, name, body)


def frame_of(tag: Tag, name: str, body: bytes) -> Frame:
    """A frame of the tag's version."""
    if tag.version == 2:
        return Frame(name, b"", body, name.encode() + len(body).to_bytes(3, "big") + body)
    if tag.plain_sizes and len(body) > 127:
        raise LibraryError(_DAMAGED.format("old iTunes sizes"))
    size = len(body).to_bytes(4, "big") if tag.version == 3 else safe(len(body))
    return Frame(name, bytes(2), body, name.encode() + size + bytes(2) + body)


def _place(tag: Tag, name: str) -> str:
    """Where a field stands in this tag."""
    there = {_key(tag, frame) for frame in tag.frames}
    places = _PLACES[tag.version][name]
    return next((place for place in places if place in there), places[0])


def _key(tag: Tag, frame: Frame) -> str:
    """Its name; of a user's own text frame also the description, in capitals."""
    if frame.name not in ("TXXX", "TXX") or len(frame.body) > _LARGEST_TEXT:
        return frame.name
    try:
        return f"{frame.name}:{_described(tag, frame)[0].upper()}"
    except LibraryError:
        return frame.name


def _values(tag: Tag, place: str) -> list[str]:
    frames = [frame for frame in tag.frames if _key(tag, frame) == place]
    found = [_described(tag, f)[1] if ":" in place else _strings(_content(tag, f)) for f in frames]
    return [value for values in found for value in values if value]


def _described(tag: Tag, frame: Frame) -> tuple[str, list[str]]:
    strings = _strings(_content(tag, frame))
    return strings[0], [text.removeprefix("\ufeff") for text in strings[1:]]


def _strings(content: bytes) -> list[str]:
    """The strings of a text frame."""
    codec = _CODECS[content[0]] if content and content[0] < len(_CODECS) else "latin-1"
    data = content[1:]
    if codec == "utf-16" and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        codec = "utf-16-le"
    return data.decode(codec, "replace").split("\0")


def _content(tag: Tag, frame: Frame) -> bytes:
    """The body without what its flags say was done to it.

    Raises:
        LibraryError: it is encrypted, or does not unpack.
    """
    flags = frame.flags[1] if frame.flags else 0
    body = frame.body
    grouped, packed, locked = (0x20, 0x80, 0x40) if tag.version == 3 else (0x40, 0x08, 0x04)
    if flags & locked:
        raise LibraryError("one of its ID3 frames is encrypted")
    if tag.version == 4 and (flags & 2 or tag.unsynchronised):
        body = _synchronised(body)
    body = body[1 if flags & grouped else 0 :]
    if flags & packed or (tag.version == 4 and flags & 1):
        body = body[4:]  # its length
    if flags & packed:
        try:
            return zlib.decompressobj().decompress(body, _LARGEST_TEXT)
        except zlib.error:
            raise LibraryError(_DAMAGED.format("a packed frame")) from None
    return body


def _synchronised(data: bytes) -> bytes:
    return data.replace(b"\xff\x00", b"\xff")


def unsafe(data: bytes) -> int:
    """A number of seven bits a byte."""
    return int.from_bytes(data, "big") if len(data) < 4 else data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def safe(number: int) -> bytes:
    """Four bytes of seven bits."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
