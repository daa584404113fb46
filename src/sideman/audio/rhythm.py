"""Tempo and beats of a recording, one-shot or streaming, with a confidence and the half, double and triple tempos.

Onset strength in bands gives features of 109 candidate tempos (:mod:`~sideman.audio.tempogram`); a small network scores
them; the winner is refined on the autocorrelation and beats are tracked at the tempo of each half minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio import tempogram
from sideman.audio.beats import track_beats
from sideman.audio.liveliness import Onsets, mean_of, onsets_of
from sideman.audio.scorer import load_scorer, softmax
from sideman.audio.segments import SegmentTracker
from sideman.audio.spectrum import Complex64, squared_magnitude

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

SEGMENT_FRAMES = round(30.0 * tempogram.FRAME_RATE_HZ)
MIN_FRAMES = round(3.0 * tempogram.FRAME_RATE_HZ)
MIN_PULSE_SHARP, MIN_PULSE_BLUNT, SHARP_SKEW = 0.03, 0.09, 1.9
"""Least mean autocorrelation at one to four beats in 15 s: where onsets stand out from a quiet ground (their strength
is skewed), and where the strength is as even as that of noise. White and brown noise of 3 to 30 s stay below."""
SILENCE = 1e-9
_RELATED = (0.5, 2.0, 2 / 3, 1.5, 1 / 3, 3.0)
_LEAST_BPM, _MOST_BPM = 30.0, 300.0


@dataclass(frozen=True)
class TempoEstimate:
    """What :func:`estimate_tempo` heard.

    Attributes
    ----------
    tempo_bpm
        Beats per minute, within 33-275, or None where there is no pulse, no sound or less than 3 s of it.
    confidence
        Probability, 0-1, that the tempo is within 4 % of what a listener taps; 0 where the tempo is None.
    alternatives_bpm
        The half, double, two-thirds, ... tempos within 30-300 bpm, most probable first.
    beats_s
        Beat times in seconds, ascending, shape (beats,).
    onsets
        How lively it is, also where there is no tempo; None where there is no sound or less than 3 s of it.
    """

    tempo_bpm: float | None
    confidence: float
    alternatives_bpm: tuple[float, ...] = ()
    beats_s: Float64 = field(default_factory=lambda: np.zeros(0), repr=False)
    onsets: Onsets | None = None


NO_TEMPO = TempoEstimate(None, 0.0)


def estimate_tempo(y: ArrayLike, sample_rate_hz: float) -> TempoEstimate:
    """Tempo and beats of mono samples, shape (n,), any scale.

    Raises
    ------
    AudioError
        NaN, infinite or multi-channel samples.
    UsageError
        A sample rate outside 1-1,000,000 Hz.
    """
    tracker = TempoTracker(sample_rate_hz)
    tracker.update(y)
    return tracker.result()


class TempoTracker(SegmentTracker[TempoEstimate]):
    """Tempo of a signal that arrives in blocks of any length; the result does not depend on how it is cut.

    Half minutes are summarised as they fill. What stays is one float of onset strength per frame for the beats
    (1.2 MB per hour) and about 5 kB per half minute.
    """

    def __init__(self, sample_rate_hz: float) -> None:
        """Take mono blocks at ``sample_rate_hz``; :class:`UsageError` for an impossible rate."""
        super().__init__(
            sample_rate_hz, n_fft=tempogram.N_FFT, hop_length=tempogram.HOP_LENGTH, segment_frames=SEGMENT_FRAMES
        )
        self._strengths: list[Float32] = []
        self._logits: list[Float64] = []
        self._correlations: list[Float32] = []
        self._heard: list[bool] = []
        self._onsets: list[tuple[Onsets, int]] = []

    def _reduce(self, spectra: Complex64) -> Float32:
        return tempogram.mel_frames(squared_magnitude(spectra))

    def _summarise(self, rows: Float32) -> None:
        loud = float(rows.max(initial=0.0)) > SILENCE
        strength = np.zeros((len(rows), tempogram.STREAMS), np.float32)
        if loud:
            bands = tempogram.whitened(rows)
            flux = tempogram.rises(bands)
            strength = tempogram.onset_strength(rows, bands, flux)
            self._onsets.append((onsets_of(rows, flux), len(rows)))
        features, correlation = tempogram.candidate_features(strength)
        self._strengths.append(strength[:, tempogram.ALL_BANDS].copy())
        self._logits.append(load_scorer()(features)[:, 0])
        self._correlations.append(correlation[:, tempogram.ALL_BANDS].astype(np.float32))
        self._heard.append(has_pulse(self._strengths[-1], self._correlations[-1]))

    def _conclude(self) -> TempoEstimate:
        lengths = np.array([len(strength) for strength in self._strengths], np.float64)
        heard = np.array(self._heard, bool)
        if lengths.sum() < MIN_FRAMES:
            return NO_TEMPO
        onsets = mean_of(*zip(*self._onsets, strict=True)) if self._onsets else None
        if not heard.any():
            return replace(NO_TEMPO, onsets=onsets)
        weight = lengths * heard / (lengths * heard).sum()
        logits = weight @ np.array(self._logits)
        correlation = weight @ np.array(self._correlations, np.float64)
        chances = softmax(logits)
        tempo_bpm = refine(correlation, float(tempogram.TEMPOS_BPM[int(logits.argmax())]))
        related = [tempo_bpm * ratio for ratio in _RELATED if _LEAST_BPM <= tempo_bpm * ratio <= _MOST_BPM]
        related.sort(key=lambda bpm: -_chance(chances, bpm))
        periods = [
            np.full(int(length), self._local_period(index, logits, tempo_bpm)) for index, length in enumerate(lengths)
        ]
        beats_s = track_beats(np.concatenate(self._strengths), np.concatenate(periods), tempogram.FRAME_RATE_HZ)
        return TempoEstimate(tempo_bpm, min(1.0, _chance(chances, tempo_bpm)), tuple(related), beats_s, onsets)

    def _local_period(self, index: int, logits: Float64, tempo_bpm: float) -> float:
        """Beat period in frames of one half minute: its own tempo where that is near the whole recording's."""
        near = np.abs(np.log2(tempogram.TEMPOS_BPM / tempo_bpm)) < 0.35
        both = np.where(near, self._logits[index] + logits, -np.inf)
        local_bpm = refine(
            self._correlations[index].astype(np.float64), float(tempogram.TEMPOS_BPM[int(both.argmax())])
        )
        return 60.0 * tempogram.FRAME_RATE_HZ / (local_bpm if len(self._logits) > 1 else tempo_bpm)


