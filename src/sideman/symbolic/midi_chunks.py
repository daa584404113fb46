"""The structure of a standard MIDI file, checked before a fast parser that trusts it sees it."""

from __future__ import annotations

from sideman.core.errors import ScoreError

_SHORTEST = {0x51: 3, 0x58: 4, 0x59: 2}  # data bytes of tempo, metre and key events


def checked(data: bytes, name: str) -> bytes:
    """Header and tracks of a file that begins with its header, nothing else, and as many tracks as the header says.

    Lengths that reach over the end of the file, and events cut off or out of place, would make the parser read memory
    that is not the file's.

    Raises:
        ScoreError: the file is cut off or damaged.
    """
    at = 8 + int.from_bytes(data[4:8], "big")
    tracks: list[bytes] = []
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        body = data[at + 8 : at + 8 + length]
        at += 8 + length
        if kind != b"MTrk":
            continue
        if len(body) < length:
            raise ScoreError(f"{name}: is a MIDI file cut off in track {len(tracks) + 1}; export it anew")
        try:
            body = _track(body)
        except (IndexError, ValueError):
            raise ScoreError(f"{name}: is a damaged MIDI file (track {len(tracks) + 1}); export it anew") from None
        tracks.append(b"MTrk" + len(body).to_bytes(4, "big") + body)
    if not tracks:
        raise ScoreError(f"{name}: is a damaged MIDI file without tracks; export it anew")
    count = min(len(tracks), 0xFFFF)
    return b"MThd\0\0\0\x06" + data[8:10] + count.to_bytes(2, "big") + data[12:14] + b"".join(tracks[:count])


def _track(body: bytes) -> bytes:
    """Events up to the end of the track, which is added where it is missing; raises ValueError or IndexError."""
    at, status, size = 0, 0, len(body)
    while at < size:
        for _ in range(4):  # time
            at += 1
            if body[at - 1] < 0x80:
                break
        else:
            raise ValueError("a time of more than four bytes")
        if body[at] >= 0x80:
            here = body[at]
            at += 1
        else:
            here = status  # as before
        if 0x80 <= here < 0xF0:
            status = here
            at += 1 if 0xC0 <= here < 0xE0 else 2
        elif here in (0xF0, 0xF7, 0xFF):
            kind = -1
            if here == 0xFF:
                kind = body[at]
                at += 1
            length = 0
            for _ in range(4):
                at += 1
                length = length << 7 | body[at - 1] & 0x7F
                if body[at - 1] < 0x80:
                    break
            else:
                raise ValueError("a length of more than four bytes")
            if length < _SHORTEST.get(kind, 0):
                raise ValueError("an event without its data")
            at += length
            if kind == 0x2F and at <= size:
                return body[:at]
        else:
            raise ValueError("no event")
    if at > size:
        raise IndexError("an event is cut off")
    return body + b"\0\xff\x2f\0"
