"""Likelihood of the JSB chorales under the networks of `sideman.compose.models.frames`, trained here and now.

    python bench/jsb.py --data JSB [--family independent|sequential] [--quick] [--runs FOLDER] [--validation] [--json]

JSB holds `jsb-chorales-quarter.json` of the set "JSB-Chorales-dataset": 229, 76 and 77 chorales of the customary split
(N. Boulanger-Lewandowski, Y. Bengio, P. Vincent, ICML 2012), a frame per quarter note. Everything is learnt from the
training split; the validation split chooses the averaged weights; the test split is looked at once, at the end, and
with ``--validation`` not at all. ``--quick`` is a smoke test of a minute, its figures mean nothing. With ``--runs``, a
run that was stopped goes on where it was (its seconds are then those of the last part).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from sideman.compose.models.frames import Family, FrameModel, Piece, Settings, collate, prepare, room, transposed
from sideman.training.loop import Schedule, fit

FILE = "jsb-chorales-quarter.json"
LOWEST, KEYS = 21, 88
BATCH = 16
MOST_PARAMETERS = 350_000
CUSTOMARY = {"train": 229, "valid": 76, "test": 77}
PROTOCOL = (
    "negative log-likelihood in nats per frame: summed over the frames of a split and divided by their number; "
    "quarter-note grid, 88 keys (MIDI 21 to 108); 'all frames' predicts the first frame from nothing, 'from the "
    "second' leaves it out, as the program of Bai et al. 2018 does; each chorale by itself, only its own past known; "
    "weights chosen by all frames of the validation split"
)


@dataclass(frozen=True)
class Recipe:
    """How a family is trained; chosen by the validation split."""

    settings: Settings
    epochs: int
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    averaging: float = 0.995
    transposed: float = 0.2
    most_semitones: int = 5
    published: str = ""
    target: float = 0.0


RECIPES: dict[Family, Recipe] = {
    "independent": Recipe(Settings(), 40, published="TCN 8.10", target=7.9),
    "sequential": Recipe(Settings(), 20, published="RNN-NADE 5.56", target=5.4),
}


def read(folder: Path) -> dict[str, list[Piece]]:
    path = folder / FILE
    if not path.is_file():
        sys.exit(f"{path}: is not there; --data names the folder of JSB-Chorales-dataset")
    splits = {}
    for split, chorales in json.loads(path.read_text(encoding="utf-8")).items():
        splits[split] = []
        for chorale in chorales:
            frames = np.zeros((len(chorale), KEYS), np.float32)
            for frame, keys in zip(frames, chorale, strict=True):
                frame[[key - LOWEST for key in keys]] = 1
            splits[split].append(prepare(frames))
    return splits


def census(splits: dict[str, list[Piece]]) -> dict[str, dict[str, int]]:
    return {
        split: {"chorales": len(pieces), "frames": sum(len(piece.frames) for piece in pieces)}
        for split, pieces in splits.items()
    }


def judge(model: FrameModel, pieces: list[Piece]) -> dict[str, float]:
    """Nats per frame over all frames, and over all but each chorale's first."""
    total = first = 0.0
    ordered = sorted(pieces, key=lambda piece: len(piece.frames))
    with torch.no_grad():
        for i in range(0, len(ordered), BATCH):
            nats = -model.log_probability(collate(ordered[i : i + BATCH])).double()
            total, first = total + float(nats.sum()), first + float(nats[:, 0].sum())
    frames = sum(len(piece.frames) for piece in pieces)
    return {"all_frames": total / frames, "from_the_second": (total - first) / (frames - len(pieces))}


class Draw:
    """Batches of the training split: every chorale once per epoch, some of them transposed."""

    def __init__(self, pieces: list[Piece], recipe: Recipe, seed: int) -> None:
        self.pieces, self.recipe, self.seed = pieces, recipe, seed
        self.per_epoch = math.ceil(len(pieces) / BATCH)

    def __call__(self, step: int) -> list[Piece]:
        epoch, place = divmod(step, self.per_epoch)
        order = np.random.default_rng((self.seed, 0, epoch)).permutation(len(self.pieces))
        rng = np.random.default_rng((self.seed, 1, step))
        return [self.varied(self.pieces[i], rng) for i in order[place * BATCH : (place + 1) * BATCH]]

    def varied(self, piece: Piece, rng: np.random.Generator) -> Piece:
        if rng.random() >= self.recipe.transposed:
            return piece
        (lowest, highest), most = room(piece), self.recipe.most_semitones
        return transposed(piece, int(rng.integers(max(lowest, -most), min(highest, most) + 1)))


