"""What the routes share: settings, the library, workers and jobs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from sideman.core.errors import LibraryError, StoreError
from sideman.library.store import Store, open_store
from sideman.web.jobs import Jobs
from sideman.web.kept import Kept
from sideman.web.scratch import Scratch
from sideman.web.settings import Settings
from sideman.web.space import Space
from sideman.web.workers import Workers

Value = TypeVar("Value")
_MOST_WRITERS = 12  # each holds one of the server's 40 threads


class Context:
    """One server's parts; made by :func:`sideman.web.api.create_app`, closed with it."""

    def __init__(self, settings: Settings, scratch: Scratch) -> None:
        self.settings = settings
        self.began_s = time.monotonic()
        self.scratch = scratch
        self.workers = Workers(settings)
        self.space = Space(self.scratch.folder, settings.most_kept_bytes, settings.least_free_bytes)
        self.jobs = Jobs(settings, self.scratch.folder, self.space)
        self.kept = Kept()
        self._store: Store | None = None
        self._file: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._failed: tuple[float, StoreError] | None = None

    def store(self) -> Store:
        """The library, opened on first use; one that is made later by ``sideman scan`` is found then.

        Raises:
            LibraryError: there is none yet.
            StoreError: it cannot be used now.
        """
        came_s = time.monotonic()
        with self._lock:
            if self._failed is not None and self._failed[0] > came_s:
                raise self._failed[1]  # while this one waited; to try it once more each would stall all
            if self._store is not None and _file_of(self._store) != self._file:
                self._store.close()  # what would be written now, into a file without a name, would be lost
                self._store = None
            if self._store is None:
                try:
                    self._store = open_store(
                        self.settings.database, create=False, busy_s=self.settings.busy_s, most_writers=_MOST_WRITERS
                    )
                except StoreError as error:
                    self._failed = (time.monotonic(), error)
                    raise
                self._file = _file_of(self._store)
            return self._store

    def patiently(self, work: Callable[[Store], Value]) -> Value:
        """Do a job with a store of its own, which waits for other programs as long as commands do."""
        with open_store(self.settings.database, create=False) as store:
            return work(store)

    def library(self) -> Store | None:
        """The library, or None where there is none yet."""
        try:
            return self.store()
        except LibraryError:
            return None

    async def close(self) -> None:
        """End workers and jobs and close the library."""
        await self.jobs.close()
        await self.workers.close()
        self.scratch.close()
        if self._store is not None:
            self._store.close()


def _file_of(store: Store) -> tuple[int, int] | None:
    """Which file a library is now; None for one in PostgreSQL, and where it was deleted."""
    path = store.engine.url.database if store.is_sqlite else None
    try:
        status = os.stat(path) if path else None  # noqa: PTH116 - called for every request
    except OSError:
        return None
    return None if status is None else (status.st_dev, status.st_ino)


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


def _store(context: Annotated[Context, Depends(_context)]) -> Store:
    return context.store()


Shared = Annotated[Context, Depends(_context)]
"""A route's parameter: the :class:`Context`."""
Library = Annotated[Store, Depends(_store)]
"""A route's parameter: the open library; where there is none, the answer is 404 and says how to make one."""
