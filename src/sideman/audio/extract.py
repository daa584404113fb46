"""Features of a file: rows of the table, or of a sequence or image per segment, read block by block."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sideman.audio import decode
from sideman.audio.descriptors import DESCRIPTOR_COLUMNS, as_row, describe, describe_stream
from sideman.audio.limits import DEFAULT_LIMITS, Limits
from sideman.audio.sequences import (
    cut_segments,
    mel_image,
    mfcc_sequence,
    segment_step_n,
    sequence_shape,
    stft_image,
)
from sideman.audio.spectrum import Float32
from sideman.core.errors import AudioError, UsageError

Kind = Literal["table", "mfcc", "stft", "mel"]
KINDS: tuple[Kind, ...] = ("table", "mfcc", "stft", "mel")
SAMPLE_RATE_HZ = 22050
_BLOCK_S = 30.0
_HELD_S = 900.0  # a recording up to this long is decoded once, a longer one once for each of the two passes


@dataclass(frozen=True)
class Recipe:
    """Which features to take, and of which segments.

    Attributes
    ----------
    kind
        "table" (58 numbers), "mfcc" (13 x t), "stft" (513 x t) or "mel" (128 x t).
    segment_s
        Length of a segment in seconds; None for the whole recording (table only).
    overlap
        Share of a segment that the next one repeats, in [0, 1).
    version
        Goes up when the same input gives other values, so that unfinished work of another version is not continued.
    """

    kind: Kind = "table"
    segment_s: float | None = None
    overlap: float = 0.0
    version: int = 1

    def __post_init__(self) -> None:
        """Check the values.

        Raises
        ------
        UsageError
            One of them is outside its range.
        """
        if self.kind not in KINDS:
            raise UsageError(f"unknown kind of features {self.kind!r}: choose one of {', '.join(KINDS)}")
        if self.segment_s is None:
            if self.kind != "table":
                raise UsageError(f"features of kind {self.kind!r} are taken of equal segments: give their length")
            return
        if not 0 < self.segment_s < 1e6 or round(self.segment_s * SAMPLE_RATE_HZ) < 1:
            raise UsageError(f"a segment must last a positive number of seconds, got {self.segment_s:g}")
        segment_step_n(self.length_n, self.overlap)
        if self.kind != "table":
            sequence_shape(self.kind, self.length_n)

    @property
    def length_n(self) -> int:
        """Samples of a segment; 0 for the whole recording."""
        return 0 if self.segment_s is None else round(self.segment_s * SAMPLE_RATE_HZ)

    @property
    def step_n(self) -> int:
        """Samples from one segment's start to the next; 0 for the whole recording."""
        return 0 if self.segment_s is None else segment_step_n(self.length_n, self.overlap)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row's features."""
        return (len(DESCRIPTOR_COLUMNS),) if self.kind == "table" else sequence_shape(self.kind, self.length_n)

    @property
    def row_type(self) -> np.dtype[np.float64] | np.dtype[np.float32]:
        """Number type of the features: float64 for the table, float32 for the others."""
        return np.dtype(np.float64) if self.kind == "table" else np.dtype(np.float32)

    def row_name(self, path: Path, index: int) -> str:
        """File name as in the published tables: ``blues.00000.wav``, its segments ``blues.00000.0.wav`` and so on."""
        return path.name if self.segment_s is None else f"{path.stem}.{index}{path.suffix}"

    def as_dict(self) -> dict[str, object]:
        """All settings, for keys and metadata."""
        return asdict(self)


def extract(
    path: str | os.PathLike[str], recipe: Recipe, *, limits: Limits = DEFAULT_LIMITS
) -> Iterator[NDArray[np.floating]]:
    """Yield the features of a file, row by row, each of ``recipe.row_shape`` and ``recipe.row_type``.

    Memory stays bounded for recordings of any length. A rest shorter than a segment is left out. ``limits`` is what
    the recording may cost.

    Raises
    ------
    AudioError
        The file cannot be read, or is shorter than one segment.
    MissingExtraError
        Its format needs an extra.
    """
    if recipe.segment_s is None:
        yield as_row(describe_stream(_Replay(path, limits), SAMPLE_RATE_HZ))
        return
    blocks = _Counted(decode.stream(path, sample_rate_hz=SAMPLE_RATE_HZ, block_s=_BLOCK_S, limits=limits))
    found = False
    for _, samples in cut_segments(blocks, recipe.length_n, recipe.step_n):
        found = True
        yield _features(samples, recipe.kind)
    if not found:
        raise AudioError(
            f"{path}: {blocks.samples_n / SAMPLE_RATE_HZ:.2f} s is shorter than one segment of {recipe.segment_s:g} s: "
            "choose shorter segments"
        )


def _features(samples: Float32, kind: Kind) -> NDArray[np.floating]:
    if kind == "table":
        return as_row(describe(samples, SAMPLE_RATE_HZ))
    if kind == "mfcc":
        return mfcc_sequence(samples, SAMPLE_RATE_HZ)
    return stft_image(samples) if kind == "stft" else mel_image(samples, SAMPLE_RATE_HZ)


class _Counted:
    """Blocks that are passed on, and how many samples they held so far."""

    def __init__(self, blocks: Iterable[Float32]) -> None:
        self._blocks = blocks
        self.samples_n = 0

    def __iter__(self) -> Iterator[Float32]:
        for block in self._blocks:
            self.samples_n += len(block)
            yield block


class _Replay:
    """A file's blocks for two passes: kept from the first one if there are not too many, else decoded again."""

    def __init__(self, path: str | os.PathLike[str], limits: Limits) -> None:
        self._read = partial(decode.stream, path, sample_rate_hz=SAMPLE_RATE_HZ, block_s=_BLOCK_S, limits=limits)
        self._kept: list[Float32] | None = None

    def __call__(self) -> Iterable[Float32]:
        return self._kept if self._kept is not None else self._first()

    def _first(self) -> Iterator[Float32]:
        kept: list[Float32] = []
        held_n = 0
        for block in self._read():
            held_n += len(block)
            if held_n <= _HELD_S * SAMPLE_RATE_HZ:
                kept.append(block)
            else:
                kept.clear()
            yield block
        if kept:
            self._kept = kept
