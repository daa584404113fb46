"""Small pieces that the tests write, draw and play."""

import numpy as np

from sideman.symbolic.score import Score, Track, sort_notes


def track(program, rows, name=""):
    return Track(program, sort_notes(np.asarray(rows, np.int64).reshape(-1, 4)), name)


def band(bars=4):
    """Piano chords, bass, flute and drums, in twelfths of a quarter note."""
    drums, bass, piano, flute = [], [], [], []
    for bar in range(bars):
        begin, root = bar * 48, (60, 57, 53, 55)[bar % 4]
        drums += [(begin + 6 * i, 1, 42, 72) for i in range(8)]
        drums += [(begin + i, 1, key, 104) for i, key in ((0, 36), (12, 38), (24, 36), (36, 38))]
        bass += [(begin + 6 * i, 5, root - 24, 88) for i in range(8)]
        piano += [(begin + 12 * i, 12, root + k, 72) for i in range(4) for k in (0, 4, 7)]
        flute += [(begin + 4 * i, 4, 72 + i, 88) for i in range(12)]
    parts = (track(0, piano), track(33, bass), track(73, flute), track(128, drums))
    return Score(parts, tempos=((0, 110.36),), key=(0, False), title="Four bars")
