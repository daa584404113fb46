"""The published key profile, the correlation of a pitch-class profile with it, and how sure that makes a key.

Nothing but the confidence is fitted: correlating with all 24 rotations follows C. Krumhansl and E. Kessler
(Psychological Review 89, 1982). Profiles of classical scores (Temperley 2007, Albrecht and Shanahan 2013) do better on
rendered scores and worse on recordings of popular music.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

PROFILES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
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
    """Mean Pearson correlation, -1..1, of a chroma (12,), C first, with the profiles at each key: (24,)."""
    unit = _standard(np.asarray(profile, dtype=np.float64))
    mean: Float64 = np.mean([templates(name) @ unit for name in PROFILES], axis=0)
    return mean


def confidence(correlations: Float64) -> float:
    """Probability, 0-1, that the best of the 24 keys is right (see ``bench/fit_key.py``)."""
    second, best = np.sort(correlations)[-2:]
    constant, by_margin, by_best = CONFIDENCE
    return float(1.0 / (1.0 + np.exp(-(constant + by_margin * (best - second) + by_best * best))))
