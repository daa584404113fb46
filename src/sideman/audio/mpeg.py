"""MPEG audio (mp3) frames: where the first one lies, and whether the file's own length can be trusted.

Sources: ISO/IEC 11172-3 and 13818-3 (frame header), id3.org (ID3v2), the Xing and VBRI header notes of LAME and
Fraunhofer as commonly published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

_BITRATES_KBPS = {  # (version is MPEG-1, layer) -> index 1..14; 0 is free format, 15 is forbidden
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # MPEG-1, 2, 2.5
_SAME_STREAM = 0xFFFE0C00  # sync, version, layer and sample rate stay the same from frame to frame
_CHAIN_N = 4  # frames in a row that must fit before bytes count as mp3: text and pictures hold single syncs by chance
_SEARCH_BYTES = 1 << 16


@dataclass(frozen=True)
class FrameHeader:
    """One parsed frame header: length of the whole frame in bytes, and what it says of the stream."""

    word: int
    length_bytes: int
    mpeg1: bool
    layer: int
    mono: bool


def parse_header(data: bytes) -> FrameHeader | None:
    """Parse four bytes as a frame header; None where they are not one (free format counts as not one)."""
    if len(data) < 4:
        return None
    word = int.from_bytes(data[:4], "big")
    version, layer_bits, rate = word >> 19 & 3, word >> 17 & 3, word >> 10 & 3
    bitrate = word >> 12 & 15
    if word >> 21 != 0x7FF or version == 1 or layer_bits == 0 or rate == 3 or bitrate in (0, 15):
        return None
    layer, mpeg1 = 4 - layer_bits, version == 3
    bits_per_s = 1000 * _BITRATES_KBPS[mpeg1, layer][bitrate - 1]
    rate_hz, padding = _RATES_HZ[version][rate], word >> 9 & 1
    if layer == 1:
        length = (12 * bits_per_s // rate_hz + padding) * 4
    else:
        length = (72 if layer == 3 and not mpeg1 else 144) * bits_per_s // rate_hz + padding
    return FrameHeader(word, length, mpeg1, layer, mono=word >> 6 & 3 == 3)


def skip_id3(file: BinaryIO) -> int:
    """Return the offset of the first byte after all ID3v2 tags at the start of ``file`` (0 without a tag)."""
    offset = 0
    while True:
        file.seek(offset)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3" or any(b & 0x80 for b in head[6:10]):
            return offset
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        offset += size + (20 if head[5] & 0x10 else 10)


def find_frames(file: BinaryIO, offset: int) -> int | None:
    """Return where a run of frames begins at or within 64 KiB after ``offset``; None where there is none.

    A run is four frames that fit head to tail, or fewer when they end exactly at the end of the file.
    """
    file.seek(offset)
    data = file.read(_SEARCH_BYTES + 8 * 2048)
    at_end = len(data) < _SEARCH_BYTES + 8 * 2048
    at = data.find(b"\xff")
    while 0 <= at < _SEARCH_BYTES:
        if _chained(data, at, at_end):
            return offset + at
        at = data.find(b"\xff", at + 1)
    return None


def _chained(data: bytes, at: int, at_end: bool) -> bool:
    first = parse_header(data[at : at + 4])
    header = first
    for _ in range(_CHAIN_N - 1):
        if header is None or first is None or (header.word ^ first.word) & _SAME_STREAM:
            return False
        at += header.length_bytes
        if at_end and (at == len(data) or data[at : at + 3] == b"TAG"):
            return True  # the file, or its sound before an ID3v1 tag, ends exactly with a frame
        header = parse_header(data[at : at + 4])
    return header is not None and first is not None and not (header.word ^ first.word) & _SAME_STREAM


@dataclass(frozen=True)
class Mp3Layout:
    """Where to start decoding, and whether the decoder may believe the length that it works out itself.

    Without a Xing or VBRI header the decoder guesses the length from the first frame's bit rate and cuts a file of
    varying bit rate short; in files joined end to end the header only counts the first part.
    """

    start: int
    length_known: bool


def layout(file: BinaryIO, start: int) -> Mp3Layout:
    """Read the first frame at ``start`` and judge its Xing/Info or VBRI header, if it has one."""
    file.seek(start)
    data = file.read(4096)
    header = parse_header(data)
    if header is None:
        return Mp3Layout(start, False)
    side_bytes = (17 if header.mono else 32) if header.mpeg1 else (9 if header.mono else 17)
    tag = data[4 + side_bytes : 4 + side_bytes + 16]
    if tag[:4] in (b"Xing", b"Info"):
        flags = int.from_bytes(tag[4:8], "big")
        frames_n = int.from_bytes(tag[8:12], "big") if flags & 1 else 0
        stream_bytes = int.from_bytes(tag[12:16], "big") if flags & 3 == 3 else 0
    elif data[36:40] == b"VBRI":
        stream_bytes, frames_n = int.from_bytes(data[46:50], "big"), int.from_bytes(data[50:54], "big")
    else:
        return Mp3Layout(start, False)
    after = start + header.length_bytes  # the first frame only carries the header, no sound
    if not frames_n:
        return Mp3Layout(after, False)
    if stream_bytes and _goes_on(file, start + stream_bytes):
        return Mp3Layout(after, False)
    return Mp3Layout(start, True)


def _goes_on(file: BinaryIO, end: int) -> bool:
    """Tell whether another mp3 follows at ``end``, directly or after an ID3v2 tag: recordings joined end to end."""
    file.seek(end)
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:
        end += 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    file.seek(end)
    data = file.read(8 * 2048)
    return len(data) > 4 and _chained(data, 0, at_end=len(data) < 8 * 2048)
