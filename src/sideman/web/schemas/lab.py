"""Models, scoreboard, reports and evaluations in JSON."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Figure(BaseModel):
    """One figure, 0..1, with what it varied by."""

    model_config = ConfigDict(extra="allow")

    mean: float = Field(description="Over the seeds.")
    per_seed: list[float] = []
    interval: tuple[float, float] | None = Field(default=None, description="95 %, over recordings.")
    group_interval: tuple[float, float] | None = Field(default=None, description="95 %, over artists and the like.")


class BoardRow(BaseModel):
    """A model under a protocol."""

    model_config = ConfigDict(extra="allow")

    model: str
    protocol: str
    leaky: bool = Field(description="The same recording may be in training and test.")
    parameters: int | None = None
    fit_s: float | None = None
    kept_apart: list[str] = []
    seeds: list[int] = []
    recordings: float | None = None
    chance: float | None = None
    accuracy: Figure | None = None
    balanced_accuracy: Figure | None = None
    macro_f1: Figure | None = None
    segment_accuracy: Figure | None = None
    top_2: Figure | None = None
    ece: float | None = Field(default=None, description="Calibration error.")
    notes: list[str] = []


class DocumentedModel(BaseModel):
    """What a source states of its model."""

    shape: list[int] | None
    parameters: int | None
    counting: str
    accuracy: float | None = Field(description="0..1.")
    protocol: str


class LabModel(BaseModel):
    """A model of the lab."""

    name: str
    title: str
    source: str
    family: str
    summary: str = Field(description="What it is and hears, one line.")
    input: str = Field(description='What it hears, such as "mel, 128 x 130".')
    documented: DocumentedModel


class ReportFile(BaseModel):
    """A page that the lab wrote."""

    id: str
    title: str
    kind: str = Field(description='"evaluation", or "report".')
    modified_at: float = Field(description="Seconds since 1970.")
    bytes: int


class EvaluationHead(BaseModel):
    """The main figures of an evaluation; null where it does not tell."""

    id: str
    title: str = Field(description="Its place in the lab's folder.")
    model: str
    protocol: str
    dataset: str | None
    leaky: bool | None
    recordings: float | None
    accuracy: float | None = Field(description="0..1, mean over the seeds.")
    balanced_accuracy: float | None
    macro_f1: float | None
    modified_at: float = Field(description="Seconds since 1970.")


class EvaluationWhole(EvaluationHead):
    """An evaluation with all its figures, without the scores of single recordings."""

    settings: dict[str, Any]
    input: dict[str, Any]
    genres: list[str]
    notes: list[str]
    figures: dict[str, Any]


class LabTold(BaseModel):
    """All that the lab has to show."""

    models: list[LabModel]
    scoreboard: dict[str, BoardRow] | None = Field(description="By name, such as `audio-cnn-mel-artists`.")
    reports: list[ReportFile]
    evaluations: list[EvaluationHead]
