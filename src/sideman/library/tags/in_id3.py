"""ID3v2 in front of mp3 and aac.

A file that has only ID3v1 gets its fields in the new tag as well, or players would see them no more; ID3v1, APEv2 and
Lyrics3 at the end stay as they are.
"""

from __future__ import annotations

from typing import BinaryIO

from sideman.library.tags import id3
from sideman.library.tags.formats import Values, copy, end_of_sound, size_of, stretch

WHOLE_BPM = True
_V1 = (("TIT2", 3, 33), ("TPE1", 33, 63), ("TALB", 63, 93), ("TDRC", 93, 97))


def has_tag(file: BinaryIO) -> bool:
    """Whether an ID3v2 tag stands in front."""
    file.seek(0)
    return file.read(3) == b"ID3"


def current(file: BinaryIO) -> Values:
    """See :class:`~sideman.library.tags.formats.Format`."""
    return id3.current(_tag(file))


def others(file: BinaryIO) -> list[str]:
    """See :class:`~sideman.library.tags.formats.Format`."""
    tag = _tag(file)
    return id3.others(tag) + stretch("end", file, end_of_sound(file, tag.size), size_of(file))


def rewrite(file: BinaryIO, changes: Values, out: BinaryIO) -> None:
    """See :class:`~sideman.library.tags.formats.Format`."""
    tag = _tag(file)
    id3.change(tag, changes)
    out.write(id3.render(tag, tag.size))
    copy(file, tag.size, size_of(file), out)


def _tag(file: BinaryIO) -> id3.Tag:
    if not has_tag(file):
        return _from_v1(file)
    file.seek(0)
    head = file.read(10)
    file.seek(0)
    return id3.parse(file.read(10 + id3.unsafe(head[6:10])))


def _from_v1(file: BinaryIO) -> id3.Tag:
    """A new tag with what ID3v1 says, but for the genre: that is a number of a short list, often only filled in."""
    tag = id3.Tag()
    file.seek(max(0, size_of(file) - 128))
    data = file.read(128)
    if len(data) < 128 or data[:3] != b"TAG":
        return tag
    for name, start, end in _V1:
        text = data[start:end].split(b"\0")[0].decode("latin-1").strip()
        if text:
            tag.frames.append(id3.text_frame(tag, name, [text]))
    numbered = data[125] == 0 and data[126] != 0
    comment = data[97 : 125 if numbered else 127].split(b"\0")[0].decode("latin-1").strip()
    if comment:
        tag.frames.append(id3.frame_of(tag, "COMM", b"\3eng\0" + comment.encode("utf-8")))
    if numbered:
        tag.frames.append(id3.text_frame(tag, "TRCK", [str(data[126])]))
    return tag
