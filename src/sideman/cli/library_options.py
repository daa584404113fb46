"""What the library's commands share: which library, and how a track is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sideman.library.store import Store

Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="The library: a file or postgresql://...; by default in your data folder, or $SIDEMAN_DATABASE.",
        show_default=False,
    ),
]


def opened(database: str | None, *, create: bool = False) -> Store:
    """Open the library that a command names."""
    from sideman.library.store import open_store

    return open_store(database, create=create)
