"""Read the tags of any sound file, damaged ones as far as they go."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from sideman.audio.sniff import Container, sniff
from sideman.audio.sources import open_file, shown
from sideman.core.errors import AudioError
from sideman.library import boxes
from sideman.library.tags import fields as names
from sideman.library.tags import vorbis
from sideman.library.tags.fields import Fields, add, fill

_MOST_CHUNK_BYTES = 1 << 26
_FREEFORM = "----:com.apple.iTunes:"
_FREEFORM_NAMES = {"initialkey": "key", "album artist": "albumartist"}


@dataclass(frozen=True)
class FileTags:
    """The text fields of a file's tags.

    Attributes:
        fields: values by field, in the order of the file; names in lower case, as in ``title``, ``artist``,
            ``albumartist``, ``album``, ``genre``, ``mood``, ``bpm``, ``key``, ``date``, ``track``, ``tracktotal``,
            ``disc``, ``disctotal``, ``comment``, ``composer``, ``lyrics``; others under the name that the file gives
            them. No value is empty or longer than 10,000 characters; pictures and other bytes are left out.
        problem: one line where part of the tags could not be read.
    """

    fields: Fields = field(default_factory=dict)
    problem: str | None = None

    def first(self, name: str) -> str | None:
        """The first value of a field; None where it is absent."""
        values = self.fields.get(name)
        return values[0] if values else None


def read_tags(path: str | os.PathLike[str], *, split_semicolons: bool = False) -> FileTags:
    """Read all text fields of a file's tags.

    Args:
        path: of a sound file of any kind.
        split_semicolons: take ``Jazz; Funk`` for two genres; otherwise only what the format itself repeats.

    Returns:
        The fields; where a tag is damaged or the file cannot be read, what could be read, with ``problem`` set.
        ID3v2 goes before APEv2, ID3v1 and RIFF INFO, which fill in what it lacks.
    """
    name = shown(path)
    try:
        with open_file(path, name) as file:
            found = tags_of(file)
    except AudioError as error:
        return FileTags({}, str(error))
    except OSError as error:
        return FileTags({}, f"{name}: cannot be read: {error.strerror or error}")
    if split_semicolons and "genre" in found.fields:
        parts = [part.strip() for value in found.fields["genre"] for part in value.split(";")]
        found.fields["genre"] = list(dict.fromkeys(part for part in parts if part))
    return found if found.problem is None else FileTags(found.fields, f"{name}: {found.problem}")


def tags_of(file: BinaryIO) -> FileTags:
    """As :func:`read_tags`, of an open file; ``problem`` does not name it.

    Raises:
        OSError: it cannot be read.
    """
    size = os.fstat(file.fileno()).st_size
    container = sniff(file, size)
    found: Fields = {}
    problem = None
    for read in _readers(container):
        try:
            more, wrong = read(file, size, container)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - damaged tags make parsers raise anything
            reason = " ".join(str(error).split())[:100] or type(error).__name__
            more, wrong = {}, f"part of its tags cannot be read ({reason})"
        fill(found, more)
        problem = problem or wrong
    return FileTags(found, problem)


Reading = tuple[Fields, str | None]
_Reader = Callable[[BinaryIO, int, Container | None], Reading]


def _readers(container: Container | None) -> tuple[_Reader, ...]:
    """By which formats a container's tags are read, the first before the next."""
    name = container.name if container else ""
    if name in ("wav", "rf64"):
        return _id3_chunk, _riff_info
    return {
        "flac": (_flac, _id3),
        "ogg": (_ogg,),
        "mp4": (_mp4,),
        "aiff": (_id3_chunk,),
        "asf": (_asf,),
    }.get(name, (_id3, _ape))


def _flac(file: BinaryIO, size: int, container: Container | None) -> Reading:
    return _comments(vorbis.in_flac(file, container.offset if container else 0))


def _ogg(file: BinaryIO, size: int, container: Container | None) -> Reading:
    return _comments(vorbis.in_ogg(file))


def _comments(comments: vorbis.Comments | None) -> Reading:
    found: Fields = {}
    for entry in comments.entries if comments else []:
        if len(entry) > 4 * names.LONGEST_VALUE + 200:
            entry = entry[: 4 * names.LONGEST_VALUE + 200]
        name, value = vorbis.name_and_value(entry)
        if name not in ("metadata_block_picture", "coverart"):
            add(found, names.VORBIS.get(name, name), [value])
    return found, comments.problem if comments else None


def _id3(file: BinaryIO, size: int, container: Container | None) -> Reading:
    from sideman.library.tags.parsers import ID3, NoID3

    file.seek(0)
    try:
        tag = ID3(fileobj=file)
    except NoID3:
        return {}, None
    return _frames(tag), None


