"""``sideman playlist``: songs by query, like a song, or along moods, in an order that flows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sideman.cli.common import complain
from sideman.cli.library_options import Database, opened
from sideman.cli.ls import TERMS, QueryWords, joined
from sideman.cli.song_lists import (
    Absolute,
    Delivery,
    DryRun,
    Json,
    Overwrite,
    Paths,
    RandomSeed,
    Spacing,
    Taste,
    track_or_file,
)
from sideman.core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("playlist", context_settings=TERMS)(playlist)


def playlist(
    query: QueryWords = None,
    seed: Annotated[
        str | None,
        typer.Option("--seed", metavar="TRACK", help="Begin with this song, go on with like ones.", show_default=False),
    ] = None,
    mood: Annotated[
        str | None,
        typer.Option("--mood", metavar="MOODS", help="Such as calm, or 'calm->energetic'.", show_default=False),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", metavar="M", help="How long; 60 unless --songs.", show_default=False)
    ] = None,
    songs: Annotated[
        int | None,
        typer.Option("--songs", min=1, metavar="N", help="How many, instead of how long.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write .m3u8, .jspf, .xml (rekordbox) or .nsp (Navidrome: the QUERY as a rule).",
            show_default=False,
        ),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="Its name.", show_default=False)] = None,
    spacing: Spacing = 3,
    random_seed: RandomSeed = 0,
    taste: Taste = True,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
    paths: Paths = False,
    dry_run: DryRun = False,
    database: Database = None,
) -> None:
    """Make a playlist whose songs follow each other well in tempo, key, sound and loudness.

    QUERY, --seed and --mood may be combined. The same --random-seed gives the same playlist. docs/playlists.md tells
    more.

    Exit codes: 0 done, 1 failed, 2 wrong usage.
    """
    delivery = Delivery(as_json, paths, out, absolute, overwrite, dry_run)
    delivery.check()
    text = joined(query)
    if minutes is not None and songs is not None:
        raise UsageError("choose one of --minutes and --songs")
    if out is not None and out.suffix.lower() == ".nsp":
        if seed is not None or mood is not None or minutes is not None:
            raise UsageError(
                f"{out}: a .nsp is a rule; it takes a QUERY and --songs, but no --seed, --mood or --minutes"
            )
        _write_rule(out, text, title, songs, dry_run)
        return
    if not (text or seed is not None or mood is not None):
        raise UsageError("name a QUERY, --seed or --mood; 'sideman playlist --help' tells more")
    from sideman.library.playlists.arcs import arc
    from sideman.library.playlists.build import MINUTES, build

    wanted = arc(mood) if mood is not None else None
    with opened(database) as store:
        made = build(
            store, text or None, seed=None if seed is None else track_or_file(store, seed), arc=wanted,
            minutes=None if songs is not None else MINUTES if minutes is None else minutes, n=songs, spacing=spacing,
            random_seed=random_seed, taste=taste, title=title,
        )  # fmt: skip
    delivery.deliver(made)


def _write_rule(out: Path, text: str, title: str | None, songs: int | None, dry_run: bool) -> None:
    from sideman.library.playlists import nsp
    from sideman.library.playlists.saving import save_text

    if not text:
        raise UsageError(f"{out}: a .nsp is a rule; name a QUERY")
    rule = nsp.text(title or out.stem, text, limit=songs)
    if dry_run:
        typer.echo(rule, nl=False)
        return
    save_text(rule, out)
    complain(f"{out}: written; Navidrome goes by tags, 'sideman tag' fills them in")
