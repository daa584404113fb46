"""Log-mel pictures in files: arrays (.npz, .npy), images (.png), and recordings, told apart by their content.

As an image a picture has low bands at the bottom and 16 bits of grey, whose range is kept in a text chunk; any other
PNG is heard as well, scaled to 96 bands, black as silence and white as loud.
"""

from __future__ import annotations

import json
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sideman.audio.decode import stream
from sideman.audio.mel_picture import FORM, HIGHEST, log_mel_picture
from sideman.audio.sources import open_file, shown
from sideman.audio.spectrum import Float32
from sideman.compose.vocoder import check_picture
from sideman.core.atomic import atomic_write
from sideman.core.errors import AudioError, UsageError

PICTURE_SUFFIXES = (".npz", ".png")
MOST_FRAMES = 1_000_000
"""Three hours; 400 MB."""
MOST_PIXELS = 40_000_000
FOREIGN_RANGE = (-11.5, 2.0)
"""Log-mel that black and white stand for in a PNG that does not say."""

_CHUNK = "sideman-mel"
_GREYS = 65_535
_BLOCK_S = 30.0
_FORM = {"sample_rate_hz": FORM.sample_rate_hz, "n_fft": FORM.n_fft, "hop_length": FORM.hop_length}
_DAMAGE = (OSError, ValueError, SyntaxError, KeyError, EOFError, RuntimeError, NotImplementedError, MemoryError,
           TypeError, IndexError, struct.error, zlib.error, zipfile.BadZipFile)  # fmt: skip


def write_picture(mel: Float32, path: str | Path) -> None:
    """Write a picture (96, t) as .npz (exactly) or .png (in steps of 0.00025).

    Raises:
        AudioError: it is no picture.
        UsageError: another suffix, or too long for a PNG.
        OutputError: the file cannot be written.
    """
    picture, suffix = check_picture(mel), Path(path).suffix.lower()
    if suffix == ".npz":
        arrays: dict[str, Any] = {"mel": picture, "n_mels": FORM.n_mels, "floor": FORM.floor, **_FORM}
        with atomic_write(path) as file:
            np.savez(file, **arrays)
    elif suffix == ".png":
        if picture.size > MOST_PIXELS:
            raise UsageError(f"{path}: {picture.shape[1]} frames are too many for a PNG; write an .npz")
        _write_png(picture, Path(path))
    else:
        raise UsageError(f"{path}: a picture's name must end in one of {', '.join(PICTURE_SUFFIXES)}")


