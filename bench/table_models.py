"""Every table model of the lab on GTZAN's published table, under an honest protocol and a kinder one, in one run.

    python bench/table_models.py --data GTZAN [--seeds 3] [--models svm,blend] [--json]

GTZAN is the folder with features_30_sec.csv (1000 rows). Nobody hears the column ``length``. Per model:
(a) fault-filtered: trained on the 443 training tracks, tested on the 290 test tracks; beside it trained on these and
the 197 validation tracks; (b) 10 folds over tracks, stratified, shuffled by the seed, all 1000 tested. Means over
seeds, Wilson intervals over tracks (95 %), and the time of a fit on 900 tracks. No setting is chosen here: all models
have their defaults; the blend's were chosen on the 640 training and validation tracks only.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy: times of one core, and sums in one order
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import numpy as np

from sideman.core.errors import SidemanError
from sideman.genre.inputs import Input
from sideman.genre.material import Material, check
from sideman.genre.models.kmeans import clusters_report
from sideman.genre.protocols import get_protocol, partitions
from sideman.genre.registry import get_model, list_models
from sideman.genre.statistics import wilson
from sideman.genre.tables import read_table
from sideman.training.task import Task

NAMES = tuple(spec.name for spec in list_models() if spec.family in {"table", "clusters", "ensemble"})


def predicted(name: str, material: Material, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Classes of the rows ``test`` by a model that was trained on the rows ``train``."""
    spec = get_model(name)
    task = Task(material.examples(train), None, len(material.genres), seed)
    return spec.load().fit(task, spec.settings()).scores(material.x[test]).argmax(1)


def share(hits: list[np.ndarray]) -> dict[str, float]:
    """Mean accuracy over seeds (hits per seed and track), its interval over tracks, and the range over seeds."""
    per_seed = [float(hit.mean()) for hit in hits]
    mean, n = float(np.mean(per_seed)), len(hits[0])
    low, high = wilson(mean * n, n)
    return {"accuracy": mean, "low": low, "high": high, "worst_seed": min(per_seed), "best_seed": max(per_seed), "n": n}


def judge(name: str, material: Material, seeds: int) -> dict[str, object]:
    """All figures of one model."""
    split = partitions(get_protocol("fault-filtered"), material)[0]
    both = np.union1d(split.train, split.valid)
    truth = material.y
    small, large, folds, seconds = [], [], [], []
    for seed in range(seeds):
        small.append(predicted(name, material, split.train, split.test, seed) == truth[split.test])
        large.append(predicted(name, material, both, split.test, seed) == truth[split.test])
        hit = np.zeros(len(truth), bool)
        for part in partitions(get_protocol("tracks"), material, seed=seed):
            start = time.perf_counter()
            train = np.union1d(part.train, part.valid)
            hit[part.test] = predicted(name, material, train, part.test, seed) == truth[part.test]
            seconds.append(time.perf_counter() - start)
        folds.append(hit)
    return {
        "model": name,
        "fault_filtered": share(small),
        "fault_filtered_with_validation": share(large),
        "tracks": share(folds),
        "fit_s": float(np.mean(seconds)),
        "seeds": seeds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("SIDEMAN_DATA"), help="folder of GTZAN's table")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", default=",".join(NAMES), help="some of " + ", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    if options.data is None:
        parser.error("name GTZAN's folder by --data or SIDEMAN_DATA")
    if options.seeds < 1:
        parser.error("at least one seed")
    try:
        material = read_table(Path(options.data) / "features_30_sec.csv").narrowed(Input("table", None))
        check(material)
        results = []
        for name in options.models.split(","):
            results.append(judge(name, material, options.seeds))
            if not options.json:
                show(results[-1], first=len(results) == 1)
    except SidemanError as error:
        raise SystemExit(f"error: {error}") from None
    clusters = clusters_report(material.x, material.y, material.genres, 0, len(material.genres))
    if options.json:
        told = {"nmi": clusters.nmi, "purity": clusters.purity, "chance": clusters.chance}
        print(json.dumps({"models": results, "clusters": told}, indent=1))
    else:
        print(
            f"\n{len(clusters.names)} clusters of all rows: NMI {clusters.nmi:.3f}, purity {clusters.purity:.3f} "
            f"(by chance {clusters.chance:.3f})"
        )


def show(result: dict[str, object], *, first: bool) -> None:
    """Print one line of the table."""
    if first:
        print(f"{'model':9}  {'443 -> 290':21}  {'443 + 197 -> 290':21}  {'10 folds over tracks':27}  fit (s)")
    cells = []
    for key in ("fault_filtered", "fault_filtered_with_validation", "tracks"):
        figure = result[key]
        assert isinstance(figure, dict)
        cells.append(f"{figure['accuracy']:6.1%} [{figure['low']:.1%}, {figure['high']:.1%}]")
        spread = f"{figure['worst_seed']:.1%}-{figure['best_seed']:.1%}"
    print(f"{result['model']:9}  {cells[0]:21}  {cells[1]:21}  {cells[2]} {spread}  {result['fit_s']:.2f}", flush=True)


if __name__ == "__main__":
    main()
