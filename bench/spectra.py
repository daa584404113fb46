"""How near generated sound is to held-out music, beside what real music and other ways reach: one run, one table.

    python bench/spectra.py --data GTZAN --teachers DIR --work DIR [--set NAME=DIR ...] [--only NAME ...] [--json FILE]

Reference: the clips of fold 1 of bench/folds/gtzan-artists-5.csv, of which training takes nothing (artists apart).
Every set has two-second excerpts at one level, with the reference's shares of genres: real clips of the other folds
(the floor: real music of other artists), the reference through a picture and back by Griffin-Lim and by the vocoder,
what DCGAN and flow imagine, scores played with a SoundFont, and any folder of sounds named GENRE.NNN.wav (--set).

Distances, in two embeddings that no generator or vocoder has seen (mn04, 384 numbers; MSD-musicnn's last hidden layer,
200): the unbiased kernel distance x 1000 with KID's polynomial kernel and with a Gaussian one (bandwidth: the median
distance in the reference), genres pooled, 95 % intervals by drawing recordings; Frechet distance with its estimated
bias, of sets as large as the reference. Clips weigh alike. Genre heard: `sideman classify` (it has heard all GTZAN
clips) and logistic regression on both embeddings, fitted on training clips. Copies: 50 excerpts against all training
clips; training clips through Griffin-Lim are the control that must be found.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy: speed is that of one core

import argparse
import json
import statistics
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch

import spectra_sets as sets
from sideman.compose.spectra.distances import (
    Sample,
    gaussian_kernel,
    kernel_distance,
    kernel_draws,
    median_distance,
    polynomial_kernel,
)
from sideman.compose.spectra.frechet import extrapolated_frechet
from sideman.compose.vocoder import vocode
from sideman.core.errors import ModelError, SidemanError, UsageError
from sideman.genre.recipe.teachers import Teachers
from spectra_judges import (
    EMBEDDINGS,
    Ear,
    TrainingMusic,
    accuracy,
    default_answers,
    diversity,
    independent_judge,
    interval,
    split_halves,
)

REFERENCE, TRAINING, CONTROL = "held-out real", "training real", "copies of training"
SCORE = "score + SoundFont"
GENERATORS = ("dcgan", "flow")
WAYS = {
    "griffin-lim of held-out": {"method": "griffin-lim", "iterations": 100},
    "vocoder of held-out": {"method": "network"},
}
SEARCHED = 50
DRAWS = 1000


def gather(args: argparse.Namespace) -> tuple[dict[str, sets.Excerpts], sets.Excerpts, list[np.ndarray], dict]:
    """All sets by name, excerpts of all training clips, these clips whole, and seconds for 10 s of sound."""
    clips = sets.real_clips(args.data, held_out=True)
    if args.clips:
        some = np.unique(np.linspace(0, len(clips) - 1, args.clips).astype(int))
        clips = [clips[i] for i in some]
    known = real_excerpts(clips, args.per_clip)
    pairs = Counter(g for g, _ in {(g, b) for g, b in zip(known.genres, known.bags, strict=True)})
    lone = [genre for genre, count in pairs.items() if count < 2]
    if lone:  # a distance needs two of a kind; only happens with --clips
        known = known.take(~np.isin(known.genres, lone))
    counts = Counter({g: c for g, c in pairs.items() if c > 1})
    learnt_clips = [c for c in sets.real_clips(args.data, held_out=False) if c[0].genre in counts]
    learnt = real_excerpts(learnt_clips, args.per_clip)
    found, speed = {REFERENCE: known, TRAINING: learnt}, {}
    openers = {name: lambda how=how: lambda mel, n: vocode(mel, length=n, **how) for name, how in WAYS.items()}
    named = {name: name for name in GENERATORS} | dict(asked.partition("=")[::2] for asked in args.generator)
    wish = {k: v for k, v in (("guidance", args.guidance), ("steps", args.steps)) if v is not None}
    openers |= {n: lambda which=w: sets.imagined(which, method=args.method, **wish) for n, w in named.items()}
    openers[SCORE] = lambda: sets.score_and_soundfont
    for name, opened in openers.items():
        if args.only and name not in args.only:
            continue
        try:
            how = opened()
            if name in WAYS:
                found[name] = sets.through(known, how)
            else:
                found[name] = sets.generated(how, counts, name)
                speed[name] = seconds_for(how, sorted(counts)[0])
        except (ModelError, UsageError) as error:
            print(f"without {name}: {error}")
    for asked in args.set:
        name, _, path = asked.partition("=")
        found[name] = sets.folder(Path(path))
        few = [genre for genre in counts if counts_of(found[name])[genre] < 2]
        if few or set(found[name].genres) - set(counts):
            raise UsageError(f"{path}: needs two sounds or more of each genre, and no others than {', '.join(counts)}")
    return found, learnt, [samples for _, samples in learnt_clips], speed


def real_excerpts(clips: list, most: int) -> sets.Excerpts:
    """Excerpts of real clips."""
    return sets.excerpts_of(((row.track, row.genre, samples) for row, samples in clips), most)


def seconds_for(make: sets.Maker, genre: str, repeats: int = 3) -> float:
    """Processor seconds for 10 s of sound on one core; the first excerpts have loaded what there is to load."""
    took = []
    for seed in range(repeats):
        start = time.process_time()
        make(genre, 10.0, 1000 + seed)
        took.append(time.process_time() - start)
    return statistics.median(took)


def distances(points: dict[str, np.ndarray], found: dict[str, sets.Excerpts], part: slice) -> dict[str, dict]:
    """Per set the kernel distances to the reference and to training music and the Frechet distance."""
    genres = sorted(set(found[REFERENCE].genres))

    def sample(name: str, rows: np.ndarray | slice = slice(None)) -> Sample:
        some = found[name].take(rows)
        return Sample.of(points[name][rows][:, part], some.bags, [genres.index(g) for g in some.genres])

    reference, training = sample(REFERENCE), sample(TRAINING)
    kernels = {"polynomial": polynomial_kernel, "gaussian": gaussian_kernel(median_distance(reference))}
    counts = counts_of(found[REFERENCE])
    plain = sample(REFERENCE, found[REFERENCE].matched(counts))
    report: dict[str, dict] = {"split halves of held-out": split_halves(reference, kernels)}
    base: dict[str, tuple[float, np.ndarray]] = {}
    for name in found:
        if name == REFERENCE:
            continue
        other, row = sample(name), {}
        for kernel_name, kernel in kernels.items():
            draws = kernel_draws(other, reference, kernel, paired=name in WAYS, draws=DRAWS)
            middle = kernel_distance(other, reference, kernel, paired=name in WAYS)
            row[kernel_name] = [1000 * middle, *interval(1000 * draws)]
            if name == "dcgan":
                base[kernel_name] = middle, draws
            elif kernel_name in base:
                below, below_draws = base[kernel_name]
                row[f"{kernel_name}_over_dcgan"] = [middle / below, *interval(draws / below_draws)]
        if name != TRAINING:
            row["polynomial_to_training"] = 1000 * kernel_distance(training, other)
        some = sample(name, found[name].matched(counts))
        frechet = extrapolated_frechet(some, plain, paired=name in WAYS)
        row["frechet"] = {
            "distance": frechet.distance,
            "standard_error": frechet.standard_error,
            "infinite": frechet.infinite,
            "bias": frechet.bias,
        }
        report[name] = row
    return report


def counts_of(excerpts: sets.Excerpts) -> Counter[str]:
    """Recordings per genre."""
    return Counter(g for g, _ in set(zip(excerpts.genres.tolist(), excerpts.bags.tolist(), strict=True)))


def copies(
    found: dict[str, sets.Excerpts],
    points: dict[str, np.ndarray],
    learnt: sets.Excerpts,
    music: TrainingMusic,
    ear: Ear,
) -> dict[str, dict]:
    """The likeness of the nearest training music: median, 95th percentile and largest of 50 excerpts per set."""
    asked = {name: e for name, e in found.items() if name != TRAINING}
    rng = np.random.default_rng(0)
    asked[CONTROL] = sets.through(
        learnt.take(rng.choice(len(learnt), SEARCHED, replace=False)),
        lambda mel, n: vocode(mel, length=n, **WAYS["griffin-lim of held-out"]),
    )
    heard = points | {CONTROL: ear.hear(asked[CONTROL])}
    report = {}
    for name, excerpts in asked.items():
        rows = rng.permutation(len(excerpts))[:SEARCHED]
        near = music.nearest(excerpts.take(rows), heard[name][rows][:, EMBEDDINGS["mn04"]])
        report[name] = {key: [float(q) for q in np.quantile(v, [0.5, 0.95, 1.0])] for key, v in near.items()}
    return report


def tell(report: dict) -> None:
    """Print the tables."""
    for embedding, rows in report["distances"].items():
        print(f"\n{embedding}: distance to held-out real; kernel distances x 1000 (95 %), Frechet +- s.e.")
        print(f"{'':26}{'polynomial':>28}{'Gaussian':>28}{'to training':>12}{'Frechet':>18}{'bias':>8}{'infinite':>10}")
        for name, row in rows.items():
            cells = [
                f"{'{:.2f} ({:.2f} to {:.2f})'.format(*row[k]):>28}" for k in ("polynomial", "gaussian") if k in row
            ]
            near = row.get("polynomial_to_training")
            cells.append(f"{near:12.2f}" if near is not None else " " * 12)
            if "frechet" in row:
                f = row["frechet"]
                spread = f"{f['distance']:.2f} +- {f['standard_error']:.2f}"
                cells.append(f"{spread:>18}{f['bias']:8.2f}{f['infinite']:10.2f}")
            print(f"{name:26}" + "".join(cells))
        for name, row in rows.items():
            for key in (k for k in row if k.endswith("_over_dcgan")):
                ratio, low, high = row[key]
                print(f"  {name} over dcgan, {key.split('_')[0]}: {ratio:.2f} ({low:.2f} to {high:.2f})")
    print("\ngenre heard as asked: all (95 %), balanced, per genre")
    for name, answers in report["genre_heard"].items():
        for judge, row in answers.items():
            low, high = row["interval_95"]
            some = " ".join(f"{genre[:5]} {share:.2f}" for genre, share in row["per_genre"].items())
            print(f"{name:26}{judge:13}{row['all']:.2f} ({low:.2f} to {high:.2f}) {row['balanced']:.2f}  {some}")
    print("\nlikeness of the nearest training music, median / 95th percentile / largest of 50")
    for name, row in report["copies"].items():
        print(f"{name:26}" + "   ".join(f"{k} {a:.3f} / {b:.3f} / {c:.3f}" for k, (a, b, c) in row.items()))
    print("\ndiversity in mn04 over that of held-out real: any two, two of a genre, nearest other")
    for name, row in report["diversity"].items():
        print(f"{name:26}" + "".join(f"{value:8.2f}" for value in row.values()))
    for name, seconds in report["seconds_for_10_s"].items():
        print(f"{name}: {seconds:.2f} s for 10 s of sound on one core")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="keeps embeddings by the bytes of the sound")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--only", action="append", metavar="NAME", help="of the sets that are made here")
    parser.add_argument("--generator", action="append", default=[], metavar="NAME=DIR", help="of 'train spectra'")
    parser.add_argument("--method", default="network", help="from imagined pictures to sound")
    parser.add_argument("--guidance", type=float, help="of the flow")
    parser.add_argument("--steps", type=int, help="of the flow")
    parser.add_argument("--per-clip", type=int, default=4, help="excerpts of a real clip at most")
    parser.add_argument("--clips", type=int, help="so many held-out clips only")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    ear = Ear(Teachers.load(args.teachers), args.work)
    try:
        found, learnt, whole, speed = gather(args)
    except SidemanError as error:
        parser.error(str(error))
    points = {name: ear.hear(excerpts) for name, excerpts in found.items()}
    judge = independent_judge(learnt, points[TRAINING])
    counts = counts_of(found[REFERENCE])
    matched = {name: excerpts.matched(counts) for name, excerpts in found.items()}
    mn04 = EMBEDDINGS["mn04"]
    spread = {n: diversity(points[n][rows][:, mn04], found[n].genres[rows]) for n, rows in matched.items()}
    report = {
        "sets": {name: [len(e), len(set(e.bags))] for name, e in found.items()},
        "distances": {name: distances(points, found, part) for name, part in EMBEDDINGS.items()},
        "genre_heard": {
            name: {
                "classify": accuracy(default_answers(excerpts), excerpts),
                "independent": accuracy(judge.predict(points[name]), excerpts),
            }
            for name, excerpts in found.items()
            if name != TRAINING  # both judges have learnt from these labels
        },
        "copies": copies(found, points, learnt, TrainingMusic(points[TRAINING][:, mn04], whole), ear),
        "diversity": {n: {k: v / spread[REFERENCE][k] for k, v in row.items()} for n, row in spread.items()},
        "seconds_for_10_s": speed,
    }
    report["took_s"] = time.perf_counter() - begun
    tell(report)
    print(f"\n{report['took_s']:.0f} s in all; sets (excerpts, recordings): {report['sets']}")
    if args.json:
        args.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
