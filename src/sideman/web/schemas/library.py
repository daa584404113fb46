"""The library as a whole, what resembles what, and the map, in JSON."""

from __future__ import annotations

from pydantic import BaseModel, Field

from sideman.web.schemas.track import TrackRow


class LibrarySummary(BaseModel):
    """How much there is."""

    url: str = Field(description="Of the database.")
    tracks: int = Field(description="Files that are there.")
    analysed: int = Field(description="Of them, heard.")
    pending: int = Field(description="Of them, still to be heard: a scan does it.")
    failed: int = Field(description="Of them, could not be read or heard.")
    missing: int = Field(description="Files that the last scan did not find.")
    hours: float = Field(description="Length of what was heard.")
    roots: list[str] = Field(description="Folders and files that are scanned.")


class Count(BaseModel):
    """How many tracks have a property."""

    name: str
    count: int


class FacetCounts(BaseModel):
    """What a query finds, by property; the most frequent first, decades in their order."""

    genres: list[Count] = Field(description="As heard.")
    moods: list[Count] = Field(description="As heard.")
    containers: list[Count] = Field(description="Kinds of file.")
    decades: list[Count] = Field(description='By the year in the tags, such as "1990".')
    unsure: int = Field(description="Tracks whose genre is a guess.")
    errors: int = Field(description="Tracks that could not be read or heard.")


class Match(BaseModel):
    """A track that sounds like another."""

    track: TrackRow
    similarity: float = Field(description="Cosine of the two embeddings, -1..1; 1 is the same sound.")


class SimilarTracks(BaseModel):
    """What sounds like a track, best first."""

    seed: TrackRow
    matches: list[Match]


class SonicPath(BaseModel):
    """A walk from one track to another in small steps."""

    tracks: list[TrackRow] = Field(description="The first is where it begins, the last where it ends.")
    steps: list[float] = Field(description="Cosine distances between neighbours, one fewer than tracks.")
    largest: float = Field(description="The largest of the steps.")
    direct: float = Field(description="Distance from the first to the last.")


class MapPoint(BaseModel):
    """A recording on the map."""

    id: int
    x: float = Field(description="-1..1; neighbours sound alike, the axes mean nothing.")
    y: float = Field(description="-1..1.")
    label: str
    genre: str | None
    mood: str | None


class LibraryMap(BaseModel):
    """Recordings on a plane."""

    points: list[MapPoint]
    total: int = Field(description="Recordings that were heard; more than points where a sample is shown.")
    neighbours_kept: float = Field(description="Share 0..1 of the ten nearest in sound that are so on the map.")
