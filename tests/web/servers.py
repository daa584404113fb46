"""Servers in processes of their own, as users run them, for tests that need sockets, signals and worker processes."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SONG = EXAMPLES / "one drop.opus"
API = "/api/v1"
_CODE = """
import json, sys
from pathlib import Path
from sideman.web.run import run
from sideman.web.settings import Settings
run(Settings(**json.loads(sys.argv[1])), tell=lambda line: print(line, flush=True))
"""


class Server:
    """A server on a free port of this machine; ``client`` speaks with it."""

    def __init__(self, folder, **settings):
        self.scratch = folder / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True)
        told = {"port": 0, "database": str(folder / "none.db"), **settings}
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CODE, json.dumps(told)], stdout=subprocess.PIPE, stderr=self.log, text=True,
            cwd=ROOT, env={**_environment(), "TMPDIR": str(self.scratch)},
        )  # fmt: skip
        line = self.process.stdout.readline()
        assert "listening on http://" in line, line + self.errors()
        self.origin = line.split()[2].rstrip("/")
        self.port = int(self.origin.rpartition(":")[2])
        self.client = httpx.Client(base_url=self.origin + API, timeout=120, trust_env=False)

    def workers(self):
        """Worker processes that live now."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]

    def uploads(self):
        """Files of uploads that lie in the private folder."""
        return list(self.scratch.glob("sideman-serve-*/upload-*"))

    def connect(self):
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def errors(self):
        """What it wrote to stderr so far."""
        return Path(self.log.name).read_text()

    def close(self):
        """End it as a service manager would; its exit status."""
        self.client.close()
        self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.log.close()


def _environment():
    import os

    return {name: value for name, value in os.environ.items() if name not in ("SIDEMAN_TOKEN", "SIDEMAN_DATABASE")}


def song_upload(path=SONG):
    """A recording as ``files=`` of a request."""
    return {"file": (path.name, path.read_bytes())}


def until(condition, timeout_s=30.0):
    """Wait for something to become true; what it was."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come true in time")
