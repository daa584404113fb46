"""How long the lab's networks train, per epoch and per fit, on rows of the shape of real features.

    python bench/train_speed.py [--rows 5000] [--epochs 2] [--threads 2] [--whole] [MODEL ...]

Features are noise (what is in them does not change the time), of 3 s segments or the 2 s windows, with the batches,
augmentation and widths of every model's own settings. The quickest of the measured epochs counts: the first one also
pays for memory; "busy" is processor time over all threads, which waiting for a core does not count. "fit" is that
epoch times the model's own number of epochs; ``--whole`` trains all of them instead, checkpoints included, and tells
what it took. Nothing here measures accuracy.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from sideman.core.tuning import available_cores
from sideman.genre.models.layers import count
from sideman.genre.registry import get_model, list_models
from sideman.training.task import Epoch, Examples, Task

N_CLASSES = 10


def rows_of(shape: tuple[int, ...], n: int) -> Examples:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % N_CLASSES
    return Examples(rng.standard_normal((n, *shape), dtype=np.float32), labels, np.arange(n))


def measure(name: str, rows: int, epochs: int, *, whole: bool) -> str:
    spec = get_model(name)
    model, settings = spec.load(), spec.settings()
    given = spec.input if spec.input.kind == "windows" else replace(spec.input, segment_s=3.0)
    ends: list[tuple[float, float]] = [(0.0, time.process_time())]

    def on_epoch(epoch: Epoch) -> None:
        ends.append((epoch.elapsed_s, time.process_time()))

    chosen = settings if whole else replace(settings, epochs=epochs)
    examples = rows_of(given.shape, rows)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "run.safetensors" if whole else None
        start = time.perf_counter()
        fitted = model.fit(Task(examples, None, N_CLASSES, checkpoint=checkpoint, on_epoch=on_epoch), chosen)
        took = time.perf_counter() - start
    epoch_s, busy_s = np.diff(np.array(ends), axis=0).min(0)
    fit_s = took if whole else epoch_s * settings.epochs
    shape = "x".join(str(n) for n in given.shape)
    return (
        f"{name:16} {shape:>8} {count(fitted.network):>10,} {epoch_s:>8.2f} {busy_s:>7.2f} {rows / epoch_s:>7.0f} "
        f"{settings.epochs:>7} {fit_s:>6.0f}"
    )


def main() -> None:
    networks = [spec.name for spec in list_models() if spec.family == "network"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=networks, metavar="MODEL")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    print(f"{options.rows} rows, {options.threads} threads, {device}, torch {torch.__version__}")
    print(f"{'model':16} {'row':>8} {'parameters':>10} {'epoch s':>8}", end=" ")
    print(f"{'busy s':>7} {'rows/s':>7} {'epochs':>7} {'fit s':>6}")
    for name in options.models:
        print(measure(name, options.rows, options.epochs, whole=options.whole), flush=True)


if __name__ == "__main__":
    main()
