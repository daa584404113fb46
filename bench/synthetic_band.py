"""A small rule-made band: drum patterns, chord loops and bass lines whose tempo and key are known by construction.

It supplies the idioms that the open MIDI sets lack (blues, rock, funk, reggae, hip-hop, disco, metal, country) as
tuning material. Notes are arrays of rows (onset in beats, duration in beats, pitch, velocity).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Notes = NDArray[np.float64]
KICK, STICK, SNARE, CLOSED, PEDAL, OPEN, CRASH, RIDE, TAMB, CLAP = 36, 37, 38, 42, 44, 46, 49, 51, 54, 39

# Chord loops, one entry per bar: semitones above the tonic and quality. Blues loops use dominant sevenths.
MAJOR_LOOPS = [
    "0M 5M 7M 5M", "0M 7M 9m 5M", "0M 9m 5M 7M", "0M 10M 5M 0M", "0M 5M 0M 7M", "0M 0M 5M 0M", "0M 2m 5M 7M",
    "0M 4m 5M 7M", "5M 7M 0M 0M", "0M 5M", "0M 10M", "9m 5M 0M 7M", "2m 7M 0M 0M", "0M 7M", "0M 5M 10M 5M", "0M",
]  # fmt: skip
MINOR_LOOPS = [
    "0m 10M 8M 10M", "0m 8M 3M 10M", "0m 5m 7m 0m", "0m 5m", "0m 10M", "0m", "0m 8M 10M 0m", "0m 5M", "0m 3M 10M 5m",
    "0m 5m 7M 0m", "0m 7m", "8M 10M 0m 0m", "0m 0m 5m 7M", "0m 1M", "0m 3M 5M 10M", "0m 8M 5m 7M",
]  # fmt: skip
BLUES = "07 57 07 07 57 57 07 07 77 57 07 77"
BLUES_MINOR = "0m 0m 0m 0m 5m 5m 0m 0m 8M 7M 0m 0m"
QUALITY = {"M": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "p": (0, 7, 12)}


@dataclass(frozen=True)
class Style:
    """A genre's usual tempo range (bpm), drum grid, swing of the eighths and instruments (General MIDI programs)."""

    name: str
    low_bpm: float
    high_bpm: float
    drums: tuple[tuple[int, str], ...]  # (drum, 16 characters over one 4/4 bar or 12 for ternary beats)
    swing: float  # share of the beat taken by its first eighth: 0.5 straight, 0.67 triplet
    bass: str
    chords: str
    programs: tuple[int, ...]
    minor: float  # share of minor keys
    blues: float = 0.0


def _s(name: str, low: float, high: float, drums: dict[int, str], bass: str, chords: str, programs: tuple[int, ...],
       *, minor: float, swing: float = 0.5, blues: float = 0.0) -> Style:  # fmt: skip
    return Style(name, low, high, tuple(drums.items()), swing, bass, chords, programs, minor, blues)


