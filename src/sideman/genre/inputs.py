"""What a model hears: which features, of which stretches of a recording. Training and classifying share this."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sideman.audio.limits import DEFAULT_LIMITS, Limits
from sideman.audio.sequences import cut_segments
from sideman.core.errors import AudioError, ModelError, UsageError
from sideman.genre import frontend

Kind = Literal["table", "mfcc", "stft", "mel", "windows", "samples"]
KINDS: tuple[Kind, ...] = ("table", "mfcc", "stft", "mel", "windows", "samples")
SAMPLE_RATE_HZ = 22_050
MIN_DURATION_S = 0.25
_BLOCK_S = 30.0
Float32 = NDArray[np.float32]
Listener = Callable[[Float32], object]


@dataclass(frozen=True)
class Input:
    """Features of a recording, as rows.

    Attributes:
        kind: "table" (the 58 columns), "mfcc" (13 x t), "stft" (513 x t), "mel" (128 x t, dB), "windows" (the
            default model's own front end: 96 x 87 for 2 s, below 8 kHz, each by its own loudness) or "samples" (the
            sound itself at 22050 Hz, for networks that bring their own front end).
        segment_s: length of a segment; None takes a recording as one row (table only). "windows" are 2 s always.
        level: bring every segment to one loudness and cut it above 8 kHz, so that neither tells the recording.
        length: keep the table's column ``length``, which tells the recording.
        context: join this many neighbouring rows of a table into one row, (context, columns); 1 joins none.
        version: goes up when the same recording gives other values.
    """

    kind: Kind
    segment_s: float | None = 3.0
    level: bool = False
    length: bool = False
    context: int = 1
    version: int = 1

    def __post_init__(self) -> None:
        """Raise :class:`UsageError` on a combination that makes no sense."""
        if self.kind not in KINDS:
            raise UsageError(f"unknown kind of features {self.kind!r}: choose one of {', '.join(KINDS)}")
        if self.segment_s is None and self.kind != "table":
            raise UsageError(f"features of kind {self.kind!r} are taken of equal segments: give their length")
        if self.segment_s is not None and not 0.5 <= self.segment_s <= 60:
            raise UsageError(f"segments last 0.5 to 60 s, not {self.segment_s:g}")
        if self.context < 1 or (self.context > 1 and self.kind != "table"):
            raise UsageError(f"only rows of a table can be joined, and at least 1 of them, not {self.context}")

    @property
    def length_n(self) -> int:
        """Samples of a segment at 22050 Hz; 0 for the whole recording."""
        if self.kind == "windows":
            return frontend.WINDOW_N
        return 0 if self.segment_s is None else round(self.segment_s * SAMPLE_RATE_HZ)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        from sideman.audio.descriptors import DESCRIPTOR_COLUMNS
        from sideman.audio.sequences import sequence_shape

        if self.kind == "windows":
            return frontend.N_MELS, frontend.WINDOW_FRAMES
        if self.kind == "samples":
            return (self.length_n,)
        if self.kind != "table":
            return sequence_shape(self.kind, self.length_n)
        columns = len(DESCRIPTOR_COLUMNS) - (not self.length)
        return (columns,) if self.context == 1 else (self.context, columns)

    @property
    def plain(self) -> Input:
        """The same without joined rows and with the column ``length``: what is computed from audio, and cached."""
        return replace(self, context=1, length=True) if self.kind == "table" else self

    def as_dict(self) -> dict[str, Any]:
        """All settings, for cards and keys."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Any) -> Input:
        """Read from a card; raises :class:`ModelError` where it is none."""
        try:
            return cls(**told)
        except (TypeError, UsageError) as error:
            raise ModelError(f"a model's input is not understood ({error}); it needs another version") from None

    def narrowed(self, table: Float32) -> Float32:
        """Of rows with all 58 columns (n, 58), what this input keeps: (n, columns)."""
        return table if self.kind != "table" or self.length else table[:, 1:]

    def joined(self, rows: Float32) -> Float32:
        """Join neighbouring rows (n, columns) of one recording: (n, context, columns); wraps around at its end."""
        if self.context == 1:
            return rows
        places = (np.arange(len(rows))[:, None] + np.arange(self.context)) % len(rows)
        joined: Float32 = rows[places]
        return joined

    def features(self, samples: Float32) -> Float32:
        """Row of one segment of exactly ``length_n`` samples (or of a whole recording), before any joining."""
        from sideman.audio.descriptors import as_row, describe
        from sideman.audio.sequences import mel_image, mfcc_sequence, stft_image

        if self.kind == "windows":
            window: Float32 = frontend.windows_of(samples)[0][0]
            return window
        if self.level:
            samples = levelled(samples)
        if self.kind == "samples":
            return np.asarray(samples, np.float32)
        if self.kind == "table":
            return as_row(describe(samples, SAMPLE_RATE_HZ)).astype(np.float32)
        if self.kind == "mfcc":
            return mfcc_sequence(samples, SAMPLE_RATE_HZ)
        return stft_image(samples) if self.kind == "stft" else mel_image(samples, SAMPLE_RATE_HZ)


