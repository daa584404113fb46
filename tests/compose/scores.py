"""Scores that the compose tests draw and write."""

import numpy as np
from hypothesis import strategies as st

from sideman.symbolic.midi import write_midi
from sideman.symbolic.score import METRES, Score, Track, sort_notes

PROGRAMS = (0, 24, 33, 48, 73)


def track(program, rows):
    return Track(program, sort_notes(np.asarray(rows, np.int64).reshape(-1, 4)))


@st.composite
def raw_scores(draw, ticks_per_quarter=None):
    """Notes, tempi and metres off the grid, on any time base."""
    tpq = ticks_per_quarter or draw(st.sampled_from((12, 96, 120, 480)))
    note = st.tuples(st.integers(0, 24 * tpq), st.integers(1, 10 * tpq), st.integers(20, 110), st.integers(1, 127))
    programs = draw(st.lists(st.sampled_from((*PROGRAMS, 128)), min_size=1, max_size=4))
    tracks = tuple(track(p, draw(st.lists(note, min_size=1, max_size=15))) for p in programs)
    tick = st.integers(1, 30 * tpq)
    tempos = draw(st.dictionaries(tick, st.floats(20, 300), max_size=3)) | {0: draw(st.floats(20, 300))}
    metre = st.sampled_from((*METRES, (11, 8), (13, 16)))
    metres = draw(st.dictionaries(tick, metre, max_size=3)) | {0: draw(metre)}
    return Score(tracks, tpq, tuple(sorted(tempos.items())), tuple((t, *m) for t, m in sorted(metres.items())))


def same(a, b):
    """Whether notes, tempi and metres are equal."""
    return (
        a.tempos == b.tempos
        and a.metres == b.metres
        and [t.program for t in a.tracks] == [t.program for t in b.tracks]
        and all(np.array_equal(x.notes, y.notes) for x, y in zip(a.tracks, b.tracks, strict=True))
    )


def tune(seed, bars=8, *, metre=(4, 4), with_bass=True):
    """A melody drawn by chance in C major on a flute, and a bass."""
    rng = np.random.default_rng(seed)
    scale = (60, 62, 64, 65, 67, 69, 71, 72)
    length = 48 * metre[0] // metre[1]
    rows, at, step = [], 0, 0
    while at < bars * length:
        step = int(np.clip(step + rng.integers(-3, 4), 0, 7))
        duration = int(min(rng.choice((3, 6, 6, 12)), bars * length - at))
        rows.append((at, duration, scale[step], 72))
        at += duration
    bass = [
        (bar * length + i, 12, 36 + int(rng.choice((0, 5, 7))), 88) for bar in range(bars) for i in range(0, length, 12)
    ]
    tracks = (track(33, bass), track(73, rows)) if with_bass else (track(73, rows),)
    return Score(tracks, tempos=((0, 110.0),), metres=((0, *metre),))


def write_tunes(folder, n, *, first=0, bars=8):
    """MIDI files of tunes; their paths."""
    folder.mkdir(exist_ok=True)
    paths = []
    for seed in range(first, first + n):
        paths.append(folder / f"tune{seed}.mid")
        write_midi(tune(seed, bars), paths[-1])
    return paths
