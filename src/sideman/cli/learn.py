"""``sideman learn``: labels of one's own, learnt from the tags of the library."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sideman.cli.common import complain, printable
from sideman.cli.library_options import Database, opened
from sideman.core.errors import LibraryError, UsageError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("learn")(learn)


def learn(
    query: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUERY", help="Learn from these tracks only; by default from all.", show_default=False),
    ] = None,
    from_tags: Annotated[bool, typer.Option("--from-tags", help="Learn from tags and corrections.")] = False,
    field: Annotated[
        str, typer.Option("--field", metavar="FIELD", help="The tag to learn: genre, mood, grouping, or any other.")
    ] = "genre",
    min_tracks: Annotated[
        int, typer.Option("--min-tracks", min=2, metavar="N", help="Leave out labels of fewer tracks.")
    ] = 8,
    listing: Annotated[bool, typer.Option("--list", help="Tell what was learnt.")] = False,
    show: Annotated[
        str | None, typer.Option("--show", metavar="FIELD", help="Tell how well a field was learnt.")
    ] = None,
    remove: Annotated[str | None, typer.Option("--remove", metavar="FIELD", help="Forget a field.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of the cross-validation.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure, but keep nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
    database: Database = None,
) -> None:
    """Learn labels of your own from your tags, by the sound of your tracks.

    A classifier is fitted on the stored embeddings and judged on artists that it did not learn from. It is kept in the
    library, in the place of an older one of its field.

    Exit codes: 0 done, 1 failed, 2 wrong usage.
    """
    asked = [from_tags, listing, show is not None, remove is not None]
    if sum(asked) != 1:
        raise UsageError("name one of --from-tags, --list, --show FIELD and --remove FIELD")
    if query and not from_tags:
        raise UsageError("a query goes with --from-tags only")
    if listing or show is not None:
        _tell(database, show, as_json)
    elif remove is not None:
        _remove(database, remove, dry_run, as_json)
    else:
        _learn(database, " ".join(query or ()) or None, field, min_tracks, seed, dry_run, as_json, quiet)


def _learn(
    database: str | None,
    query: str | None,
    field: str,
    min_tracks: int,
    seed: int,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    from sideman.core.progress import progress
    from sideman.core.tuning import tune_allocator
    from sideman.library.learn.fit import STEPS, learn
    from sideman.library.learn.use import keep

    tune_allocator()
    with opened(database) as store:
        with progress("learning", STEPS, quiet=quiet) as advance:
            found = learn(store, field, query, min_tracks=min_tracks, seed=seed, advance=advance)
        if not dry_run:
            keep(store, found)
    _print(found.card, as_json)
    if dry_run:
        complain("dry run: nothing was kept")


def _tell(database: str | None, field: str | None, as_json: bool) -> None:
    from sideman.library.learn.use import cards

    with opened(database) as store:
        found = cards(store)
    if field is not None:
        wanted = [card for card in found if card["field"] == field.strip().lower()]
        if not wanted:
            raise _not_learnt(field)
        _print(wanted[0], as_json)
        return
    for card in found:
        if as_json:
            typer.echo(json.dumps(card))
            continue
        balanced = card["balanced_accuracy"]
        figures = f"balanced accuracy {balanced['value']:.2f}, chance {balanced['chance']:.2f}"
        typer.echo(printable(f"{card['field']}: {len(card['labels'])} labels, {figures}, made {card['made_at'][:10]}"))
    if not found and not as_json:
        complain("nothing was learnt yet; 'sideman learn --from-tags' does it")


def _remove(database: str | None, field: str, dry_run: bool, as_json: bool) -> None:
    from sideman.library.learn.use import cards, remove

    name = field.strip().lower()
    with opened(database) as store:
        known = any(card["field"] == name for card in cards(store)) if dry_run else remove(store, name)
    if not known:
        raise _not_learnt(field)
    if as_json:
        typer.echo(json.dumps({"field": name, "removed": not dry_run}))
    else:
        typer.echo(printable(f"{name}: {'would be forgotten' if dry_run else 'forgotten'}"))


def _not_learnt(field: str) -> LibraryError:
    return LibraryError(f"{field}: was not learnt; 'sideman learn --list' tells what was")


def _print(card: dict[str, object], as_json: bool) -> None:
    from sideman.library.learn.card import lines

    if as_json:
        typer.echo(json.dumps(card))
        return
    for line in lines(card):
        typer.echo(printable(line))
