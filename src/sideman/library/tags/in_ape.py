"""APEv2 at the end of wavpack and ape files, and of mp3 files that have no ID3v2; other items stay byte for byte."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from sideman.core.errors import LibraryError
from sideman.library import boxes
from sideman.library.tags.formats import Values, copy, digest, end_of_sound, size_of, stretch

WHOLE_BPM = False
_FRAME_BYTES = 32
_HAS_HEADER, _IS_HEADER = 1 << 31, 1 << 29
_DAMAGED = "its APEv2 tag is damaged; mend it with a tag editor before it is tagged"
_PLACES = {"genre": ("Genre",), "mood": ("Mood",), "bpm": ("BPM",), "key": ("Key", "InitialKey")}


class _Item(NamedTuple):
    key: str
    flags: int
    value: bytes
    raw: bytes


def has_tag(file: BinaryIO) -> bool:
    """Whether an APEv2 tag stands at the end."""
    start, end = _place_in(file)
    return end > start


def current(file: BinaryIO) -> Values:
    """See :class:`~sideman.library.tags.formats.Format`."""
    items = _items(file)
    return {name: [v for v in _values(items, _key(items, name)) if v.strip()] for name in _PLACES}


def others(file: BinaryIO) -> list[str]:
    """See :class:`~sideman.library.tags.formats.Format`."""
    items = _items(file)
    ours = {_key(items, name) for name in _PLACES}
    start, end = _place_in(file)
    found = [digest(item.key, item.raw) for item in items if item.key.casefold() not in ours]
    return found + stretch("before", file, end_of_sound(file, 0), start) + stretch("behind", file, end, size_of(file))


def rewrite(file: BinaryIO, changes: Values, out: BinaryIO) -> None:
    """See :class:`~sideman.library.tags.formats.Format`."""
    items = _items(file)
    for name, values in changes.items():
        key = _key(items, name)
        old = [i for i, item in enumerate(items) if item.key.casefold() == key]
        at = old[0] if old else len(items)
        spelling = items[at].key if old else _PLACES[name][0]
        items = [item for i, item in enumerate(items) if i not in old]
        if values:
            value = "\0".join(values).encode("utf-8")
            raw = len(value).to_bytes(4, "little") + bytes(4) + spelling.encode("ascii") + b"\0" + value
            items.insert(at, _Item(spelling, 0, value, raw))
    start, end = _place_in(file)
    copy(file, 0, start, out)
    body = b"".join(item.raw for item in items)
    if body:
        out.write(_frame(len(body), len(items), _HAS_HEADER | _IS_HEADER) + body)
        out.write(_frame(len(body), len(items), _HAS_HEADER))
    copy(file, end, size_of(file), out)


def _frame(length: int, count: int, flags: int) -> bytes:
    numbers = (2000, length + _FRAME_BYTES, count, flags)
    return b"APETAGEX" + b"".join(number.to_bytes(4, "little") for number in numbers) + bytes(8)


def _place_in(file: BinaryIO) -> tuple[int, int]:
    """Where the tag stands, or where it would: at the end, but before an ID3v1 tag."""
    size = size_of(file)
    place = size
    for start, end in boxes.end_tags(file, 0, size):
        file.seek(end - _FRAME_BYTES)
        if file.read(8) == b"APETAGEX":
            return start, end
        file.seek(end - 128)
        if end == size and file.read(3) == b"TAG":
            place = start
    return place, place


def _items(file: BinaryIO) -> list[_Item]:
    start, end = _place_in(file)
    if end == start:
        return []
    file.seek(start)
    data = file.read(end - start)
    footer = data[-_FRAME_BYTES:]
    version, length, count = (int.from_bytes(footer[i : i + 4], "little") for i in (8, 12, 16))
    at = len(data) - length
    if version != 2000 or at < 0 or count > length:
        raise LibraryError(_DAMAGED)
    items: list[_Item] = []
    for _ in range(count):
        head = data[at : at + 8]
        stop = data.find(b"\0", at + 8, at + 8 + 256)
        finish = stop + 1 + int.from_bytes(head[:4], "little")
        if stop < 0 or finish > len(data) - _FRAME_BYTES:
            raise LibraryError(_DAMAGED)
        key = data[at + 8 : stop]
        if not key.isascii():
            raise LibraryError(_DAMAGED)
        flags = int.from_bytes(head[4:], "little")
        items.append(_Item(key.decode("ascii"), flags, data[stop + 1 : finish], data[at:finish]))
        at = finish
    if at != len(data) - _FRAME_BYTES:
        raise LibraryError(_DAMAGED)
    return items


def _key(items: list[_Item], name: str) -> str:
    """Under which key a field stands, in lower case."""
    there = {item.key.casefold() for item in items if not item.flags & 6}
    keys = [key.casefold() for key in _PLACES[name]]
    return next((key for key in keys if key in there), keys[0])


def _values(items: list[_Item], key: str) -> list[str]:
    found = [item.value for item in items if item.key.casefold() == key and not item.flags & 6]
    return [text for value in found for text in value.decode("utf-8", "replace").split("\0")]
