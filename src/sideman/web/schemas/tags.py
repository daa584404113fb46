"""Tag writes in JSON: what is asked for, what would change, what was done."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from sideman.web.schemas.text import LONGEST_QUERY, MOST_ID

Name = Literal["genre", "mood", "bpm", "key"]
Written = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\u0000-\u001f]+$")]


class TagWish(BaseModel):
    """Which files are to get which tags; of all tracks, or those of a query, or those named."""

    query: str = Field(default="", max_length=LONGEST_QUERY)
    ids: list[Annotated[int, Field(ge=1, le=MOST_ID)]] | None = Field(
        default=None, min_length=1, max_length=10_000, description="Numbers of tracks, instead of a query."
    )
    fields: list[Name] = Field(default=["genre", "mood", "bpm", "key"], min_length=1, max_length=4)
    min_confidence: float | None = Field(
        default=None, ge=0, le=1, description="Least probability; null: 0.5, genres where sure. 0: unsure genres too."
    )
    force: bool = Field(default=False, description="Also replace what is there; otherwise only fill in.")
    top: int = Field(default=1, ge=1, le=10, description="At most so many genres, the likeliest first.")
    genres_above: float | None = Field(default=None, ge=0, le=1, description="Every genre from this probability on.")
    bpm_range: tuple[float, float] | None = Field(
        default=None, description="Double or halve tempi into this range, such as [70, 180]; within 1..1000."
    )
    key_style: Literal["short", "camelot"] = Field(default="short", description="Dm or 7A.")
    spelling: dict[Written, Written] = Field(
        default={}, max_length=100, description='How a genre or mood is written: {"hiphop": "Rap"}.'
    )
    learned: Literal["genre", "mood"] | None = Field(
        default=None, description="Genre or mood as `sideman learn` learnt it from the user's own tags."
    )
    preserve_mtime: bool = Field(default=False, description="Leave the files' times of change as they are.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.query and self.ids is not None:
            raise ValueError("choose one of query and ids")
        if self.bpm_range is not None and not 1 <= self.bpm_range[0] < self.bpm_range[1] <= 1000:
            raise ValueError("bpm_range is two tempi from 1 to 1000, the lower one first")
        return self


class PlanWish(TagWish):
    """What a plan is asked for."""

    most: int = Field(default=1000, ge=1, le=10_000, description="Stop after so many changes.")


class OldAndNew(BaseModel):
    """Values of one field; an empty list where there is none."""

    old: list[str]
    new: list[str]


class TagChange(BaseModel):
    """What would change in one file."""

    id: int | None = Field(description="Of the track; null where the library has it no more.")
    path: str
    label: str = Field(description='"Artist - Title", or the file\'s name.')
    fields: dict[str, OldAndNew]


class TagProblem(BaseModel):
    """A file for which nothing can be done, and why."""

    path: str
    detail: str


class TagPlan(BaseModel):
    """What would be written."""

    changes: list[TagChange]
    problems: list[TagProblem]
    complete: bool = Field(description="False where there are more changes than were asked for, or looking took long.")


class Batch(BaseModel):
    """One run of tag writes."""

    batch: int = Field(description="Its number, for an undo.")
    at: float = Field(description="Seconds since 1970.")
    command: str
    states: dict[str, int] = Field(description="Files by state: planned, done, failed, undone.")


class UndoWish(BaseModel):
    """Which batch is to be taken back."""

    batch: int | None = Field(default=None, ge=1, le=2**31, description="Null: the last that was written.")
    dry_run: bool = Field(default=False, description="Only say what would be restored.")
    preserve_mtime: bool = False


class UndoPlan(BaseModel):
    """What an undo would restore."""

    batch: int
    changes: list[TagChange]
    left: list[TagProblem] = Field(description="Fields that hold something else by now and are left.")


class TagOutcome(BaseModel):
    """What became of one file."""

    path: str
    state: Literal["done", "failed"]
    detail: str | None


class TagReport(BaseModel):
    """The result of a job that writes tags."""

    batch: int | None = Field(description="For an undo; null where nothing was written.")
    written: int
    failed: int
    outcomes: list[TagOutcome] = Field(description="The failed ones, and the first 1000 of the others.")