def read_picture(path: str | os.PathLike[str], *, advance: Callable[[int], None] | None = None) -> Float32:
    """Picture (96, t), float32, of an .npz, .npy or .png file or of a recording.

    ``advance`` is called with frames, while a recording is heard.

    Raises:
        AudioError: no such file, damaged, another form than Sideman's, or too long; decoding errors of recordings.
    """
    name = shown(path)
    with open_file(path, name) as file:
        head = file.read(26)
        file.seek(0)
        kind = _kind(head)
        if kind is not None:
            try:
                picture = _read_png(file, head) if kind == "PNG" else _read_array(file, kind)
                return check_picture(picture)
            except AudioError as error:
                raise AudioError(f"{name}: {error}") from None
            except _DAMAGE as error:
                reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
                raise AudioError(f"{name}: a damaged {kind} file ({reason}); make it anew") from None
    parts, frames_n = [], 0
    for part in pictures_of(stream(path, sample_rate_hz=FORM.sample_rate_hz, block_s=_BLOCK_S)):
        parts.append(part)
        frames_n += part.shape[1]
        if frames_n > MOST_FRAMES:
            raise AudioError(f"{name}: longer than the {MOST_FRAMES:,} frames of a picture; cut it")
        if advance is not None:
            advance(part.shape[1])
    return np.concatenate(parts, axis=1)


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds a picture, not a recording, by its first bytes; AudioError where it cannot be opened."""
    with open_file(path, shown(path)) as file:
        return _kind(file.read(26)) is not None


def pictures_of(blocks: Iterable[Float32]) -> Iterator[Float32]:
    """Log-mel picture, piece by piece, of sound that comes in blocks; joined it is that of the joined blocks."""
    hop, half = FORM.hop_length, FORM.n_fft // 2
    around = half // hop  # hops from a frame's first sample to its centre
    held, known = np.zeros(0, np.float32), 0
    for block in blocks:
        held = np.concatenate([held, block])
        ready = (len(held) - half) // hop + 1  # frames that no later sample reaches
        if ready <= known:
            continue
        yield log_mel_picture(held)[:, known:ready]
        # From the first sample of the next frame on; the frames before that one are known and not told again.
        held, known = held[hop * max(0, ready - around) :], min(ready, around)
    yield log_mel_picture(held)[:, known:]


def _kind(head: bytes) -> str | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"PK"):
        return "npz"
    return "npy" if head.startswith(b"\x93NUMPY") else None


def _read_array(file: BinaryIO, kind: str) -> NDArray[Any]:
    if kind == "npy":
        return _array(file)
    with zipfile.ZipFile(file) as archive:
        members = set(archive.namelist())
        if "mel.npy" not in members:
            raise AudioError("holds no array named 'mel'; a picture is a (96, frames) array of that name")
        for key, ours in _FORM.items():
            if f"{key}.npy" in members:
                with archive.open(f"{key}.npy") as member:
                    _check_form(key, float(_array(member)), ours)
        with archive.open("mel.npy") as member:
            return _array(member)


def _array(file: Any) -> NDArray[Any]:
    """An array as NumPy writes it; nothing is unpickled, and no memory is taken by a header's word."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(file)
    if dtype.kind not in "fiu":
        raise AudioError(f"holds values of type {dtype}, not numbers")
    if len(shape) > 2 or any(n > MOST_FRAMES for n in shape) or math.prod(shape) > MOST_FRAMES * FORM.n_mels:
        raise AudioError(f"an array of shape {shape} is no picture of (96, up to {MOST_FRAMES:,} frames)")
    data = file.read(math.prod(shape) * dtype.itemsize)
    return np.frombuffer(data, dtype, count=math.prod(shape)).reshape(shape, order="F" if by_columns else "C")


def _check_form(key: str, theirs: float, ours: float) -> None:
    if theirs != ours:
        raise AudioError(f"made with {key} {theirs:g}, while Sideman's pictures have {ours:g}; make it anew with those")


def _write_png(picture: Float32, path: Path) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    greys = np.round((picture[::-1] - FORM.lowest) * (_GREYS / (HIGHEST - FORM.lowest))).astype(np.uint16)
    told = PngInfo()
    told.add_text(_CHUNK, json.dumps({"low": FORM.lowest, "high": HIGHEST, **_FORM}))
    with atomic_write(path) as file:
        Image.fromarray(greys).save(file, "PNG", pnginfo=told)


def _read_png(file: BinaryIO, head: bytes) -> Float32:
    # Before any decoder sees it: what a few bytes may claim is no reason to take gigabytes.
    width, height = struct.unpack(">II", head[16:24])
    if width * max(height, FORM.n_mels) > MOST_PIXELS:
        raise AudioError(f"{width} x {height} pixels, more than the limit of {MOST_PIXELS:,}; make it smaller")
    from PIL import Image

    with Image.open(file, formats=["PNG"]) as image:
        image.load()
        low, high = _range(getattr(image, "text", {}).get(_CHUNK))
        greys = _grey(image)
    if greys.shape[0] != FORM.n_mels:
        scaled = Image.fromarray(greys).resize((greys.shape[1], FORM.n_mels), Image.Resampling.BILINEAR)
        greys = np.clip(np.asarray(scaled, np.float32), 0, 1)
    return low + np.float32(high - low) * greys[::-1]


def _range(chunk: str | None) -> tuple[float, float]:
    """Log-mel of black and white."""
    if chunk is None:
        return FOREIGN_RANGE
    told = json.loads(chunk)
    for key, ours in _FORM.items():
        _check_form(key, float(told[key]), ours)
    return float(told["low"]), float(told["high"])


def _grey(image: Any) -> Float32:
    """Pixels from 0, black or transparent, to 1, white; shape (height, width)."""
    if image.mode.startswith("I"):  # 16 bits, however Pillow of the day calls it
        return np.asarray(image).astype(np.float32) / np.float32(_GREYS)
    from PIL import Image

    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
    return np.asarray(image.convert("L"), np.float32) / np.float32(255)
