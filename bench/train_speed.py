"""How long the lab's networks train, per epoch and per fit, on rows of the shape of real features.

    python bench/train_speed.py [--rows 5000] [--epochs 2] [--threads 2] [--whole] [MODEL ...]

Features are noise (what is in them does not change the time), of 3 s segments or the 2 s windows, with the batches,
augmentation and widths of every model's own settings. The quickest of the measured epochs counts: the first one also
pays for memory. "fit" is that epoch times the model's own number of epochs; ``--whole`` trains all of them instead,
checkpoints included, and tells what it took. Nothing here measures accuracy.
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
    ends: list[float] = []

    def on_epoch(epoch: Epoch) -> None:
        ends.append(epoch.elapsed_s)

    chosen = settings if whole else replace(settings, epochs=epochs)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "run.safetensors" if whole else None
        start, busy = time.perf_counter(), time.process_time()
        fitted = model.fit(
            Task(rows_of(given.shape, rows), None, N_CLASSES, checkpoint=checkpoint, on_epoch=on_epoch), chosen
        )
        took, busy = time.perf_counter() - start, time.process_time() - busy
    epoch_s = float(np.diff([0.0, *ends]).min())
    fit_s = took if whole else epoch_s * settings.epochs
    shape = "x".join(str(n) for n in given.shape)
    return (
        f"{name:16} {shape:>8} {count(fitted.network):>10,} {epoch_s:>8.2f} {rows / epoch_s:>8.0f} "
        f"{settings.epochs:>7} {fit_s:>7.0f} {busy / took:>6.2f}"
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
    print(
        f"{'model':16} {'row':>8} {'parameters':>10} {'epoch s':>8} {'rows/s':>8} {'epochs':>7} {'fit s':>7} {'cores':>6}"
    )
    for name in options.models:
        print(measure(name, options.rows, options.epochs, whole=options.whole), flush=True)


if __name__ == "__main__":
    main()
