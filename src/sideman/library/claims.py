"""Who is analysing what: several scans of one library share the work, and what a dead one held is freed."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select, update

from sideman.core.errors import UsageError
from sideman.library.pathtext import to_text
from sideman.library.schema import analyses, files
from sideman.library.store import Store

_STALE_S = 2 * 3600.0  # after which a claim from another machine is void; one file may take an hour
_MOST_FOLDERS = 400  # in one condition; SQLite takes no deeper ones
_IN_MOST = 500


def under(places: Sequence[str]) -> ColumnElement[bool]:
    """Files at or below any of some absolute paths; none where there are no paths.

    Raises:
        UsageError: more than 400 folders.
    """
    folders = [place for place in places if not Path(place).is_file()]
    if len(folders) > _MOST_FOLDERS:
        raise UsageError(f"{len(folders)} folders are too many at once; name one that holds them")
    exact = [to_text(place) for place in places]
    parts: list[ColumnElement[bool]] = [
        files.c.path.in_(exact[first : first + _IN_MOST]) for first in range(0, len(exact), _IN_MOST)
    ]
    return or_(false(), *parts, *(files.c.path.like(_below(folder), escape="\\") for folder in folders))


def _below(place: str) -> str:
    text = to_text(place).rstrip(os.sep) + os.sep
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def me() -> str:
    """This process: machine, number, and when it began (numbers are given again)."""
    return f"{socket.gethostname()}:{os.getpid()}:{_began(os.getpid())}"


def _began(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "?"


def _alive(pid: int, began: str) -> bool:
    if pid == os.getpid():
        return True
    if Path("/proc/self").exists():
        return _began(pid) == began
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def release_stale(store: Store) -> int:
    """Free what scans held that are no more; returns how many recordings that were."""
    freed = 0
    with store.write() as connection:
        held = connection.execute(
            select(analyses.c.claimed_by, func.max(analyses.c.claimed_at))
            .where(analyses.c.claimed_by.is_not(None))
            .group_by(analyses.c.claimed_by)
        ).all()
        for owner, latest in held:
            host, _, rest = str(owner).rpartition(":")[0].rpartition(":")
            began = str(owner).rpartition(":")[2]
            here = host == socket.gethostname()
            if (here and rest.isdigit() and _alive(int(rest), began)) or (not here and time.time() - latest < _STALE_S):
                continue
            done = connection.execute(_freed(analyses.c.claimed_by == owner))
            freed += done.rowcount
    return freed


def release(store: Store, owner: str) -> None:
    """Free what ``owner`` holds."""
    with store.write() as connection:
        connection.execute(_freed(analyses.c.claimed_by == owner))


def _freed(which: ColumnElement[bool]):  # type: ignore[no-untyped-def]
    return update(analyses).where(which).values(claimed_by=None, claimed_at=None)


def _open_and(places: Sequence[str]) -> ColumnElement[bool]:
    held_by_file = select(files.c.id).where(
        files.c.audio_hash == analyses.c.audio_hash, files.c.missing_since.is_(None), under(places)
    )
    return and_(analyses.c.state == "pending", analyses.c.claimed_by.is_(None), held_by_file.exists())


def open_count(store: Store, places: Sequence[str]) -> int:
    """How many recordings wait to be heard."""
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(analyses).where(_open_and(places))).scalar_one())


def held_by_others(store: Store, owner: str) -> int:
    """How many recordings other scans are at."""
    with store.read() as connection:
        others = and_(analyses.c.state == "pending", analyses.c.claimed_by != owner)
        return int(connection.execute(select(func.count()).select_from(analyses).where(others)).scalar_one())


def claimed(store: Store, owner: str, places: Sequence[str], at_once: int) -> Iterator[tuple[str, str, int, str]]:
    """Claim recordings, a few at a time, until none waits; yields hash, a path, and the file's size and time."""
    while True:
        with store.write() as connection:
            rows = _claim(connection, owner, places, at_once)
        if not rows:
            return
        yield from rows


def _claim(connection: Connection, owner: str, places: Sequence[str], n: int) -> list[tuple[str, str, int, str]]:
    wanted = select(analyses.c.audio_hash).where(_open_and(places)).limit(n)
    hashes = list(connection.execute(wanted).scalars())
    if not hashes:
        return []
    connection.execute(
        update(analyses).where(analyses.c.audio_hash.in_(hashes)).values(claimed_by=owner, claimed_at=time.time())
    )
    found = select(files.c.audio_hash, files.c.path, files.c.size, files.c.mtime_ns).where(
        files.c.audio_hash.in_(hashes), files.c.missing_since.is_(None), under(places)
    )
    first = {row.audio_hash: (row.audio_hash, row.path, row.size, row.mtime_ns) for row in connection.execute(found)}
    return list(first.values())
