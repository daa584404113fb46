"""``sideman recommend``: music for a mood, or out of it."""

from __future__ import annotations

from typing import Annotated

import typer

from sideman.cli.library_options import Database, opened
from sideman.cli.ls import TERMS, QueryWords, joined
from sideman.cli.song_lists import (
    Absolute,
    Delivery,
    DryRun,
    Json,
    Out,
    Overwrite,
    Paths,
    RandomSeed,
    Spacing,
    Taste,
)
from sideman.core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("recommend", context_settings=TERMS)(recommend)


def recommend(
    query: QueryWords = None,
    mood: Annotated[
        str | None, typer.Option("--mood", metavar="WORD", help="How you feel: calm, sad, tense...", show_default=False)
    ] = None,
    valence: Annotated[
        float | None,
        typer.Option("--valence", min=-1.0, max=1.0, metavar="V", help="Or: how pleasant, -1..1.", show_default=False),
    ] = None,
    arousal: Annotated[
        float | None,
        typer.Option("--arousal", min=-1.0, max=1.0, metavar="A", help="And: how excited, -1..1.", show_default=False),
    ] = None,
    lift: Annotated[bool, typer.Option("--lift/--match", help="Lead to a better mood, or stay in this one.")] = False,
    minutes: Annotated[float, typer.Option("--minutes", metavar="M", help="How long.")] = 30.0,
    spacing: Spacing = 3,
    random_seed: RandomSeed = 0,
    taste: Taste = True,
    out: Out = None,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
    paths: Paths = False,
    dry_run: DryRun = False,
    database: Database = None,
) -> None:
    """Propose songs for a mood.

    With --match they stay near it. With --lift they begin there and lead, for who is tense or angry, to calm, else to
    happy. A QUERY narrows the choice. docs/moods.md tells more.

    Exit codes: 0 done, 1 failed, 2 wrong usage.
    """
    delivery = Delivery(as_json, paths, out, absolute, overwrite, dry_run)
    delivery.check()
    if (mood is None) == (valence is None and arousal is None) or (valence is None) != (arousal is None):
        raise UsageError("name --mood WORD, or both --valence and --arousal")
    from sideman.library import recommend as rooms
    from sideman.mood import names

    point = names.mood(mood) if mood is not None else (valence or 0.0, arousal or 0.0)
    with opened(database) as store:
        made = rooms.recommend(
            store, point, lift=lift, minutes=minutes, query=joined(query) or None, spacing=spacing,
            random_seed=random_seed, taste=taste,
        )  # fmt: skip
    delivery.deliver(made)
