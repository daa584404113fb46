"""Published key profiles, the mean correlation of a pitch-class profile with them, and how sure that makes a key.

Nothing but the confidence is fitted: correlating with all 24 rotations follows C. Krumhansl and E. Kessler
(Psychological Review 89, 1982), and the mean over profiles of three corpora is sounder than any one of them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

PROFILES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    # D. Temperley, Music and Probability, MIT Press 2007: shares of bars of classical music that hold each degree.
    "temperley-2007": (
        (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
        (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
    ),
    # J. Albrecht and D. Shanahan, Music Perception 31(1), 2013: 490 pieces, major and minor told apart best.
    "albrecht-shanahan-2013": (
        (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
        (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    ),
    # A. Faraldo, S. Jorda and P. Herrera, AES Semantic Audio 2017 ("bgate"): audio of electronic and popular music,
    # with the lowered seventh that classical corpora lack.
    "faraldo-2017": (
        (1.00, 0.00, 0.42, 0.00, 0.53, 0.37, 0.00, 0.77, 0.00, 0.38, 0.21, 0.30),
        (1.00, 0.00, 0.36, 0.39, 0.00, 0.38, 0.00, 0.74, 0.27, 0.00, 0.42, 0.23),
    ),
}

CONFIDENCE = (-3.33, 5.33, 4.17)
"""Logistic regression of "the key is right": constant, margin to the second best, correlation of the best."""


def _standard(rows: Float64) -> Float64:
    """Rows less their mean, at unit length; constant rows become zero."""
    centred = rows - rows.mean(axis=-1, keepdims=True)
    norm = np.linalg.norm(centred, axis=-1, keepdims=True)
    unit: Float64 = centred / np.where(norm > 1e-12, norm, np.inf)
    return unit


@lru_cache(maxsize=8)
def templates(name: str) -> Float64:
    """A profile at all keys, standardised, shape (24, 12): row 2 * tonic is major, row 2 * tonic + 1 minor."""
    rows = [np.roll(mode, tonic) for tonic in range(12) for mode in PROFILES[name]]
    return _standard(np.array(rows))


def key_correlations(profile: Float64) -> Float64:
    """Mean Pearson correlation, -1..1, of a chroma (12,), C first, with the profiles of each key: (24,)."""
    unit = _standard(np.asarray(profile, dtype=np.float64))
    mean: Float64 = np.mean([templates(name) @ unit for name in PROFILES], axis=0)
    return mean


def confidence(correlations: Float64) -> float:
    """Probability, 0-1, that the best of the 24 keys is right (see ``bench/fit_key.py``)."""
    second, best = np.sort(correlations)[-2:]
    constant, by_margin, by_best = CONFIDENCE
    return float(1.0 / (1.0 + np.exp(-(constant + by_margin * (best - second) + by_best * best))))
