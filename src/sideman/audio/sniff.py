"""Tell what kind of sound file a file is by its first bytes, never by its name.

Only formats named here reach a decoder, so that a hostile file cannot choose a rarely used parser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from sideman.audio import mpeg

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_W64 = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_OGG_PAGE_BYTES = 27 + 255 + 255 * 255  # the longest page
_OGG_END = 4  # flag of a stream's last page
_STREAMED = 0x7FFFF000  # sizes from here on are what encoders write when they cannot know the length


@dataclass(frozen=True)
class Container:
    """What was found: ``name`` of the container, the ``offset`` at which it starts after tags or junk.

    ``library`` is ``"sndfile"`` or the name of an FFmpeg demuxer; ``cut`` is set when the file is shorter than its
    own header says (a download that stopped); ``length_known`` is False for mp3 files whose header gives no length.
    """

    name: str
    library: str = "sndfile"
    offset: int = 0
    cut: bool = False
    length_known: bool = True


def sniff(file: BinaryIO, size: int) -> Container | None:
    """Return the container of an open file of ``size`` bytes, or None when it is no known kind of sound file."""
    file.seek(0)
    head = file.read(64)
    known = _ogg(file, head, size) if head[:4] == b"OggS" else _by_magic(head, size)
    if known is not None:
        return known
    after_tags = mpeg.skip_id3(file)
    if after_tags:
        file.seek(after_tags)
        head = file.read(64)
        if head[:4] == b"fLaC":
            return Container("flac", offset=after_tags)
    if _is_adts(file, after_tags, size):
        return Container("aac", "aac")
    start = mpeg.find_frames(file, after_tags if after_tags < size else 10)
    if start is None:
        return None
    found = mpeg.layout(file, start)
    return Container("mp3", offset=found.start, length_known=found.length_known)


def _by_magic(head: bytes, size: int) -> Container | None:
    four, kind = head[:4], head[8:12]
    if four in (b"RIFF", b"RIFX") and kind == b"WAVE":
        declared = int.from_bytes(head[4:8], "little" if four == b"RIFF" else "big")
        return Container("wav", cut=0 < declared < _STREAMED and declared + 8 > size + 1)
    if four == b"RF64" and kind == b"WAVE":
        return Container("rf64")
    if head[:16] == _W64:
        return Container("w64")
    if four == b"FORM" and kind in (b"AIFF", b"AIFC"):
        declared = int.from_bytes(head[4:8], "big")
        return Container("aiff", cut=0 < declared < _STREAMED and declared + 8 > size + 1)
    if four in (b".snd", b"dns."):
        order = "big" if four == b".snd" else "little"
        offset = int.from_bytes(head[4:8], order)  # type: ignore[arg-type]
        declared = int.from_bytes(head[8:12], order)  # type: ignore[arg-type]
        return Container("au", cut=declared < _STREAMED and offset + declared > size)
    if four == b"fLaC":
        return Container("flac")
    if head[:16] == _ASF:
        return Container("asf", "asf")
    if four == b"\x1a\x45\xdf\xa3":
        return Container("matroska", "matroska")
    if head[4:8] in _MP4_BOXES:
        return Container("mp4", "mov")
    if four == b"caff":
        return Container("caf", "caf")
    if four == b"wvpk":
        return Container("wavpack", "wv")
    if four == b"MAC ":
        return Container("ape", "ape")
    return None


def _ogg(file: BinaryIO, head: bytes, size: int) -> Container:
    """Look at the first and the last page (RFC 3533) to choose the decoder and to see a missing end.

    libsndfile reads Vorbis and Opus, but only the first of several streams; FFmpeg reads the rest: FLAC, Speex, video
    beside the sound, and streams one after the other as radio recorders write them.
    """
    file.seek(max(0, size - _OGG_PAGE_BYTES))
    tail = file.read()
    at = tail.rfind(b"OggS")
    last = tail[at : at + 27] if at >= 0 else b""
    cut = len(last) < 27 or not last[5] & _OGG_END or len(tail) - at < 27 + last[26] + sum(tail[at + 27 :][: last[26]])
    chained = len(last) == 27 and last[14:18] != head[14:18]
    plain = head[28:35] == b"\x01vorbis" or head[28:36] == b"OpusHead"
    return Container("ogg", "sndfile" if plain and not chained else "ogg", cut=cut)


def _is_adts(file: BinaryIO, offset: int, size: int) -> bool:
    """Tell whether AAC frames (ISO/IEC 13818-7 ADTS) fit head to tail from ``offset``: three, or all up to the end."""
    for count in range(3):
        file.seek(offset)
        head = file.read(7)
        if count and offset == size:
            return True
        if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
            return False
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        if length < 7:
            return False
        offset += length
    return True


def looks_like_text(file: BinaryIO) -> bool:
    """Tell whether the first kilobyte is plain text, for a better error message."""
    file.seek(0)
    head = file.read(1024)
    if b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3 > 0  # a character cut by the end of the kilobyte
    return True
