"""Mood words and recommendations in JSON."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from sideman.web.schemas.playlists import WEEK_MINUTES, RandomSeed
from sideman.web.schemas.text import LONGEST_QUERY
from sideman.web.schemas.track import TrackRow

Coordinate = Annotated[float, Field(ge=-1, le=1)]


class Mood(BaseModel):
    """A word and its point in the plane of moods."""

    name: str
    valence: Coordinate = Field(description="How pleasant, -1..1.")
    arousal: Coordinate = Field(description="How excited, -1..1.")
    synonyms: list[str] = Field(description="Words that mean the same point.")


class NearestMood(BaseModel):
    """The word for a point."""

    name: str


class RecommendationWish(BaseModel):
    """How the listener feels, by a word or by a point, and what the songs are to be."""

    mood: str | None = Field(default=None, min_length=1, max_length=60, description="A word, such as `calm`.")
    valence: Coordinate | None = Field(default=None, description="Or a point: how pleasant, -1..1,")
    arousal: Coordinate | None = Field(default=None, description="and how excited, -1..1.")
    lift: bool = Field(default=False, description="Lead to a better mood, instead of staying in this one.")
    minutes: float = Field(default=30.0, gt=0, le=WEEK_MINUTES)
    query: str = Field(default="", max_length=LONGEST_QUERY, description="Only songs that answer it.")
    language: str | None = Field(default=None, max_length=60, description="By the files' language tag.")
    artist: str | None = Field(default=None, max_length=100)
    random_seed: RandomSeed = 0
    taste: bool = Field(default=True, description="Let likes, skips and corrections count.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        by_point = self.valence is not None and self.arousal is not None
        if (self.valence is None) != (self.arousal is None) or by_point == (self.mood is not None):
            raise ValueError("name a mood, or both valence and arousal")
        return self


class ElsewhereLink(BaseModel):
    """A search somewhere else, for a person to open; Sideman fetches nothing."""

    service: str
    terms: str = Field(description="What is searched for.")
    url: str


class Recommendation(BaseModel):
    """Songs of the library for a mood, and where else to look."""

    title: str
    valence: float
    arousal: float
    mood: str = Field(description="The word nearest to the point.")
    lift: bool
    duration_s: float
    tracks: list[TrackRow] = Field(description="In order; none where nothing fits.")
    points: list[tuple[float, float]] = Field(description="Valence and arousal that each song was to have.")
    query: str = Field(description="The query as used, with language and artist.")
    note: str | None = Field(description="Why there are no songs.")
    elsewhere: ElsewhereLink