_ROCK = (29, 30, 27, 25)
_KEYS = (0, 4, 16, 25, 48, 27)
STYLES = [
    _s("rock", 85, 165, {KICK: "x.....x.x.x.....", SNARE: "....x.......x...", CLOSED: "x.x.x.x.x.x.x.x."},
       "xxxxxxxx", "x...x...x...x...", _ROCK, minor=0.35),
    _s("hard rock", 100, 180, {KICK: "x.x.....x.x.....", SNARE: "....x.......x...", CRASH: "x...x...x...x..."},
       "xxxxxxxx", "x.x.x.x.x.x.x.x.", (30, 29), minor=0.6),
    _s("ballad", 58, 92, {KICK: "x.......x.x.....", SNARE: "....x.......x...", CLOSED: "x.x.x.x.x.x.x.x."},
       "x...x...", "x.......x.......", _KEYS, minor=0.3),
    _s("sixteenths", 70, 105, {KICK: "x..x..x...x..x..", SNARE: "....x.......x..x", CLOSED: "xxxxxxxxxxxxxxxx"},
       "x.xx.x.x", "x..x..x.x..x..x.", (4, 27, 28, 7), minor=0.5),
    _s("disco", 108, 132, {KICK: "x...x...x...x...", SNARE: "....x.......x...", OPEN: "..x...x...x...x."},
       "xoxoxoxo", "..x...x...x...x.", (48, 27, 4, 61), minor=0.5),
    _s("house", 118, 135,
       {KICK: "x...x...x...x...", CLAP: "....x.......x...", OPEN: "..x...x...x...x.", CLOSED: "x" * 16},
       ".x.x.x.x", "x..x..x.x..x..x.", (81, 90, 4), minor=0.7),
    _s("hip-hop", 80, 104, {KICK: "x......x..x.....", SNARE: "....x.......x...", CLOSED: "x.x.x.x.x.x.x.x."},
       "x..x..x.", "x...............", (4, 0, 32, 48), minor=0.7),
    _s("hip-hop swung", 82, 100, {KICK: "x.....xx..x.....", SNARE: "....x.......x...", CLOSED: "x.x.x.x.x.xxx.x."},
       "x..x....", "x.....x.........", (4, 11, 48), minor=0.7, swing=0.58),
    _s("one drop", 62, 84, {STICK: "........x.......", KICK: "........x.......", CLOSED: "x.x.x.x.x.x.x.x."},
       "x..xx.x.", "..x...x...x...x.", (16, 27, 0), minor=0.45),
    _s("steppers", 66, 82, {KICK: "x...x...x...x...", STICK: "........x.......", CLOSED: "x.xxx.xxx.xxx.xx"},
       "x..xx.xx", "..x...x...x...x.", (16, 27, 28), minor=0.6, swing=0.6),
    _s("ska", 110, 150, {KICK: "x.......x.......", SNARE: "....x.......x...", CLOSED: "..x...x...x...x."},
       "x.x.x.x.", "..x...x...x...x.", (27, 16, 61), minor=0.25),
    _s("shuffle", 80, 150, {KICK: "x.......x.......", SNARE: "....x.......x...", RIDE: "x.x.x.x.x.x.x.x."},
       "x.x.x.x.", "x.x.x.x.x.x.x.x.", (27, 26, 29, 0), minor=0.2, swing=0.66, blues=0.75),
    _s("slow blues", 50, 76, {KICK: "x.....x.....", SNARE: "...x.....x..", RIDE: "xxxxxxxxxxxx"},
       "x.x.x.xx", "x.....x.....", (27, 16, 0, 26), minor=0.3, blues=0.8),
    _s("country train", 90, 128, {KICK: "x...x...x...x...", SNARE: "x.xxx.xxx.xxx.xx"},
       "x...o...", "....x.......x...", (25, 24, 105), minor=0.1),
    _s("two-beat", 95, 135, {KICK: "x.......x.......", SNARE: "....x.......x...", CLOSED: "x.x.x.x.x.x.x.x."},
       "x...o...", "....x.......x...", (25, 0, 21, 22), minor=0.1),
    _s("metal", 90, 200, {KICK: "xxxxxxxxxxxxxxxx", SNARE: "....x.......x...", CRASH: "x...x...x...x..."},
       "xxxxxxxx", "x.xxx.xxx.xxx.xx", (30,), minor=0.85),
    _s("thrash", 150, 215, {KICK: "x.x.x.x.x.x.x.x.", SNARE: "..x...x...x...x.", CLOSED: "x...x...x...x..."},
       "xxxxxxxx", "xxxxxxxxxxxxxxxx", (30,), minor=0.9),
    _s("half-time", 120, 160, {KICK: "x.....x.........", SNARE: "........x.......", CLOSED: "x...x...x...x..."},
       "x.x.x.x.", "x.......x.......", _ROCK, minor=0.6),
    _s("swing", 110, 230, {RIDE: "x...x.x.x...x.x.", PEDAL: "....x.......x...", KICK: "x......."},
       "x.x.x.x.", "..x.....x.....x.", (0, 26, 11), minor=0.35, swing=0.66, blues=0.3),
    _s("bossa", 115, 160, {KICK: "x.....xxx.....xx", STICK: "x.....x.....x...", CLOSED: "x.x.x.x.x.x.x.x."},
       "x..xx..x", "x..x....x..x..x.", (24, 4), minor=0.4),
    _s("no drums", 60, 140, {}, "x...x...", "x...x...x...x...", (0, 24, 25, 48, 46), minor=0.4),
    _s("strummed", 75, 150, {TAMB: "....x.......x..."}, "x...x...", "x.xx.xx.x.xx.xx.", (25, 24), minor=0.25),
]  # fmt: skip


def _beat_time(step: int, steps: int, swing: float) -> float:
    """Beat position of grid step `step` of `steps` in a 4/4 bar, with the swing of the eighth notes applied."""
    position = step * 4.0 / steps
    if steps == 12:
        return position
    whole, part = divmod(position, 1.0)
    return whole + (part / 0.5 * swing if part <= 0.5 else swing + (part - 0.5) / 0.5 * (1.0 - swing))


