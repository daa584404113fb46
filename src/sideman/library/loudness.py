"""Integrated loudness (EBU R128, ITU-R BS.1770-5) and peak of a recording that arrives in pieces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sideman.symbolic.loudness import gated_loudness, weighted_power

_SURROUND = {5: (1, 1, 1, 1.41, 1.41), 6: (1, 1, 1, 0, 1.41, 1.41), 8: (1, 1, 1, 0, 1.41, 1.41, 1.41, 1.41)}
"""Weights of the channels in the order of WAVE: left, right, centre, low frequencies (not heard), surround."""


class LoudnessMeter:
    """Takes (n, channels) blocks at the file's own rate; memory grows by 80 bytes per second heard."""

    def __init__(self) -> None:
        """Start before the first sample."""
        self._rest: NDArray[np.float32] | None = None
        self._rate_hz = 0
        self._power: list[NDArray[np.float64]] = []
        self._peak = 0.0

    def update(self, block: NDArray[np.float32], rate_hz: int) -> None:
        """Add samples; senseless ones (NaN, infinite) leave the results not finite."""
        if not len(block):
            return
        self._rate_hz = rate_hz
        self._peak = max(self._peak, float(block.max()), -float(block.min()))
        step = round(rate_hz / 10)
        joined = block.T if self._rest is None else np.concatenate([self._rest, block.T], axis=1)
        whole = joined.shape[1] - joined.shape[1] % step
        if whole:
            self._power.append(self._weigh(joined[:, :whole]))
        self._rest = np.ascontiguousarray(joined[:, whole:])

    def result(self) -> tuple[float | None, float | None]:
        """Loudness in LUFS and highest sample in dBFS; None for silence, or too short to tell (0.4 s)."""
        if self._rest is not None and self._rest.size and not self._power:
            self._power.append(self._weigh(self._rest))
        peak_db = 20 * float(np.log10(self._peak)) if 0 < self._peak < np.inf else None
        if not self._power:
            return None, peak_db
        loudness = gated_loudness(np.concatenate(self._power))
        return (loudness if np.isfinite(loudness) else None), peak_db

    def _weigh(self, channels: NDArray[np.float32]) -> NDArray[np.float64]:
        weights = _SURROUND.get(len(channels))
        if weights is None:
            return weighted_power(channels, self._rate_hz)
        total = np.zeros(-(-channels.shape[1] // round(self._rate_hz / 10)))
        for channel, weight in zip(channels, weights, strict=True):
            if weight:
                total += weight * weighted_power(channel[None], self._rate_hz)
        return total