def levelled(samples: Float32) -> Float32:
    """A segment below 8 kHz at rms 0.1: what it has above, and how loud it is, tell no genre."""
    from sideman.training.augment import band_limit, rms

    y = band_limit(samples, SAMPLE_RATE_HZ)
    return np.asarray(y / np.float32(rms(y)) * np.float32(0.1), np.float32)


@dataclass(frozen=True)
class Rows:
    """Rows of one recording: ``x`` (n, ...), where they start and end in seconds (n,), and how long it is."""

    x: Float32
    starts_s: NDArray[np.float64]
    ends_s: NDArray[np.float64]
    duration_s: float


def stream_rows(
    path: str | os.PathLike[str],
    given: Input,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    also: tuple[Listener, ...] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Rows]:
    """Features of a recording of any length, some seconds at a time (a table's all at once), in bounded memory.

    A recording shorter than a segment is repeated until it fills one; a last rest is left out. ``also`` receives every
    block of samples; ``limits`` is what the recording may cost.

    Raises:
        AudioError: the file cannot be read, is shorter than 0.25 s, or is silent throughout.
    """
    from sideman.audio.decode import stream

    read = partial(
        stream,
        path,
        sample_rate_hz=SAMPLE_RATE_HZ,
        block_s=_BLOCK_S,
        start_s=start_s,
        duration_s=duration_s,
        limits=limits,
    )
    heard = _Heard(read(), also)
    if given.segment_s is None:
        yield _whole(path, given, read, heard)
        return
    found: list[tuple[int, Float32]] = []
    count = 0
    for at, samples in cut_segments(heard, given.length_n, given.length_n):
        found.append((at, given.features(samples)))
        count += 1
        if given.kind != "table" and len(found) >= 16:
            yield _rows(found, given, heard)
            found = []
    heard.check(path)
    if not count:
        found = [(0, given.features(np.resize(heard.head, given.length_n)))]
    if found:
        yield _rows(found, given, heard)


def _whole(path: str | os.PathLike[str], given: Input, read: Callable[[], Iterable[Float32]], heard: _Heard) -> Rows:
    from sideman.audio.descriptors import as_row, describe_stream

    passes = iter([heard])
    row = as_row(describe_stream(lambda: next(passes, None) or read(), SAMPLE_RATE_HZ)).astype(np.float32)
    heard.check(path)
    length_s = heard.samples_n / SAMPLE_RATE_HZ
    return Rows(given.joined(given.narrowed(row[None])), np.zeros(1), np.array([length_s]), length_s)


def _rows(found: list[tuple[int, Float32]], given: Input, heard: _Heard) -> Rows:
    starts_s = np.array([at for at, _ in found]) / SAMPLE_RATE_HZ
    x = np.stack([features for _, features in found])
    ends_s = starts_s + given.length_n / SAMPLE_RATE_HZ
    return Rows(given.joined(given.narrowed(x)), starts_s, ends_s, heard.samples_n / SAMPLE_RATE_HZ)


class _Heard:
    """Blocks that are passed on to all listeners, counted, and looked at for silence."""

    def __init__(self, blocks: Iterable[Float32], also: tuple[Listener, ...]) -> None:
        self._blocks, self._also = blocks, also
        self.samples_n = 0
        self.head = np.zeros(0, np.float32)
        self._loudest = 0.0

    def __iter__(self) -> Iterator[Float32]:
        for block in self._blocks:
            if not self.samples_n:
                self.head = block
            self.samples_n += len(block)
            self._loudest = max(self._loudest, float(np.abs(block).max()))
            for listener in self._also:
                listener(block)
            yield block

    def check(self, path: str | os.PathLike[str]) -> None:
        """Raise :class:`AudioError` on a recording that is too short or silent."""
        name = os.fspath(path)
        if self.samples_n < int(MIN_DURATION_S * SAMPLE_RATE_HZ):
            heard_s = self.samples_n / SAMPLE_RATE_HZ
            raise AudioError(f"{name}: only {heard_s:.3f} s long; a genre needs at least {MIN_DURATION_S} s")
        if self._loudest < 1e-6:
            raise AudioError(f"{name}: silent throughout; there is nothing to classify")


def spread_rows(path: str | os.PathLike[str], given: Input, most: int) -> Float32:
    """At most ``most`` rows of a recording, their segments spread evenly over it, before any joining.

    Of a recording that is shorter than twice a segment two overlapping ones are taken, so that short recordings are not
    known by having one. Raises as :func:`stream_rows`.
    """
    from sideman.audio.decode import load

    if given.segment_s is None:
        return next(stream_rows(path, given)).x
    samples, _ = load(path, sample_rate_hz=SAMPLE_RATE_HZ)
    heard = _Heard([samples], ())
    list(heard)
    heard.check(path)
    return np.stack([given.features(piece) for piece in spread_segments(samples, given.length_n, most)])


def spread_segments(samples: Float32, length_n: int, most: int) -> list[Float32]:
    """At most ``most`` segments of equal length, spread evenly; two of a short recording, looped where it must be."""
    if len(samples) < length_n:
        samples = np.resize(samples, length_n)
    count = min(most, max(min(2, most), len(samples) // length_n))
    starts = np.linspace(0, len(samples) - length_n, count).astype(int)
    return [samples[start : start + length_n] for start in starts]
