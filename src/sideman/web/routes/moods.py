"""Routes: mood words, and music for a mood."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from sideman.core.errors import LibraryError
from sideman.library.elsewhere import youtube
from sideman.library.playlists import arcs
from sideman.library.playlists.build import Playlist
from sideman.library.query import Query as Asked
from sideman.library.query import Term
from sideman.mood import names
from sideman.web.context import Context, Shared
from sideman.web.heavy import heavy
from sideman.web.schemas.moods import ElsewhereLink, Mood, NearestMood, Recommendation, RecommendationWish
from sideman.web.schemas.playlists import made
from sideman.web.schemas.text import clean

router = APIRouter(tags=["moods"])
_Coordinate = Annotated[float, Query(ge=-1, le=1)]


@router.get("/moods")
def moods() -> list[Mood]:
    """All mood words with their points."""
    return [
        Mood(
            name=name, valence=valence, arousal=arousal,
            synonyms=[word for word, meant in names.SYNONYMS.items() if meant == name],
        )
        for name, (valence, arousal) in names.MOODS.items()
    ]  # fmt: skip


@router.get("/moods/nearest")
def nearest(valence: _Coordinate, arousal: _Coordinate) -> NearestMood:
    """The word nearest to a point."""
    return NearestMood(name=names.nearest(valence, arousal))


@router.post("/recommendations")
def recommendations(context: Shared, wish: RecommendationWish) -> Recommendation:
    """Songs for a mood: to stay in it, or as a path out of it; and a search elsewhere, which nobody follows but you."""
    valence, arousal = names.mood(wish.mood) if wish.mood is not None else (wish.valence or 0.0, wish.arousal or 0.0)
    point = (valence, arousal)
    word = names.nearest(valence, arousal)
    query = _query(wish)
    note: str | None = None
    try:
        playlist = _songs(context, wish, point, query)
    except LibraryError as error:  # no library, nothing heard, nothing that answers
        playlist, note = Playlist(f"{'From' if wish.lift else 'For'} {word}", ()), clean(str(error))
    told = made(playlist)
    aim = names.nearest(*(arcs.lift(point) if wish.lift else arcs.match(point)).points([1.0])[0])
    # A word that was named is searched for as it was named, not as its nearest neighbour.
    sought = wish.mood if wish.mood is not None and not wish.lift and not _quadrant(wish.mood) else aim
    link = youtube(sought, language=wish.language, artist=wish.artist)
    return Recommendation(
        title=told.title,
        valence=valence,
        arousal=arousal,
        mood=word,
        lift=wish.lift,
        duration_s=told.duration_s,
        tracks=told.tracks,
        points=told.points or [],
        query=clean(query.text),
        note=note,
        elsewhere=ElsewhereLink.model_validate(asdict(link)),
    )


def _songs(context: Context, wish: RecommendationWish, point: names.Point, query: Asked) -> Playlist:
    from sideman.library.recommend import recommend

    store = context.store()
    with heavy():
        return recommend(
            store, point, lift=wish.lift, minutes=wish.minutes, query=query, random_seed=wish.random_seed,
            taste=wish.taste,
        )  # fmt: skip


def _query(wish: RecommendationWish) -> Asked:
    """The query with language and artist in every alternative; their text is a value, never part of the language."""
    told = (("language", wish.language), ("artist", wish.artist))
    # = ~ and : at the beginning of a value would ask for another kind of match.
    values = ((field, " ".join((value or "").split()).lstrip("=~:")) for field, value in told)
    terms = [Term(field, value) for field, value in values if value]
    return Asked.parse(wish.query).narrowed(*terms)


def _quadrant(word: str) -> bool:
    return word.strip().upper() in names.QUADRANTS
