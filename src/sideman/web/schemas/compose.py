"""Bodies and answers of composing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sideman.compose.controls import FASTEST_BPM, MOST_BARS, SLOWEST_BPM, Controls
from sideman.compose.generate import MOST_INSTRUMENTS
from sideman.compose.instruments import name_of
from sideman.compose.keys import COMPOUND, key_name
from sideman.compose.prompt import LONGEST_PROMPT
from sideman.compose.start import Mode
from sideman.mood.names import nearest

MOST_PIECES = 8
MOST_S = 600.0
"""Longest piece that the server composes, in seconds."""
MOST_IMAGINED_S = 120.0
"""Longest sound that the spectra engine imagines for a client, in seconds."""
Format = Literal["mid", "musicxml", "wav", "flac", "mp3", "ogg", "png", "json", "npz", "view"]
SCORE_FORMATS: tuple[Format, ...] = ("mid", "musicxml", "wav", "flac", "mp3", "ogg", "png", "json")
SPECTRA_FORMATS: tuple[Format, ...] = ("wav", "flac", "mp3", "ogg", "png", "npz", "view")
Engine = Literal["score", "spectra"]
Style = Literal["piano", "lead-sheet", "band", "drums", "voices"]
Word = Annotated[str, StringConstraints(max_length=60)]


class Asking(BaseModel):
    """What may be asked of a piece; what is left out, or null, is open."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    prompt: Annotated[str, StringConstraints(max_length=LONGEST_PROMPT)] | None = Field(
        default=None, description='A sentence: "a slow sad waltz in D minor for piano and cello".'
    )
    genre: Word | None = Field(default=None, description="One of GET /compose/options.")
    mood: Word | None = Field(default=None, description="A mood by name; sets valence and arousal.")
    valence: float | None = Field(default=None, ge=-1, le=1, description="How pleasant.")
    arousal: float | None = Field(default=None, ge=-1, le=1, description="How excited.")
    tempo_bpm: float | None = Field(
        default=None, ge=1, le=1000, description="Quarter notes per minute; dotted quarters in 6/8, 9/8 and 12/8."
    )
    key: Word | None = Field(default=None, description='"D minor", Bb, F#m, 7A.')
    metre: Word | None = Field(default=None, description="3/4, 6/8 and so on.")
    bars: int | None = Field(default=None, ge=1, le=MOST_BARS, description="Length.")
    seconds: float | None = Field(default=None, gt=0, le=MOST_S, description="Length in seconds instead.")
    instruments: Annotated[list[Word], Field(max_length=MOST_INSTRUMENTS)] | None = Field(
        default=None, description="By name; all of them play, and no others."
    )
    density: int | None = Field(default=None, ge=0, le=7, description="0 sparse to 7 dense.")
    style: Style | None = Field(default=None, description="How the music is set.")
    engine: Engine = Field("score", description="score: notes. spectra: sound that a network imagines.")


class Work(Asking):
    """What is asked, how boldly, and what the piece starts from."""

    n: int = Field(4, ge=1, le=MOST_PIECES, description="Candidates.")
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1, description="Same seed, same pieces; null for any.")
    temperature: float = Field(1.0, ge=0, le=3, description="Below 1 safer, above bolder. Scores only.")
    strict_key: bool = Field(False, description="No tone outside of the key's scale. Scores only.")
    mode: Mode = Field("new", description="What to do with the piece to start from; new needs none.")
    keep_bars: int | None = Field(default=None, ge=1, le=MOST_BARS, description="Of continue: bars to keep.")
    bars_of: Annotated[str, StringConstraints(max_length=12)] | None = Field(
        default=None, description="Of infill: bars to write anew, such as 5-8."
    )
    steps: int | None = Field(
        default=None, ge=1, le=100, description="Spectra: steps from noise; more are slower, finer."
    )
    guidance: float | None = Field(
        default=None, ge=0, le=20, description="Spectra: how much genre and mood are exaggerated."
    )


class Wish(Work):
    """A wish for pieces."""

    model: Literal["auto", "open", "research", "flow", "dcgan"] = Field("auto", description="Which shipped weights.")


class Edit(Work):
    """What shall be different of a piece. What is left out stays as in the piece; null opens it.

    With ``mode`` new the piece is composed anew from the changed controls; continue, harmonise and infill start from
    it.
    """

    n: int = Field(1, ge=1, le=MOST_PIECES, description="Candidates.")


