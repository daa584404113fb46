"""How many recordings `sideman serve` classifies per second, how long they wait, and where the time goes.

    python bench/serve.py [--seconds 15] [--workers N] [--clients 1 8 32] [--json]

Protocol: a server on loopback (`sideman serve --workers N`, by default a worker per core), and clients in a process of
their own, each sending one 30 s clip after the other (POST /api/v1/classify, multipart; a connection per client is kept
open) for the given seconds after a warm-up. Clips are made from examples/, looped to 30 s: 44.1 kHz stereo, as mp3
(about 190 kbit/s) and as wav (16 bit, 5 MB). Clients, server and workers share the machine's cores. Times are those
from the first byte sent to the last byte of the answer; 429 answers are counted apart and tried again at once.

Beside it stands what the Python API does: `sideman.classify` in one process on one core, times the number of workers,
which is all that these cores could do; and how its time is shared out between decoding, the network with its front end,
tempo, and key. Processor time per answer is told for the server (HTTP, the upload, the pipes), its workers and the
clients, who have to share the cores with them here: unlike the other figures it hardly depends on what else the machine
does. Needs psutil.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from sideman.core.tuning import available_cores, default_to_one_thread, tune_allocator

default_to_one_thread()

import httpx  # noqa: E402 - the thread count must be set before
import numpy as np  # noqa: E402
import psutil  # noqa: E402
import soundfile  # noqa: E402
import soxr  # noqa: E402

EXAMPLES = Path(__file__).parent.parent / "examples"
CLIP_S = 30
RATE_HZ = 44100


def make_clip(folder: Path, kind: str) -> Path:
    """One clip of 30 s, looped from an example."""
    y, rate_hz = soundfile.read(EXAMPLES / "disco nights.mp3", always_2d=True)
    y = soxr.resample(np.repeat(y[:, :1], 2, axis=1) if y.shape[1] == 1 else y[:, :2], rate_hz, RATE_HZ)
    looped = np.tile(y, (-(-CLIP_S * RATE_HZ // len(y)), 1))[: CLIP_S * RATE_HZ]
    path = folder / f"clip.{kind}"
    if kind == "mp3":
        soundfile.write(path, looped, RATE_HZ, format="MP3", bitrate_mode="VARIABLE", compression_level=0.4)
    else:
        soundfile.write(path, looped, RATE_HZ, subtype="PCM_16")
    return path


def load(origin: str, clip: Path, clients: int, seconds: float, pipe: Any) -> None:
    """Run in a process of its own: all clients' times in s, and how often they were told to come again."""
    content = clip.read_bytes()
    times: list[float] = []
    busy = 0
    lock = threading.Lock()
    end = time.perf_counter() + seconds

    def one() -> None:
        nonlocal busy
        with httpx.Client(base_url=f"{origin}/api/v1", trust_env=False, timeout=120) as client:
            while (began := time.perf_counter()) < end:
                answer = client.post("/classify", files={"file": (clip.name, content)})
                took_s = time.perf_counter() - began
                with lock:
                    if answer.status_code == 429:
                        busy += 1
                    else:
                        answer.raise_for_status()
                        times.append(took_s)

    threads = [threading.Thread(target=one) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipe.send((times, busy, time.perf_counter() - began, time.process_time()))


def spent(server: int) -> tuple[float, float]:
    """Processor time in s of the server, and of its workers."""
    parent = psutil.Process(server)
    own = parent.cpu_times()
    others = [child.cpu_times() for child in parent.children(recursive=True)]
    return own.user + own.system, sum(one.user + one.system for one in others)


def under_load(server: int, origin: str, clip: Path, clients: int, seconds: float) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=load, args=(origin, clip, clients, seconds, theirs))
    before = spent(server)
    process.start()
    times, busy, took_s, client_s = ours.recv()
    process.join()
    after = spent(server)
    ranked = sorted(times)
    return {
        "per_second": len(times) / took_s,
        "p50_s": statistics.median(ranked),
        "p99_s": ranked[min(len(ranked) - 1, int(0.99 * len(ranked)))],
        "answers": len(times),
        "told_to_come_again": busy,
        "server_cpu_s": (after[0] - before[0]) / len(times),
        "workers_cpu_s": (after[1] - before[1]) / len(times),
        "clients_cpu_s": client_s / len(times),
    }


def alone(clip: Path, repeats: int = 15) -> dict[str, float]:
    """The Python API on this core: seconds per clip, and of its parts."""
    import sideman
    from sideman.audio.decode import stream

    tune_allocator()

    def timed(work: Any) -> float:
        work()
        times = []
        for _ in range(repeats):
            began = time.process_time()
            work()
            times.append(time.process_time() - began)
        return statistics.median(times)

    whole = timed(lambda: sideman.classify(clip))
    network = timed(lambda: sideman.classify(clip, tempo=False, key=False, mood=False))
    tempo = timed(lambda: sideman.classify(clip, key=False, mood=False)) - network
    key = timed(lambda: sideman.classify(clip, tempo=False, mood=False)) - network
    decode = timed(lambda: list(stream(clip)))
    return {"whole_s": whole, "decode_s": decode, "network_s": network - decode, "tempo_s": tempo, "key_s": key}


def served(folder: Path, workers: int) -> tuple[subprocess.Popen[str], str]:
    command = ["serve", "--port", "0", "--workers", str(workers), "--database", str(folder / "none.db")]
    environment = {**os.environ, "SIDEMAN_TOKEN": ""}
    process = subprocess.Popen(
        [sys.executable, "-m", "sideman", *command], stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    return process, line.split("listening on ")[1].split()[0].rstrip("/")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--workers", type=int, default=available_cores())
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    told: dict[str, Any] = {"workers": options.workers, "cores": available_cores()}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for kind in ("mp3", "wav"):
            clip = make_clip(folder, kind)
            found: dict[str, Any] = {"bytes": clip.stat().st_size, "python": alone(clip)}
            process, origin = served(folder, options.workers)
            try:
                under_load(process.pid, origin, clip, options.workers, 2)
                found["clients"] = {
                    n: under_load(process.pid, origin, clip, n, options.seconds) for n in options.clients
                }
            finally:
                process.terminate()
                process.wait(30)
            told[kind] = found
    if options.json:
        print(json.dumps(told, indent=2))
        return
    for kind in ("mp3", "wav"):
        print_one(kind, told[kind], options.workers)


def print_one(kind: str, found: dict[str, Any], workers: int) -> None:
    parts = found["python"]
    bound = workers / parts["whole_s"]
    print(f"{kind}, 30 s, {found['bytes'] / 1e6:.1f} MB")
    shares = ", ".join(
        f"{name[:-2]} {1000 * parts[name]:.0f}" for name in ("decode_s", "network_s", "tempo_s", "key_s")
    )
    print(
        f"  Python API, one core: {1000 * parts['whole_s']:.0f} ms ({shares}); {workers} cores: {bound:.1f}/s at most"
    )
    for n, one in found["clients"].items():
        again = f", {one['told_to_come_again']} told to come again" if one["told_to_come_again"] else ""
        print(
            f"  {n:>3} clients: {one['per_second']:.1f}/s ({one['per_second'] / bound:.0%} of that), "
            f"p50 {1000 * one['p50_s']:.0f} ms, p99 {1000 * one['p99_s']:.0f} ms{again}; processor time per answer: "
            f"server {1000 * one['server_cpu_s']:.1f}, workers {1000 * one['workers_cpu_s']:.1f}, "
            f"clients {1000 * one['clients_cpu_s']:.1f} ms"
        )


if __name__ == "__main__":
    main()
