"""Chroma (pitch-class energy) and the tuning estimate it needs, on the shared STFT.

Sources: D. Ellis, "Chroma feature analysis and synthesis", 2007 (the filters: Gaussian bumps per pitch class, weighted
around 440 Hz's octave); J. O. Smith, "Spectral Audio Signal Processing" (parabolic peak interpolation). Values equal
librosa 0.11's ``chroma_stft``, ``estimate_tuning`` and ``filters.chroma``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio.spectrum import HOP_LENGTH, N_FFT, Float32, Spectrum, fft_frequencies
from sideman.core.errors import UsageError

N_CHROMA = 12
TUNING_BINS = 100
"""Resolution of the tuning estimate: hundredths of a semitone."""

_TUNING_EDGES = np.linspace(-0.5, 0.5, TUNING_BINS + 1)
_PEAK_MIN_HZ, _PEAK_MAX_HZ = 150.0, 4000.0
_PEAK_THRESHOLD = np.float32(0.1)
_CENTRE_OCTAVE, _OCTAVE_WIDTH = 5.0, 2.0
_EXACT_PEAKS = 1 << 22  # beyond this many, magnitudes are binned on a logarithmic scale
_LOG_BINS_PER_OCTAVE = 64


def hz_to_octaves(frequency_hz: NDArray[np.floating], tuning: float = 0.0) -> NDArray[np.floating]:
    """Octaves above A0 = 27.5 Hz, in the input's precision; ``tuning`` in semitones shifts the reference pitch."""
    reference_hz = 440.0 / 16 * 2.0 ** (tuning / N_CHROMA)
    octaves: NDArray[np.floating] = np.log2(frequency_hz / reference_hz)
    return octaves


def spectral_peaks(power_frames: Float32, sample_rate_hz: int, n_fft: int = N_FFT) -> tuple[Float32, Float32]:
    """Interpolated spectral peaks between 150 Hz and 4 kHz that reach a tenth of their frame's maximum.

    Returns ``(frequency_hz, power)``, flat float32 arrays over all peaks of the frames (t, bins).
    """
    frequencies = fft_frequencies(sample_rate_hz, n_fft)
    low = max(int(np.searchsorted(frequencies, _PEAK_MIN_HZ)), 1)
    high = int(np.searchsorted(frequencies, min(_PEAK_MAX_HZ, sample_rate_hz / 2)))
    high = min(high, power_frames.shape[1] - 1)
    if high <= low:
        return np.empty(0, np.float32), np.empty(0, np.float32)
    power = np.ascontiguousarray(power_frames)
    floor = _PEAK_THRESHOLD * power.max(axis=1, keepdims=True)
    middle, left, right = (power[:, low + shift : high + shift] for shift in (0, -1, 1))
    # A neighbour below the floor counts as zero there, which leaves the outcome as it is for a peak above the floor.
    is_peak = middle > floor
    is_peak &= middle > left
    is_peak &= middle >= right
    frame, bin_ = np.divmod(np.flatnonzero(is_peak), high - low)
    bin_ += low
    place = frame * power.shape[1] + bin_
    centre, before, after = (power.reshape(-1)[place + shift].astype(np.float64) for shift in (0, -1, 1))
    slope = (after - before) / 2
    curvature = after + before - 2 * centre
    shift = np.zeros_like(centre)
    # A parabola whose top lies beyond the neighbouring bin is no peak shape: keep the bin's own frequency.
    np.divide(-slope, curvature, out=shift, where=np.abs(slope) < np.abs(curvature))
    pitch_hz = (bin_ + shift) * (sample_rate_hz / n_fft)
    return pitch_hz.astype(np.float32), (centre + 0.5 * slope * shift).astype(np.float32)


class TuningHistogram:
    """Accumulates spectral peaks and finds how far their pitches lie from equal temperament at A = 440 Hz.

    Of all peaks, the stronger half (power at least the median) vote for the hundredth of a semitone they lie at. Up to
    four million peaks are kept one by one; beyond that, powers are binned to 1/64 octave, so memory stays bounded.
    """

    def __init__(self) -> None:
        """Begin with no peaks."""
        self._powers: list[Float32] = []
        self._bins: list[NDArray[np.uint8]] = []
        self._count = 0
        self._binned: NDArray[np.int64] | None = None

    def update(self, frequency_hz: Float32, power: Float32) -> None:
        """Add the peaks of :func:`spectral_peaks`."""
        residual = np.mod(N_CHROMA * hz_to_octaves(frequency_hz), 1.0)
        residual[residual >= 0.5] -= 1.0
        bins = np.searchsorted(_TUNING_EDGES, residual, side="right") - 1
        self._powers.append(power)
        self._bins.append(np.minimum(bins, TUNING_BINS - 1).astype(np.uint8))
        self._count += len(power)
        if self._count > _EXACT_PEAKS:
            self._compress()

    def _compress(self) -> None:
        if self._binned is None:
            self._binned = np.zeros((256 * _LOG_BINS_PER_OCTAVE, TUNING_BINS), np.int64)  # 13 MB
        for power, bins in zip(self._powers, self._bins, strict=True):
            octave = np.log2(np.maximum(power, np.finfo(np.float32).tiny)) + 128
            level = np.clip((octave * _LOG_BINS_PER_OCTAVE).astype(np.intp), 0, len(self._binned) - 1)
            np.add.at(self._binned, (level, bins), 1)
        self._powers, self._bins, self._count = [], [], 0

    def tuning(self) -> float:
        """Deviation from A = 440 Hz in semitones, in [-0.5, 0.5) by hundredths; 0 where no peak was heard."""
        if self._binned is not None:
            if self._count:
                self._compress()
            by_level = self._binned.sum(axis=1)
            half = int(np.searchsorted(np.cumsum(by_level), by_level.sum() / 2))
            return float(_TUNING_EDGES[np.argmax(self._binned[half:].sum(axis=0))])
        if not self._count:
            return 0.0
        power = np.concatenate(self._powers)
        votes = np.concatenate(self._bins)[power >= np.median(power)]
        return float(_TUNING_EDGES[np.argmax(np.bincount(votes, minlength=TUNING_BINS))])


