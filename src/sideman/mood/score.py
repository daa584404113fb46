"""Valence and arousal of a score by rules: no model, nothing learnt, so that any build of weights may use them.

Arousal follows events per second, loudness and tempo; valence follows mode, then register and arousal (direction of
effects: Gabrielsson, Lindström 2010, "The role of structure in the musical expression of emotions"). The scales
are set so that the middle of a mixed collection of scores is near 0; `bench/mood_rules.py` says how often the signs
agree with listeners.
"""

from __future__ import annotations

import numpy as np

from sideman.symbolic.analysis import estimate_key
from sideman.symbolic.score import PITCH, START, VELOCITY, Score


def mood_of_score(score: Score) -> tuple[float, float]:
    """Valence and arousal of a score, each -1..1; (0, 0) without notes."""
    tracks = [t for t in score.tracks if len(t.notes)]
    if not tracks:
        return 0.0, 0.0
    duration_s = max(score.duration_s, 0.5)
    onsets = np.unique(np.concatenate([t.notes[:, START] for t in tracks]))
    rate = len(onsets) / duration_s
    velocity = float(np.concatenate([t.notes[:, VELOCITY] for t in tracks]).mean())
    arousal = 0.75 * np.log2(max(rate, 0.1) / 4.5) + 0.02 * (velocity - 72) + 0.5 * np.log2(score.tempo_bpm / 112)
    valence = 0.3 * arousal - 0.25
    estimate = estimate_key(score)
    if estimate is not None:
        tones = np.concatenate([t.notes[:, PITCH] for t in tracks if not t.is_drums])
        valence += 2.5 * estimate.majorness + 0.02 * (float(tones.mean()) - 62)
    return float(np.tanh(valence)), float(np.tanh(arousal))