def run(family: Family, recipe: Recipe, splits: dict[str, list[Piece]], options: argparse.Namespace) -> dict:
    torch.manual_seed(options.seed)
    model = FrameModel(family, recipe.settings)
    parameters = sum(p.numel() for p in model.parameters())
    assert parameters <= MOST_PARAMETERS, f"{family}: {parameters} parameters are more than {MOST_PARAMETERS}"
    draw = Draw(splits["train"], recipe, options.seed)
    schedule = Schedule(
        steps=recipe.epochs * draw.per_epoch,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        averaging=recipe.averaging,
        checkpoint_every=min(4, recipe.epochs) * draw.per_epoch,
        patience=recipe.epochs,  # never stops early, but keeps the best
    )
    history: list[tuple[int, float]] = []
    start, busy = time.perf_counter(), time.process_time()

    def on_pause(step: int) -> float:
        nats = judge(model, splits["valid"])["all_frames"]
        history.append(((step + 1) // draw.per_epoch, nats))
        passed = f"{time.perf_counter() - start:.0f} s, {time.process_time() - busy:.0f} s of one core"
        print(f"{family}: epoch {history[-1][0]}, valid {nats:.3f}, {passed}", file=sys.stderr, flush=True)
        return nats

    if options.runs:
        options.runs.mkdir(parents=True, exist_ok=True)
    fit(
        model,
        lambda step: model.loss(collate(draw(step))),
        schedule,
        seed=options.seed,
        checkpoint=options.runs / f"{family}-{options.seed}.safetensors" if options.runs else None,
        on_pause=on_pause,
        facts={"family": family, "recipe": asdict(recipe)},
    )
    judged = ("valid",) if options.validation else ("valid", "test")
    took, worked = time.perf_counter() - start, time.process_time() - busy
    return {
        "family": family,
        "parameters": parameters,
        "nats_per_frame": {split: judge(model, splits[split]) for split in judged},
        "epochs": recipe.epochs,
        "best_epoch": min(history, key=lambda pair: pair[1])[0] if history else None,
        "seconds": round(took, 1),
        "processor_seconds": round(worked, 1),
        "published": recipe.published,
        "target": recipe.target,
        "seed": options.seed,
        "recipe": asdict(recipe),
    }


def quick(recipe: Recipe) -> Recipe:
    small = replace(recipe.settings, members=1, inputs=32, units=32, patterns=4)
    return replace(recipe, settings=small, epochs=4, learning_rate=1e-2, averaging=0.9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--family", choices=list(RECIPES), action="append")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--validation", action="store_true", help="leave the test split alone")
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    splits = read(options.data)
    counts = census(splits)
    recipes = {family: RECIPES[family] for family in options.family or RECIPES}
    if options.quick:
        recipes = {family: quick(recipe) for family, recipe in recipes.items()}
    results = [run(family, recipe, splits, options) for family, recipe in recipes.items()]
    as_customary = {split: count["chorales"] for split, count in counts.items()} == CUSTOMARY
    if options.json:
        report = {"protocol": PROTOCOL, "data": counts, "customary_split": as_customary, "quick": options.quick}
        print(json.dumps(report | {"results": results}, indent=2))
        return
    print(PROTOCOL)
    for split, count in counts.items():
        print(f"{split}: {count['chorales']} chorales, {count['frames']:,} frames")
    print("the customary split" if as_customary else "NOT the customary split")
    print(
        f"{'family':12} {'parameters':>10} {'split':>6} {'all frames':>11} {'from second':>11} {'target':>7} published"
    )
    for result in results:
        for split, nats in result["nats_per_frame"].items():
            print(
                f"{result['family']:12} {result['parameters']:>10,} {split:>6} {nats['all_frames']:>11.3f} "
                f"{nats['from_the_second']:>11.3f} {result['target']:>7} {result['published']}"
            )
        print(f"{'':12} {result['epochs']} epochs, best {result['best_epoch']}, {result['seconds']} s "
              f"({result['processor_seconds']} s of one core)")  # fmt: skip


if __name__ == "__main__":
    main()
