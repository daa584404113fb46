"""Key and tuning of a recording, one-shot or streaming, with a confidence and the next most probable keys.

The pitch-class profile of each half minute (:mod:`~sideman.audio.pitch_class`) is tuned and averaged; the key is the
one whose published profiles it correlates with best (:mod:`~sideman.audio.key_profiles`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.audio import pitch_class
from sideman.audio.framing import ANALYSIS_RATE_HZ, FrameStream, Resampler
from sideman.audio.key_profiles import confidence, key_correlations

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


class KeyTracker:
    """Key of a signal that arrives in blocks of any length; the result does not depend on how it is cut.

    Memory is constant: half minutes are summed into one profile as they fill, each in its own tuning.
    """

    def __init__(self, sample_rate_hz: float) -> None:
        """Take mono blocks at ``sample_rate_hz``; :class:`UsageError` for an impossible rate."""
        self._resampler = Resampler(sample_rate_hz)
        self._frames = FrameStream(pitch_class.N_FFT, pitch_class.HOP_LENGTH)
        self._magnitudes: list[Float32] = []
        self._buffered_n = 0
        self._profile: Float64 = np.zeros(12)
        self._tuning = 0j
        self._persistence = 0.0
        self._weight = 0.0
        self._result: KeyEstimate | None = None

    def update(self, block: ArrayLike) -> None:
        """Add samples, shape (n,), n >= 0; :class:`AudioError` for NaN, infinite or multi-channel samples."""
        if self._result is not None:
            raise RuntimeError("this tracker has given its result: start a new one")
        self._push(self._resampler.push(block), last=False)

    def result(self) -> KeyEstimate:
        """The estimate over everything heard; ends the stream, later calls return the same."""
        if self._result is None:
            self._push(self._resampler.push(np.zeros(0, np.float32), last=True), last=True)
            self._result = self._conclude()
        return self._result

    def _push(self, samples: Float32, *, last: bool) -> None:
        spectra = self._frames.push(samples, last=last)
        if len(spectra):
            self._magnitudes.append(pitch_class.magnitude_frames(spectra))
            self._buffered_n += len(spectra)
        while self._buffered_n >= 3 * SEGMENT_FRAMES // 2:
            joined = np.concatenate(self._magnitudes)
            self._summarise(joined[:SEGMENT_FRAMES])
            self._magnitudes, self._buffered_n = [joined[SEGMENT_FRAMES:]], len(joined) - SEGMENT_FRAMES
        if last and self._magnitudes:
            self._summarise(np.concatenate(self._magnitudes))
            self._magnitudes, self._buffered_n = [], 0

    def _summarise(self, magnitudes: Float32) -> None:
        if not magnitudes.max(initial=0.0) > SILENCE:
            return
        profile, tuning, persistence, weight = pitch_class.profile(magnitudes)
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
