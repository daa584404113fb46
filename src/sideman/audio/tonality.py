"""Key and tuning of a recording, one-shot or streaming, with a confidence and the next most probable keys.

The pitch-class profile of each half minute (:mod:`~sideman.audio.pitch_class`) is tuned and averaged; the key is the
one whose published profiles it correlates with best (:mod:`~sideman.audio.key_profiles`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio import pitch_class
from sideman.audio.framing import ANALYSIS_RATE_HZ
from sideman.audio.key_profiles import confidence, key_correlations
from sideman.audio.segments import SegmentTracker
from sideman.audio.spectrum import Complex64

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MODES = ("major", "minor")
FRAME_RATE_HZ = ANALYSIS_RATE_HZ / pitch_class.HOP_LENGTH
SEGMENT_FRAMES = round(30.0 * FRAME_RATE_HZ)
MIN_SECONDS = 1.0
MIN_PERSISTENCE = 0.06
"""Least likeness of spectra 0.37 s apart; white and brown noise stay below (see docs/tempo-and-key.md)."""
SILENCE = 1e-4


@dataclass(frozen=True)
class KeyEstimate:
    """What :func:`estimate_key` heard.

    Attributes
    ----------
    key
        Such as ``"A minor"`` or ``"C# major"`` (sharps only), or None where nothing tonal sounds for a second.
    tonic, mode
        Pitch class with C = 0, and ``"major"`` or ``"minor"``; None with the key.
    confidence
        Probability, 0-1, that the key is right; 0 where it is None.
    alternatives
        The three next best keys, best first.
    tuning_cents
        Deviation from A = 440 Hz, within -50..50; 0.0 where there is no key.
    """

    key: str | None
    tonic: int | None
    mode: str | None
    confidence: float
    alternatives: tuple[str, ...] = ()
    tuning_cents: float = 0.0


NO_KEY = KeyEstimate(None, None, None, 0.0)


def estimate_key(y: ArrayLike, sample_rate_hz: float) -> KeyEstimate:
    """Key of mono samples, shape (n,), any scale.

    Raises
    ------
    AudioError
        NaN, infinite or multi-channel samples.
    UsageError
        A sample rate outside 1-1,000,000 Hz.
    """
    tracker = KeyTracker(sample_rate_hz)
    tracker.update(y)
    return tracker.result()


class KeyTracker(SegmentTracker[KeyEstimate]):
    """Key of a signal that arrives in blocks of any length; the result does not depend on how it is cut.

    Memory is constant: half minutes are summed into one profile as they fill, each in its own tuning.
    """

    def __init__(self, sample_rate_hz: float) -> None:
        """Take mono blocks at ``sample_rate_hz``; :class:`UsageError` for an impossible rate."""
        super().__init__(
            sample_rate_hz,
            n_fft=pitch_class.N_FFT,
            hop_length=pitch_class.HOP_LENGTH,
            segment_frames=SEGMENT_FRAMES,
        )
        self._profile: Float64 = np.zeros(12)
        self._tuning = 0j
        self._persistence = 0.0
        self._weight = 0.0

    def _reduce(self, spectra: Complex64) -> Float32:
        return pitch_class.magnitude_frames(spectra)

    def _summarise(self, rows: Float32) -> None:
        if not rows.max(initial=0.0) > SILENCE:
            return
        profile, tuning, persistence, weight = pitch_class.profile(rows)
        self._profile += weight * profile
        self._tuning += weight * np.exp(2j * np.pi * tuning)
        self._persistence += weight * persistence
        self._weight += weight

    def _conclude(self) -> KeyEstimate:
        if self._weight < MIN_SECONDS * FRAME_RATE_HZ or self._persistence < MIN_PERSISTENCE * self._weight:
            return NO_KEY
        correlations = key_correlations(self._profile)
        order = np.argsort(-correlations, kind="stable")
        names = [f"{NAMES[index // 2]} {MODES[index % 2]}" for index in order]
        tonic, mode = divmod(int(order[0]), 2)
        tuning_cents = float(np.angle(self._tuning) / (2.0 * np.pi) * 100.0)
        return KeyEstimate(names[0], tonic, MODES[mode], confidence(correlations), tuple(names[1:4]), tuning_cents)