def _id3_chunk(file: BinaryIO, size: int, container: Container | None) -> Reading:
    from sideman.library.tags.parsers import ID3

    for part in boxes.riff(file, size):
        if part.name in (b"id3 ", b"ID3 ") and part.size > 10:
            file.seek(part.start)
            return _frames(ID3(fileobj=io.BytesIO(file.read(min(part.size, _MOST_CHUNK_BYTES))), load_v1=False)), None
    return {}, None


def _frames(tag: Any) -> Fields:
    found: Fields = {}
    for frame in tag.values():
        kind = frame.FrameID
        if kind == "TCON":
            add(found, "genre", _genres(frame.genres, tag.version))
        elif kind in ("TRCK", "TPOS"):
            add(found, "track" if kind == "TRCK" else "disc", [str(text) for text in frame.text])
        elif kind == "TXXX":
            add(found, names.VORBIS.get(frame.desc.casefold(), frame.desc), [str(text) for text in frame.text])
        elif kind == "COMM":
            own = frame.desc.casefold() not in ("", "description", "comment")
            add(found, f"comment:{frame.desc}" if own else "comment", [str(text) for text in frame.text])
        elif kind == "USLT":
            add(found, "lyrics", [str(frame.text)])
        elif kind[:1] == "T" and isinstance(getattr(frame, "text", None), list):
            add(found, names.ID3.get(kind, kind), [str(text) for text in frame.text])
    return found


def _genres(values: list[str], version: tuple[int, ...]) -> list[str]:
    if tuple(version[:2]) != (2, 3):
        return values
    split: list[str] = []
    for value in values:
        split += [value] if value.casefold() in names.COMPOUND_GENRES else value.split("/")
    return split


def _ape(file: BinaryIO, size: int, container: Container | None) -> Reading:
    from sideman.library.tags.parsers import APE_TEXT, APEv2, NoAPE

    found: Fields = {}
    file.seek(0)
    try:
        tag = APEv2(fileobj=file)
    except NoAPE:
        return found, None
    for key, value in tag.items():
        if value.kind == APE_TEXT:
            name = key.casefold()
            add(found, names.APE.get(name, names.VORBIS.get(name, name)), str(value).split("\0"))
    return found, None


def _mp4(file: BinaryIO, size: int, container: Container | None) -> Reading:
    from sideman.library.tags.parsers import MP4

    found: Fields = {}
    file.seek(0)
    for key, value in (MP4(fileobj=file).tags or {}).items():
        if key in ("trkn", "disk"):
            name = "track" if key == "trkn" else "disc"
            for number, total in value:
                add(found, name, [str(number)] if number else [])
                add(found, f"{name}total", [str(total)] if total else [])
        elif key == "covr":
            continue
        elif key.startswith("----"):
            name = key[len(_FREEFORM) :] if key.startswith(_FREEFORM) else key.split(":", 2)[-1]
            known = _FREEFORM_NAMES.get(name.casefold(), names.VORBIS.get(name.casefold(), name))
            add(found, known, [bytes(item).decode("utf-8", "replace") for item in value if _is_text(item)])
        elif isinstance(value, list):
            add(found, names.MP4.get(key, key), [str(item) for item in value if not isinstance(item, bytes)])
        elif key in names.MP4:
            add(found, names.MP4[key], [str(int(value))])
    return found, None


def _is_text(item: Any) -> bool:
    from sideman.library.tags.parsers import MP4_TEXT

    return getattr(item, "dataformat", None) in MP4_TEXT and len(item) < 1 << 20


def _asf(file: BinaryIO, size: int, container: Container | None) -> Reading:
    from sideman.library.tags.parsers import ASF

    found: Fields = {}
    file.seek(0)
    for key, value in ASF(fileobj=file).tags or []:
        if not isinstance(getattr(value, "value", None), bytes):
            name = key.casefold()
            add(found, names.ASF.get(name, name.removeprefix("wm/")), [str(value)])
    return found, None


def _riff_info(file: BinaryIO, size: int, container: Container | None) -> Reading:
    found: Fields = {}
    for part in boxes.riff(file, size):
        if part.name != b"LIST" or part.size < 4 or part.size > _MOST_CHUNK_BYTES:
            continue
        file.seek(part.start)
        data = file.read(part.size)
        at = 4
        while data[:4] == b"INFO" and at + 8 <= len(data):
            name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
            value = data[at + 8 : at + 8 + length].split(b"\0")[0]
            if name in names.RIFF_INFO:
                add(found, names.RIFF_INFO[name], [_decoded(value)])
            at += 8 + length + length % 2
    return found, None


def _decoded(value: bytes) -> str:
    """INFO names no encoding: UTF-8 where it is, else Windows' own."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")
