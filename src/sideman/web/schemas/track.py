"""A track of the library in JSON."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, Field

from sideman.library.track import Track
from sideman.web.schemas.text import clean


class TrackRow(BaseModel):
    """A file of the library: its tags, and what was heard in it. Null is what is not known."""

    id: int = Field(description="Number in the library, stable over moves and tag edits.")
    path: str = Field(description="Bytes that are no UTF-8 are written out as \\udcXX.")
    audio_hash: str | None = Field(description="Of the sound without tags; null where the file could not be read.")
    container: str | None = Field(description='Kind of file, such as "mp3".')
    size: int = Field(description="Bytes.")
    title: str | None
    artist: str | None
    albumartist: str | None
    album: str | None
    year: int | None
    track: int | None
    disc: int | None
    tag_genres: list[str] = Field(description="The genre tag as found; likewise tag_mood, tag_bpm and tag_key.")
    tag_mood: str | None
    tag_bpm: float | None
    tag_key: str | None
    duration_s: float | None
    genre: str | None = Field(description="The likeliest of the known genres, also where `unsure`.")
    genre_probability: float | None = Field(description="0..1.")
    unsure: bool | None
    not_music: float | None = Field(description='Share 0..1 of "this is no music".')
    valence: float | None = Field(description="How pleasant, -1..1.")
    arousal: float | None = Field(description="How excited, -1..1.")
    mood: str | None = Field(description="The word nearest to valence and arousal.")
    mood_confidence: float | None = Field(description="0..1.")
    tempo_bpm: float | None
    tempo_confidence: float | None = Field(description="0..1.")
    first_beat_s: float | None
    key: str | None = Field(description='Such as "A minor".')
    key_confidence: float | None = Field(description="0..1.")
    loudness_lufs: float | None = Field(description="Integrated loudness (EBU R128).")
    peak_db: float | None = Field(description="Highest sample in dBFS.")
    replaygain_db: float | None = Field(description="Gain that brings it to -18 LUFS.")
    error: str | None = Field(description="Why it could not be read or heard.")
    missing: bool = Field(description="Not found by the last scan.")
    added_at: float = Field(description="When it was first seen, seconds since 1970.")


class WholeTrack(TrackRow):
    """A track with everything that is known of it."""

    probabilities: dict[str, float] = Field(description="Of all genres, 0..1.")
    tags: dict[str, list[str]] = Field(description="All text fields of the file's tags.")


class TrackPage(BaseModel):
    """Some of the tracks that answer a query."""

    total: int = Field(description="How many answer it in all.")
    tracks: list[TrackRow]


def row(track: Track) -> TrackRow:
    """A track for a list."""
    return TrackRow.model_validate(clean(track.to_dict()))


def rows(tracks: Iterable[Track]) -> list[TrackRow]:
    """Tracks for a list."""
    return [row(track) for track in tracks]


def whole(track: Track) -> WholeTrack:
    """A track with all that was read for it."""
    return WholeTrack.model_validate(clean(track.to_dict()))
