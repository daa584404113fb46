"""Servers for tests, with libraries: one of real recordings that were heard, one of many rows without sound."""

import shutil
import time
from contextlib import contextmanager
from pathlib import Path

from fastapi.testclient import TestClient

from sideman.library.scan import Options, scan
from sideman.library.store import open_store
from sideman.web.api import create_app
from sideman.web.settings import Settings

EXAMPLES = Path(__file__).parents[2] / "examples"
API = "/api/v1"
ORIGIN = "http://127.0.0.1:8765"


def make_heard(folder):
    """A library of the examples (copies of them, in ``folder/music``), heard; returns the database."""
    music = folder / "music"
    shutil.copytree(EXAMPLES, music, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    database = folder / "library.db"
    with open_store(database) as store:
        scan(store, [music], Options(workers=1))
    return database


def copy_of(database, folder):
    """A library made by :func:`make_heard`, moved to another folder with its music; returns its database."""
    from sqlalchemy import text

    before, after = str(database.parent), str(folder)
    shutil.copytree(database.parent / "music", folder / "music")
    copied = folder / "library.db"
    shutil.copy(database, copied)
    with open_store(copied) as store, store.write() as connection:
        for table in ("files", "roots"):
            connection.execute(text(f"update {table} set path = replace(path, :a, :b)"), {"a": before, "b": after})
    return copied


@contextmanager
def served(database, **settings):
    """A client of a server with a library; errors of the server are answers, as for a browser."""
    app = create_app(Settings(database=str(database), **settings))
    with TestClient(app, base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield client


def finished(client, job, timeout_s=60.0):
    """Wait for a job; its last state."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        job = client.get(f"{API}/jobs/{job['id']}").json()
        if job["state"] in ("done", "failed", "cancelled"):
            return job
        time.sleep(0.02)
    raise AssertionError(f"the job did not end: {job}")


def problem(response, status):
    """The line for a person of a problem answer, checked to be one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == status
    assert told["detail"]
    assert "\n" not in told["detail"]
    assert "Traceback" not in response.text
    return told["detail"]
