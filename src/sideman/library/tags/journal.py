"""The journal of tag writes: what is about to change is on the disk before a file is touched.

A row is ``planned`` while its file is at work, then ``done`` or ``failed``; ``undone`` once its old values are back.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select, update

from sideman.core.errors import LibraryError
from sideman.library.filetags import columns
from sideman.library.pathtext import from_text, to_text
from sideman.library.schema import batches, changes, files
from sideman.library.store import Store
from sideman.library.tags.formats import Values, format_of
from sideman.library.tags.locks import EXCLUSIVE, BusyError, locked
from sideman.library.tags.read import read_tags

_UNDO = re.compile(r"undo of (\d+)")
_DEAD_AFTER_S = 60.0  # where files cannot be locked


@dataclass(frozen=True)
class Change:
    """What is to be written to one file.

    Attributes:
        path: of the file, as the library has it.
        audio_hash: of the sound for which it was planned.
        old: the values of the fields to be written as they stand in the file; an empty list where there is none.
        new: the values to write.
    """

    path: str
    audio_hash: str
    old: Values
    new: Values


@dataclass(frozen=True)
class Entry:
    """One row of the journal."""

    id: int
    batch_id: int
    path: str
    audio_hash: str
    state: str
    old: Values
    new: Values
    detail: str | None
    temporary: str | None
    at: float


@dataclass(frozen=True)
class Batch:
    """One run of a command, with how many of its rows are in each state."""

    id: int
    started_at: float
    command: str
    states: dict[str, int]


@dataclass(frozen=True)
class Recovered:
    """A write that was cut short: ``done`` where the file holds the new values, else ``failed``."""

    path: str
    state: str


def begin(store: Store, command: str) -> int:
    """Number of a new batch."""
    with store.write() as connection:
        row = connection.execute(batches.insert().values(started_at=time.time(), command=command))
        return int(row.inserted_primary_key[0])  # type: ignore[index]


def plan(store: Store, batch: int, change: Change, temporary: Path, note: str | None = None) -> int:
    """Note durably what is about to be written, and under which name the copy is made; the row's number."""
    with store.write() as connection:
        row = connection.execute(
            changes.insert().values(
                batch_id=batch,
                path=to_text(change.path),
                audio_hash=change.audio_hash,
                state="planned",
                old=change.old,
                new=change.new,
                temporary=to_text(temporary),
                detail=note,
                at=time.time(),
            )
        )
        return int(row.inserted_primary_key[0])  # type: ignore[index]


def done(store: Store, row: int, path: str, note: str | None = None) -> None:
    """The file has its new tags: note it, and bring what the library knows of the file up to date."""
    real = os.path.realpath(path)
    status = Path(real).stat()
    known = columns(read_tags(real))
    with store.write() as connection:
        _set(connection, row, "done", note)
        there = files.c.path.in_({to_text(path), to_text(real)})
        values = dict(size=status.st_size, mtime_ns=str(status.st_mtime_ns), **known)
        connection.execute(update(files).where(there).values(values))
        undone = _UNDO.fullmatch(note or "")
        if undone:
            _undone(connection, int(undone[1]))


def failed(store: Store, row: int, reason: str) -> None:
    """The file was left as it was."""
    with store.write() as connection:
        _set(connection, row, "failed", reason[:500])


def undo_note(row: int) -> str:
    """What the row of an undo says, so that a recovery knows what it took back."""
    return f"undo of {row}"


def recover(store: Store) -> list[Recovered]:
    """Settle what an earlier run left ``planned`` when it was killed; rows of a run that still goes on are left."""
    settled = []
    for entry in entries(store, state="planned"):
        if not EXCLUSIVE and time.time() - entry.at < _DEAD_AFTER_S:
            continue
        state = _settle(store, entry)
        if state:
            settled.append(Recovered(entry.path, state))
    return settled


def _settle(store: Store, entry: Entry) -> str | None:
    real = Path(os.path.realpath(entry.path))
    if not real.parent.is_dir():
        return None  # its disk is away; the copy may still be there
    holds = False
    try:
        with locked(real) as file:
            form = format_of(file)
            now = form.current(file)
            holds = all(now.get(name) == values for name, values in entry.new.items())
            _settled(store, entry, holds)
    except BusyError:
        return None
    except (LibraryError, OSError):
        _settled(store, entry, holds)
    return "done" if holds else "failed"


def _settled(store: Store, entry: Entry, holds: bool) -> None:
    if entry.temporary:
        with contextlib.suppress(OSError):
            Path(entry.temporary).unlink()
    if holds:
        done(store, entry.id, entry.path, entry.detail)
    else:
        failed(store, entry.id, "interrupted before the file was replaced")


def entries(store: Store, *, batch: int | None = None, state: str | None = None) -> list[Entry]:
    """Rows of a batch, or in a state, the oldest first."""
    statement = select(changes).order_by(changes.c.id)
    if batch is not None:
        statement = statement.where(changes.c.batch_id == batch)
    if state is not None:
        statement = statement.where(changes.c.state == state)
    with store.read() as connection:
        return [
            Entry(
                id=row.id,
                batch_id=row.batch_id,
                path=from_text(row.path),
                audio_hash=row.audio_hash,
                state=row.state,
                old=row.old,
                new=row.new,
                detail=row.detail,
                temporary=None if row.temporary is None else from_text(row.temporary),
                at=row.at,
            )
            for row in connection.execute(statement)
        ]


def history(store: Store) -> list[Batch]:
    """All batches, the newest first."""
    with store.read() as connection:
        counts: dict[int, dict[str, int]] = {}
        grouped = select(changes.c.batch_id, changes.c.state, func.count()).group_by(
            changes.c.batch_id, changes.c.state
        )
        for batch, state, count in connection.execute(grouped):
            counts.setdefault(batch, {})[state] = count
        rows = connection.execute(select(batches).order_by(batches.c.id.desc()))
        return [Batch(row.id, row.started_at, row.command, counts.get(row.id, {})) for row in rows]


def _set(connection: Connection, row: int, state: str, detail: str | None) -> None:
    connection.execute(update(changes).where(changes.c.id == row).values(state=state, detail=detail))


def _undone(connection: Connection, row: int) -> None:
    """Mark a row as taken back; where it was itself an undo, what it took back holds again."""
    connection.execute(update(changes).where(changes.c.id == row).values(state="undone"))
    detail = connection.execute(select(changes.c.detail).where(changes.c.id == row)).scalar()
    before = _UNDO.fullmatch(detail or "")
    if before:
        connection.execute(update(changes).where(changes.c.id == int(before[1])).values(state="done"))
