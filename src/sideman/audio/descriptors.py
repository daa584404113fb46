"""The GTZAN feature table: 58 numbers that describe a recording or a segment of it.

The columns are those of the data set's ``features_30_sec.csv``: mean and variance over time of chroma, level, spectral
centroid, bandwidth and rolloff, zero-crossing rate, harmonic and percussive waveform and 20 MFCC, and the tempo. Their
values equal librosa 0.11's at 22 050 Hz, but one STFT is shared by all, and recordings of any length are worked through
tile by tile in bounded memory with the same result.

Two passes are needed, because two columns depend on the whole recording: chroma on its tuning, and the decibel scale on
its loudest mel band (levels more than 80 dB below it are raised to that floor).

Source: G. Tzanetakis and P. Cook, "Musical genre classification of audio signals", IEEE Trans. SAP 10(5), 2002 (data
set); the table was computed by A. Olteanu with librosa of 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.chroma import TuningHistogram, chroma_frames, spectral_peaks
from sideman.audio.hpss import KERNEL_SIZE, harmonic_blocks
from sideman.audio.mel import mel_bands, power_to_db
from sideman.audio.mfcc import N_MFCC, mfcc_frames
from sideman.audio.moments import Moments
from sideman.audio.onsets import centre_flux, spectral_flux
from sideman.audio.spectral import NARROW_HZ, band_count, band_sums, narrow_shape, shape_from_sums
from sideman.audio.spectrum import (
    BLOCK_FRAMES,
    HOP_LENGTH,
    N_FFT,
    Complex64,
    Float32,
    as_mono,
    frame_blocks,
    frame_view,
    squared_magnitude,
)
from sideman.audio.table_tempo import table_tempo
from sideman.audio.temporal import level_and_crossings
from sideman.audio.tiles import Tile, cut_tiles

_FRAME_FEATURES = ("rms", "zero_crossing_rate", "spectral_centroid", "spectral_bandwidth", "rolloff")

DESCRIPTOR_COLUMNS: tuple[str, ...] = (
    "length",
    *(
        f"{name}_{statistic}"
        for name in (
            "chroma_stft",
            "rms",
            "spectral_centroid",
            "spectral_bandwidth",
            "rolloff",
            "zero_crossing_rate",
            "harmony",
            "perceptr",
        )
        for statistic in ("mean", "var")
    ),
    "tempo",
    *(f"mfcc{number}_{statistic}" for number in range(1, N_MFCC + 1) for statistic in ("mean", "var")),
)
"""The 58 numeric columns, in the table's order; ``length`` is in samples, ``tempo`` in bpm."""

TABLE_COLUMNS: tuple[str, ...] = ("filename", *DESCRIPTOR_COLUMNS, "label")
"""The columns of ``features_30_sec.csv`` and ``features_3_sec.csv``."""

TILE_FRAMES = 2048
"""Frames worked on at a time (47.6 s at 22 050 Hz); a 30 s clip is a single tile, and its STFT is computed once."""

_MEDIAN_REACH = KERNEL_SIZE // 2
_OVERLAP = N_FFT // HOP_LENGTH // 2
CONTEXT_FRAMES = _MEDIAN_REACH + _OVERLAP

Blocks = Callable[[], Iterable[Float32]]


def describe(y: ArrayLike, sample_rate_hz: int = 22050) -> dict[str, float]:
    """Describe mono samples by the table's 58 numbers.

    Parameters
    ----------
    y
        Mono samples, shape (n,), nominally in [-1, 1], at least one.
    sample_rate_hz
        Their rate; the published tables were made at 22 050 Hz.

    Returns
    -------
    Column name to value, in the order of :data:`DESCRIPTOR_COLUMNS`; every value is finite.

    Raises
    ------
    AudioError
        Empty, non-finite or multi-channel signal.
    """
    samples = as_mono(y)
    return describe_stream(lambda: (samples,), sample_rate_hz)


