"""A PNG writer of one page, so that pictures in a report need no plotting library."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Anchors of a dark-to-light map in sRGB whose lightness rises evenly: black, indigo, magenta, orange, pale yellow.
_ANCHORS = np.array([[6, 6, 24], [58, 21, 108], [137, 34, 106], [207, 68, 70], [248, 142, 36], [252, 253, 191]], float)


def write_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an image file (PNG, RFC 2083) of pixels of shape (height, width, 3 or 4), top row first.

    The fourth value is opacity: 0 lets everything through.

    Raises:
        ValueError: the pixels have another shape or type.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or pixels.dtype != np.uint8 or not pixels.size:
        raise ValueError(f"pixels must be uint8 of shape (height, width, 3 or 4), not {pixels.dtype} {pixels.shape}")
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + channels * width), np.uint8)  # each row begins with its filter, 0 for none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 6, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def colourise(values: ArrayLike, low: float, high: float) -> NDArray[np.uint8]:
    """Map values to colours from dark (``low`` and below) to light (``high`` and above).

    Args:
        values: shape (rows, columns); NaN counts as ``low``.
        low, high: ends of the scale, ``low`` < ``high``.

    Returns:
        Pixels of shape (rows, columns, 3), dtype uint8.
    """
    share = np.clip((np.nan_to_num(np.asarray(values, float), nan=low) - low) / (high - low), 0.0, 1.0)
    stops = np.linspace(0.0, 1.0, len(_ANCHORS))
    table = np.stack([np.interp(np.linspace(0, 1, 256), stops, _ANCHORS[:, c]) for c in range(3)], axis=1)
    return np.asarray(table.round().astype(np.uint8)[np.round(share * 255).astype(np.intp)])