def _chance(chances: Float64, tempo_bpm: float) -> float:
    """Probability of the candidates within 4 % of a tempo."""
    return float(chances[np.abs(tempogram.TEMPOS_BPM / tempo_bpm - 1.0) <= 0.04].sum())


def _at(correlation: Float64, lags: Float64) -> Float64:
    values: Float64 = np.interp(lags, np.arange(len(correlation)), correlation, right=0.0)
    return values


def has_pulse(strength: Float32, correlation: Float32) -> bool:
    """Whether onsets recur more regularly than chance would have it in a segment of this length."""
    if not strength.any():
        return False
    periods = 60.0 * tempogram.FRAME_RATE_HZ / tempogram.TEMPOS_BPM
    pulse = _at(correlation.astype(np.float64), periods[:, None] * np.arange(1.0, 5.0)).mean(axis=1).max()
    skew = float(np.mean(strength**3) / np.mean(strength**2) ** 1.5)
    least = MIN_PULSE_SHARP if skew >= SHARP_SKEW else MIN_PULSE_BLUNT
    seconds = len(strength) / tempogram.FRAME_RATE_HZ
    return bool(pulse >= least * max(1.0, 15.0 / seconds) ** 0.75)


def refine(correlation: Float64, tempo_bpm: float) -> float:
    """The tempo within 3 % of a candidate whose first beats and bars correlate best; resolution 0.1 %."""
    ratios = 1.0 + np.arange(-30, 31) / 1000.0
    lags = 60.0 * tempogram.FRAME_RATE_HZ / (tempo_bpm * ratios[:, None]) * np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
    fits = _at(correlation, lags).sum(axis=1) - 2.0 * np.square(ratios - 1.0) / 0.03**2 * 0.02
    return float(tempo_bpm * ratios[int(fits.argmax())])
