"""``sideman explain``: which parts of a recording carried the answer."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
