"""Sound in: any recording becomes mono float32 at one sample rate, block by block and in bounded memory.

wav, rf64, w64, au, aiff, flac, ogg (Vorbis, Opus) and mp3 are decoded by libsndfile; m4a/mp4 (AAC, ALAC), raw AAC, wma,
webm/mkv, caf, wavpack, ape, and ogg with other codecs or several streams by FFmpeg through the extra ``m4a``. The kind
of file is told by its content.

What happens to difficult files:

- *empty, not sound, a folder, a pipe, unreadable*: AudioError, one line.
- *truncated or damaged half-way*: what can be decoded is returned, and a warning goes to the logger
  ``sideman.audio.decode``; AudioError when nothing can be decoded.
- *NaN or infinite samples, or samples beyond 2**32 times full scale*: AudioError.
- *a header that lies about the length*: only decoded samples count, and nothing is allocated by a header's word. A
  declared length over the limit is refused at once unless ``duration_s`` asks for less.
- *one sample, or silence*: decoded like anything else; whether that is enough to analyse is not decided here.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.audio.limits import DEFAULT_LIMITS, SERVER_LIMITS, Limits, check_length, too_large
from sideman.audio.sniff import Container
from sideman.audio.sources import KNOWN_FORMATS, Source, Tap, opened, shown
from sideman.core.errors import AudioError, UsageError

__all__ = ["DEFAULT_LIMITS", "KNOWN_FORMATS", "SERVER_LIMITS", "AudioInfo", "Limits", "load", "probe", "stream"]

_LOG = logging.getLogger(__name__)
_LOG.addHandler(logging.NullHandler())

_LOUDEST = 2.0**32  # integer-scaled float files stay below it; squares of more would overflow float32 spectra
_MAX_OUTPUT_RATE_HZ = 1_000_000


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself.

    ``duration_s`` is None where only decoding would tell (raw AAC, mp3 without a length header).
    ``truncated``: the end is missing, by what the file says of its own length.
    """

    path: str
    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    duration_s: float | None
    truncated: bool = False


