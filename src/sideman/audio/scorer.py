"""The small network that scores tempo candidates: plain arrays in ``tempo.npz``, one hidden layer.

The same weights score every candidate, so a score depends on what the features say of the candidate and not on which
one it is. ``bench/fit_tempo.py`` fits them on rendered MIDI and rule-made music only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
WEIGHTS_FILE = "tempo.npz"


@dataclass(frozen=True)
class Scorer:
    """``tanh((x - mean) / scale @ hidden + hidden_bias) @ out + out_bias``, divided by ``temperature``."""

    mean: Float64
    scale: Float64
    hidden: Float64
    hidden_bias: Float64
    out: Float64
    out_bias: Float64
    temperature: float

    def __call__(self, features: Float64) -> Float64:
        """Features (candidates, f) to calibrated logits (candidates, outputs)."""
        x = np.clip((features - self.mean) / self.scale, -5.0, 5.0)
        logits: Float64 = (np.tanh(x @ self.hidden + self.hidden_bias) @ self.out + self.out_bias) / self.temperature
        return logits


@lru_cache(maxsize=1)
def load_scorer() -> Scorer:
    """The scorer of tempo candidates."""
    with (
        resources.files("sideman.audio").joinpath(WEIGHTS_FILE).open("rb") as stream,
        np.load(stream, allow_pickle=False) as table,
    ):
        part = {name: table[name].astype(np.float64) for name in Scorer.__dataclass_fields__}
    return Scorer(**{**part, "temperature": float(part["temperature"])})


def softmax(logits: Float64) -> Float64:
    """Probabilities over all entries of ``logits``."""
    power = np.exp(logits - logits.max())
    chances: Float64 = power / power.sum()
    return chances
