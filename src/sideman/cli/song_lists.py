"""What the commands that propose songs share: their options, and how a list is shown and written."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sideman.cli.common import clock, complain
from sideman.core.errors import LibraryError, UsageError

if TYPE_CHECKING:
    from sideman.library.playlists.build import Playlist
    from sideman.library.store import Store
    from sideman.library.track import Track

Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object per song.")]
Paths = Annotated[bool, typer.Option("--paths", help="Print paths only, one per line.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Write a playlist: .m3u8, .jspf or .xml (rekordbox).", show_default=False
    ),
]
Absolute = Annotated[bool, typer.Option("--absolute", help="Whole paths in an .m3u8, not from its folder.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file in --out.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the songs, but write nothing.")]
Taste = Annotated[bool, typer.Option("--taste/--no-taste", help="Let likes, skips and corrections count.")]
Spacing = Annotated[
    int, typer.Option("--spacing", min=1, metavar="K", help="No artist twice among K songs in a row, where possible.")
]
RandomSeed = Annotated[int, typer.Option("--random-seed", min=0, metavar="N", help="Another one, other songs.")]


@dataclass(frozen=True)
class Delivery:
    """How a list of songs is to be shown, and where it is to be written."""

    as_json: bool = False
    paths: bool = False
    out: Path | None = None
    absolute: bool = False
    overwrite: bool = False
    dry_run: bool = False

    def check(self) -> None:
        """Complain before any work is done.

        Raises:
            UsageError: options that contradict each other, an unknown kind of playlist, a file that is there already.
        """
        if self.as_json and self.paths:
            raise UsageError("choose one of --json and --paths")
        if self.out is None:
            if self.absolute or self.overwrite:
                raise UsageError("--absolute and --overwrite go with --out")
            return
        from sideman.library.playlists.saving import kind

        kind(self.out)
        if self.out.exists() and not (self.overwrite or self.dry_run):
            raise UsageError(f"{self.out}: is there already; --overwrite replaces it")

    def deliver(self, playlist: Playlist, name: str = "", values: list[float] | None = None) -> None:
        """Write and show a playlist; ``name`` and ``values`` are a further column, one number per song."""
        from sideman.library.playlists.saving import render, save_text

        told = f"{len(playlist.tracks)} songs, {clock(playlist.duration_s)}"
        if self.out is not None:
            text = render(playlist, self.out, absolute=self.absolute)
            if not self.dry_run:
                save_text(text, self.out)
        if self.as_json:
            for i, track in enumerate(playlist.tracks):
                extra: dict[str, Any] = {name: round(values[i], 4)} if values is not None else {}
                if playlist.points:
                    extra["wanted"] = dict(zip(("valence", "arousal"), playlist.points[i], strict=True))
                typer.echo(json.dumps(track.to_dict() | extra, allow_nan=False))
        elif self.paths:
            sys.stdout.flush()
            sys.stdout.buffer.writelines(os.fsencode(track.path) + b"\n" for track in playlist.tracks)
            sys.stdout.buffer.flush()
        else:
            from sideman.cli.ls import table

            shown = None if values is None else (name, [f"{value:.3f}" for value in values])
            table(list(playlist.tracks), extra=shown)
        if self.out is not None:
            complain(f"{self.out}: {'would hold' if self.dry_run else 'holds'} {told}")
        elif not (self.as_json or self.paths):
            complain(told)


def track_or_file(store: Store, which: str) -> Track:
    """The track of the library with a number or path; else a file outside it, which is then listened to.

    Raises:
        LibraryError: it is neither.
    """
    from sideman.library import tracks
    from sideman.library.track import Track

    try:
        return tracks.get(store, which)
    except LibraryError:
        if not Path(which).is_file():
            raise
    return Track(0, os.path.realpath(which))
