"""ID3v2 in a chunk of wav and aiff; every other chunk stays as it is, LIST INFO too."""

from __future__ import annotations

from typing import BinaryIO

from sideman.core.errors import LibraryError
from sideman.library import boxes
from sideman.library.tags import id3
from sideman.library.tags.formats import Values, copy, size_of, stretch

WHOLE_BPM = True
_ID3 = (b"id3 ", b"ID3 ")
_SOUND = (b"data", b"SSND")
_MOST_BYTES = 0xFFFFFFFF


def current(file: BinaryIO) -> Values:
    """See :class:`~sideman.library.tags.formats.Format`."""
    return id3.current(_tag(file, _chunks(file)))


def others(file: BinaryIO) -> list[str]:
    """See :class:`~sideman.library.tags.formats.Format`."""
    chunks = _chunks(file)
    found = id3.others(_tag(file, chunks))
    for part in chunks:
        if part.name not in (*_ID3, *_SOUND):
            found += stretch(part.name.decode("ascii"), file, part.start, part.end) or [part.name.decode("ascii")]
    return found + stretch("end", file, _end(file), size_of(file))


def rewrite(file: BinaryIO, changes: Values, out: BinaryIO) -> None:
    """See :class:`~sideman.library.tags.formats.Format`."""
    chunks = _chunks(file)
    tag = _tag(file, chunks)
    id3.change(tag, changes)
    data = id3.render(tag, tag.size)
    file.seek(0)
    head = file.read(12)
    order = "little" if head[:4] == b"RIFF" else "big"
    old = _id3_chunk(chunks)
    name = old.name if old else b"id3 " if order == "little" else b"ID3 "
    new = name + len(data).to_bytes(4, order) + data + bytes(len(data) % 2) if data else b""  # type: ignore[arg-type]
    out.write(head)
    for part in chunks:
        if part == old:
            out.write(new)
        else:
            copy(file, part.at, part.end, out)
            out.write(bytes(part.size % 2))
    if old is None:
        out.write(new)
    size = out.tell() - 8
    if size > _MOST_BYTES:
        raise LibraryError("it would be longer than 4 GiB, which its format does not allow")
    copy(file, _end(file), size_of(file), out)
    out.seek(4)
    out.write(size.to_bytes(4, order))  # type: ignore[arg-type]


def _end(file: BinaryIO) -> int:
    """Where the file ends by its own header.

    Raises:
        LibraryError: the header was never finished.
    """
    file.seek(0)
    head = file.read(8)
    declared = int.from_bytes(head[4:], "little" if head[:4] == b"RIFF" else "big")
    size = size_of(file)
    if not 4 <= declared <= size - 8 + 1:
        raise LibraryError("its header does not tell its length; mend it (ffmpeg -c copy does) before it is tagged")
    if head[:4] == b"RIFX":
        raise LibraryError("tags of big-endian wav files are not written")
    return min(declared + 8 + declared % 2, size)  # some count the last chunk's padding, some do not


def _chunks(file: BinaryIO) -> list[boxes.Part]:
    end = _end(file)
    found = list(boxes.riff(file, end))
    last = found[-1].end if found else 0
    if not any(part.name in _SOUND for part in found) or not end - 1 <= last <= end:
        raise LibraryError("its chunks do not fit together; mend it (ffmpeg -c copy does) before it is tagged")
    return found


def _id3_chunk(chunks: list[boxes.Part]) -> boxes.Part | None:
    return next((part for part in chunks if part.name in _ID3), None)


def _tag(file: BinaryIO, chunks: list[boxes.Part]) -> id3.Tag:
    chunk = _id3_chunk(chunks)
    if chunk is None or chunk.size < 10:
        return id3.Tag()
    file.seek(chunk.start)
    data = file.read(chunk.size)
    if data[:3] != b"ID3":
        raise LibraryError("its ID3 chunk holds something else; mend it with a tag editor before it is tagged")
    return id3.parse(data)
