"""What a scan costs: seconds per song, a library of many tracks, memory over many files.

    python bench/scan.py [--song FILE.mp3] [--tracks 100000] [--files 10000] [--json]

song: a 4-minute 44.1 kHz stereo mp3 (made of noise bursts and chords unless --song names one) through everything a scan
does to it (hash, tags, decode, genre, mood, tempo, key, loudness), CPU seconds of one process with one thread, best of
three; `classify` on the same song for comparison. tracks: rows in SQLite, then `find`, filters and `count`. files: tiny
recordings scanned by the command itself in a process of its own; highest resident memory of the whole process tree in
the first 40 % of the time, and after.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import psutil
import soundfile

from sideman.core.tuning import tune_allocator


def make_song(path: Path, seconds: float = 240.0, rate_hz: int = 44_100) -> None:
    """Chords and drums at 120 bpm in stereo; what is heard does not matter, only how much of it."""
    rng = np.random.default_rng(0)
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    y = np.zeros((len(t), 2))
    for at in np.arange(0, seconds, 0.5):
        first, n = int(at * rate_hz), int(0.5 * rate_hz)
        part = t[first : first + n] - at
        root = 110 * 2 ** (rng.integers(0, 12) / 12)
        chord = sum(np.sin(2 * np.pi * root * k * part) / k for k in (1, 1.26, 1.5, 2, 3, 4))
        burst = rng.normal(size=(len(part), 2)) * np.exp(-30 * part)[:, None]
        y[first : first + n] += 0.08 * (chord * np.exp(-3 * part))[:, None] * rng.uniform(0.6, 1, 2) + 0.1 * burst
    soundfile.write(path, y, rate_hz, format="MP3")


def best(call: Callable[[], object], times: int = 3) -> float:
    taken = []
    for _ in range(times):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return min(taken)


def song(path: Path) -> dict[str, float]:
    from sideman.library.analyse import analyse
    from sideman.library.examine import examine
    from sideman.mood.hear import classify

    duration_s = analyse(path).duration_s
    hashing, hearing = best(lambda: examine(str(path))), best(lambda: analyse(path))
    classifying = best(lambda: classify(path))
    return {
        "song_s": round(duration_s, 1),
        "hash_and_tags_cpu_s": round(hashing, 4),
        "hear_cpu_s": round(hearing, 3),
        "classify_alone_cpu_s": round(classifying, 3),
        "everything_cpu_s": round(hashing + hearing, 3),
        "times_real_time": round(duration_s / (hashing + hearing), 1),
    }


def many_tracks(folder: Path, n: int) -> dict[str, float]:
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from tests.library.make import make_store

    from sideman.library import tracks

    figures: dict[str, float] = {"tracks": n}
    with make_store(folder, n=n, artists=max(12, n // 10)) as store:
        tracks.count(store)
        queries = {
            "list_all": lambda: tracks.find(store),
            "page_of_100_sorted": lambda: tracks.find(store, "year- artist+", limit=100),
            "filter": lambda: tracks.find(store, "genre:jazz mood:calm bpm:90..110 year:1970.."),
            "words": lambda: tracks.find(store, "song 77"),
            "fuzzy": lambda: tracks.find(store, "artist:~'artst 77'"),
            "count": lambda: tracks.count(store, "genre:metal , genre:rock bpm:120.."),
        }
        for name, call in queries.items():
            began = time.perf_counter()
            call()
            figures[f"{name}_s"] = round(time.perf_counter() - began, 3)
    return figures


def many_files(folder: Path, n: int) -> dict[str, float]:
    """Scan ``n`` files of one second, each with sound of its own."""
    music = folder / "music"
    rng = np.random.default_rng(1)
    for i in range(n):
        place = music / f"{i % 100:02}"
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"{i:05}.wav", 0.1 * rng.normal(size=11_025).astype(np.float32), 11_025)
    command = [sys.executable, "-m", "sideman", "scan", str(music), "--database", str(folder / "many.db"), "--json"]
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    # Readings of memory, by time: the whole tree.
    readings: list[tuple[float, int]] = []
    while child.poll() is None:
        try:
            tree = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
            readings.append((time.perf_counter() - began, sum(p.memory_info().rss for p in tree)))
        except psutil.Error:
            pass
        time.sleep(0.5)
    report = json.loads(child.stdout.read()) if child.stdout else {}
    taken = time.perf_counter() - began
    early = max((size for at, size in readings if at < 0.4 * taken), default=0)
    late = max((size for at, size in readings if at >= 0.4 * taken), default=0)
    return {
        "files": n,
        "heard": report["analysed"],
        "seconds": round(taken, 1),
        "files_per_s": round(n / taken, 1),
        "most_memory_first_40_percent_mb": round(early / 2**20),
        "most_memory_after_mb": round(late / 2**20),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--song", type=Path)
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    tune_allocator()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.song is None:
            make_song(folder / "song.mp3")
        parts = [song(args.song or folder / "song.mp3")]
        if args.tracks:
            parts.append(many_tracks(folder, args.tracks))
        if args.files:
            parts.append(many_files(folder, args.files))
    for part in parts:
        print(json.dumps(part) if args.json else "  ".join(f"{key} {value}" for key, value in part.items()), flush=True)


if __name__ == "__main__":
    main()
