"""Rendering: `python bench/render.py [--soundfont FILE ...] [--midi FILE ...]` prints speed, loudness and peak.

The standard piece has four tracks (piano, bass, flute, drums) and 64 bars. The real-time factor is seconds of sound per
second of processor time, the best of three, after one run that loads the SoundFont and the libraries.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from sideman.symbolic.loudness import integrated_loudness
from sideman.symbolic.midi import read_midi
from sideman.symbolic.render import find_soundfont, render
from sideman.symbolic.score import Score, Track, sort_notes

RATE_HZ = 44_100


def standard_piece(bars: int = 64) -> Score:
    """Chords in quarters, bass and hi-hat in eighths, a drawn melody."""
    rng = np.random.default_rng(1)
    rows: dict[int, list[tuple[int, int, int, int]]] = {0: [], 33: [], 73: [], 128: []}
    for bar in range(bars):
        begin, root = bar * 48, (60, 57, 53, 55)[bar % 4]
        rows[0] += [(begin + 12 * i, 12, root + k, 72) for i in range(4) for k in (0, 4, 7)]
        rows[33] += [(begin + 6 * i, 5, root - 24, 88) for i in range(8)]
        rows[73] += [(begin + 6 * i, 6, int(rng.choice([72, 74, 76, 77, 79, 81, 83])), 88) for i in range(8)]
        rows[128] += [(begin + 6 * i, 1, 42, 72) for i in range(8)]
        rows[128] += [(begin + i, 1, key, 104) for i, key in ((0, 36), (12, 38), (24, 36), (36, 38))]
    tracks = tuple(Track(program, sort_notes(np.asarray(notes, np.int64))) for program, notes in rows.items())
    return Score(tracks, tempos=((0, 110.0),), title="standard piece")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--soundfont", type=Path, nargs="*", default=[])
    parser.add_argument("--midi", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    pieces = [standard_piece(), *(read_midi(path) for path in options.midi)]
    names = ["standard piece", *(path.name for path in options.midi)]
    for font in [find_soundfont(), *options.soundfont]:
        for name, score in zip(names, pieces, strict=True):
            samples, best_s = render(score, soundfont=font), np.inf
            for _ in range(3):
                begin = time.process_time()
                samples = render(score, soundfont=font)
                best_s = min(best_s, time.process_time() - begin)
            length_s = len(samples) / RATE_HZ
            peak_db = 20 * np.log10(np.abs(samples).max())
            print(
                f"{font.name:28} {name[:32]:32} {len(score.tracks):2} tracks {score.n_notes:5} notes {length_s:6.1f} s "
                f"x{length_s / best_s:5.0f} {integrated_loudness(samples, RATE_HZ):6.2f} LUFS {peak_db:6.2f} dBFS"
            )


if __name__ == "__main__":
    main()
