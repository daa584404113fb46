"""``sideman feedback``: likes, skips and corrections."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sideman.cli.common import complain, printable
from sideman.cli.library_options import Database, opened
from sideman.core.errors import UsageError

_Tracks = Annotated[list[str], typer.Argument(metavar="TRACK...", help="Numbers or paths.", show_default=False)]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be kept, but keep nothing.")]
_Context = Annotated[
    str | None, typer.Option("--context", metavar="TEXT", help="What it is an answer to.", show_default=False)
]

feedback = typer.Typer(
    name="feedback",
    help="Tell what you like, skip, or know better; similar, playlist and recommend go by it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(feedback, name="feedback")


@feedback.command("like")
def like(tracks: _Tracks, context: _Context = None, dry_run: _DryRun = False, database: Database = None) -> None:
    """More of this, and of what sounds like it."""
    _say(database, "like", tracks, {}, context, dry_run)


@feedback.command("skip")
def skip(tracks: _Tracks, context: _Context = None, dry_run: _DryRun = False, database: Database = None) -> None:
    """Less of this, and of what sounds like it."""
    _say(database, "skip", tracks, {}, context, dry_run)


@feedback.command("correct")
def correct(
    tracks: _Tracks,
    genre: Annotated[
        str | None, typer.Option("--genre", metavar="GENRE", help="Its genre.", show_default=False)
    ] = None,
    mood: Annotated[str | None, typer.Option("--mood", metavar="WORD", help="Its mood.", show_default=False)] = None,
    dry_run: _DryRun = False,
    database: Database = None,
) -> None:
    """Say what a song is, where Sideman heard it wrongly."""
    said = {name: value for name, value in (("genre", genre), ("mood", mood)) if value}
    if not said:
        raise UsageError("name --genre, --mood or both")
    if mood:
        from sideman.mood.names import mood as known

        known(mood)
    _say(database, "correct", tracks, said, None, dry_run)


@feedback.command("list")
def listing(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object per entry.")] = False,
    database: Database = None,
) -> None:
    """List what you said, oldest first."""
    from sideman.library import tracks as rooms
    from sideman.library.taste import entries

    with opened(database) as store:
        found = entries(store)
        about = rooms.by_hash(store, [entry.audio_hash for entry in found])
    for entry in found:
        track = about.get(entry.audio_hash)
        if as_json:
            record = entry.to_dict() | {"track": track and track.id, "path": track and track.path}
            typer.echo(json.dumps(record, allow_nan=False))
            continue
        said = f"{entry.field}: {entry.value}" if entry.kind == "correct" else ""
        name = printable(track.label) if track else "(no file there now)"
        typer.echo(f"{entry.id:>5}  {entry.kind:<7}  {name}{'  ' + printable(said) if said else ''}")
    if not found:
        complain("nothing said yet; 'sideman feedback like TRACK' begins")


@feedback.command("remove")
def remove(
    numbers: Annotated[
        list[int], typer.Argument(metavar="NUMBER...", help="From `feedback list`.", show_default=False)
    ],
    dry_run: _DryRun = False,
    database: Database = None,
) -> None:
    """Take back entries, all or none."""
    from sideman.library.taste import entries, unsay

    with opened(database) as store:
        if dry_run:
            known = {entry.id for entry in entries(store)}
            complain(f"would remove {len(known & set(numbers))} of {len(set(numbers))} entries")
            return
        unsay(store, numbers)
    complain(f"removed {len(set(numbers))}")


def _say(
    database: str | None, kind: str, names: list[str], said: dict[str, str], context: str | None, dry_run: bool
) -> None:
    """Keep one entry per track and field; none where a track is not known."""
    from sideman.library import tracks as rooms
    from sideman.library.taste import say

    with opened(database) as store:
        about = [rooms.get(store, name) for name in names]
        if not dry_run:
            if kind == "correct":
                for field, value in said.items():
                    say(store, kind, about, field=field, value=value)
            else:
                say(store, kind, about, context=context)
    told = ", ".join(f"{field}: {value}" for field, value in said.items()) or kind
    for track in about:
        complain(f"{'would keep ' if dry_run else ''}{told}: {track.label}")
