"""Music for a mood: to stay in it (match), or to come out of it (lift). The command line and the page both ask here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sideman.library.ordering import SPACING
from sideman.library.playlists import arcs
from sideman.library.playlists.arcs import Point
from sideman.library.playlists.build import Playlist, build
from sideman.library.store import Store

if TYPE_CHECKING:
    from sideman.library.query import Query

MINUTES = 30.0


def recommend(
    store: Store,
    mood_point: Point,
    *,
    lift: bool = False,
    minutes: float = MINUTES,
    query: Query | str | None = None,
    spacing: int = SPACING,
    random_seed: int = 0,
    taste: bool = True,
    cache: Path | None = None,
) -> Playlist:
    """Songs for a mood.

    Args:
        store: the library.
        mood_point: valence and arousal of the listener, each -1..1; :func:`sideman.mood.names.mood` knows words.
        lift: instead of staying near the point, lead from it to calm (who is unhappy and excited) or to happy; see
            :func:`sideman.library.playlists.arcs.lift`.
        minutes: how long, to the nearest song.
        query: only songs that answer it, such as ``artist:nina`` or ``language:portuguese`` (a tag).
        spacing: no artist twice among so many in a row, where possible.
        random_seed: another one, other songs.
        taste: whether likes, skips and corrections count.
        cache: folder of the cached vectors; by default the user's.

    Returns:
        a playlist; its ``points`` tell which mood each song was chosen for.

    Raises:
        UsageError: a point outside -1..1, a length or query that makes no sense.
        LibraryError: no song with a known mood answers.
    """
    arc = arcs.lift(mood_point) if lift else arcs.match(mood_point)
    return build(
        store, query, arc=arc, minutes=minutes, spacing=spacing, random_seed=random_seed, taste=taste, cache=cache,
        title=f"{'From' if lift else 'For'} {arc.title}",
    )  # fmt: skip
