"""Decode m4a, aac, alac, wma, webm and others through FFmpeg (PyAV), the optional extra ``m4a``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sideman.audio.decode_sndfile import BLOCK_N
from sideman.audio.sniff import Container
from sideman.core.errors import AudioError, MissingExtraError

if TYPE_CHECKING:
    from sideman.audio.sources import Tap

_READ_BYTES = 1 << 20
_INTEGER_SCALE = {"u1": 1 / 128, "i2": 1 / 32768, "i4": 1 / 2147483648, "i8": 1 / 9223372036854775808}


class _Reader:
    """A file as FFmpeg may have it.

    Impossible seeks are answered with an error code, as PyAV would print an exception; a packet that claims gigabytes
    is read piece by piece, as Python would set aside the memory for all of it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.tell, self._read, self._seek = file.tell, file.read, file.seek

    def read(self, count: int) -> bytes:
        return self._read(max(0, min(count, _READ_BYTES)))

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1


class AvSource:
    """An open recording; ``blocks()`` yields its mono mix at the file's own rate.

    Raises MissingExtraError without PyAV, AudioError when FFmpeg does not accept the file or finds no sound in it.
    """

    def __init__(self, file: BinaryIO, container: Container, name: str) -> None:
        try:
            import av
        except ImportError:
            raise MissingExtraError(f"{name}: decoding {container.name} files", "m4a") from None
        # FFmpegError covers what libav reports; ValueError and its kin come from PyAV itself on senseless headers.
        self._errors: tuple[type[Exception], ...] = (
            av.FFmpegError,
            ValueError,
            LookupError,
            ArithmeticError,
            NotImplementedError,
        )
        self._bad_packet: type[Exception] = av.error.InvalidDataError
        self._container: Any = None
        self.damage: str | None = None
        self.skipped_n = 0
        self.tap: Tap | None = None
        file.seek(0)
        try:
            # The demuxer is fixed by the sniffed type, and a file object opens nothing else: playlists, URLs and
            # external references inside a hostile file stay out of reach.
            self._container = av.open(_Reader(file), mode="r", format=container.library, metadata_errors="replace")
            stream = self._container.streams.best("audio")
            if stream is None:
                raise AudioError(f"{name}: holds no sound ({container.name} without an audio stream)")
            if stream.codec_context is None:
                raise AudioError(f"{name}: the {container.name} data cannot be decoded: its codec is not known")
            self._stream: Any = stream
            self._stream.codec_context.thread_count = 1
            self._frames = self._decoded()
            self._first: Any = next(self._frames, None)
        except self._errors as error:
            self.close()
            raise AudioError(f"{name}: the {container.name} data cannot be decoded: {_reason(error)}") from None
        except AudioError:
            self.close()
            raise
        if self._first is None:
            self.close()
            raise AudioError(f"{name}: contains no audio samples" + (f" ({self.damage})" if self.damage else ""))
        self.codec = str(self._stream.codec_context.name)
        # The first frame tells the truth: headers of HE-AAC give half of the rate.
        self.sample_rate_hz, self.channels = int(self._first.sample_rate), int(self._first.layout.nb_channels)
        self.frames_n = self._declared_frames()

    def _decoded(self) -> Iterator[Any]:
        """Yield frame by frame; a packet that cannot be decoded is left out and remembered."""
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode()
            except self._bad_packet as error:
                self.damage = _reason(error)
                continue
            yield from frames

    def _declared_frames(self) -> int | None:
        if self._container.format.name == "aac":
            return None  # raw AAC: FFmpeg only guesses from the bit rate
        duration, base = self._stream.duration, self._stream.time_base
        if duration is not None and base is not None:
            seconds = float(duration * base)
        elif self._container.duration is not None:
            seconds = self._container.duration / 1e6
        else:
            return None
        return round(seconds * self.sample_rate_hz) if 0 < seconds < 1e12 else None

    def blocks(self, start_n: int) -> Iterator[NDArray[np.float32]]:
        """Yield mono blocks, float32 (n,), from frame ``start_n`` to the end.

        Blocks before the start are empty and counted by ``skipped_n``, so that the caller can stop. A damaged
        packet is left out, a damaged container ends the blocks; ``damage`` then says why.
        """
        parts: list[NDArray[np.float32]] = []
        held_n = 0
        for part in self._parts(start_n):
            parts.append(part)
            held_n += len(part)
            if held_n >= BLOCK_N or held_n == 0:
                yield np.concatenate(parts)
                parts, held_n = [], 0
        if parts:
            yield np.concatenate(parts)

    def _parts(self, start_n: int) -> Iterator[NDArray[np.float32]]:
        # Decode and discard up to the start. Seeking would not be exact: most containers have no timestamps to the
        # sample, and AAC fills bands with noise whose generator remembers everything before.
        frame = self._first
        while frame is not None:
            if int(frame.sample_rate) != self.sample_rate_hz:
                self.damage = f"its sample rate changes to {frame.sample_rate} Hz"
                return
            try:
                channels = _channels(frame)
                part = _mono(channels)
                frame = next(self._frames, None)
            except self._errors as error:
                self.damage = _reason(error)
                return
            dropped_n = min(len(part), start_n - self.skipped_n)
            self.skipped_n += dropped_n
            if self.tap is not None:
                self.tap(channels.T[dropped_n:].astype(np.float32), self.sample_rate_hz)
            yield part[dropped_n:]

    def close(self) -> None:
        """Close the demuxer; the file itself stays with whoever opened it."""
        if self._container is not None:
            self._container.close()


def _channels(frame: Any) -> NDArray[Any]:
    """Samples of one decoded frame of any format in [-1, 1], shape (channels, n)."""
    channels = int(frame.layout.nb_channels)
    data = frame.to_ndarray()
    kind = data.dtype.str[1:]
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    precise = np.float32 if kind in ("u1", "i2", "f4") else np.float64  # float32 holds 24 bits
    with np.errstate(all="ignore"):  # senseless samples are refused later, by name of the file
        scaled = data.astype(precise)
        if kind == "u1":
            scaled -= 128
        return np.asarray(scaled * precise(_INTEGER_SCALE.get(kind, 1.0)))


def _mono(channels: NDArray[Any]) -> NDArray[np.float32]:
    """Mix channels (channels, n) to mono float32."""
    count = len(channels)
    with np.errstate(all="ignore"):
        mono = channels[0] if count == 1 else np.full(count, 1.0 / count, dtype=channels.dtype) @ channels
    return np.ascontiguousarray(mono, dtype=np.float32)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split()).rstrip(".")
