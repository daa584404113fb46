"""``sideman compare``: two models on the same recordings, by the exact McNemar test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sideman.cli.lab_options import Json
from sideman.core.errors import OutputError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("compare")(compare_command)


def compare_command(
    first: Annotated[
        Path, typer.Argument(metavar="A", help="evaluation.json, or a folder with one (of evaluate or train).")
    ],
    second: Annotated[Path, typer.Argument(metavar="B", help="The same, of the other model.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write a report (.html).", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell which of two models is better on the same recordings under the same protocol, and how sure that is.

    Exit codes: 0 done, 1 failed, 2 the two cannot be compared.
    """
    from sideman.core.atomic import atomic_write
    from sideman.genre.compare import compare
    from sideman.genre.evaluation import read
    from sideman.genre.report.page import render_comparison

    if out is not None and out.suffix.lower() != ".html":
        raise OutputError(f"{out}: a report's name ends in .html")
    found = compare(read(first), read(second))
    if out is not None:
        with atomic_write(out, "w") as file:
            file.write(render_comparison(found))
    if as_json:
        typer.echo(json.dumps(found.to_dict(), allow_nan=False))
        return
    for line in found.lines():
        typer.echo(line)
