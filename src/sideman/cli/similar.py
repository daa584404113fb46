"""``sideman similar`` and ``sideman path``: what sounds alike, and how to get from one song to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sideman.cli.common import complain
from sideman.cli.library_options import Database, opened
from sideman.cli.song_lists import (
    Absolute,
    Delivery,
    DryRun,
    Json,
    Out,
    Overwrite,
    Paths,
    Spacing,
    Taste,
    track_or_file,
)

_Query = Annotated[
    str | None, typer.Option("--query", metavar="QUERY", help="Only songs that answer it.", show_default=False)
]
_TRACK = "A track's number or path; or a file outside the library."


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("similar")(similar)
    app.command("path")(path)


def similar(
    track: Annotated[str, typer.Argument(metavar="TRACK", help=_TRACK, show_default=False)],
    n: Annotated[int, typer.Option("-n", "--number", min=1, metavar="N", help="How many songs.")] = 20,
    query: _Query = None,
    per_artist: Annotated[
        int, typer.Option("--per-artist", min=0, metavar="N", help="At most N by one artist; 0 for any number.")
    ] = 2,
    other_artists: Annotated[bool, typer.Option("--other-artists", help="None by the song's own artist.")] = False,
    spacing: Spacing = 3,
    tempo: Annotated[
        float, typer.Option("--tempo", min=0.0, max=1.0, metavar="W", help="Let a like tempo count too.")
    ] = 0.0,
    key: Annotated[
        float, typer.Option("--key", min=0.0, max=1.0, metavar="W", help="Let a key that mixes count.")
    ] = 0.0,
    mood: Annotated[float, typer.Option("--mood", min=0.0, max=1.0, metavar="W", help="Let a like mood count.")] = 0.0,
    taste: Taste = True,
    index: Annotated[
        bool, typer.Option("--index", help="First make an approximate index, for millions of tracks (extra: search).")
    ] = False,
    as_json: Json = False,
    paths: Paths = False,
    out: Out = None,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    database: Database = None,
) -> None:
    """List the songs that sound most like one.

    Each recording is listed once, at most two by an artist, with its likeness (1 is the same sound). A W of 0.1 is a
    gentle hint, 1 a strong one.

    Exit codes: 0 done, 1 failed, 2 wrong usage.
    """
    delivery = Delivery(as_json, paths, out, absolute, overwrite, dry_run)
    delivery.check()
    from sideman.library import similar as rooms
    from sideman.library.playlists.build import Playlist

    with opened(database) as store:
        seed = track_or_file(store, track)
        if index:
            _make_index(store)
        found = rooms.similar(
            store, seed, n, query=query, per_artist=per_artist or None, spacing=spacing, other_artists=other_artists,
            weights=rooms.Weights(tempo, key, mood), taste=taste,
        )  # fmt: skip
    if not found:
        complain("nothing similar found")
    playlist = Playlist(f"Like {seed.label}", tuple(match for match, _ in found))
    delivery.deliver(playlist, "similarity", [likeness for _, likeness in found])


def path(
    start: Annotated[str, typer.Argument(metavar="FROM", help=_TRACK, show_default=False)],
    end: Annotated[str, typer.Argument(metavar="TO", help="Likewise.", show_default=False)],
    n: Annotated[
        int, typer.Option("-n", "--number", min=2, max=200, metavar="N", help="How many songs, both ends included.")
    ] = 10,
    query: _Query = None,
    taste: Taste = True,
    as_json: Json = False,
    paths: Paths = False,
    out: Out = None,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    database: Database = None,
) -> None:
    """Walk from one song to another in small steps, through songs that sound ever more like the second.

    STEP is how far a song is from the one before (0 the same sound, 1 nothing in common).

    Exit codes: 0 done, 1 failed, 2 wrong usage.
    """
    delivery = Delivery(as_json, paths, out, absolute, overwrite, dry_run)
    delivery.check()
    from sideman.library import walk as walks
    from sideman.library.playlists.build import Playlist

    with opened(database) as store:
        walk = walks.path(store, track_or_file(store, start), track_or_file(store, end), n, query=query, taste=taste)
    title = f"{walk.tracks[0].label} to {walk.tracks[-1].label}"
    delivery.deliver(Playlist(title, walk.tracks), "step", [0.0, *walk.steps])
    if len(walk.tracks) < n:
        complain(f"note: the library has songs for {len(walk.tracks)} of {n} places only")
    complain(f"largest step {walk.largest:.3f}, directly {walk.direct:.3f}")


def _make_index(store: object) -> None:
    from sideman.library import approximate, nearest
    from sideman.library.store import Store

    assert isinstance(store, Store)
    where: Path = approximate.build(nearest.load(store))
    complain(f"{where}: index made")
