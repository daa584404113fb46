"""``sideman insights``: the library as a whole, as a page or as numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sideman.cli.common import complain
from sideman.cli.library_options import Database, opened
from sideman.core.errors import OutputError, UsageError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("insights")(insights)


def insights(
    query: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUERY", help="Look at these tracks only; by default at all.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the page (.html).", show_default=False)
    ] = None,
    compare: Annotated[
        int,
        typer.Option(
            "--compare", min=0, metavar="N", help="Read at most N files to tell whether likely duplicates are the same."
        ),
    ] = 40,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of the map.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
    database: Database = None,
) -> None:
    """Tell how the library is spread, draw a map of it, and list what disagrees, repeats or is broken.

    The page holds everything it needs and opens in any browser, without a network.

    Exit codes: 0 done, 1 failed, 2 wrong usage.
    """
    if out is None and not as_json:
        raise UsageError("name a page to write with --out FILE.html, or ask for --json")
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"{out}: a report's name ends in .html")

    from sideman.core.atomic import atomic_write
    from sideman.core.progress import progress
    from sideman.core.tuning import tune_allocator
    from sideman.library.insights.gather import gather
    from sideman.library.insights.page import render

    tune_allocator()
    text = " ".join(query or ())
    with opened(database) as store, progress("comparing likely duplicates", None, quiet=quiet) as advance:
        found = gather(store, text or None, most_files=0 if dry_run else compare, seed=seed, advance=advance)
    if out is not None:
        what = f"{len(found.tracks):,} tracks" + (f" that answer {text}" if text else "")
        page = render(found, subtitle=what)
        if dry_run:
            complain(f"{out}: would be written, {len(page.encode()) / 1e6:.1f} MB")
        else:
            with atomic_write(out, "w") as file:
                file.write(page)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), allow_nan=False))
    elif out is not None and not dry_run:
        typer.echo(f"{out}: {len(found.tracks):,} tracks")
