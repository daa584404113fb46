"""A recording of any length as pictures of bounded size: waveform, mel spectrogram and chroma, in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.chroma import chroma_frames
from sideman.audio.framing import ANALYSIS_RATE_HZ, FrameStream
from sideman.audio.mel import mel_bands, power_to_db
from sideman.audio.spectrum import squared_magnitude

Float32 = NDArray[np.float32]
N_FFT, HOP_N, N_MELS, N_CHROMA = 2048, 512, 128, 12
_CHUNK = 512  # hops that are taken at a time: halved evenly up to nine times
_MOST_COLUMNS = 4096


@dataclass(frozen=True)
class Pictures:
    """What :class:`Overview` has seen, in c columns of equal length, the first at the start.

    Attributes:
        duration_s: seconds that the columns cover.
        low, high: least and greatest sample of each column, (c,).
        mel_db: (128, c), equal steps of Slaney's mel from 0 to 11,025 Hz, at most 80 dB under the loudest.
        chroma: (12, c), C first, 0..1.
    """

    duration_s: float
    low: Float32
    high: Float32
    mel_db: Float32
    chroma: Float32


class Overview:
    """Columns of a signal at 22,050 Hz that arrives in blocks of any length.

    A column is 512 samples at first; beyond 4096 columns neighbours are merged, again and again, so that memory stays
    within some 10 MB for 13 hours.
    """

    def __init__(self, *, spectra: bool = True) -> None:
        """Before the first sample; without ``spectra`` only the waveform is made, which costs next to nothing."""
        self._frames = FrameStream(N_FFT, HOP_N) if spectra else None
        self._samples_n = 0
        self._rest = np.zeros(0, np.float32)
        self._factor = 1
        self._waiting: list[list[Float32]] = [[], []]  # base columns of waveform and spectra, not yet in step
        self._columns: list[Float32] = []

    def update(self, block: ArrayLike) -> None:
        """Take mono samples, (n,)."""
        samples = np.asarray(block, np.float32)
        self._samples_n += len(samples)
        joined = np.concatenate([self._rest, samples])
        whole_n = len(joined) // HOP_N * HOP_N
        self._rest = joined[whole_n:].copy()
        self._push(0, _extremes(joined[:whole_n]))
        if self._frames is not None:
            self._push(1, _spectra(self._frames.push(samples)))
        self._drain(last=False)

    def result(self, most_columns: int = _MOST_COLUMNS) -> Pictures:
        """All columns, merged to at most ``most_columns``; call it once, at the end.

        Raises:
            ValueError: ``most_columns`` < 1, or nothing came.
        """
        if most_columns < 1 or not self._samples_n:
            raise ValueError("there must be samples, and room for a column")
        if len(self._rest):
            self._push(0, _extremes(np.pad(self._rest, (0, HOP_N - len(self._rest)), mode="edge")))
        if self._frames is not None:
            self._push(1, _spectra(self._frames.push(np.zeros(0, np.float32), last=True)))
        self._drain(last=True)
        table = _narrowed(np.concatenate(self._columns), most_columns)
        mel, chroma = table[:, 2 : 2 + N_MELS], table[:, 2 + N_MELS :]
        peak = chroma.max(1, keepdims=True, initial=0.0)
        return Pictures(
            self._samples_n / ANALYSIS_RATE_HZ,
            table[:, 0],
            table[:, 1],
            power_to_db(np.ascontiguousarray(mel.T)),
            np.ascontiguousarray((chroma / np.where(peak > 0, peak, 1)).T),
        )

    def _push(self, which: int, columns: Float32) -> None:
        if len(columns):
            self._waiting[which].append(columns)

    def _drain(self, *, last: bool) -> None:
        """Join what both have, some hops at a time; at the end, what is left of the waveform."""
        waves = _joined(self._waiting[0], 2)
        spectra = _joined(self._waiting[1], N_MELS + N_CHROMA)
        if self._frames is None:
            spectra = np.zeros((len(waves), 0), np.float32)
        at, common = 0, min(len(waves), len(spectra))
        while common - at >= _CHUNK or (last and at < common):
            size = min(_CHUNK, common - at)
            self._add(np.hstack([waves[at : at + size], spectra[at : at + size]]))
            at += size
        self._waiting = [[waves[at:]], [spectra[at:]] if self._frames is not None else []]

    def _add(self, table: Float32) -> None:
        for _ in range(self._factor.bit_length() - 1):
            table = _halved(table)
        self._columns.append(table)
        if sum(map(len, self._columns)) > _MOST_COLUMNS and self._factor < _CHUNK:
            self._columns = [_halved(part) for part in self._columns]
            self._factor *= 2


def _extremes(samples: Float32) -> Float32:
    framed = samples.reshape(-1, HOP_N)
    return np.stack([framed.min(1), framed.max(1)], 1) if len(framed) else np.zeros((0, 2), np.float32)


def _spectra(frames: NDArray[np.complex64]) -> Float32:
    power = squared_magnitude(frames)
    mel = mel_bands(ANALYSIS_RATE_HZ, N_FFT, N_MELS).apply(power)
    return np.hstack([mel, chroma_frames(power, ANALYSIS_RATE_HZ, 0.0, N_FFT)])


def _joined(parts: list[Float32], width: int) -> Float32:
    return np.concatenate(parts) if parts else np.zeros((0, width), np.float32)


def _halved(table: Float32) -> Float32:
    """Merge neighbouring rows; an odd last one stays alone."""
    return _merged(table, np.arange(0, len(table), 2))


def _narrowed(table: Float32, most: int) -> Float32:
    """At most so many rows, merged as evenly as goes."""
    if len(table) <= most:
        return table
    return _merged(table, np.arange(most) * len(table) // most)


def _merged(table: Float32, starts: NDArray[np.int64]) -> Float32:
    counts = np.diff(np.append(starts, len(table))).astype(np.float32)[:, None]
    merged = np.add.reduceat(table, starts, axis=0) / counts
    merged[:, 0] = np.minimum.reduceat(table[:, 0], starts)
    merged[:, 1] = np.maximum.reduceat(table[:, 1], starts)
    return merged.astype(np.float32)
