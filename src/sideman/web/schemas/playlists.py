"""Playlists in JSON: what is asked for, and what came of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from sideman.library.ordering import MOST
from sideman.library.playlists.build import Playlist
from sideman.web.schemas.text import LONGEST_QUERY, MOST_ID, clean
from sideman.web.schemas.track import TrackRow, rows

Number = Annotated[int, Field(ge=1, le=MOST_ID)]
RandomSeed = Annotated[int, Field(ge=0, lt=2**32, description="Another one, other songs; the same, the same.")]
Title = Annotated[str, Field(max_length=200)]
WEEK_MINUTES = 7 * 24 * 60


class PlaylistWish(BaseModel):
    """What a playlist is to be made of; one of query, seed and mood at least."""

    query: str = Field(default="", max_length=LONGEST_QUERY, description="Only songs that answer it.")
    seed: Number | None = Field(default=None, description="Number of a track to begin with and to resemble.")
    mood: str | None = Field(default=None, max_length=200, description="A word, or several: `calm->energetic`.")
    minutes: float | None = Field(default=None, gt=0, le=WEEK_MINUTES, description="How long; 60 unless `songs`.")
    songs: int | None = Field(default=None, ge=1, le=MOST, description="How many, instead of how long.")
    spacing: int = Field(default=3, ge=1, le=100, description="No artist twice among so many in a row, if possible.")
    random_seed: RandomSeed = 0
    title: Title | None = None
    taste: bool = Field(default=True, description="Let likes, skips and corrections count.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not (self.query or self.seed is not None or self.mood is not None):
            raise ValueError("name a query, a seed or a mood")
        if self.minutes is not None and self.songs is not None:
            raise ValueError("choose one of minutes and songs")
        return self


class PlaylistMade(BaseModel):
    """Songs in order."""

    title: str
    duration_s: float
    tracks: list[TrackRow]
    points: list[tuple[float, float]] | None = Field(
        description="Valence and arousal (-1..1) that each song was to have; null where no mood was asked for."
    )


class ListExport(BaseModel):
    """Songs to be written as a file."""

    title: Title = "Playlist"
    tracks: list[Number] = Field(min_length=1, max_length=10_000, description="Numbers, in order.")
    format: Literal["m3u8", "jspf", "xml"] = Field(description="xml is rekordbox's.")


class RuleExport(BaseModel):
    """A query to be written as a smart playlist, which Navidrome keeps up to date by itself."""

    title: Title = "Playlist"
    query: str = Field(min_length=1, max_length=LONGEST_QUERY)
    limit: int | None = Field(default=None, ge=1, le=1_000_000, description="At most so many tracks.")
    format: Literal["nsp"]


def made(playlist: Playlist) -> PlaylistMade:
    """A playlist in JSON."""
    points = [(round(v, 4), round(a, 4)) for v, a in playlist.points]
    return PlaylistMade(
        title=clean(playlist.title),
        duration_s=round(playlist.duration_s, 3),
        tracks=rows(playlist.tracks),
        points=points or None,
    )