def describe_stream(blocks: Blocks, sample_rate_hz: int = 22050, *, tile_frames: int = TILE_FRAMES) -> dict[str, float]:
    """Describe a recording of any length, given block by block, in bounded memory.

    ``blocks`` is called for each of the two passes and returns consecutive blocks of mono samples, of any lengths. A
    recording of up to ``tile_frames`` frames is read only once. Result and errors as :func:`describe`.
    """
    scan = _Scan(sample_rate_hz)
    kept: _Spectra | None = None
    for tile in cut_tiles(iter(blocks()), tile_frames=tile_frames, context_frames=CONTEXT_FRAMES):
        spectra = scan.update(tile)
        if tile.first == 0 and tile.is_last:
            kept = spectra
    table = _Table(sample_rate_hz, tuning=scan.tuning.tuning(), mel_peak=scan.mel_peak)
    if kept is not None:
        table.update(kept)
    else:
        for tile in cut_tiles(iter(blocks()), tile_frames=tile_frames, context_frames=CONTEXT_FRAMES):
            table.update(_transform(tile, sample_rate_hz))
    return table.result()


@dataclass
class _Spectra:
    """Spectra of a tile's frames ``low .. high - 1``; mel power and sub-band sums of its own frames only."""

    tile: Tile
    frames: Complex64
    power: Float32
    mel: Float32
    sums: Float32


def _transform(tile: Tile, sample_rate_hz: int, peaks: Callable[[Float32], None] | None = None) -> _Spectra:
    """Transform a tile block by block, while each block's spectra are in the cache; show its own power to ``peaks``."""
    bands = mel_bands(sample_rate_hz)
    count, own_count, bins = tile.high - tile.low, tile.last - tile.first, 1 + N_FFT // 2
    frames, power = np.empty((count, bins), np.complex64), np.empty((count, bins), np.float32)
    mel = np.zeros((own_count, bands.n_mels), np.float32)
    sums = np.empty((own_count, band_count(bins), 3), np.float32)
    magnitude = np.empty((BLOCK_FRAMES, bins), np.float32)
    for at, block in frame_blocks(tile.padded):
        frames[at : at + len(block)] = block
        block_power = squared_magnitude(block, out=power[at : at + len(block)])
        start = max(tile.first - tile.low - at, 0)
        own_power = block_power[start : max(tile.last - tile.low - at, 0)]
        if len(own_power):
            own = slice(tile.low + at + start - tile.first, tile.low + at + start - tile.first + len(own_power))
            bands.apply(own_power, out=mel[own])
            band_sums(np.sqrt(own_power, out=magnitude[: len(own_power)]), out=sums[own])
            if peaks is not None:
                peaks(own_power)
    return _Spectra(tile, frames, power, mel, sums)