def estimate_tuning(source: ArrayLike | Spectrum, sample_rate_hz: int = 22050) -> float:
    """Tuning of a recording against A = 440 Hz, in semitones, in [-0.5, 0.5) by hundredths.

    ``source`` is mono samples (n,) or a ready spectrum. Equal to librosa's ``estimate_tuning(S=power)``, which its
    ``chroma_stft`` uses. Errors as :func:`sideman.audio.spectrum.stft`.
    """
    spectrum = source if isinstance(source, Spectrum) else Spectrum.of(source, sample_rate_hz)
    histogram = TuningHistogram()
    histogram.update(*spectral_peaks(spectrum.power_frames, spectrum.sample_rate_hz, spectrum.n_fft))
    return histogram.tuning()


@lru_cache(maxsize=128)
def chroma_filterbank(sample_rate_hz: int, n_fft: int = N_FFT, *, tuning: float = 0.0) -> Float32:
    """Pitch-class filters, C first, shape (12, 1 + n_fft // 2), float32, read-only.

    ``tuning`` in semitones moves A away from 440 Hz.

    Raises
    ------
    UsageError
        ``n_fft`` < 4.
    """
    if n_fft < 4:
        raise UsageError(f"chroma filters need n_fft >= 4, got {n_fft}")
    octaves = hz_to_octaves(np.arange(1, n_fft) * (sample_rate_hz / n_fft), tuning)
    # The DC bin is placed 1.5 octaves below the first one: half a turn away, and broad.
    semitones = N_CHROMA * np.concatenate(([octaves[0] - 1.5], octaves))
    widths = np.concatenate((np.maximum(np.diff(semitones), 1.0), [1.0]))
    semitones, widths = semitones[: 1 + n_fft // 2], widths[: 1 + n_fft // 2]
    distance = semitones - np.arange(N_CHROMA)[:, None]
    half = N_CHROMA // 2
    distance = np.mod(distance + half + 10 * N_CHROMA, N_CHROMA) - half
    bumps = np.exp(-0.5 * (2.0 * distance / widths) ** 2)
    bumps /= np.sqrt((bumps**2).sum(axis=0))
    bumps *= np.exp(-0.5 * ((semitones / N_CHROMA - _CENTRE_OCTAVE) / _OCTAVE_WIDTH) ** 2)
    filters = np.roll(bumps, -3, axis=0).astype(np.float32)  # from A first to C first
    filters.flags.writeable = False
    return filters


def chroma_frames(power_frames: Float32, sample_rate_hz: int, tuning: float, n_fft: int = N_FFT) -> Float32:
    """Chroma of power frames (t, bins): shape (t, 12), each frame's largest value 1 (all 0 in silence)."""
    chroma = power_frames @ chroma_filterbank(sample_rate_hz, n_fft, tuning=tuning).T
    peak = chroma.max(axis=1, keepdims=True)
    np.divide(chroma, peak, out=chroma, where=peak >= np.finfo(np.float32).tiny)
    return chroma


def chroma_stft(
    source: ArrayLike | Spectrum,
    sample_rate_hz: int = 22050,
    *,
    tuning: float | None = None,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
) -> Float32:
    """Chromagram from the power spectrogram, shape (12, t), values in [0, 1], C first.

    ``source`` is mono samples (n,) or a ready spectrum; ``tuning`` (semitones) is estimated where None.
    Errors as :func:`sideman.audio.spectrum.stft`.
    """
    spectrum = (
        source
        if isinstance(source, Spectrum)
        else Spectrum.of(source, sample_rate_hz, n_fft=n_fft, hop_length=hop_length)
    )
    shift = estimate_tuning(spectrum) if tuning is None else tuning
    return chroma_frames(spectrum.power_frames, spectrum.sample_rate_hz, shift, spectrum.n_fft).T
