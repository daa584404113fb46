"""The library's database: SQLite in the user's data folder, or PostgreSQL by URL.

SQLite runs in WAL mode with ``synchronous=FULL``: what was committed survives a power cut, readers never wait, and one
writer at a time takes the lock when its transaction begins (so that two of them queue and never dead-lock). PostgreSQL
has one writer at a time too, by an advisory lock: what was looked up in a transaction still holds when it writes.
"""

from __future__ import annotations

import os
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, SQLAlchemyError

from sideman.core.errors import LibraryError, MissingExtraError, StoreError
from sideman.library import migrate

ENVIRONMENT = "SIDEMAN_DATABASE"
_WRITER = 0x51DE_A2  # PostgreSQL's advisory lock of the one writer; given back when its transaction ends
_BUSY_S = 60.0  # how long a writer waits for another


class HeldError(StoreError):
    """The library is being written to for too long; ``retry_after_s`` says when to come again."""

    retry_after_s = 5


def default_url() -> str:
    """``$SIDEMAN_DATABASE``, else ``library.db`` in the user's data folder.

    Raises:
        StoreError: that folder cannot be made.
    """
    from sideman.core.paths import user_data_folder

    named = os.environ.get(ENVIRONMENT)
    if named:
        return named
    try:
        return str(user_data_folder() / "library.db")
    except OSError as error:
        why = f"{error.filename}: cannot be made ({(error.strerror or str(error)).lower()})"
        raise StoreError(f"{why}; set XDG_DATA_HOME, or name a file for the library with {ENVIRONMENT}") from None


class Store:
    """An open library; :meth:`read` and :meth:`write` give connections in a transaction.

    Attributes:
        url: of the database, without its password.
        engine: SQLAlchemy's.
    """

    def __init__(self, engine: Engine, name: str, busy_s: float = _BUSY_S, most_writers: int | None = None) -> None:
        self.engine = engine
        self.url = name
        self._busy_s = busy_s
        self._turn = threading.Lock()
        self._watcher: tuple[str, Connection] | None = None
        self._watching = threading.Lock()
        self._places = None if most_writers is None else threading.BoundedSemaphore(most_writers)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file of ours."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the library and changes nothing."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection whose changes are durable when the block ends, and undone where it raises."""
        with (
            self._translated(),
            self._in_turn(),
            self.engine.connect().execution_options(sideman_write=True) as connection,
            connection.begin(),
        ):
            if not self.is_sqlite:
                connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _WRITER})
            yield connection

    def mark(self) -> str:
        """What changes with every transaction that wrote something, whoever did: the same mark, the same library.

        It costs microseconds. Marks of different stores are different.
        """
        if not self.is_sqlite:
            with self.read() as connection:  # which transactions can be seen
                return str(connection.execute(text("select txid_current_snapshot()::text")).scalar_one())
        with self._watching, self._translated():
            try:
                if self._watcher is None:  # SQLite's number is of one connection, which must not write itself
                    self._watcher = (uuid.uuid4().hex, self.engine.connect())
                name, watcher = self._watcher
                with watcher.begin():
                    return f"{name} {watcher.exec_driver_sql('PRAGMA data_version').scalar_one()}"
            except SQLAlchemyError:
                self._unwatch()
                raise

    def close(self) -> None:
        """Give back all connections."""
        with self._watching:
            self._unwatch()
        self.engine.dispose()

    def _unwatch(self) -> None:
        if self._watcher is not None:
            with suppress(SQLAlchemyError):
                self._watcher[1].close()
            self._watcher = None

    def __enter__(self) -> Store:
        """Nothing to do: it is open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Where writers are limited they wait for each other here, so that each waits as long as it may and no more."""
        if self._places is None:
            yield
            return
        if not self._places.acquire(blocking=False):
            raise HeldError(f"{self.url}: too many wait to write to the library; try again")
        try:
            if not self._turn.acquire(timeout=self._busy_s):
                raise HeldError(f"{self.url}: others write to the library for over {self._busy_s:g} s; try again")
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._places.release()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise _explained(self.url, error, self._busy_s) from error


def open_store(
    url: str | os.PathLike[str] | None = None,
    *,
    create: bool = True,
    busy_s: float | None = None,
    most_writers: int | None = None,
) -> Store:
    """Open a library and bring its tables up to date.

    Args:
        url: a file, or an SQLAlchemy URL (``postgresql://...``); None for :func:`default_url`.
        create: make it where it does not exist.
        busy_s: how long a writer waits for other programs; None for 60 s, in PostgreSQL until they are done.
        most_writers: threads that may wait in :meth:`Store.write`, one of which writes; more get HeldError at once.

    Raises:
        HeldError: another program holds the library.
        LibraryError: it cannot be opened, is damaged, was made by a newer Sideman, or does not exist.
        MissingExtraError: PostgreSQL without its driver.
    """
    given = os.fspath(url) if url is not None else default_url()
    if "://" not in given:
        return _open_file(Path(given), create, busy_s or _BUSY_S, most_writers)
    try:
        parsed = make_url(given)
        if parsed.get_backend_name() == "sqlite":
            return _open_file(Path(parsed.database or ""), create, busy_s or _BUSY_S, most_writers)
        if parsed.get_backend_name() != "postgresql":
            raise LibraryError(f"{parsed.render_as_string()}: a library is a file or postgresql://user@host/name")
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        name = parsed.render_as_string()
        limits = {} if busy_s is None else {"options": f"-c lock_timeout={round(busy_s * 1000)}"}
        engine = create_engine(parsed, pool_size=4, isolation_level="READ COMMITTED", connect_args=limits)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        shown = re.sub(r"//.*@", "//...@", given)  # a password is never shown
        raise LibraryError(f"{shown}: is no database's address; write postgresql://user@host/name") from error
    except ImportError as error:
        raise MissingExtraError("a PostgreSQL library", "postgresql") from error
    return _ready(Store(engine, name, busy_s or _BUSY_S, most_writers))


def _open_file(path: Path, create: bool, busy_s: float, most_writers: int | None) -> Store:
    if not create and not path.exists():
        raise LibraryError(f"{path}: there is no library yet; 'sideman scan FOLDER' makes one")
    if path.is_dir():
        raise LibraryError(f"{path}: is a folder; name a file for the library")
    if not path.parent.is_dir():
        raise LibraryError(f"{path}: its folder does not exist; make it or name another place")
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": busy_s})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver starts no transactions of its own
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "temp_store=MEMORY"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("sideman_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return _ready(Store(engine, str(path), busy_s, most_writers))


def _ready(store: Store) -> Store:
    try:
        with store._translated():
            migrate.upgrade(store, store.url)
    except BaseException:
        store.close()
        raise
    return store


def _explained(name: str, error: SQLAlchemyError, busy_s: float) -> StoreError:
    reason = " ".join(str(getattr(error, "orig", None) or error).split())[:160]
    if isinstance(error, OperationalError) and ("locked" in reason or "lock timeout" in reason):
        return HeldError(f"{name}: another program holds the library for over {busy_s:g} s; try again")
    if isinstance(error, OperationalError) and "full" in reason:
        return StoreError(f"{name}: the disk is full; free some space and run it again")
    if isinstance(error, OperationalError) and "disk I/O" in reason:
        return StoreError(f"{name}: the disk is full or fails ({reason}); free some space there or name another place")
    if isinstance(error, DatabaseError) and ("not a database" in reason or "malformed" in reason):
        return StoreError(f"{name}: is not a library's database or is damaged ({reason}); restore a copy of it")
    return StoreError(f"{name}: {reason}")
