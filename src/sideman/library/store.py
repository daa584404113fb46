"""The library's database: SQLite in the user's data folder, or PostgreSQL by URL.

SQLite runs in WAL mode with ``synchronous=FULL``: what was committed survives a power cut, readers never wait, and one
writer at a time takes the lock when its transaction begins (so that two of them queue and never dead-lock). PostgreSQL
has one writer at a time too, by an advisory lock: what was looked up in a transaction still holds when it writes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, SQLAlchemyError

from sideman.core.errors import LibraryError, MissingExtraError, StoreError
from sideman.library import migrate

ENVIRONMENT = "SIDEMAN_DATABASE"
_WRITER = 0x51DE_A2  # PostgreSQL's advisory lock of the one writer; given back when its transaction ends
_BUSY_S = 60.0  # how long a writer waits for another


def default_url() -> str:
    """``$SIDEMAN_DATABASE``, else ``library.db`` in the user's data folder."""
    from sideman.core.paths import user_data_folder

    return os.environ.get(ENVIRONMENT) or str(user_data_folder() / "library.db")


class Store:
    """An open library; :meth:`read` and :meth:`write` give connections in a transaction.

    Attributes:
        url: of the database, without its password.
        engine: SQLAlchemy's.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.url = name

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
            self.engine.connect().execution_options(sideman_write=True) as connection,
            connection.begin(),
        ):
            if not self.is_sqlite:
                connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _WRITER})
            yield connection

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        """Nothing to do: it is open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise _explained(self.url, error) from error


def open_store(url: str | os.PathLike[str] | None = None, *, create: bool = True) -> Store:
    """Open a library and bring its tables up to date.

    Args:
        url: a file, or an SQLAlchemy URL (``postgresql://...``); None for :func:`default_url`.
        create: make it where it does not exist.

    Raises:
        LibraryError: it cannot be opened, is damaged, was made by a newer Sideman, or does not exist.
        MissingExtraError: PostgreSQL without its driver.
    """
    given = os.fspath(url) if url is not None else default_url()
    if "://" not in given:
        return _open_file(Path(given), create)
    try:
        parsed = make_url(given)
        if parsed.get_backend_name() == "sqlite":
            return _open_file(Path(parsed.database or ""), create)
        if parsed.get_backend_name() != "postgresql":
            raise LibraryError(f"{parsed.render_as_string()}: a library is a file or postgresql://user@host/name")
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        name = parsed.render_as_string()
        engine = create_engine(parsed, pool_size=4, isolation_level="READ COMMITTED")
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        shown = re.sub(r"//.*@", "//...@", given)  # a password is never shown
        raise LibraryError(f"{shown}: is no database's address; write postgresql://user@host/name") from error
    except ImportError as error:
        raise MissingExtraError("a PostgreSQL library", "postgresql") from error
    return _ready(engine, name)


def _open_file(path: Path, create: bool) -> Store:
    if not create and not path.exists():
        raise LibraryError(f"{path}: there is no library yet; `sideman scan FOLDER` makes one")
    if path.is_dir():
        raise LibraryError(f"{path}: is a folder; name a file for the library")
    if not path.parent.is_dir():
        raise LibraryError(f"{path}: its folder does not exist; make it or name another place")
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_S})

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

    return _ready(engine, str(path))


def _ready(engine: Engine, name: str) -> Store:
    store = Store(engine, name)
    try:
        with store._translated():
            migrate.upgrade(store, name)
    except BaseException:
        engine.dispose()
        raise
    return store


def _explained(name: str, error: SQLAlchemyError) -> StoreError:
    reason = " ".join(str(getattr(error, "orig", None) or error).split())[:160]
    if isinstance(error, OperationalError) and "locked" in reason:
        return StoreError(f"{name}: another program holds the library for over {_BUSY_S:g} s; try again")
    if isinstance(error, OperationalError) and "full" in reason:
        return StoreError(f"{name}: the disk is full; free some space and run it again")
    if isinstance(error, DatabaseError) and ("not a database" in reason or "malformed" in reason):
        return StoreError(f"{name}: is not a library's database or is damaged ({reason}); restore a copy of it")
    return StoreError(f"{name}: {reason}")
