"""The genre scoreboard of the default model: four rivals on the same folds, the same 2 s crops, in one run.

    python bench/genre.py --data GTZAN --teachers DIR [--ours DIR] [--json]

(a) 58 columns without ``length`` + SVM, (b) MSD-musicnn + logistic regression, (c) EfficientAT mn04 + logistic
regression, (d) ours, from the out-of-fold scores that ``sideman train default`` left in its work folder (--ours).
Each rival's regularisation is chosen on inner folds only. Folds: bench/folds/gtzan-artists-5.csv. Intervals draw
artists with replacement.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy: small products on two threads wait for each other

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sideman.audio.descriptors import describe
from sideman.datasets.splits import read_folds
from sideman.genre import metrics
from sideman.genre.recipe import judge, publish
from sideman.genre.recipe.default import GENRES, _as_clips, _load_clips
from sideman.genre.recipe.teachers import MN_EMBEDDING, MUSICNN_HIDDEN, Teachers

FOLDS = Path(__file__).parent / "folds" / "gtzan-artists-5.csv"


def svm(c: float):
    return make_pipeline(StandardScaler(), SVC(C=c, class_weight="balanced", probability=True, random_state=0))


def logistic(c: float):
    return make_pipeline(StandardScaler(), LogisticRegression(C=c, class_weight="balanced", max_iter=400))


def fit_score(make, c, features, clips, train, test):
    """Clip scores (n, 10) for the ``test`` folds of a model fitted on the ``train`` folds."""
    fold = clips.folds[clips.clip_of]
    rows = np.isin(fold, train)
    weight = 1 / np.bincount(clips.clip_of)[clips.clip_of[rows]]
    model = make(c)
    last = model.steps[-1][0]
    model.fit(features[rows], clips.labels[clips.clip_of[rows]], **{f"{last}__sample_weight": weight / weight.mean()})
    scores = np.zeros((len(features), 10))
    asked = np.isin(fold, test)
    scores[asked] = np.log(np.maximum(model.predict_proba(features[asked]), 1e-9))
    return clips.average(scores)


def rival(make, grid, features, clips):
    """Out-of-fold probabilities (n, 10); the constant is chosen per fold by balanced accuracy on inner folds."""
    pooled = np.zeros((len(clips.labels), 10))
    for fold in range(5):
        others = [k for k in range(5) if k != fold]
        best, choice = -1.0, grid[0]
        for c in grid:
            inner = np.zeros_like(pooled)
            for k in others:
                part = fit_score(make, c, features, clips, [j for j in others if j != k], [k])
                inner[clips.folds == k] = part[clips.folds == k]
            seen = clips.folds != fold
            value = metrics.balanced_accuracy(inner[seen], clips.labels[seen])
            if value > best:
                best, choice = value, c
        pooled[clips.folds == fold] = fit_score(make, choice, features, clips, others, [fold])[clips.folds == fold]
    probabilities = np.exp(pooled - pooled.max(1, keepdims=True))
    return probabilities / probabilities.sum(1, keepdims=True)


def ours(folder: Path, clips, prefix: str) -> list[np.ndarray]:
    """Pooled out-of-fold probabilities of each seed from ``{prefix}-FOLD-SEED.npy``."""
    found = [int(path.stem.split("-")[-1]) for path in folder.glob(f"{prefix}-[0-4]-*.npy")]
    seeds = [seed for seed in sorted(set(found)) if found.count(seed) == 5]
    pooled = []
    for seed in seeds:
        scores = judge.out_of_fold(
            lambda fold, seed=seed: publish.clip_scores(np.load(folder / f"{prefix}-{fold}-{seed}.npy")), clips
        )
        genres = scores[:, :-1]
        pooled.append(np.exp(genres) / np.exp(genres).sum(1, keepdims=True))
    return pooled


def kept(path: Path, make) -> np.ndarray:
    """Features that take minutes are kept beside the scores."""
    if not path.exists():
        np.save(path, make())
    return np.load(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("SIDEMAN_DATA"))
    parser.add_argument("--teachers", type=Path, required=True)
    parser.add_argument("--ours", type=Path, default=Path("runs/genre-default"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = read_folds(FOLDS)
    samples, sources = _load_clips(Path(options.data), rows)
    clips = _as_clips(rows, samples, sources)
    start = time.perf_counter()
    options.ours.mkdir(parents=True, exist_ok=True)
    table = kept(
        options.ours / "table.npy",
        lambda: np.array([[v for k, v in describe(c, 22_050).items() if k != "length"] for c in clips.crops]),
    )
    targets = kept(options.ours / "targets.npy", lambda: Teachers.load(options.teachers).targets(clips.crops))
    results = {
        "58 columns + SVM": [rival(svm, (0.3, 1.0, 3.0, 10.0), table, clips)],
        "MSD-musicnn + logistic regression": [
            rival(logistic, (3e-4, 1e-3, 3e-3, 1e-2), targets[:, MUSICNN_HIDDEN], clips)
        ],
        "EfficientAT mn04 + logistic regression": [
            rival(logistic, (1e-3, 3e-3, 1e-2, 3e-2), targets[:, MN_EMBEDDING], clips)
        ],
    }
    for name, prefix in (("ours, no teacher", "scores-no-teacher"), ("ours", "scores")):
        found = ours(options.ours, clips, prefix)
        if found:
            results[name] = found
    report = {name: judge.report(p, clips, GENRES) for name, p in results.items()}
    if options.json:
        print(json.dumps(report))
        return
    print(f"{len(rows)} clips, {len(clips.crops)} crops of 2 s, 5 folds by artist; {time.perf_counter() - start:.0f} s")
    print(f"{'model':40s} {'all clips':>22s} {'92 of zenny100':>22s} {'nine non-classical':>22s}  NLL")
    for name, figures in report.items():
        cells = []
        for part in ("all", "zenny100", "nine non-classical genres"):
            low, high = figures[part]["interval_95"]
            cells.append(f"{figures[part]['balanced_accuracy']:.3f} ({low:.2f}..{high:.2f})")
        print(f"{name:40s} {cells[0]:>22s} {cells[1]:>22s} {cells[2]:>22s}  {figures['calibration']['nll']:.2f}")


if __name__ == "__main__":
    main()
