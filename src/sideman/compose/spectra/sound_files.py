"""Sound that comes in blocks, kept on disk and written as a file, in memory that does not grow with its length."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from sideman.audio.spectrum import Float32
from sideman.core.atomic import atomic_write
from sideman.core.errors import OutputError, UsageError
from sideman.core.sink import Sink
from sideman.symbolic.render import AUDIO_SUFFIXES, CEILING_DB

CEILING = 10 ** (CEILING_DB / 20)
"""What a sound that is too loud is brought down to; lossy encoders overshoot a little."""
_BLOCK_N = 1 << 19
# What libsndfile calls them: container, encoding, effort or quality (as symbolic/render writes them).
_KINDS: dict[str, tuple[str, str, float | None]] = {
    ".wav": ("WAV", "PCM_16", None),
    ".flac": ("FLAC", "PCM_16", None),
    ".ogg": ("OGG", "VORBIS", 0.4),
    ".opus": ("OGG", "OPUS", 0.3),
    ".mp3": ("MP3", "MPEG_LAYER_III", 0.2),
}
_OPUS_RATE_HZ = 48_000  # Opus knows no 22.05 kHz


class KeptSound:
    """Mono float32 samples in a nameless temporary file; a context manager."""

    def __init__(self, folder: Path) -> None:
        """Keep in ``folder``; raises :class:`OutputError` where nothing can be written there."""
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise _cannot_keep(folder, error) from None
        self._folder = folder
        self.samples_n, self.peak = 0, 0.0

    def __enter__(self) -> KeptSound:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget the sound."""
        self._file.close()

    def add(self, block: Float32) -> None:
        """Keep samples (n,) behind those before; raises :class:`OutputError` where there is no room."""
        try:
            self._file.write(np.ascontiguousarray(block, np.float32).data)
            self._file.flush()
        except OSError as error:
            raise _cannot_keep(self._folder, error) from None
        self.samples_n += len(block)
        self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))

    def blocks(self) -> Iterator[Float32]:
        """All samples from the beginning, block by block."""
        self._file.seek(0)
        while data := self._file.read(4 * _BLOCK_N):
            yield np.frombuffer(data, np.float32)


def _cannot_keep(folder: Path, error: OSError) -> OutputError:
    reason = (error.strerror or str(error)).lower()
    return OutputError(f"{folder}: cannot be written to ({reason}); free space there or choose another folder")


def check_sound_name(path: Path) -> None:
    """Refuse (UsageError) a name that says no kind of sound file that can be written."""
    if path.suffix.lower() not in _KINDS:
        raise UsageError(f"{path}: a sound file's name must end in one of {', '.join(AUDIO_SUFFIXES)}")


def write_sound(blocks: Iterable[Float32], path: Path, sample_rate_hz: int, *, gain: float = 1.0) -> None:
    """Write mono blocks (n,), times ``gain``, as .wav or .flac (16 bit, dithered), .ogg, .opus or .mp3.

    Raises:
        UsageError: another suffix.
        OutputError: the file cannot be written.
    """
    import soundfile

    check_sound_name(path)
    container, encoding, level = _KINDS[path.suffix.lower()]
    rate_hz = _OPUS_RATE_HZ if encoding == "OPUS" else sample_rate_hz
    options: dict[str, Any] = {} if level is None else {"compression_level": level}
    scaled = (block * np.float32(gain) for block in blocks)
    random = np.random.default_rng(0)
    with atomic_write(path) as file:
        try:
            with (
                Sink(file) as sink,
                soundfile.SoundFile(sink, "w", rate_hz, 1, encoding, format=container, **options) as sound,
            ):
                for block in _resampled(scaled, sample_rate_hz, rate_hz) if rate_hz != sample_rate_hz else scaled:
                    # Lossy encoders take a second at a time: libsndfile's Vorbis overflows the stack on a long write.
                    for first in range(0, len(block), rate_hz):
                        part = block[first : first + rate_hz]
                        sound.write(_dithered(part, random) if encoding == "PCM_16" else part)
                        sink.check()
        except soundfile.LibsndfileError as error:
            raise OutputError(f"{path}: cannot be written ({error}); is the disk full?") from None


def _resampled(blocks: Iterable[Float32], from_hz: int, to_hz: int) -> Iterator[Float32]:
    import soxr

    resampler = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.empty(0, np.float32), last=True)


def _dithered(samples: Float32, random: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int16]]:
    """16 bit, with triangular noise of one step so that fades do not crackle; digital silence stays silent."""
    noise = random.random(samples.shape, np.float32) - random.random(samples.shape, np.float32)
    steps = np.round(samples * np.float32(32_767) + np.where(samples == 0, np.float32(0), noise))
    return np.clip(steps, -32_768, 32_767).astype(np.int16)
