"""What was heard in a recording, in JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from sideman.web.schemas.track import TrackRow

_PNG = "A picture (PNG) as base64; time runs from left to right over all that was heard."


class Segment(BaseModel):
    """Genre of a stretch; times in seconds from the start of what was heard."""

    start_s: float
    end_s: float
    probabilities: dict[str, float] = Field(description="Of all genres, most probable first; they sum to 1.")


class Tempo(BaseModel):
    """Tempo and beats."""

    bpm: float = Field(description="Beats per minute.")
    confidence: float = Field(description="Probability 0..1 that listeners tap this tempo.")
    alternatives_bpm: list[float] = Field(description="What else they may tap, likeliest first.")
    beats_s: list[float] = Field(description="Seconds.")


class Key(BaseModel):
    """Key and tuning."""

    key: str = Field(description='Such as "A minor" or "C# major".')
    confidence: float = Field(description="Probability 0..1.")
    alternatives: list[str] = Field(description="The next best, best first.")
    tuning_cents: float = Field(description="From A = 440 Hz, -50..50.")


class Match(BaseModel):
    """A track of the library that sounds like it."""

    track: TrackRow
    similarity: float = Field(description="Cosine of the embeddings, -1..1.")


class Heard(BaseModel):
    """What was heard in a recording: `sideman classify --json`, with `name` in place of `path`, and more."""

    model_config = ConfigDict(protected_namespaces=())

    name: str = Field(description="What the recording is called.")
    duration_s: float = Field(description="Seconds that were heard.")
    genre: str = Field(description="The most probable genre, also where `unsure`.")
    unsure: bool = Field(description="No genre is probable enough, or it does not sound like music that is known.")
    probabilities: dict[str, float] = Field(description="Of all genres, most probable first; they sum to 1.")
    not_music: float = Field(description='Share 0..1 of "this is no music".')
    tempo_bpm: float | None = Field(description="Null where there is no clear beat, or it was not asked for.")
    key: str | None = Field(description="Null where there is no clear key, or it was not asked for.")
    valence: float | None = Field(description="How pleasant, -1..1.")
    arousal: float | None = Field(description="How excited, -1..1.")
    mood: str | None = Field(description="The word nearest to valence and arousal.")
    mood_confidence: float | None = Field(description="Probability 0..1 that both signs are what listeners would say.")
    model: str = Field(description="Name and checksum of the network.")
    tempo: Tempo | None = Field(description="More about the tempo.")
    key_estimate: Key | None = Field(description="More about the key.")
    timeline: list[Segment] | None = Field(default=None, description="Genre over time, where it was asked for.")
    similar: list[Match] | None = Field(default=None, description="Of the library, where asked for; null without one.")
    notes: list[str] = Field(description="What is to be known of the file, such as that its end is missing.")


class Timeline(BaseModel):
    """Genre over time."""

    name: str
    duration_s: float
    genres: list[str] = Field(description="Names of all genres.")
    timeline: list[Segment]


class Waveform(BaseModel):
    """Least and greatest sample in each of equally long columns, -1..1."""

    duration_s: float
    low: list[float]
    high: list[float]


class Spectrogram(BaseModel):
    """Loudness over time and frequency; rows are equal steps of the mel scale (Slaney's), low frequencies below."""

    png: str = Field(description=_PNG)
    low_hz: float = Field(description="At the lower edge.")
    high_hz: float = Field(description="At the upper edge.")
    scale: str = Field(description='"mel".')


class Chroma(BaseModel):
    """Strength of the twelve pitch classes over time."""

    png: str = Field(description=_PNG)
    names: list[str] = Field(description="Of its twelve rows, from below.")


class Listened(BaseModel):
    """Everything that the page shows of a recording, from one pass over it."""

    heard: Heard
    waveform: Waveform
    spectrogram: Spectrogram
    chroma: Chroma


class Features(BaseModel):
    """The 58 columns of one recording."""

    name: str
    features: dict[str, float] = Field(description="By the columns' names.")


class Moment(BaseModel):
    """A piece of the recording, and what it adds."""

    start_s: float
    end_s: float
    log_odds: float = Field(description="Of the genre, in this piece.")
    importance: float = Field(description="What the piece's picture adds to them.")


class Region(BaseModel):
    """A rectangle of time (s) and frequency (Hz)."""

    start_s: float
    end_s: float
    low_hz: float
    high_hz: float
    share: float = Field(description="Of all that spoke for the genre, 0..1.")


class Band(BaseModel):
    """A range of frequencies."""

    low_hz: float
    high_hz: float
    share: float = Field(description="Of all that spoke for the genre, 0..1.")


class Deletion(BaseModel):
    """What deleting parts of the picture does to the log-odds: a check that the regions matter."""

    model_config = ConfigDict(extra="allow")

    share: float = Field(description="Of the picture, that was deleted.")
    most: float = Field(description="Fall where the map points.")
    random: float = Field(description="Fall at random places.")
    least: float = Field(description="Fall where it does not point.")
    faithful: bool


class Overlay(BaseModel):
    """A picture to lay over the spectrogram: yellow spoke for the genre, blue against it, the rest is transparent."""

    png: str = Field(description="As base64, with opacity; rows are equal steps of the mel scale.")
    start_s: float = Field(description="Where it begins in the recording.")
    duration_s: float
    low_hz: float
    high_hz: float


class Explained(BaseModel):
    """Which stretches of time and frequency carried the answer, in the loudest half minute."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    model: str
    hears: str = Field(description="What the network sees of the sound.")
    method: str
    genre: str = Field(description="That is explained.")
    answer: str = Field(description="That the network names for the stretch.")
    probability: float = Field(description="Of the explained genre, 0..1.")
    start_s: float
    duration_s: float
    total_s: float = Field(description="Length of the recording.")
    note: str = Field(description="Which part was explained and why; empty where it is all.")
    timeline: list[Moment]
    regions: list[Region] = []
    bands: list[Band] = []
    deletion: Deletion | None = None
    overlay: Overlay | None
