"""How lively a stretch of sound is: strong onsets per second, and how far its loud moments stand out.

Neither depends on gain or on a fixed equaliser, and both hold over instruments: what is played counts, not by whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.audio import tempogram

Float32 = NDArray[np.float32]

LEAST_RISE = 0.13
"""Of an onset: mean over the bands of the rise of log power; soft, legato music stays below."""
_APART = 7  # frames, 81 ms: one onset has one peak
_LOUD = 0.95


@dataclass(frozen=True)
class Onsets:
    """What :func:`onsets_of` counts.

    Attributes:
        per_second: strong onsets per second, 0 or more.
        crest_db: level of the loud moments (95th percentile of the frames' power) over the mean power, in dB; lower
            where the sound is dense and even.
    """

    per_second: float
    crest_db: float


def onsets_of(mels: Float32, flux: Float32 | None = None) -> Onsets:
    """Onsets of mel power (t, 40) of a segment, as :func:`sideman.audio.tempogram.mel_frames` gives it; not silent.

    ``flux`` is what :func:`sideman.audio.tempogram.rises` made of it, where that is at hand.
    """
    from scipy.ndimage import maximum_filter1d

    flux = tempogram.rises(tempogram.whitened(mels)) if flux is None else flux
    rise = flux.mean(axis=1)
    rise[: tempogram.EDGE_FRAMES] = 0.0  # the step from the padding into the signal is no onset
    peaks = (rise >= maximum_filter1d(rise, _APART)) & (rise > LEAST_RISE)
    power = mels.sum(axis=1, dtype=np.float64)
    crest_db = 10.0 * np.log10(max(float(np.quantile(power, _LOUD)) / float(power.mean()), 1e-3))
    return Onsets(float(peaks.sum()) * tempogram.FRAME_RATE_HZ / len(mels), float(crest_db))


def mean_of(parts: Sequence[Onsets], lengths: Sequence[float]) -> Onsets:
    """Onsets of segments, weighted by their ``lengths``, whose sum is positive."""
    share = np.array(lengths, np.float64) / sum(lengths)
    return Onsets(
        float(share @ np.array([part.per_second for part in parts])),
        float(share @ np.array([part.crest_db for part in parts])),
    )
