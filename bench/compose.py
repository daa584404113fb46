"""How fast `sideman compose` is: notes and tokens per second on one thread, rendering, and a cold start.

    python bench/compose.py [--pieces 12] [--cold 3] [--model research] [--json]

Protocol: pieces of 8 bars in the composer's genres in turn, seeds 0, 1, ..., one thread, warm. Notes per second count
all notes drawn, tries that failed a check included, over the wall-clock time of drawing and checking; the CPU time
stands beside it, for other programs' share of the machine is none of ours. Cold: `python -m sideman compose --genre
jazz --bars 8 --seed 1 --out piece.wav`, a whole process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sideman.core.tuning import default_to_one_thread

default_to_one_thread()

from sideman.compose.composers import open_composer  # noqa: E402 - the thread count must be set before
from sideman.compose.controls import Controls  # noqa: E402
from sideman.compose.generate import compose  # noqa: E402
from sideman.compose.vocabulary import encode  # noqa: E402
from sideman.symbolic.render import render  # noqa: E402
from sideman.symbolic.score import quantise  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pieces", type=int, default=12)
    parser.add_argument("--cold", type=int, default=3)
    parser.add_argument("--model", default="research")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    composer = open_composer(args.model)
    genres = sorted(composer.genres)
    compose(Controls(genre=genres[0], bars=2), composer, seed=99)
    wall, cpu = time.perf_counter(), time.process_time()
    pieces = [compose(Controls(genre=genres[i % len(genres)], bars=8), composer, seed=i) for i in range(args.pieces)]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    notes = sum(p.score.n_notes * p.tries for p in pieces)
    tokens = sum(len(encode(quantise(p.score))) * p.tries for p in pieces)
    render(pieces[0].score)
    start, begun = time.process_time(), 0.0
    for piece in pieces:
        begun += len(render(piece.score)) / 44_100
    rendering = begun / (time.process_time() - start)
    cold = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(args.cold):
            out = Path(folder, f"{i}.wav")
            command = [sys.executable, "-m", "sideman", "compose", "--genre", "jazz", "--bars", "8", "--seed", "1"]
            start = time.perf_counter()
            subprocess.run([*command, "--quiet", "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
            cold.append(time.perf_counter() - start)
    row = {
        "model": args.model,
        "pieces": len(pieces),
        "notes_per_s": round(notes / wall, 1),
        "notes_per_cpu_s": round(notes / cpu, 1),
        "tokens_per_cpu_s": round(tokens / cpu, 1),
        "render_times_real_time": round(rendering, 1),
        "cold_first_wav_s": [round(statistics.median(cold), 2), round(min(cold), 2)] if cold else None,
    }
    if args.json:
        print(json.dumps(row))
    else:
        for name, value in row.items():
            print(f"{name:<24}{value}")


if __name__ == "__main__":
    main()
