"""Learning one's own words: `python bench/learn.py --midi MIDI_SETS --cache FOLDER` prints how well labels are learnt.

The network saw the ten genres of its training, so the labels here are ones that it never saw: styles of jazz (Weimar
Jazz Database) and styles of piano reductions (ADL), each rendered to 20 s of sound. Balanced accuracy is that of the
card: cross-validated by artist. Each set of labels lies within one source, so that no label can be told by its source.
The last line is the check: labels drawn by lot for each artist must come out at chance.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from sideman.core.errors import SidemanError
from sideman.core.tuning import tune_allocator
from sideman.genre.embed import embed
from sideman.library.learn.card import lines
from sideman.library.learn.examples import Examples
from sideman.library.learn.fit import learn_from
from sideman.symbolic.midi import read_midi
from sideman.symbolic.render import render, write_audio
from sideman.symbolic.score import Score

LENGTH_S, MOST_PER_LABEL, MOST_PER_ARTIST = 20.0, 40, 4
SETS = {
    "weimar-jazz": ("SWING", "BEBOP", "COOL", "HARDBOP", "POSTBOP"),
    "adl-piano-midi": (
        "Ragtime", "Cool Jazz", "Latin", "Country Rock", "Dance Pop", "Classic Italian Pop", "Classical Piano", "Funk",
    ),
}  # fmt: skip


def chosen(catalog: Path, source: str) -> list[tuple[str, str, str]]:
    """Path, label and artist of at most 40 pieces per label, 4 per artist."""
    rng = np.random.default_rng(0)
    by_label: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with catalog.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["set"] == source and row["subgenre"] in SETS[source] and row["status"] == "ok":
                path = Path(row["path"])
                artist = path.name.split("_")[0] if source == "weimar-jazz" else path.parent.name
                by_label[row["subgenre"]].append((row["path"], artist))
    found = []
    for label, pieces in sorted(by_label.items()):
        taken: dict[str, int] = defaultdict(int)
        for i in rng.permutation(len(pieces)):
            path, artist = pieces[i]
            if taken[artist] < MOST_PER_ARTIST and sum(taken.values()) < MOST_PER_LABEL:
                taken[artist] += 1
                found.append((path, label, artist))
    return found


def vector_of(midi: Path, folder: Path) -> np.ndarray | None:
    """Embedding of 20 s from the middle of a piece; None where it cannot be rendered."""
    try:
        score = read_midi(midi)
        excerpt = cut(score)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            sound = Path(place) / "excerpt.wav"
            write_audio(render(excerpt, sample_rate_hz=22_050), sound, 22_050)
            return embed(sound, duration_s=LENGTH_S).vector
    except SidemanError as error:
        print(f"passed over: {midi.name} ({error})")
        return None


def cut(score: Score) -> Score:
    """About 20 s from a third of the piece on, at its prevailing tempo."""
    ticks = round(LENGTH_S * score.tempo_bpm / 60 * score.ticks_per_quarter)
    end = max(int(track.notes[:, 0].max(initial=0)) for track in score.tracks)
    first = max(0, min(end // 3, end - ticks))
    tracks = []
    for track in score.tracks:
        inside = (track.notes[:, 0] >= first) & (track.notes[:, 0] < first + ticks)
        if inside.any():
            notes = track.notes[inside].copy()
            notes[:, 0] -= first
            tracks.append(replace(track, notes=notes))
    return replace(score, tracks=tuple(tracks), tempos=((0, score.tempo_bpm),), metres=score.metres[:1])


def material(source: str, midi: Path, cache: Path) -> tuple[np.ndarray, list[str], list[str]]:
    kept = cache / f"{source}.npz"
    if not kept.exists():
        pieces = chosen(midi / "catalog.csv", source)
        rows = [(vector_of(midi / path, cache), label, artist) for path, label, artist in pieces]
        good = [row for row in rows if row[0] is not None]
        np.savez(kept, x=np.stack([r[0] for r in good]), labels=[r[1] for r in good], artists=[r[2] for r in good])
    with np.load(kept) as file:
        return file["x"], file["labels"].tolist(), file["artists"].tolist()


def examples_of(x: np.ndarray, labels: list[str], artists: list[str], name: str) -> Examples:
    names = tuple(sorted(set(labels)))
    has = np.array([[label == name for name in names] for label in labels])
    return Examples(name, "", names, x, has, tuple(artists), (), {}, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--midi", type=Path, required=True, help="folder of the MIDI sets with catalog.csv")
    parser.add_argument("--cache", type=Path, required=True, help="folder where embeddings are kept")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    tune_allocator()
    for source in SETS:
        x, labels, artists = material(source, options.midi, options.cache)
        begin = time.perf_counter()
        outcome = learn_from(examples_of(x, labels, artists, source))
        print(*lines(outcome.card), f"fitted in {time.perf_counter() - begin:.1f} s", "", sep="\n")
        names = sorted(set(labels))
        rng = np.random.default_rng(1)
        drawn = {artist: str(rng.choice(names)) for artist in sorted(set(artists))}
        check = learn_from(examples_of(x, [drawn[a] for a in artists], artists, source)).card["balanced_accuracy"]
        interval = f"[{check['low']:.2f}, {check['high']:.2f}]"
        print(f"labels by lot: {check['value']:.2f} {interval}, chance {check['chance']:.2f}\n")


if __name__ == "__main__":
    main()
