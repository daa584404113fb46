"""A quarter of an hour of uploads, good and bad: memory, files and processes stay as they were."""

import itertools
import os
import time

import psutil
import pytest

from tests.web.servers import EXAMPLES, until

MINUTES = float(os.environ.get("SIDEMAN_SOAK_MINUTES", "15"))


def held_mib(server):
    """Resident memory of the server and of its workers together."""
    processes = [psutil.Process(server.process.pid), *server.workers()]
    return sum(process.memory_info().rss for process in processes) / 2**20


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_memory_is_flat_over_many_uploads(own_server, library_database):
    server = own_server(workers=1, database=str(library_database))
    songs = [path for path in sorted(EXAMPLES.iterdir()) if path.suffix in (".mp3", ".ogg", ".opus", ".flac")]
    end = time.monotonic() + 60 * MINUTES
    held, count = [], 0
    for number in itertools.count():
        song = songs[number % len(songs)]
        content = song.read_bytes() if number % 5 else song.read_bytes()[:3000] + b"\0" * 500
        path = ("/classify", "/listen", "/waveform")[number % 3]
        accept = "text/event-stream" if number % 7 == 0 else "application/json"
        answer = server.client.post(path, files={"file": (song.name, content)}, headers={"Accept": accept})
        assert answer.status_code in (200, 422)
        count += 1
        if number % 10 == 9:
            held.append(held_mib(server))
        if time.monotonic() > end:
            break
    until(lambda: not server.uploads())
    settled = held[len(held) // 5 :]
    early, late = settled[: len(settled) // 4], settled[-len(settled) // 4 :]
    assert min(late) < min(early) * 1.05 + 5, f"{count} requests: {[round(value) for value in settled]} MiB"
    assert psutil.Process(server.process.pid).num_fds() < 60
    assert len(server.workers()) == 1
