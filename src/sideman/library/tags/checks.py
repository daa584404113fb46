"""What is compared before a copy may take the place of its file."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sideman.core.errors import AudioError, LibraryError
from sideman.library.payload import hash_of
from sideman.library.tags.formats import Format, Values, container_of, digest, format_of

_OURS = frozenset((
    "genre", "mood", "bpm", "tempo", "key", "initialkey", "initial key",
    "tcon", "tmoo", "tbpm", "tkey", "txxx:mood", "txxx:bpm", "txxx:key", "txxx:initialkey",
    "\xa9gen", "gnre", "tmpo", *(f"----:com.apple.itunes:{name}" for name in ("mood", "bpm", "key", "initialkey")),
))  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """A file as it was before.

    Attributes:
        format: of its tags.
        values: of the fields.
        others: everything else in its tags, by our own reading.
        seen: the same by mutagen's reading; None where it cannot read the file.
        audio_hash: of its payload.
    """

    format: Format
    values: Values
    others: list[str]
    seen: dict[str, str] | None
    audio_hash: str


def snapshot(file: BinaryIO) -> Snapshot:
    """Read what must stay.

    Raises:
        LibraryError: its tags are damaged or of a kind that is not written.
    """
    form = format_of(file)
    return Snapshot(form, form.current(file), form.others(file), seen_by_mutagen(file), hash_of(file)[0])


def check(before: Snapshot, changes: Values, copy: BinaryIO, original: Path, copied: Path) -> None:
    """Compare the copy with what it was made of.

    Raises:
        LibraryError: anything but the fields has changed, or they do not hold what was to be written.
        MissingExtraError: the decoder of this kind of file is not installed.
    """
    after = snapshot(copy)
    if after.format is not before.format or after.values != {**before.values, **changes}:
        raise LibraryError("the copy does not hold the new tags; the file was left alone")
    if after.others != before.others or not _kept(before.seen, after.seen):
        raise LibraryError("another tag would have changed; the file was left alone")
    if after.audio_hash != before.audio_hash or not same_sound(original, copied):
        raise LibraryError("its sound would have changed; the file was left alone")


def same_sound(one: Path, other: Path) -> bool:
    """Whether two files decode to the same samples.

    Raises:
        LibraryError: they cannot be decoded.
    """
    from sideman.audio.decode import stream

    try:
        pairs = itertools.zip_longest(*(stream(path, sample_rate_hz=None) for path in (one, other)))
        return all(a is not None and b is not None and np.array_equal(a, b) for a, b in pairs)
    except AudioError as error:
        reason = str(error).removeprefix(f"{one}: ").removeprefix(f"{other}: ")
        raise LibraryError(f"its sound cannot be compared ({reason}); the file was left alone") from None


def seen_by_mutagen(file: BinaryIO) -> dict[str, str] | None:
    """Name and digest of every tag but the fields, as another program sees them; None where it sees none."""
    from sideman.library.tags import parsers

    try:
        file.seek(0)
        if file.read(3) == b"ID3":
            file.seek(0)
            return _frames(parsers.ID3(fileobj=file, translate=False, load_v1=False))
        found = parsers.tags_by_mutagen(file, container_of(file).name)
        tags = getattr(found, "tags", found)
        if tags is None:
            return None
        if isinstance(tags, parsers.ID3):
            return _frames(tags)
        kept = {str(key): digest("", repr(value).encode()) for key, value in dict(tags).items()}
        kept = {key: value for key, value in kept.items() if key.casefold() not in _OURS}
        for number, picture in enumerate(getattr(found, "pictures", [])):
            kept[f"picture {number}"] = digest("", picture.write())
        return kept
    except Exception:  # noqa: BLE001 - on damaged files it raises anything; our own comparison remains
        return None


def _frames(tag: Any) -> dict[str, str]:
    kept = {key: digest("", repr(frame).encode()) for key, frame in tag.items() if key.casefold() not in _OURS}
    for number, raw in enumerate(tag.unknown_frames):
        kept[f"unknown {number}"] = digest("", raw)
    return kept


def _kept(before: dict[str, str] | None, after: dict[str, str] | None) -> bool:
    """Whether nothing is gone or different; what was first read from ID3v1 may have been added."""
    return (before or {}).items() <= (after or {}).items()
