"""What the server tells of itself, in JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class LibraryState(BaseModel):
    """How much is in the library."""

    tracks: int
    analysed: int


class QueueState(BaseModel):
    """What the workers are at."""

    waiting: int = Field(description="Requests that were let in and wait, or whose body is coming.")
    running: int
    workers: int = Field(description="Processes there may be.")


class Health(BaseModel):
    """That it works, and how busy it is."""

    status: str = Field(description='"ok".')
    version: str
    page: bool = Field(description="Whether the page was built.")
    uptime_s: float
    library: LibraryState | None = Field(description="Null where there is none yet.")
    queue: QueueState


class ModelFacts(BaseModel):
    """A network, from its card."""

    name: str
    sha256: str | None
    what: str | None = Field(description="What it does.")
    genres: list[str]
    licence: str | None
    parameters: int | None
    notice: str | None = Field(description="A line that whoever uses what it makes should read.")


class LearnedFacts(BaseModel):
    """A field that was learnt from the user's own tags; its card."""

    model_config = ConfigDict(extra="allow")

    field: str
    tracks: int = Field(description="That it was learnt from.")
    protocol: str


class Models(BaseModel):
    """All networks that can be used."""

    classifier: ModelFacts
    mood: ModelFacts
    composers: list[ModelFacts]
    imaginers: list[ModelFacts]
    learned: list[LearnedFacts]


class Secret(BaseModel):
    """What a browser shows to be let in."""

    token: str = Field(max_length=1000)
