"""A library seen as a whole, in JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Distribution(BaseModel):
    """Tracks by one property."""

    counts: dict[str, int] = Field(description="Tracks by value, in the order of a chart; ranges by their lower edge.")
    unknown: int = Field(description="Tracks of which it is not known.")
    step: int | None = Field(description="Width of a range; null where values are names.")


class FileName(BaseModel):
    """A file."""

    id: int
    path: str


class DisagreementRow(FileName):
    """A tag that the sound contradicts."""

    field: Literal["genre", "tempo", "key"]
    tagged: str
    heard: str
    confidence: float = Field(description="Of what was heard, 0..1.")
    note: str = Field(description="How the two relate; may be empty.")


class Alike(BaseModel):
    """Two recordings that sound alike and are equally long."""

    files: list[FileName]
    cosine: float
    same_recording: bool | None = Field(description="Null: their sound was not compared sample by sample.")


class Unreadable(FileName):
    """A file that could not be read or heard."""

    error: str | None


class Level(FileName):
    """A file with a remarkable level."""

    loudness_lufs: float | None
    peak_db: float | None


class FaultLists(BaseModel):
    """Files that something is wrong with."""

    unreadable: list[Unreadable]
    silent: list[Level]
    quiet: list[Level] = Field(description="Below -35 LUFS.")
    full_scale: list[Level] = Field(description="At full scale: may be clipped.")


class InsightsTold(BaseModel):
    """A library, or what a query finds in it. Lists are cut at `most`; `lengths` has how long they are in full."""

    tracks: int
    missing: int
    analysed: int
    unsure: int
    artists: int
    albums: int
    hours: float
    gigabytes: float
    distributions: dict[str, Distribution] = Field(
        description="genre, quadrant, mood, tempo (BPM), key (Camelot), decade, loudness (LUFS)."
    )
    disagreements: dict[str, list[DisagreementRow]] = Field(
        description="By field: genre, tempo, key; the surest first."
    )
    equal_audio: list[list[FileName]] = Field(description="Files with the same sound, in groups.")
    alike: list[Alike]
    faults: FaultLists
    lengths: dict[str, int] = Field(description="By list, such as `disagreements.genre` or `alike`.")
