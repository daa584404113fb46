"""What the listener said, in JSON."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from sideman.web.schemas.text import MOST_ID

Kind = Literal["like", "skip", "correct"]


class FeedbackWish(BaseModel):
    """A like, a skip or a correction."""

    kind: Kind
    tracks: list[Annotated[int, Field(ge=1, le=MOST_ID)]] = Field(
        min_length=1, max_length=1000, description="Numbers of the tracks."
    )
    genre: str | None = Field(default=None, min_length=1, max_length=64, description="Of a correction.")
    mood: str | None = Field(default=None, min_length=1, max_length=60, description="Of a correction: a mood word.")
    context: str | None = Field(default=None, max_length=200, description="What a like or skip is an answer to.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.kind == "correct") != (self.genre is not None or self.mood is not None):
            raise ValueError("a correction needs a genre or a mood, and nothing else has them")
        return self


class Said(BaseModel):
    """Numbers of the new entries."""

    ids: list[int]


class FeedbackEntry(BaseModel):
    """One thing that the listener said."""

    id: int
    kind: Kind
    field: str | None = Field(description='Of a correction: "genre", "mood", or one of the listener\'s own.')
    value: str | None
    context: str | None
    at: float = Field(description="Seconds since 1970.")
    audio_hash: str = Field(description="Of the recording.")
    track: int | None = Field(description="Its number; null where no file of it is there now.")
    label: str | None = Field(description='"Artist - Title", or the file\'s name.')