def drum_track(style: Style, bars: int, rng: np.random.Generator) -> Notes:
    rows = []
    keep = {drum: rng.random() < 0.9 for drum, _ in style.drums}
    for bar in range(bars):
        fill = bar % 4 == 3 and rng.random() < 0.4
        for drum, grid in style.drums:
            if not keep[drum]:
                continue
            for step, mark in enumerate(grid):
                ghost = drum in (KICK, SNARE) and mark == "." and rng.random() < 0.03
                if (mark != "x" and not ghost) or (fill and step >= 0.75 * len(grid) and drum in (CLOSED, RIDE, OPEN)):
                    continue
                accent = 100 if step % (len(grid) // 4) == 0 else 78
                velocity = accent * (0.45 if ghost else 1.0) + rng.normal(0, 8)
                rows.append((4.0 * bar + _beat_time(step, len(grid), style.swing), 0.2, drum, velocity))
        if fill:
            for step in range(12, 16):
                rows.append((4.0 * bar + _beat_time(step, 16, style.swing), 0.2, rng.choice([38, 41, 45, 48]), 90))
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def harmony(style: Style, bars: int, rng: np.random.Generator) -> tuple[int, str, list[tuple[int, str]]]:
    """A tonic (0-11), mode and one chord (root above the tonic, quality) per bar."""
    tonic = int(rng.integers(12))
    minor = rng.random() < style.minor
    if rng.random() < style.blues:
        text = BLUES_MINOR if minor else BLUES
    else:
        text = str(rng.choice(MINOR_LOOPS if minor else MAJOR_LOOPS))
    chords = [(int(token[:-1]), token[-1]) for token in text.split()]
    start = int(rng.integers(len(chords))) if len(chords) == 12 else 0
    return tonic, "minor" if minor else "major", [chords[(start + bar) % len(chords)] for bar in range(bars)]


def band(rng: np.random.Generator) -> tuple[list[tuple[int, bool, Notes]], float, int, str, str]:
    """One piece: tracks (program, is_drum, notes), tempo in bpm, tonic, mode and the style's name."""
    style = STYLES[int(rng.integers(len(STYLES)))]
    bpm = float(np.exp(rng.uniform(np.log(style.low_bpm), np.log(style.high_bpm))))
    bars = int(np.ceil(22.0 * bpm / 240.0)) + 1
    tonic, mode, chords = harmony(style, bars, rng)
    power = 30 in style.programs and rng.random() < 0.6
    tracks: list[tuple[int, bool, Notes]] = []
    if style.drums:
        tracks.append((0, True, drum_track(style, bars, rng)))
    bass, comp = [], []
    for bar, (root, quality) in enumerate(chords):
        low = 28 + (tonic + root - 4) % 12
        for step, mark in enumerate(style.bass):
            if mark != ".":
                walk = rng.choice([0, 0, 4 if quality in "M7" else 3, 7, 5]) if style.name == "swing" else 0
                pitch = low + walk + (12 if mark == "o" and style.name == "disco" else 7 if mark == "o" else 0)
                bass.append((4 * bar + _beat_time(2 * step, 16, style.swing), 0.45, pitch, 95 + rng.normal(0, 6)))
        shape = QUALITY["p" if power else quality]
        for step, mark in enumerate(style.chords):
            if mark == "x":
                at = 4 * bar + _beat_time(step, len(style.chords), style.swing)
                for degree in shape:
                    comp.append(
                        (at, 0.4 if style.chords.count("x") > 3 else 1.8, 52 + (tonic + root - 4) % 12 + degree, 80)
                    )
    tracks.append((int(rng.choice([32, 33, 34, 38])), False, np.array(bass)))
    tracks.append((int(rng.choice(style.programs)), False, np.array(comp)))
    if rng.random() < 0.75:
        tracks.append((int(rng.choice([52, 53, 65, 73, 80, 29, 11])), False, _melody(tonic, mode, chords, style, rng)))
    return tracks, bpm, tonic, mode, style.name


def _melody(tonic: int, mode: str, chords: list[tuple[int, str]], style: Style, rng: np.random.Generator) -> Notes:
    """A random walk over the (often pentatonic) scale that rests on chord tones; blue thirds in blues."""
    pentatonic = rng.random() < 0.6
    if mode == "minor" or (style.blues and rng.random() < 0.6):
        scale = [0, 3, 5, 7, 10] if pentatonic else [0, 2, 3, 5, 7, 8 if rng.random() < 0.6 else 9, 10]
    else:
        scale = [0, 2, 4, 7, 9] if pentatonic else [0, 2, 4, 5, 7, 9, 11 if rng.random() < 0.7 else 10]
    ladder = np.array([60 + tonic + 12 * octave + degree for octave in (-1, 0, 1) for degree in scale])
    place, rows = len(scale) + int(rng.integers(len(scale))), []
    for bar, (root, quality) in enumerate(chords):
        for step in range(8):
            if rng.random() < (0.7 if step % 2 == 0 else 0.4):
                place = int(np.clip(place + rng.integers(-2, 3), 0, len(ladder) - 1))
                if step == 0:
                    tones = [(tonic + root + degree) % 12 for degree in QUALITY[quality]]
                    fits = [i for i in range(len(ladder)) if ladder[i] % 12 in tones]
                    place = min(fits, key=lambda i: abs(i - place)) if fits else place
                rows.append(
                    (4 * bar + _beat_time(2 * step, 16, style.swing), rng.choice([0.4, 0.9, 1.4]), ladder[place], 92)
                )
    return np.array(rows, dtype=np.float64).reshape(-1, 4)
