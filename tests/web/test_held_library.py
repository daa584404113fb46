"""Another program that writes to the library for long: writers are told to come again, readers do not notice."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace

import pytest

from sideman.core.errors import StoreError
from sideman.web.library_jobs import ScanWish
from tests.library.make import make_store
from tests.web.making import API, copy_of, finished, problem, served
from tests.web.servers import until

LIKE = {"kind": "like", "tracks": [1]}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("held")
    make_store(folder, n=20).close()
    with served(folder / "library.db", busy_s=0.3) as made:
        made.database = folder / "library.db"
        yield made


@pytest.fixture
def other(client):
    """Another program's connection, in the middle of writing."""
    with closing(sqlite3.connect(client.database, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def test_a_writer_is_told_to_come_again_and_then_may(client, other):
    answer = client.post(f"{API}/feedback", json=LIKE)
    assert "another program holds the library" in problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    other.execute("ROLLBACK")
    assert client.post(f"{API}/feedback", json=LIKE).status_code == 201


def test_many_waiting_writers_leave_room_for_readers(client, other):
    """The server has 40 threads: with as many writers none would be left."""
    with ThreadPoolExecutor(80) as pool:
        writers = [pool.submit(client.post, f"{API}/feedback", json=LIKE) for _ in range(60)]
        readers = [pool.submit(client.get, f"{API}/library/tracks") for _ in range(10)]
        assert {reader.result(60).status_code for reader in readers} == {200}
        answers = [writer.result(60) for writer in writers]
    assert {answer.status_code for answer in answers} == {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
    told = {problem(answer, 503).partition(": ")[2] for answer in answers}
    assert told <= {
        "another program holds the library for over 0.3 s; try again",
        "others write to the library for over 0.3 s; try again",
        "too many wait to write to the library; try again",
    }


def test_a_library_that_cannot_be_opened_is_tried_once_for_all_who_wait(tmp_path, monkeypatch):
    came, tries = [], []

    def clock():
        came.append(1)
        return time.monotonic()

    def locked(*_, **__):
        tries.append(1)
        until(lambda: len(came) >= 20, 5)
        raise StoreError("held")

    monkeypatch.setattr("sideman.web.context.open_store", locked)
    with served(tmp_path / "library.db") as client:
        monkeypatch.setattr("sideman.web.context.time", SimpleNamespace(monotonic=clock))
        with ThreadPoolExecutor(20) as pool:
            asked = [pool.submit(client.get, f"{API}/library") for _ in range(20)]
            assert {answer.result(60).status_code for answer in asked} == {503}
        assert len(tries) == 1
        problem(client.get(f"{API}/library"), 503)
        assert len(tries) == 2, "who comes later tries again"


def test_a_job_waits_longer_than_a_request(library_database, tmp_path):
    with served(copy_of(library_database, tmp_path), busy_s=0.05) as client:
        database = tmp_path / "library.db"
        with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as other:
            other.execute("BEGIN IMMEDIATE")
            job = client.post(f"{API}/library/scan", json=ScanWish().model_dump()).json()
            assert problem(client.post(f"{API}/feedback", json=LIKE), 503)  # so long at least it was held
            other.execute("ROLLBACK")
        assert finished(client, job)["state"] == "done"
