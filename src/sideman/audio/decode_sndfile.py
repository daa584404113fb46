"""Decode wav, aiff, au, flac, ogg and mp3 through libsndfile, in blocks, without trusting any length in a header."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sideman.audio.quiet import CStderrSilenced
from sideman.audio.sniff import Container
from sideman.core.errors import AudioError

if TYPE_CHECKING:
    from sideman.audio.sources import Tap

BLOCK_N = 1 << 16
"""Frames that are decoded at a time (fewer with many channels); fixed, so that results never depend on block_s."""

_BLOCK_VALUES = 1 << 19
_UNKNOWN_N = 1 << 56  # libsndfile says SF_COUNT_MAX where it does not know the length
_OPEN_END = 1 << 10  # no frame is 1024 times smaller than another
_ID3V1_BYTES = 128
_MP3_PREROLL_S = 1.0  # a frame may draw on 511 earlier bytes (the bit reservoir): up to half a second at 8 kbit/s


class _Window:
    """A file as libsndfile should see it: from ``start`` on, with an end that lies far off.

    For mp3 without a length in its header: told the true size, mpg123 computes a length from the first frame's bit
    rate and libsndfile stops there, although the file goes on. It insists on reading the last 128 bytes, where an
    ID3v1 tag would be; those read as zeros.
    """

    def __init__(self, file: BinaryIO, start: int, size: int, end: int) -> None:
        self._file, self._start, self._size, self._end = file, start, size, end
        self._at = 0
        file.seek(start)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end - self._start}[whence]
        self._at = max(0, base + offset)
        # An exception inside a callback from C would be printed, not raised. What cannot be read reads as the end.
        with contextlib.suppress(OSError):
            self._file.seek(self._start + self._at)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        if self._at >= self._end - self._start - _ID3V1_BYTES > self._size - self._start:
            data = bytes(max(0, min(count, self._end - self._start - self._at)))
        else:
            try:
                data = self._file.read(max(count, 0))
            except OSError:
                return b""
        self._at += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@functools.cache
def _soundfile() -> tuple[Any, type[Exception]]:
    """Import soundfile at the first file: (class to open files with, its error)."""
    import soundfile

    class Sound(soundfile.SoundFile):  # type: ignore[misc]
        """soundfile seeks after every read of a seekable file, which loses the end of flac of unknown length."""

        def seekable(self) -> bool:
            return False

    return Sound, soundfile.LibsndfileError


class SndfileSource:
    """An open sound file; ``blocks()`` yields its mono mix at the file's own rate.

    Raises AudioError when libsndfile does not accept the file.
    """

    def __init__(self, file: BinaryIO, size: int, container: Container, name: str) -> None:
        self._file, self._size, self._container, self._name = file, size, container, name
        self._sound = self._open()
        self.codec = str(self._sound.subtype).lower()
        self.sample_rate_hz, self.channels = int(self._sound.samplerate), int(self._sound.channels)
        known = container.length_known and 0 <= self._sound.frames < _UNKNOWN_N
        self.frames_n: int | None = int(self._sound.frames) if known else None
        self.damage: str | None = None
        self.skipped_n = 0
        self.tap: Tap | None = None
        self._preroll_s = _MP3_PREROLL_S if container.name == "mp3" else 0.0

    def _open(self) -> Any:
        container, start = self._container, self._container.offset
        target: Any
        if container.name == "mp3" and (start or not container.length_known):
            end = self._size if container.length_known else start + self._size * _OPEN_END
            target = _Window(self._file, start, self._size, end)
        elif sys.platform == "win32":  # a file descriptor cannot cross between C run-time libraries
            target = _Window(self._file, 0, self._size, self._size)
        else:
            target = self._file.fileno()
            os.lseek(target, 0, os.SEEK_SET)  # libsndfile starts where the descriptor stands
        sound_class, self._error = _soundfile()
        with self._quiet():
            try:
                return sound_class(target, closefd=False)
            except (self._error, ValueError, TypeError) as error:
                raise AudioError(
                    f"{self._name}: the {container.name} data cannot be decoded: {_reason(error)}"
                ) from None

    def _quiet(self) -> contextlib.AbstractContextManager[None]:
        return CStderrSilenced() if self._container.name == "mp3" else contextlib.nullcontext()

    def blocks(self, start_n: int) -> Iterator[NDArray[np.float32]]:
        """Yield mono blocks, float32 (n,), from frame ``start_n`` to the end.

        Blocks before the start are empty and counted by ``skipped_n``, so that the caller can stop. When the
        decoder gives up in the middle, the blocks end there and ``damage`` says why.
        """
        done_n = self._seek(start_n) if start_n else 0
        skip_n = start_n - done_n
        block_n = max(1, min(BLOCK_N, _BLOCK_VALUES // self.channels))
        buffer = np.empty((block_n, self.channels), dtype=np.float32)
        weights = np.full(self.channels, 1.0 / self.channels, dtype=np.float32)
        while not self.damage:
            got_n = self._read(buffer, done_n)
            if got_n == 0:
                break
            done_n += got_n
            dropped_n = min(got_n, skip_n - self.skipped_n)
            self.skipped_n += dropped_n
            if self.tap is not None:
                self.tap(buffer[dropped_n:got_n], self.sample_rate_hz)
            with np.errstate(all="ignore"):  # NaN is refused later, with a message
                # Mono needs the copy, the buffer is filled again; more channels are mixed into a fresh array.
                mono = buffer[dropped_n:got_n, 0].copy() if self.channels == 1 else buffer[dropped_n:got_n] @ weights
            yield mono

    def _read(self, buffer: NDArray[np.float32], done_n: int) -> int:
        with self._quiet():
            try:
                return int(self._sound.buffer_read_into(buffer, dtype="float32"))
            except (self._error, ValueError) as error:
                self.damage = _reason(error)
            # Frames decoded before the fault are in the buffer; libsndfile's own position tells how many.
            try:
                got_n = int(self._sound.tell()) - done_n
            except (self._error, ValueError):
                return 0
            return got_n if 0 <= got_n <= len(buffer) else 0

    def _seek(self, frame: int) -> int:
        """Go to ``frame`` or before it and return where; where the file does not let itself be searched, its start."""
        if self.codec == "vorbis":
            return 0  # libsndfile's Vorbis seek can be off by a window (its issue 885): decode and discard
        with self._quiet():
            try:
                return int(self._sound.seek(max(0, frame - round(self._preroll_s * self.sample_rate_hz))))
            except (self._error, ValueError):
                pass  # the file may be damaged only there; but the decoder is of no use any more
        self.close()
        self._sound = self._open()
        return 0

    def close(self) -> None:
        """Close the decoder; the file itself stays with whoever opened it."""
        with self._quiet():
            self._sound.close()


def _reason(error: Exception) -> str:
    text = getattr(error, "error_string", None) or str(error)
    text = " ".join(str(text).split()).rstrip(".")
    return "the data breaks off or is damaged" if "internal error" in text else text
