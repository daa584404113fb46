"""A fresh library for each test, in SQLite and, where a server can be started, in PostgreSQL."""

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from sideman.library.store import open_store

_NUMBERS = itertools.count()


def _server_programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    beside = shutil.which("initdb")
    if beside:
        found.append(Path(beside).parent)
    return found[-1] if found else None


def _as_nobody_special(command):
    """PostgreSQL refuses to run as root."""
    if os.getuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    return subprocess.run(command, check=True, capture_output=True, timeout=120, cwd="/")


@pytest.fixture(scope="session")
def postgresql():
    """URL (without the database's name) of a server of our own on a socket; skips where there is none to be had."""
    programs = _server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed")
    folder = Path(tempfile.mkdtemp(prefix="sideman-pg-", dir="/tmp"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"
        _as_nobody_special([str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "sideman", "-E", "UTF8"])
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        log = str(folder / "log")
        _as_nobody_special([str(programs / "pg_ctl"), "-D", str(data), "-w", "-o", options, "-l", log, "start"])
        try:
            yield f"postgresql://sideman@/{{}}?host={folder}"
        finally:
            _as_nobody_special([str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fresh_database(pattern):
    import psycopg

    name = f"library{next(_NUMBERS)}"
    with psycopg.connect(pattern.format("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return pattern.format(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """Address of an empty library; both kinds of database take the same tests."""
    if request.param == "sqlite":
        return str(tmp_path / "library.db")
    pytest.importorskip("psycopg")
    return _fresh_database(request.getfixturevalue("postgresql"))


@pytest.fixture
def store(database):
    """An open, empty library."""
    with open_store(database) as opened:
        yield opened
