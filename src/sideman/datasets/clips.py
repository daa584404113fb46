"""What a file sounds like to an engineer: length, level, clipping, silence, offset, bandwidth; and its descriptors."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import AudioError
from sideman.datasets.duplicates import Words, fingerprint_file

SILENCE_DBFS = -60.0
"""A twentieth of a second whose RMS level is lower than this counts as silent."""

BANDWIDTH_DB = 70.0
"""The bandwidth ends where the mean power spectrum has last been less than this far below its maximum."""

_FRAME_N = 2048
_CLIP_RUN_N = 3  # consecutive samples at the peak
_DESCRIBED_S = 60.0


@dataclass(frozen=True, slots=True)
class Clip:
    """Measurements of one file's mono mix at its own sample rate.

    Attributes:
        sha256: of the file's bytes, hexadecimal.
        container, codec: as :func:`sideman.audio.decode.probe` names them.
        sample_rate_hz, channels, duration_s: of the file.
        truncated: the file is shorter than its header says.
        peak: largest magnitude, 0 to about 1.
        level_dbfs: RMS level in dB relative to full scale, -inf in digital silence.
        clipped: share of samples in runs of 3 or more at the peak of their block of 30 s, 0 to 1.
        silent: share of frames of 50 ms below -60 dBFS, 0 to 1.
        dc: mean of the samples, -1 to 1.
        cutoff_hz: highest frequency at which the mean power spectrum is within 70 dB of its maximum; 0 in silence.
    """

    sha256: str
    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    duration_s: float
    truncated: bool
    peak: float
    level_dbfs: float
    clipped: float
    silent: float
    dc: float
    cutoff_hz: float


@dataclass(frozen=True, slots=True)
class Examination:
    """A clip's measurements with what describes its sound: the 58-column table's numbers, and its fingerprint."""

    clip: Clip
    descriptors: dict[str, float]
    words: Words


def measure(path: str | os.PathLike[str]) -> Clip:
    """Decode a file from end to end and measure it, in memory that does not grow with its length.

    Raises:
        AudioError: the file cannot be decoded.
    """
    from sideman.audio import decode

    info = decode.probe(path)
    tally = _Tally(info.sample_rate_hz)
    for block in decode.stream(path, sample_rate_hz=None):
        tally.update(block)
    n = tally.samples_n
    mean_square = tally.square / n
    return Clip(
        sha256=_sha256(path),
        container=info.container,
        codec=info.codec,
        sample_rate_hz=info.sample_rate_hz,
        channels=info.channels,
        duration_s=n / info.sample_rate_hz,
        truncated=info.truncated,
        peak=tally.peak,
        level_dbfs=10 * float(np.log10(mean_square)) if mean_square > 0 else float("-inf"),
        clipped=tally.clipped_n / n,
        silent=tally.silent_frames / max(tally.frames, 1),
        dc=tally.total / n,
        cutoff_hz=tally.cutoff_hz(),
    )


def examine(path: str | os.PathLike[str]) -> Examination:
    """Measure a file, describe it (the middle 60 s, where it is longer) and take its fingerprint (all of it).

    Raises:
        AudioError: the file cannot be decoded.
    """
    from sideman.audio import decode
    from sideman.audio.descriptors import describe

    clip = measure(path)
    start_s = max(0.0, (clip.duration_s - _DESCRIBED_S) / 2)
    y, rate_hz = decode.load(path, start_s=start_s, duration_s=_DESCRIBED_S)
    return Examination(clip, describe(y, rate_hz), fingerprint_file(path))


def _sha256(path: str | os.PathLike[str]) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(f"{os.fspath(path)}: cannot be read ({error.strerror})") from None


class _Tally:
    """Sums over a recording's blocks."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.samples_n = self.clipped_n = self.frames = self.silent_frames = 0
        self.total = self.square = self.peak = 0.0
        self._power = np.zeros(_FRAME_N // 2 + 1)
        self._window = np.hanning(_FRAME_N + 1)[:-1].astype(np.float32)

    def update(self, y: NDArray[np.float32]) -> None:
        """Add a block of samples."""
        magnitude = np.abs(y)
        peak = float(magnitude.max())
        self.samples_n += len(y)
        self.total += float(y.sum(dtype=np.float64))
        self.square += float(np.square(y, dtype=np.float64).sum())
        self.peak = max(self.peak, peak)
        self.clipped_n += _clipped(magnitude, peak)
        width = max(1, self.sample_rate_hz // 20)
        short = y[: len(y) // width * width].reshape(-1, width)
        power = np.square(short, dtype=np.float64).mean(axis=1)
        self.frames += len(power)
        self.silent_frames += int((power < 10 ** (SILENCE_DBFS / 10)).sum())
        self._add_spectrum(y)

    def _add_spectrum(self, y: NDArray[np.float32]) -> None:
        from scipy import fft

        if len(y) < _FRAME_N:
            y = np.pad(y, (0, _FRAME_N - len(y)))
        frames = np.lib.stride_tricks.sliding_window_view(y, _FRAME_N)[:: _FRAME_N // 2]
        for start in range(0, len(frames), 256):
            spectrum = fft.rfft(frames[start : start + 256] * self._window, axis=1)
            self._power += (spectrum.real**2 + spectrum.imag**2).sum(axis=0, dtype=np.float64)

    def cutoff_hz(self) -> float:
        """Return the upper end of the bandwidth in Hz."""
        power = self._power[1:]  # an offset is no sound
        if not power.max() > 0:
            return 0.0
        last = int(np.flatnonzero(power >= power.max() * 10 ** (-BANDWIDTH_DB / 10))[-1])
        return (last + 1) * self.sample_rate_hz / _FRAME_N


def _clipped(magnitude: NDArray[np.float32], peak: float) -> int:
    """Return the number of samples in runs of three or more at the peak; a quiet block's peak is no clipping."""
    if peak < 0.05:
        return 0
    at_peak = np.concatenate([[0], (magnitude >= 0.9999 * peak).astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(at_peak))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= _CLIP_RUN_N].sum())
