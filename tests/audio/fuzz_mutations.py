"""Deterministic damage to sound files: the same kind and seed always give the same bytes."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable

from tests.audio.soundfiles import KINDS, sample

_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_EXTREMES_64 = (1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_MARKS = (
    b"fmt ",
    b"data",
    b"fact",
    b"SSND",
    b"COMM",
    b"ds64",
    b"OggS",
    b"fLaC",
    b"Xing",
    b"Info",
    b"ID3",
    b"moov",
    b"mdat",
)


def _place(data: bytearray, rng: random.Random) -> int:
    """A position, with a leaning towards headers, where parsers are."""
    return rng.randrange(min(len(data), rng.choice((64, 256, len(data), len(data)))))


def flip_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 2, 8, 64))):
        data[_place(data, rng)] ^= 1 << rng.randrange(8)


def random_bytes(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    count = rng.choice((1, 4, 16, 256, 2048))
    data[at : at + count] = rng.randbytes(min(count, len(data) - at))


def extreme_field(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 3))):
        size = rng.choice((1, 2, 4, 4, 8))
        value = rng.choice(_EXTREMES_64 if size == 8 else _EXTREMES) & ((1 << 8 * size) - 1)
        at = _place(data, rng)
        data[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))


def field_near_mark(data: bytearray, rng: random.Random) -> None:
    """Change a number close to a chunk name: sizes, rates, channels, counts."""
    found = [at for mark in _MARKS if (at := data.find(mark)) >= 0]
    if not found:
        extreme_field(data, rng)
        return
    at = rng.choice(found) + rng.randrange(4, 40)
    size = rng.choice((2, 4, 8))
    value = rng.choice((*_EXTREMES, rng.getrandbits(8 * size))) & ((1 << 8 * size) - 1)
    data[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))


def truncate(data: bytearray, rng: random.Random) -> None:
    del data[_place(data, rng) + 1 :]


def delete(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 2, 7, 100, 1000))]


def duplicate(data: bytearray, rng: random.Random) -> None:
    """Repeat a stretch, a chunk or a page, there or elsewhere."""
    found = [at for mark in _MARKS if (at := data.find(mark)) >= 0]
    start = rng.choice(found) if found and rng.random() < 0.5 else _place(data, rng)
    piece = data[start : start + rng.choice((8, 26, 64, 512, 4096))]
    at = rng.choice((start, _place(data, rng), len(data)))
    data[at:at] = piece * rng.choice((1, 1, 2, 50))


def splice(data: bytearray, rng: random.Random) -> None:
    """Continue with the rest of a file of another kind."""
    other = sample(rng.choice(sorted(KINDS)), 0.25, rng.choice((1, 2)))
    data[_place(data, rng) :] = other[rng.randrange(len(other)) :]


def zero(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    count = min(rng.choice((4, 64, 1024, len(data))), len(data) - at)
    data[at : at + count] = bytes(count)


def prepend(data: bytearray, rng: random.Random) -> None:
    data[0:0] = rng.choice(
        (bytes(100), rng.randbytes(100), b"ID3\x04\x00\x00\x00\x00\x01\x00", b"\xff\xfb\x90\x00" * 9)
    )


MUTATORS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip_bits,
    random_bytes,
    extreme_field,
    field_near_mark,
    field_near_mark,
    truncate,
    delete,
    duplicate,
    splice,
    zero,
    prepend,
)


def _ogg_crc_table() -> list[int]:
    table = []
    for value in range(256):
        register = value << 24
        for _ in range(8):
            register = (register << 1 ^ 0x04C11DB7 if register & 0x80000000 else register << 1) & 0xFFFFFFFF
        table.append(register)
    return table


_CRC = _ogg_crc_table()


def repair_ogg(data: bytearray) -> None:
    """Write fresh page checksums (RFC 3533): damage reaches the codec instead of being dropped with its page."""
    at = data.find(b"OggS")
    while 0 <= at <= len(data) - 27:
        table = data[at + 27 : at + 27 + data[at + 26]]
        end = at + 27 + len(table) + sum(table)
        data[at + 22 : at + 26] = bytes(4)
        register = 0
        for byte in data[at:end]:
            register = (register << 8 & 0xFFFFFFFF) ^ _CRC[register >> 24 ^ byte]
        data[at + 22 : at + 26] = register.to_bytes(4, "little")
        at = data.find(b"OggS", max(end, at + 4))


def mutant(kind: str, seed: int) -> bytes:
    """The ``seed``-th damaged file of this kind."""
    rng = random.Random(zlib.crc32(kind.encode()) << 32 | seed)
    data = bytearray(sample(kind, rng.choice((0.05, 0.25)), rng.choice((1, 2))))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if data:
            rng.choice(MUTATORS)(data, rng)
    if kind.startswith("ogg") and rng.random() < 0.6:
        repair_ogg(data)
    return bytes(data)
