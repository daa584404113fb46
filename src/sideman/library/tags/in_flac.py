"""Vorbis comments in FLAC; pictures, cue sheets and all other blocks stay as they are."""

from __future__ import annotations

from typing import BinaryIO

from sideman.core.errors import LibraryError
from sideman.library import boxes
from sideman.library.tags import vorbis
from sideman.library.tags.formats import Values, container_of, copy, size_of, stretch

WHOLE_BPM = False
_STREAMINFO, _PADDING = b"\0", b"\1"
_LARGEST = (1 << 24) - 1
_NEW_PADDING_BYTES = 1024
_VENDOR = b"Sideman"


def current(file: BinaryIO) -> Values:
    """See :class:`~sideman.library.tags.formats.Format`."""
    return vorbis.current(_comments(file, _blocks(file)))


def others(file: BinaryIO) -> list[str]:
    """See :class:`~sideman.library.tags.formats.Format`."""
    blocks = _blocks(file)
    found = vorbis.others(_comments(file, blocks)) + stretch("front", file, 0, blocks[0].at - 4)
    ours = _comment_block(blocks)
    for block in blocks:
        if block.name != _PADDING and block is not ours:
            found += stretch(f"block {block.name[0]}", file, block.start, block.end)
    return found


def rewrite(file: BinaryIO, changes: Values, out: BinaryIO) -> None:
    """See :class:`~sideman.library.tags.formats.Format`."""
    blocks = _blocks(file)
    comments = _comments(file, blocks)
    vorbis.change(comments, changes)
    data = comments.to_bytes()
    if len(data) > _LARGEST:
        raise LibraryError("its comments would be longer than 16 MB, which FLAC does not allow")
    ours = _comment_block(blocks)
    grown = len(data) - ours.size if ours else len(data) + 4
    padding = next(
        (block for block in blocks if block.name == _PADDING and grown <= block.size <= _LARGEST + grown), None
    )
    contents: list[tuple[bytes, int, boxes.Part | bytes]] = []
    for block in blocks:
        if block == padding:
            contents.append((_PADDING, block.size - grown, bytes(block.size - grown)))
        elif block is ours:
            contents.append((vorbis.COMMENT_BLOCK, len(data), data))
        else:
            contents.append((block.name, block.size, block))
    if ours is None:
        contents.insert(1, (vorbis.COMMENT_BLOCK, len(data), data))
    if not any(block.name == _PADDING for block in blocks):
        contents.append((_PADDING, _NEW_PADDING_BYTES, bytes(_NEW_PADDING_BYTES)))
    copy(file, 0, blocks[0].at, out)
    for number, (name, size, content) in enumerate(contents):
        last = 0x80 if number == len(contents) - 1 else 0
        out.write(bytes([name[0] | last]) + size.to_bytes(3, "big"))
        if isinstance(content, bytes):
            out.write(content)
        else:
            copy(file, content.start, content.end, out)
    copy(file, blocks[-1].end, size_of(file), out)


def _blocks(file: BinaryIO) -> list[boxes.Part]:
    try:
        blocks = boxes.flac(file, container_of(file).offset)
    except ValueError:
        blocks = []
    if not blocks or blocks[0].name != _STREAMINFO or blocks[-1].end >= size_of(file):
        raise LibraryError("its FLAC headers are damaged; mend it before it is tagged")
    return blocks


def _comment_block(blocks: list[boxes.Part]) -> boxes.Part | None:
    return next((block for block in blocks if block.name == vorbis.COMMENT_BLOCK), None)


def _comments(file: BinaryIO, blocks: list[boxes.Part]) -> vorbis.Comments:
    block = _comment_block(blocks)
    if block is None:
        return vorbis.Comments(_VENDOR, [])
    file.seek(block.start)
    return vorbis.whole(vorbis.parse(file.read(block.size)))
