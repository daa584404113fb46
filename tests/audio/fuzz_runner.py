"""Runs mutants through worker processes and notices what a worker cannot report itself: crashes, hangs and chatter."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

HANG_CPU_S = 20.0  # a mutant takes milliseconds; processor time, so that a busy machine is no hang
HANG_WALL_S = 600.0  # for a decoder that waits and does not compute
GRACE_S = 0.5
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Report:
    """What came of a run; ``problems`` is empty when every decode ended in samples or in a proper error."""

    samples_n: int = 0
    errors_n: int = 0
    slowest_s: float = 0.0
    problems: list[str] = field(default_factory=list)


def run(jobs: list[tuple[str, int]], workers: int = 2) -> Report:
    """Decode every (kind, seed) and collect the findings."""
    report, lock = Report(), threading.Lock()
    pending: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
    for job in jobs:
        pending.put(job)
    threads = [threading.Thread(target=_feed, args=(pending, report, lock)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return report


def _feed(pending: queue.SimpleQueue[tuple[str, int]], report: Report, lock: threading.Lock) -> None:
    with tempfile.TemporaryFile() as chatter:
        worker = _start(chatter.fileno())
        while True:
            try:
                kind, seed = pending.get_nowait()
            except queue.Empty:
                break
            answered, hung = threading.Event(), threading.Event()
            watchdog = threading.Thread(target=_watch, args=(worker, answered, hung))
            watchdog.start()
            line = _ask(worker, kind, seed)
            answered.set()
            watchdog.join()
            said = os.pread(chatter.fileno(), 2000, 0).decode(errors="replace")
            if said:
                os.ftruncate(chatter.fileno(), 0)
                os.lseek(chatter.fileno(), 0, os.SEEK_SET)
            with lock:
                _note(report, f"{kind} {seed}", line, hung.is_set(), said)
            if not line:
                worker.wait()
                with lock:
                    report.problems[-1] += f" (exit status {worker.returncode})"
                worker = _start(chatter.fileno())
        assert worker.stdin is not None
        worker.stdin.close()
        worker.wait()


def _watch(worker: subprocess.Popen[str], answered: threading.Event, hung: threading.Event) -> None:
    """Kill a worker that does not answer."""
    if answered.wait(GRACE_S):
        return
    with contextlib.suppress(psutil.NoSuchProcess):  # it crashed meanwhile
        process, begin = psutil.Process(worker.pid), time.monotonic()
        cpu_s = sum(process.cpu_times()[:2])
        while not answered.wait(GRACE_S):
            if sum(process.cpu_times()[:2]) - cpu_s > HANG_CPU_S or time.monotonic() - begin > HANG_WALL_S:
                hung.set()
                worker.kill()
                return


def _start(stderr: int) -> subprocess.Popen[str]:
    # MALLOC_PERTURB_ fills freed memory (glibc), so that use after free shows.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]]), "MALLOC_PERTURB_": "165"}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.audio.fuzz_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        cwd=ROOT,
        env=environment,
    )


def _ask(worker: subprocess.Popen[str], kind: str, seed: int) -> str:
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        worker.stdin.write(f"{kind} {seed}\n")
        worker.stdin.flush()
    except BrokenPipeError:
        return ""
    return worker.stdout.readline()


def _note(report: Report, job: str, line: str, hung: bool, said: str) -> None:
    if said:
        report.problems.append(f"{job}: wrote to stderr: {said}")
    if not line:
        report.problems.append(f"{job}: the decoder {'hung' if hung else 'crashed'}")
        return
    found = json.loads(line)
    report.slowest_s = max(report.slowest_s, found["cpu_s"])
    if found["outcome"] == "samples":
        report.samples_n += 1
    else:
        report.errors_n += 1
    if found["problem"]:
        report.problems.append(f"{job}: {found['problem']}")