def probe(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> AudioInfo:
    """Read the headers of a recording without decoding it.

    Raises AudioError where :func:`load` would refuse the file before decoding, MissingExtraError without the extra.
    """
    with opened(path, limits) as (source, container):
        duration_s = None if source.frames_n is None else source.frames_n / source.sample_rate_hz
        return AudioInfo(
            os.fspath(path),
            container.name,
            source.codec,
            source.sample_rate_hz,
            source.channels,
            duration_s,
            container.cut,
        )


def load(
    path: str | os.PathLike[str],
    *,
    sample_rate_hz: int | None = 22050,
    start_s: float = 0.0,
    duration_s: float | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[NDArray[np.float32], int]:
    """Decode a recording to mono float32.

    Returns (samples of shape (n,), sample rate in Hz); nominal range [-1, 1], n >= 1. ``sample_rate_hz=None`` keeps the
    file's own rate. ``start_s`` and ``duration_s`` cut before resampling, as if the file were that excerpt; a
    ``duration_s`` past the end is clipped. Equal, sample for sample, to the joined blocks of :func:`stream`.

    Raises AudioError, MissingExtraError (see the module's text), UsageError for arguments out of range.
    """
    _check_arguments(sample_rate_hz, start_s, duration_s)
    with opened(path, limits) as (source, container):
        rate_hz = sample_rate_hz or source.sample_rate_hz
        blocks, held_n = [], 0
        for block in _decoded(source, container, shown(path), sample_rate_hz, start_s, duration_s, limits, loads=True):
            blocks.append(block)
            held_n += len(block)
            if held_n > limits.max_loaded_samples:
                raise too_large(shown(path), limits)
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks), rate_hz


def stream(
    path: str | os.PathLike[str],
    *,
    sample_rate_hz: int | None = 22050,
    block_s: float = 30.0,
    start_s: float = 0.0,
    duration_s: float | None = None,
    limits: Limits = DEFAULT_LIMITS,
    tap: Tap | None = None,
) -> Iterator[NDArray[np.float32]]:
    """Decode a recording block by block, in memory that does not grow with its length.

    Yields mono float32 (n,): every block has exactly round(block_s * rate) samples, the last one 1 to that many.
    Arguments and results otherwise as for :func:`load`; the file is opened at the first block and closed after the
    last or when the iterator is closed. ``tap`` is given the channels as decoded, (n, channels) at the file's own rate,
    unchecked, up to the end of the piece in which ``duration_s`` falls.

    Raises UsageError at once; AudioError and MissingExtraError while iterating.
    """
    _check_arguments(sample_rate_hz, start_s, duration_s)
    if not (math.isfinite(block_s) and block_s > 0):
        raise UsageError(f"block_s must be a positive number of seconds, not {block_s}")
    return _streamed(path, sample_rate_hz, block_s, start_s, duration_s, limits, tap)


def _streamed(
    path: str | os.PathLike[str],
    sample_rate_hz: int | None,
    block_s: float,
    start_s: float,
    duration_s: float | None,
    limits: Limits,
    tap: Tap | None,
) -> Iterator[NDArray[np.float32]]:
    with opened(path, limits) as (source, container):
        source.tap = tap
        block_n = max(1, round(block_s * (sample_rate_hz or source.sample_rate_hz)))
        parts: list[NDArray[np.float32]] = []
        held_n = 0
        for part in _decoded(source, container, shown(path), sample_rate_hz, start_s, duration_s, limits, loads=False):
            parts.append(part)
            held_n += len(part)
            if held_n < block_n:
                continue
            joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
            whole_n = held_n - held_n % block_n
            for at in range(0, whole_n, block_n):
                yield joined[at : at + block_n].copy() if at + block_n < held_n or at else joined
            held_n -= whole_n
            parts = [joined[whole_n:]] if held_n else []
        if parts:
            yield np.concatenate(parts)


def _decoded(
    source: Source,
    container: Container,
    name: str,
    sample_rate_hz: int | None,
    start_s: float,
    duration_s: float | None,
    limits: Limits,
    *,
    loads: bool,
) -> Iterator[NDArray[np.float32]]:
    """Yield the checked, cut and resampled mono signal in pieces of any length; at least one sample in all."""
    rate_hz = source.sample_rate_hz
    start_n = round(start_s * rate_hz)
    wanted_n = None if duration_s is None else max(1, round(duration_s * rate_hz))
    if wanted_n is None and source.frames_n is not None:
        check_length(source.frames_n - start_n, rate_hz, source.channels, name, limits, "its header claims")
        if loads and (source.frames_n - start_n) * ((sample_rate_hz or rate_hz) / rate_hz) > limits.max_loaded_samples:
            raise too_large(name, limits)
    if source.frames_n is not None and 0 < source.frames_n <= start_n:
        raise _past_end(name, start_s, source.frames_n / rate_hz)
    checked = _checked(source, name, start_n, wanted_n, limits)
    yielded = False
    for block in (
        checked if sample_rate_hz in (None, rate_hz) else _resampled(checked, rate_hz, sample_rate_hz or rate_hz)
    ):
        if len(block):
            yielded = True
            yield block
    if not yielded:
        if source.damage:
            raise AudioError(f"{name}: damaged: no audio could be decoded ({source.damage})")
        if start_n:
            raise _past_end(name, start_s, None)
        raise AudioError(f"{name}: contains no audio samples")
    if source.damage or container.cut:
        reason = source.damage or "its end is missing"
        _LOG.warning("%s: truncated or damaged: %s; what could be decoded is used", name, reason)


def _checked(
    source: Source, name: str, start_n: int, wanted_n: int | None, limits: Limits
) -> Iterator[NDArray[np.float32]]:
    """Yield the mono blocks at the file's own rate, refusing too many samples and senseless ones."""
    done_n = 0
    for block in source.blocks(start_n):
        if wanted_n is not None:
            block = block[: wanted_n - done_n]
        done_n += len(block)
        check_length(source.skipped_n + done_n, source.sample_rate_hz, source.channels, name, limits, "decoded")
        if not len(block):
            continue
        # One pass in the usual case: the dot product is finite and small whenever all samples are.
        with np.errstate(all="ignore"):
            energy = float(np.dot(block, block))
        if not energy < _LOUDEST**2:
            peak = float(np.abs(block).max())
            if not math.isfinite(peak):
                raise AudioError(f"{name}: contains NaN or infinite samples")
            if peak > _LOUDEST:
                raise AudioError(f"{name}: contains samples of {peak:.1e} times full scale; is its float data damaged?")
        yield block
        if done_n == wanted_n:
            return
    expected_n = None if source.frames_n is None else source.frames_n - start_n
    if wanted_n is not None and expected_n is not None:
        expected_n = min(expected_n, wanted_n)
    slack_n = max(4096, source.sample_rate_hz // 2)  # encoders' delay and padding, times rounded in headers
    if source.damage is None and expected_n is not None and done_n + slack_n < expected_n:
        source.damage = f"it ends {(expected_n - done_n) / source.sample_rate_hz:.1f} s early"


def _resampled(blocks: Iterator[NDArray[np.float32]], from_hz: int, to_hz: int) -> Iterator[NDArray[np.float32]]:
    """Resample a stream with soxr HQ; the result does not depend on how the stream is cut into blocks."""
    import soxr

    resampler = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
    first: NDArray[np.float32] | None = None
    out_n = 0
    for block in blocks:
        first = block if first is None else first
        out = resampler.resample_chunk(block)
        out_n += len(out)
        yield out
    if first is None:
        return
    out = resampler.resample_chunk(np.empty(0, dtype=np.float32), last=True)
    # Less than half an output sample rounds to nothing: keep one, as a recording is never empty.
    yield out if out_n + len(out) else first.mean(keepdims=True)


def _past_end(name: str, start_s: float, duration_s: float | None) -> AudioError:
    length = "" if duration_s is None else f" (it lasts {duration_s:.3f} s)"
    return AudioError(f"{name}: start_s = {start_s:g} s lies beyond its end{length}")


def _check_arguments(sample_rate_hz: int | None, start_s: float, duration_s: float | None) -> None:
    if sample_rate_hz is not None and not 1 <= sample_rate_hz <= _MAX_OUTPUT_RATE_HZ:
        raise UsageError(
            f"sample_rate_hz must lie between 1 and {_MAX_OUTPUT_RATE_HZ} (or be None), not {sample_rate_hz}"
        )
    if not (math.isfinite(start_s) and start_s >= 0):
        raise UsageError(f"start_s must be a number of seconds >= 0, not {start_s}")
    if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
        raise UsageError(f"duration_s must be a positive number of seconds (or None), not {duration_s}")
