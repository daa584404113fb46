"""Do nearest neighbours share the genre for recordings by artists that the network never heard?

    python bench/similar_unheard.py --data GTZAN --midi MIDI --teachers TEACHERS --soundfont FILE [...] --work DIR

The shipped network learnt from the labels of all GTZAN clips, so it cannot be judged on them. Here networks are made by
the same recipe, at a fraction of its length (--scale), without the folds of bench/folds/gtzan-artists-5.csv on which
they are then judged: 0 and 1, 2 and 3, 4. Within each such part: artist-filtered precision at 10 of the embedding
against the 58 columns on the same clips, pooled over all clips; 95 % intervals from drawing artists with replacement. A
shorter recipe makes a worse network, so what ships should do no worse than this.
"""

from __future__ import annotations

import argparse
import logging
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from sideman.audio.descriptors import as_row, describe
from sideman.core.tuning import tune_allocator
from sideman.datasets.splits import read_folds
from sideman.genre.frontend import SAMPLE_RATE_HZ, windows_of
from sideman.genre.recipe import default
from sideman.genre.recipe.default import Amounts, Sources
from sideman.genre.recipe.pools import ClipWindows, draw_negative, make_pool
from sideman.genre.recipe.teachers import FEATURES, Teachers
from similar import DRAWS, K, precision

FOLDS = Path(__file__).parent / "folds" / "gtzan-artists-5.csv"
PARTS = ((0, 1), (2, 3), (4,))


def scaled(share: float) -> Amounts:
    """The recipe's amounts at a share of their size."""
    full = Amounts()
    numbers = {
        name: max(64, round(share * getattr(full, name)))
        for name in ("midi_windows", "clip_windows", "negative_windows", "pretraining_steps", "fine_tuning_steps")
    }
    return replace(full, excerpts=share * full.excerpts, seeds=1, **numbers)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--midi", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True)
    parser.add_argument("--soundfont", type=Path, action="append", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=0.2)
    parser.add_argument("--steps", type=int, help="of pretraining, and of each network; by default the scale's share")
    parser.add_argument("--float32", action="store_true", help="for processors that are slow at bfloat16")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    tune_allocator()
    amounts = scaled(args.scale)
    if args.steps:
        amounts = replace(amounts, pretraining_steps=args.steps, fine_tuning_steps=args.steps)
    if args.float32:
        torch.autocast = lambda *_: nullcontext()
    sources = Sources(args.data, FOLDS, args.midi, tuple(args.soundfont), args.teachers)
    rows = read_folds(FOLDS)
    default._same_amounts(args.work, amounts)
    samples, origins = default._load_clips(args.data, rows)
    clips = default._as_clips(rows, samples, origins)
    columns = default._kept(args.work / "columns.npy", lambda: np.stack([table_of(y) for y in samples]))
    teachers = Teachers.load(args.teachers)
    rendered = default.midi_windows(sources, args.work, amounts)
    makers = {
        "midi": (rendered.draw, amounts.midi_windows),
        "clips": (ClipWindows(samples, clips.labels, clips.folds, rendered).draw, amounts.clip_windows),
        "negatives": (draw_negative, amounts.negative_windows),
    }
    pools = {
        name: make_pool(args.work / name, draw, count, teachers, seed=i, n_folds=5)
        for i, (name, (draw, count)) in enumerate(makers.items())
    }
    hidden = default._kept(args.work / "hidden.npy", lambda: teachers.targets(clips.crops)[:, FEATURES])
    mel = np.concatenate([windows_of(crop)[0] for crop in clips.crops])
    plan = default._Plan(args.work, pools, clips, hidden, mel, amounts)
    ours, theirs, of_artist, chance = [], [], [], []
    for unseen in PARTS:
        part = np.flatnonzero(np.isin(clips.folds, unseen))
        network = plan.shipped(unseen)
        with torch.inference_mode():
            batches = [network(torch.from_numpy(mel[i : i + 128]))[1].numpy() for i in range(0, len(mel), 128)]
        points = clips.average(np.concatenate(batches))[part]
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        genres, artists = clips.labels[part], clips.groups[part]
        ours.append(precision(points, genres, artists))
        theirs.append(by_columns(columns[part], genres, artists))
        of_artist.append(artists)
        others = artists[:, None] != artists[None]
        chance.append(((genres[:, None] == genres[None]) & others).sum(1) / others.sum(1))
        logging.info("folds %s: embedding %.3f, 58 columns %.3f", unseen, ours[-1].mean(), theirs[-1].mean())
    tell(np.concatenate(ours), np.concatenate(theirs), np.concatenate(of_artist), np.concatenate(chance), args.scale)


def table_of(samples: np.ndarray) -> np.ndarray:
    """The 58 columns without the length."""
    return as_row(describe(samples, SAMPLE_RATE_HZ))[1:]


def by_columns(table: np.ndarray, genres: np.ndarray, artists: np.ndarray) -> np.ndarray:
    """Precision at K by Euclidean distance of standardised columns."""
    table = (table - table.mean(0)) / np.maximum(table.std(0), 1e-12)
    likeness = 2 * table @ table.T - (table**2).sum(1)
    likeness[artists[:, None] == artists[None]] = -np.inf
    order = np.argsort(-likeness, axis=1, kind="stable")[:, :K]
    return (genres[order] == genres[:, None]).mean(1)


def tell(ours: np.ndarray, theirs: np.ndarray, artists: np.ndarray, chance: np.ndarray, scale: float) -> None:
    rng = np.random.default_rng(0)
    rows = [np.flatnonzero(artists == artist) for artist in np.unique(artists)]
    draws = [np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))]) for _ in range(DRAWS)]
    print(f"{len(ours)} clips, {len(rows)} artists; networks of {scale:g} of the recipe; chance {chance.mean():.3f}")
    for name, score in (("embedding", ours), ("58 columns", theirs), ("difference", ours - theirs)):
        low, high = np.percentile([score[draw].mean() for draw in draws], [2.5, 97.5])
        print(f"  {name:12} P@{K} {score.mean():.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
