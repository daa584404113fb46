"""Cutting a stream of samples into overlapping stretches whose inner frames are exactly those of the whole signal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sideman.audio.spectrum import HOP_LENGTH, N_FFT, Float32, as_mono

_HALF = N_FFT // 2


@dataclass(frozen=True)
class Tile:
    """A stretch of centred frames (2048 samples, hop 512) with enough neighbours to compute its own exactly.

    Attributes
    ----------
    first, last
        Frames this tile answers for: ``first <= frame < last``; tiles follow one another without gap.
    low, high
        Frames it holds, neighbours included: ``low <= first`` and ``last <= high``.
    padded
        Samples under the frames ``low .. high - 1``, zeros outside the signal, shape (2048 + 512 (high - low - 1),).
    begin_n, end_n
        Where the signal begins and ends in ``padded``.
    total_frames, samples_n
        Frames and samples of the whole signal; None while its end is not known (and lies beyond ``high``).
    """

    first: int
    last: int
    low: int
    high: int
    padded: Float32
    begin_n: int
    end_n: int
    total_frames: int | None
    samples_n: int | None

    @property
    def start_n(self) -> int:
        """Position of ``padded[0]`` in the signal; negative where the first tile is padded."""
        return self.low * HOP_LENGTH - _HALF

    @property
    def is_last(self) -> bool:
        """Whether the signal ends with this tile."""
        return self.last == self.total_frames


def cut_tiles(blocks: Iterator[Float32], *, tile_frames: int, context_frames: int) -> Iterator[Tile]:
    """Cut consecutive blocks of mono samples into tiles of ``tile_frames`` frames.

    A tile that the end of the signal follows within ``context_frames`` frames still waits for them, so that no tile
    ends with less context than there is. Only about one tile of samples is held.

    Raises
    ------
    AudioError
        A block is not mono or holds NaN or infinite samples, or there are no samples at all.
    """
    held = np.empty(0, np.float32)
    held_at = 0  # position of held[0] in the signal
    ended = False
    first = 0
    while True:
        wanted_high = first + tile_frames + context_frames
        wanted_n = (wanted_high - 1) * HOP_LENGTH + _HALF
        parts = [held]
        held_n = len(held)
        while not ended and held_at + held_n <= wanted_n:
            block = next(blocks, None)
            if block is None:
                ended = True
            elif len(block):
                parts.append(as_mono(block))
                held_n += len(block)
        filled = [part for part in parts if len(part)]
        held = filled[0] if len(filled) == 1 else np.concatenate(parts)
        known_n = held_at + len(held)
        if ended and not known_n:
            as_mono(held)  # reports that there is nothing to analyse
        total = 1 + known_n // HOP_LENGTH if ended else None
        last = first + tile_frames if total is None else min(first + tile_frames, total)
        high = last + context_frames if total is None else min(last + context_frames, total)
        low = max(first - context_frames, 0)
        start_n = low * HOP_LENGTH - _HALF
        length = N_FFT + (high - low - 1) * HOP_LENGTH
        begin_n = max(-start_n, 0)
        end_n = min(known_n - start_n, length)
        if begin_n == 0 and end_n == length:
            padded = held[start_n - held_at : start_n - held_at + length]
        else:
            padded = np.zeros(length, np.float32)
            padded[begin_n:end_n] = held[start_n + begin_n - held_at : start_n + end_n - held_at]
        tile = Tile(first, last, low, high, padded, begin_n, end_n, total, known_n if ended else None)
        yield tile
        if tile.is_last:
            return
        first = last
        keep_from = max((first - context_frames) * HOP_LENGTH - _HALF, 0)
        held, held_at = held[keep_from - held_at :], keep_from
