"""Rows that a scan writes: files as they are found, analyses as they are heard."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sideman.library.analyse import VERSION, Analysis
from sideman.library.examine import Examined
from sideman.library.pathtext import from_text, normal, to_text
from sideman.library.schema import analyses, details, files
from sideman.library.store import Store

if TYPE_CHECKING:
    from sideman.library.scan import Report


class Recorder:
    """Collects files that were read and writes them in batches, each in one transaction."""

    def __init__(self, store: Store, seen: Collection[str], report: Report) -> None:
        """Count into ``report``; ``seen`` are the paths that lie there now."""
        self._store, self._seen, self._report = store, seen, report
        self._held: list[Examined] = []

    @property
    def waiting(self) -> int:
        """How many are not written yet."""
        return len(self._held)

    def add(self, examined: Examined) -> None:
        """Take a file."""
        self._held.append(examined)

    def found_again(self, paths: Iterable[str]) -> None:
        """Files that were missing lie there again."""
        listed = [to_text(path) for path in paths]
        self._report.returned += len(listed)
        with self._store.write() as connection:
            for first in range(0, len(listed), 500):
                some = files.c.path.in_(listed[first : first + 500])
                connection.execute(update(files).where(some).values(missing_since=None))

    def flush(self) -> None:
        """Write what is held."""
        if not self._held:
            return
        held, self._held = self._held, []
        with self._store.write() as connection:
            for examined in held:
                self._keep(connection, examined)
        self._report.problems += [(e.path, e.error) for e in held if e.error is not None]

    def _keep(self, connection: Connection, examined: Examined) -> None:
        text = to_text(examined.path)
        values: dict[str, Any] = {
            "path": text,
            "n_path": normal(text),
            "size": examined.size,
            "mtime_ns": str(examined.mtime_ns),
            "audio_hash": examined.audio_hash,
            "container": examined.container,
            "error": examined.error,
            "missing_since": None,
            **examined.tags,
        }
        row = connection.execute(select(files.c.id).where(files.c.path == text)).first()
        moved = None if row is not None else self._moved_from(connection, examined)
        if row is not None or moved is not None:
            number = row.id if row is not None else moved
            connection.execute(update(files).where(files.c.id == number).values(**values))
            self._report.changed += row is not None
            self._report.moved += moved is not None
        else:
            insert = _insert(connection, files).values(added_at=time.time(), **values)
            # Another scan may have been quicker since the look.
            connection.execute(insert.on_conflict_do_update(index_elements=["path"], set_=values))
            self._report.new += 1
        if examined.audio_hash is not None:
            pending = _insert(connection, analyses).values(audio_hash=examined.audio_hash, state="pending")
            connection.execute(pending.on_conflict_do_nothing())

    def _moved_from(self, connection: Connection, examined: Examined) -> int | None:
        """The row of a file with the same audio whose path is gone: the file was moved or renamed."""
        if examined.audio_hash is None:
            return None
        same = select(files.c.id, files.c.path).where(files.c.audio_hash == examined.audio_hash)
        for number, text in connection.execute(same):
            path = from_text(text)
            if path not in self._seen and not os.path.lexists(path):
                return int(number)
        return None


def keep_analysis(store: Store, audio_hash: str, analysis: Analysis) -> None:
    """Write what was heard in a recording; durable when this returns."""
    values, bulky = analysis.rows()
    values |= {
        "state": "done", "error": None, "claimed_by": None, "claimed_at": None,
        "version": VERSION, "analysed_at": time.time(),
    }  # fmt: skip
    with store.write() as connection:
        for table, row in ((analyses, values), (details, bulky)):
            insert = _insert(connection, table).values(audio_hash=audio_hash, **row)
            connection.execute(insert.on_conflict_do_update(index_elements=["audio_hash"], set_=row))


def keep_failure(store: Store, audio_hash: str, reason: str) -> None:
    """Write why a recording could not be heard."""
    with store.write() as connection:
        connection.execute(
            update(analyses)
            .where(analyses.c.audio_hash == audio_hash)
            .values(state="failed", error=reason[:1000], claimed_by=None, claimed_at=None, analysed_at=time.time())
        )


def _insert(connection: Connection, table: Any) -> Any:
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
