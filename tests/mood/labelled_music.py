"""Small sets of labelled scores, laid out as the recipe of the mood model expects them."""

import csv

import numpy as np

from sideman.symbolic.midi import write_midi
from sideman.symbolic.score import Score, Track, sort_notes


def tune(valence: int, arousal: int, seed: int = 0, seconds: float = 4.0) -> Score:
    """A piano tune: major where pleasant, fast and loud where excited."""
    rng = np.random.default_rng(seed)
    scale = np.array((0, 4, 7, 12) if valence > 0 else (0, 3, 7, 12))
    step, velocity = (3, 110) if arousal > 0 else (12, 50)
    starts = np.arange(0, int(seconds * 24), step)  # 12 ticks a quarter at 120 bpm
    pitches = 60 + int(rng.integers(0, 6)) + rng.choice(scale, len(starts)) - 24 * (np.arange(len(starts)) % 4 == 0)
    notes = np.column_stack([starts, np.full_like(starts, step), pitches, np.full_like(starts, velocity)])
    return Score((Track(0, sort_notes(notes)),))


def write_sets(folder, clips: int = 2):
    """The three sets with ``clips`` pieces of each label, and catalog.csv."""
    rows = []
    names = {"Q1": (1, 1), "Q2": (-1, 1), "Q3": (-1, -1), "Q4": (1, -1)}
    for label, signs in names.items():
        for i in range(clips):
            rows.append(("emopia", f"emopia/{label}_song{i:07}_{i % 2}.mid", label, signs))
            rows.append(("vgmidi", f"vgmidi/Game{i}_N64_{label}.mid", label, signs))
    for label, signs in {"happy": (1, 1), "angry": (-1, 1)}.items():
        rows += [("xmidi-subset", f"xmidi/{label}_{i}.mid", label, signs) for i in range(clips)]
    for number, (_, path, _, signs) in enumerate(rows):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_midi(tune(*signs, seed=number), folder / path)
    with (folder / "catalog.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["set", "path", "emotion", "md5"])
        table.writerows([*((name, path, label, path) for name, path, label, _ in rows), ("pop909", "x.mid", "", "x")])
    return folder