class _Scan:
    """First pass: the tuning and the loudest mel band of the whole recording."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.tuning = TuningHistogram()
        self.mel_peak = 0.0

    def update(self, tile: Tile) -> _Spectra:
        spectra = _transform(tile, self.sample_rate_hz, self._peaks)
        self.mel_peak = max(self.mel_peak, float(spectra.mel.max()))
        return spectra

    def _peaks(self, power: Float32) -> None:
        self.tuning.update(*spectral_peaks(power, self.sample_rate_hz))


class _Table:
    """Second pass: means and variances over all frames and samples, and the onset envelope for the tempo."""

    def __init__(self, sample_rate_hz: int, *, tuning: float, mel_peak: float) -> None:
        self.sample_rate_hz, self.tuning, self.mel_peak = sample_rate_hz, tuning, mel_peak
        self.chroma = Moments(1)
        self.shape = Moments(len(_FRAME_FEATURES))
        self.cepstrum = Moments(N_MFCC)
        self.harmonic = Moments(1)
        self.percussive = Moments(1)
        self._flux: list[Float32] = []
        self._last_levels: Float32 | None = None
        self._frames_n = 0
        self._samples_n = 0

    def update(self, spectra: _Spectra) -> None:
        """Add a tile; its complex frames are overwritten."""
        tile = spectra.tile
        own = slice(tile.first - tile.low, tile.last - tile.low)
        power = spectra.power[own]
        levels = level_and_crossings(tile.padded, tile.begin_n, tile.end_n)[own]
        shape = shape_from_sums(
            spectra.sums, power.shape[1], self.sample_rate_hz / N_FFT, lambda row, column: np.sqrt(power[row, column])
        )
        narrow = np.flatnonzero((shape[:, 1] < NARROW_HZ) & (levels[:, 0] > 0))
        if narrow.size:
            samples = frame_view(tile.padded, n_fft=N_FFT, hop_length=HOP_LENGTH)[own]
            for at in range(0, narrow.size, BLOCK_FRAMES):
                rows = narrow[at : at + BLOCK_FRAMES]
                shape[rows, :2] = narrow_shape(samples[rows], self.sample_rate_hz / N_FFT)
        self.shape.update(np.concatenate([levels, shape], axis=1))
        for at in range(0, len(power), BLOCK_FRAMES):
            chroma = chroma_frames(power[at : at + BLOCK_FRAMES], self.sample_rate_hz, self.tuning)
            self.chroma.update_flat(chroma.reshape(-1))
        self._add_levels(power_to_db(spectra.mel, peak=self.mel_peak))
        self._add_waveforms(spectra)
        self._frames_n += tile.last - tile.first
        if tile.samples_n is not None:
            self._samples_n = tile.samples_n

    def _add_levels(self, decibel: Float32) -> None:
        self.cepstrum.update(mfcc_frames(decibel))
        joined = decibel if self._last_levels is None else np.concatenate([self._last_levels, decibel])
        self._flux.append(spectral_flux(joined, "median"))
        self._last_levels = decibel[-1:].copy()

    def _add_waveforms(self, spectra: _Spectra) -> None:
        """Separate the samples between this tile's first frame and the next tile's; the last tile takes the rest."""
        tile = spectra.tile
        first = max(tile.first - _OVERLAP + 1, tile.low)
        last = min(tile.last + _OVERLAP, tile.high)
        begin_n = tile.first * HOP_LENGTH
        end_n = tile.samples_n if tile.samples_n is not None and tile.is_last else tile.last * HOP_LENGTH
        pieces = harmonic_blocks(
            spectra.frames,
            spectra.power,
            first - tile.low,
            last - tile.low,
            offset=tile.low,
            n_frames=tile.high + N_FFT // HOP_LENGTH if tile.total_frames is None else tile.total_frames,
        )
        for position, piece in pieces:
            start, stop = max(position, begin_n), min(position + len(piece), end_n)
            if start < stop:
                harmonic = piece[start - position : stop - position]
                self.harmonic.update_flat(harmonic)
                signal = tile.padded[start - tile.start_n : stop - tile.start_n]
                self.percussive.update_flat(signal - harmonic)

    def result(self) -> dict[str, float]:
        """Return the row, in the table's order."""
        statistics: dict[str, tuple[float, float]] = {
            "chroma_stft": _pair(self.chroma, 0),
            "harmony": _pair(self.harmonic, 0),
            "perceptr": _pair(self.percussive, 0),
            **{name: _pair(self.shape, column) for column, name in enumerate(_FRAME_FEATURES)},
            **{f"mfcc{number + 1}": _pair(self.cepstrum, number) for number in range(N_MFCC)},
        }
        envelope = centre_flux(np.concatenate(self._flux), self._frames_n)
        values = {"length": float(self._samples_n), "tempo": table_tempo(envelope, self.sample_rate_hz)}
        for name, (mean, variance) in statistics.items():
            values[f"{name}_mean"], values[f"{name}_var"] = mean, variance
        return {name: values[name] for name in DESCRIPTOR_COLUMNS}


def _pair(moments: Moments, column: int) -> tuple[float, float]:
    return float(moments.mean[column]), float(moments.variance[column])


def as_row(values: dict[str, float]) -> NDArray[np.float64]:
    """Values of :func:`describe` as a vector of shape (58,), in the table's order."""
    return np.array([values[name] for name in DESCRIPTOR_COLUMNS])
