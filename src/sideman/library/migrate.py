"""Bring a library's tables up to date (Alembic), once, under a lock, before anything else happens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from sideman.core.errors import LibraryError

if TYPE_CHECKING:
    from sideman.library.store import Store

HEAD = "0001"
"""The newest migration; a test holds it to what lies in migrations/versions."""


def upgrade(store: Store, name: str) -> None:
    """Make or change the tables where that is needed.

    Raises:
        LibraryError: the library was made by a newer Sideman, or is another program's database.
    """
    with store.read() as connection:
        if _version(connection, name) == HEAD:
            return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    with store.write() as connection:
        if _version(connection, name) == HEAD:  # another process was quicker
            return
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise LibraryError(f"{name}: was made by a newer Sideman; update Sideman ({error})") from error


def _version(connection: Connection, name: str) -> str | None:
    tables = inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        if {"files", "analyses", "changes"} & set(tables):
            raise LibraryError(f"{name}: is the database of another program; name another file for the library")
        return None
    found = connection.execute(text("select version_num from alembic_version")).scalar()
    return None if found is None else str(found)