class Heading(BaseModel):
    """Controls as a person writes them."""

    genre: str | None = None
    mood: str | None = Field(default=None, description="Name of the mood nearest to valence and arousal.")
    valence: float | None = None
    arousal: float | None = None
    tempo_bpm: float | None = Field(default=None, description="As counted: dotted quarters in 6/8, 9/8 and 12/8.")
    key: str | None = None
    metre: str | None = None
    bars: int | None = None
    seconds: float | None = Field(default=None, description="Spectra: length.")
    instruments: list[str] = []
    density: int | None = None
    style: str | None = None


class Understood(BaseModel):
    """What sentence and controls were taken to ask for."""

    controls: Heading
    described: str = Field(description="In one line.")
    unused: list[str] = Field(description="Words of the sentence that mean nothing here.")
    notes: list[str] = Field(description="Assumptions and remarks, a sentence each.")
    problem: str | None = Field(default=None, description="Why it cannot be composed as it stands, in one line.")


class Peaks(BaseModel):
    """Least and greatest sample of as many equal parts of a piece, -1 to 1."""

    low: list[float]
    high: list[float]


class Piece(BaseModel):
    """A finished piece."""

    index: int = Field(description="Its number within the job, from 0, in the order of composing.")
    engine: Engine
    seed: int
    controls: Heading = Field(description="All that was asked or chosen for it.")
    described: str
    duration_s: float = Field(description="Of the sound.")
    notes: int | None = Field(description="Number of notes; null for spectra.")
    heard: str | None = Field(description="Genre that the classifier names.")
    genre_probability: float | None = Field(description="That it gives the asked genre; null where none was asked.")
    score: float = Field(description="What candidates are ranked by.")
    key: str | None = Field(description="As heard in the piece.")
    longest_run: int | None = Field(
        description="Notes in the longest run that a learnt piece has too; null for spectra."
    )
    is_copy: bool = Field(description="Whether that run is longer than is allowed even after several tries.")
    remarks: list[str] = Field(description="What did not come out as asked, a sentence each.")
    formats: list[Format]
    peaks: Peaks


class Composed(BaseModel):
    """Result of a job of kind compose; while it runs, with the pieces that are finished, in the order of making."""

    engine: Engine
    understood: str
    unused: list[str]
    notes: list[str]
    model: str
    seed: int
    pieces: list[Piece] = Field(description="At the end ranked: the best first.")


class RollTrack(BaseModel):
    """Notes of one instrument."""

    name: str
    program: int = Field(description="General MIDI programme, 128 for drums.")
    is_drum: bool
    notes: list[tuple[float, float, int, int]] = Field(description="start_s, end_s, MIDI pitch, velocity 1..127.")
    strokes: dict[int, str] = Field(description="Of drums: what each pitch is; empty for tones.")


class Roll(BaseModel):
    """A piano roll."""

    duration_s: float
    bars_s: list[float] = Field(description="Where each bar begins.")
    tracks: list[RollTrack]


class Limits(BaseModel):
    """What can be asked for at most."""

    bars: int = MOST_BARS
    tempo_bpm: tuple[float, float] = (SLOWEST_BPM, FASTEST_BPM)
    seconds: float = MOST_S
    spectra_seconds: float = MOST_IMAGINED_S
    pieces: int = MOST_PIECES
    instruments: int = MOST_INSTRUMENTS
    source_bytes: int


class Maker(BaseModel):
    """Weights that ship."""

    name: str
    genres: list[str]
    licence: str
    notice: str | None = Field(description="A line that whoever uses them should read.")


class Options(BaseModel):
    """What can be asked for."""

    genres: list[str] = Field(description="Of the score engine.")
    spectra_genres: list[str]
    moods: list[str]
    instruments: dict[str, list[str]] = Field(description="Names by family.")
    keys: list[str]
    metres: list[str]
    styles: list[str]
    limits: Limits
    composers: list[Maker]
    imaginers: list[Maker]


def heading(controls: Controls) -> Heading:
    """Controls as a person writes them; asking for them again gives the same controls."""
    valence, arousal = controls.valence, controls.arousal
    tempo = controls.tempo_bpm
    if tempo is not None and controls.metre in COMPOUND:
        tempo /= 1.5
    return Heading(
        genre=controls.genre,
        mood=None if valence is None or arousal is None else nearest(valence, arousal),
        valence=valence,
        arousal=arousal,
        tempo_bpm=None if tempo is None else round(tempo, 4),
        key=None if controls.key is None else key_name(controls.key),
        metre=None if controls.metre is None else f"{controls.metre[0]}/{controls.metre[1]}",
        bars=controls.bars,
        instruments=[name_of(program) for program in controls.instruments],
        density=controls.density,
        style=controls.style,
    )


def plain(model: BaseModel) -> dict[str, Any]:
    """A model as values for JSON."""
    return model.model_dump(mode="json")
