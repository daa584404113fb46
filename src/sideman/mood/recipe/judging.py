"""How often signs and quadrants are right, with intervals over songs and what guessing would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Signs = NDArray[np.int_]
_DRAWS = 2000


def figures_of(
    log_odds: Floats, signs: Signs, songs: Sequence[str], confidence: Floats | None = None
) -> dict[str, Any]:
    """Shares of right answers for log odds (n, 2) of valence and arousal.

    Args:
        log_odds: what the model says, (n, 2).
        signs: what listeners said, (n, 2): -1 or 1, 0 where they did not.
        songs: the song of each row; intervals are drawn over songs.
        confidence: (n,), whose mean is told beside the share of right quadrants.

    Returns:
        ``pieces``, ``songs``, and for ``valence``, ``arousal``, ``quadrant``, where listeners told it: ``right``,
        ``interval_95`` and ``chance``, the share of the commonest answer.
    """
    group = np.unique(np.asarray(songs), return_inverse=True)[1]
    told: dict[str, Any] = {"pieces": len(signs), "songs": int(group.max()) + 1}
    right = log_odds * signs > 0
    for column, name in enumerate(("valence", "arousal")):
        if (known := signs[:, column] != 0).any():
            told[name] = _share(right[known, column], group[known], signs[known, column])
    if (known := (signs != 0).all(1)).any():
        told["quadrant"] = _share(right[known].all(1), group[known], 2 * signs[known, 0] + signs[known, 1])
        if confidence is not None:
            told["mean_confidence"] = round(float(confidence[known].mean()), 3)
    return told


def _share(right: NDArray[np.bool_], group: NDArray[np.int_], classes: Signs) -> dict[str, Any]:
    count = np.bincount(group).astype(np.float64)
    hits = np.bincount(group, right, len(count))
    there = np.flatnonzero(count)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(there), np.full(len(there), 1 / len(there)), _DRAWS)
    shares = (drawn @ hits[there]) / (drawn @ count[there])
    return {
        "right": round(float(right.mean()), 3),
        "interval_95": [round(float(edge), 3) for edge in np.quantile(shares, (0.025, 0.975))],
        "chance": round(float(np.unique(classes, return_counts=True)[1].max() / len(classes)), 3),
    }
