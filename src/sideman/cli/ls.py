"""``sideman ls``: what is in the library."""

from __future__ import annotations

import csv
import difflib
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sideman.cli.common import cells, clock, complain, fit, printable
from sideman.cli.library_options import Database, opened
from sideman.core.errors import UsageError

if TYPE_CHECKING:
    from sideman.library.query import Query
    from sideman.library.track import Track

_COLUMNS = ("id", "artist", "title", "genre", "mood", "bpm", "key", "length")
TERMS = {"ignore_unknown_options": True, "help_option_names": ["--help"]}
"""Settings of a command that takes a QUERY: a term may begin with a dash (-tag:chill), so no option is short."""
QueryWords = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[QUERY]...",
        help="Such as: genre:jazz mood:calm bpm:90..110 key:Dm year:1960.. artist:~davis -tag:live",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("ls", context_settings=TERMS)(ls)


def joined(words: list[str] | None) -> str:
    """The words of a QUERY as one text; a word with spaces that the shell kept together stays together.

    A single word is taken as it is: ``sideman ls 'genre:jazz key:Dm'`` is two terms.
    """
    words = words or []
    if len(words) == 1:
        return words[0]
    return " ".join(f'"{word}"' if any(c.isspace() for c in word) and '"' not in word else word for word in words)


def ls(
    query: QueryWords = None,
    database: Database = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object per track.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV: a header, then one row per track.")] = False,
    paths: Annotated[bool, typer.Option("--paths", help="Print paths only, one per line.")] = False,
    null: Annotated[bool, typer.Option("--null", help="With --paths: end each with NUL, for xargs -0.")] = False,
    count: Annotated[bool, typer.Option("--count", help="Print only how many there are.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="At most N tracks.", show_default=False)
    ] = None,
    missing: Annotated[bool, typer.Option("--missing", help="Also files that are not there any more.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write .csv, .jsonl, .parquet, or .jams for one track; "
            "a folder ending in / takes a .jams file for each.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file in --out.")] = False,
) -> None:
    """List tracks of the library: by what was heard, by tags, by path.

    Terms are joined by "and"; a comma alone is "or"; a dash before a term is "not"; `year-` sorts. docs/queries.md has
    all of it.

    Exit codes: 0 done (also where nothing fits), 1 failed, 2 wrong usage.
    """
    from sideman.library import tracks
    from sideman.library.query import Query

    if sum((as_json, as_csv, paths, count, out is not None)) > 1:
        raise UsageError("choose one of --json, --csv, --paths, --count and --out")
    asked = Query.parse(joined(query))
    with opened(database) as store:
        if count:
            typer.echo(tracks.count(store, asked, missing=missing))
            return
        whole = as_json or out is not None
        found = tracks.find(store, asked, missing=missing, whole=whole, limit=limit)
        if not found:
            _nothing(asked)
        if out is not None:
            from sideman.library.export import export

            written = export(store, found, out, overwrite=overwrite)
            complain(f"{written}: {len(found)} tracks")
        elif as_json:
            _lines((track.to_json() + "\n").encode() for track in found)
        elif as_csv:
            from sideman.library.export import CSV_COLUMNS, csv_row

            text = io.StringIO(newline="")
            sheet = csv.writer(text)
            sheet.writerow(CSV_COLUMNS)
            sheet.writerows(csv_row(track) for track in found)
            _lines([text.getvalue().encode("utf-8", "surrogateescape")])
        elif paths:
            import os

            _lines(os.fsencode(track.path) + (b"\0" if null else b"\n") for track in found)
        else:
            table(found)


def _lines(lines: Iterable[bytes]) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.writelines(lines)
    sys.stdout.buffer.flush()


def _nothing(query: Query) -> None:
    """Say why perhaps nothing was found: a field that nobody knows."""
    from sideman.library.fields import FIELDS

    for term in query.terms:
        if term.field is not None and term.field not in FIELDS:
            close = difflib.get_close_matches(term.field, FIELDS, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            complain(f"note: {term.field} is taken for a tag of the files' own{hint}")
    complain("nothing found")


def rows(found: list[Track]) -> list[tuple[str, ...]]:
    """Cells of the table, one row per track."""
    table: list[tuple[str, ...]] = []
    for track in found:
        genre = "" if track.genre is None else f"{track.genre}?" if track.unsure else track.genre
        table.append(
            (
                str(track.id),
                printable(track.artist or track.albumartist or ""),
                printable(track.title or Path(track.path).name),
                genre if track.error is None else "failed",
                track.mood or "",
                "" if track.tempo_bpm is None else f"{track.tempo_bpm:.0f}",
                track.key or "",
                "" if track.duration_s is None else clock(track.duration_s),
            )
        )
    return table


def table(found: list[Track], *, extra: tuple[str, list[str]] | None = None) -> None:
    """Print tracks as a table that fits the terminal; ``extra`` is a further column, its name and cells."""
    import shutil

    if not found:
        return
    head = list(_COLUMNS)
    body = [list(row) for row in rows(found)]
    if extra is not None:
        head.append(extra[0])
        for row, cell in zip(body, extra[1], strict=True):
            row.append(cell)
    widths = [max(cells(row[i]) for row in [head, *body]) for i in range(len(head))]
    width = shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else 10**6
    over = sum(widths) + 2 * (len(widths) - 1) - width
    for i in (2, 1):  # title, artist: what a terminal has no room for
        cut = min(max(0, over), max(0, widths[i] - 12))
        widths[i], over = widths[i] - cut, over - cut
    for row in [[name.upper() for name in head], *body]:
        padded = [_padded(cell, widths[i], right=head[i] in ("id", "bpm", "length")) for i, cell in enumerate(row)]
        typer.echo("  ".join(padded).rstrip())


def _padded(text: str, width: int, *, right: bool) -> str:
    if cells(text) > width:
        shortened = text
        while cells(shortened) > width - 1:
            shortened = shortened[:-1]
        text = shortened + "…"
    return " " * (width - cells(text)) + text if right else fit(text, width)
