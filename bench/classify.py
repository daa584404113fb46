"""How fast `sideman classify` is: real-time factor per core, and one file from a cold start.

    python bench/classify.py [--data DIR] [--clips 24] [--repeats 5] [--json]

Protocol: 30 s clips as 44.1 kHz stereo mp3 (variable bit rate, about 190 kbit/s), made on the fly from the recordings
of examples/ or, with --data, from a folder's clips, each looped to 30 s. One process, one thread, warm (one clip before
the clock starts); decoding is included. The real-time factor is seconds of audio per second of CPU time (user and
system), the best and the median of the repeats: CPU time, because other programs' share of the machine is none of
ours; the wall-clock figure stands beside it. The cold figures are wall-clock times of a whole process,
`python -m sideman classify CLIP`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sideman.core.tuning import default_to_one_thread, tune_allocator

default_to_one_thread()

import numpy as np  # noqa: E402 - the thread count must be set before
import soundfile  # noqa: E402
import soxr  # noqa: E402

from sideman.audio.decode import load  # noqa: E402
from sideman.core.paths import find_audio  # noqa: E402
from sideman.genre import predict  # noqa: E402

EXAMPLES = Path(__file__).parent.parent / "examples"
CLIP_S = 30
RATE_HZ = 44100


def make_clips(sources: list[Path], count: int, folder: Path) -> list[Path]:
    """Encode ``count`` clips of 30 s, each looped from one source, the later ones shifted in time."""
    clips = []
    for number in range(count):
        y, rate_hz = soundfile.read(sources[number % len(sources)], always_2d=True)
        y = soxr.resample(np.repeat(y[:, :1], 2, axis=1) if y.shape[1] == 1 else y[:, :2], rate_hz, RATE_HZ)
        y = np.roll(y, number * 12345, axis=0)
        looped = np.tile(y, (-(-CLIP_S * RATE_HZ // len(y)), 1))[: CLIP_S * RATE_HZ]
        clips.append(folder / f"{number:03}.mp3")
        soundfile.write(clips[-1], looped, RATE_HZ, format="MP3", bitrate_mode="VARIABLE", compression_level=0.4)
    return clips


def per_core(work: Callable[[Path], object], clips: list[Path], repeats: int) -> dict[str, float]:
    """Real-time factors of one function over all clips."""
    work(clips[0])
    cpu_s, wall_s = [], []
    for _ in range(repeats):
        began_cpu_s, began_s = time.process_time(), time.perf_counter()
        for clip in clips:
            work(clip)
        cpu_s.append(time.process_time() - began_cpu_s)
        wall_s.append(time.perf_counter() - began_s)
    audio_s = CLIP_S * len(clips)
    return {
        "best": audio_s / min(cpu_s),
        "median": audio_s / statistics.median(cpu_s),
        "wall": audio_s / min(wall_s),
        "ms_per_clip": 1000 * min(cpu_s) / len(clips),
    }


def cold(clip: Path, flags: list[str], repeats: int) -> dict[str, float]:
    """Wall-clock seconds of a whole process for one clip, process start included."""
    times_s = []
    for _ in range(repeats):
        began_s = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "sideman", "classify", *flags, str(clip)], stdout=subprocess.DEVNULL, check=True
        )
        times_s.append(time.perf_counter() - began_s)
    return {"best_s": min(times_s), "median_s": statistics.median(times_s)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=EXAMPLES, help="a folder of recordings to make the clips from")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    sources = find_audio([options.data])
    sources = sources[:: max(1, len(sources) // options.clips)]
    tune_allocator()
    jobs: dict[str, Callable[[Path], object]] = {
        "decode to 22.05 kHz mono": load,
        "classify --no-tempo --no-key": lambda clip: predict.classify(clip, tempo=False, key=False),
        "classify --no-key": lambda clip: predict.classify(clip, key=False),
        "classify --no-tempo": lambda clip: predict.classify(clip, tempo=False),
        "classify": predict.classify,
    }
    with tempfile.TemporaryDirectory(prefix="sideman-bench-") as folder:
        clips = make_clips(sources, options.clips, Path(folder))
        speed = {name: per_core(work, clips, options.repeats) for name, work in jobs.items()}
        started = {
            name: cold(clips[0], flags, max(5, options.repeats))
            for name, flags in {"classify --no-tempo --no-key": ["--no-tempo", "--no-key"], "classify": []}.items()
        }
    if options.json:
        print(json.dumps({"clips": len(clips), "per_core": speed, "cold": started, "load": os.getloadavg()[0]}))
        return
    print(f"{len(clips)} clips of {CLIP_S} s, mp3 44.1 kHz stereo; load average {os.getloadavg()[0]:.1f}\n")
    print(f"{'one core, warm':32}{'best':>8}{'median':>8}{'wall':>8}   times real time; CPU per clip")
    for name, row in speed.items():
        factors = "".join(f"{row[key]:8.0f}" for key in ("best", "median", "wall"))
        print(f"{name:32}{factors}   {row['ms_per_clip']:.1f} ms")
    print(f"\n{'one file, cold, whole process':32}{'best':>8}{'median':>8}   seconds")
    for name, times in started.items():
        print(f"{name:32}{times['best_s']:8.2f}{times['median_s']:8.2f}")


if __name__ == "__main__":
    main()
