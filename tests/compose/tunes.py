"""Small folders of made-up MIDI files to train on."""

from pathlib import Path

import numpy as np

from sideman.symbolic.midi import write_midi
from sideman.symbolic.score import GRID, Score, Track

SCALE = np.asarray([60, 62, 64, 65, 67, 69, 71, 72])


def tune(seed: int, *, bars: int = 6, program: int = 0) -> Score:
    """A random walk in C major, eighths and quarters."""
    rng = np.random.default_rng(seed)
    lengths = rng.choice([GRID // 2, GRID], bars * 8)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    kept = starts < bars * 4 * GRID
    steps = np.abs(np.cumsum(rng.integers(-2, 3, len(lengths)))) % len(SCALE)
    notes = np.column_stack([starts, lengths, SCALE[steps], np.full(len(starts), 80)])[kept]
    return Score((Track(program, notes.astype(np.int64)),), tempos=((0, 120.0),), metres=((0, 4, 4),))


def write_tunes(folder: Path, genres: dict[str, int]) -> Path:
    """``folder`` with so many tunes of each genre; "" for tunes directly in it."""
    for i, (genre, n) in enumerate(sorted(genres.items())):
        (folder / genre).mkdir(parents=True, exist_ok=True)
        for k in range(n):
            write_midi(tune(1000 * i + k, program=24 * i), folder / genre / f"tune-{k}.mid")
    return folder
