"""docs/api.md: every example runs as written, from top to bottom, against a server with a library."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time

import pytest

from tests.cli.run import EXAMPLES, sideman
from tests.readme import ROOT, blocks, commands

PAGE = ROOT / "docs" / "api.md"
WRITTEN = "127.0.0.1:8765"


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A folder with song.mp3 and not-music.txt, a server of a library of the examples, and its port."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copy(EXAMPLES / "disco nights.mp3", folder / "song.mp3")
    (folder / "not-music.txt").write_text("words\n")
    shutil.copytree(EXAMPLES, folder / "music", ignore=shutil.ignore_patterns("*.py", "*.md"))
    database = str(folder / "library.db")
    assert sideman("scan", folder / "music", "--database", database).returncode == 0
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "sideman", "serve", "--port", str(port), "--database", database]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert "listening" in server.stderr.readline()
        yield folder, port
    finally:
        server.terminate()
        server.communicate(timeout=30)


def run(arguments, folder):
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_every_example_runs_as_written_and_in_its_order(reader):
    pytest.importorskip("httpx")
    folder, port = reader
    told = {}
    for block in blocks(PAGE):
        if block.language == "sh":
            for command in commands(block):
                assert WRITTEN in command
                command = command.replace(WRITTEN, f"127.0.0.1:{port}")
                done = run(["bash", "-euo", "pipefail", "-c", command], folder)
                assert done.returncode == 0, f"{command}\n{done.stderr}"
                told[command.replace(f"127.0.0.1:{port}", "")] = done.stdout
                if "tags/write" in command:
                    wait_for_job(json.loads(done.stdout)["id"], port, folder)
        elif block.language == "python":
            done = run([sys.executable, "-c", block.text.replace(WRITTEN, f"127.0.0.1:{port}")], folder)
            assert done.returncode == 0, f"{block}\n{done.stderr}"
            assert done.stdout
    problems = [text for text in told.values() if '"status":4' in text]
    assert len(problems) == 1, problems  # the text file that is no music
    assert '"status":422' in problems[0]
    assert all("Traceback" not in text for text in told.values())
    assert (folder / "features.csv").read_text().count("\n") == 2
    assert (folder / "song.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((folder / "why.json").read_text())["genre"] == "disco"
    assert (folder / "first-kilobyte").stat().st_size == 1024
    assert (folder / "evening.m3u8").read_text().startswith("#EXTM3U")
    assert (folder / "waltz.mid").read_bytes().startswith(b"MThd")
    assert (folder / "waltz.wav").read_bytes().startswith(b"RIFF")
    streamed = next(text for command, text in told.items() if "text/event-stream" in command)
    assert re.findall(r"^event: (\w+)$", streamed, re.MULTILINE)[-1] == "result"
    similar = next(json.loads(text) for command, text in told.items() if "getSonicSimilarTracks" in command)
    assert len(similar["subsonic-response"]["sonicMatch"]) == 3


def wait_for_job(number, port, folder):
    for _ in range(600):
        job = json.loads(run(["curl", "-sf", f"http://127.0.0.1:{port}/api/v1/jobs/{number}"], folder).stdout)
        if job["state"] not in ("queued", "running"):
            assert job["state"] == "done", job
            return
        time.sleep(0.05)
    raise AssertionError("the job does not end")
