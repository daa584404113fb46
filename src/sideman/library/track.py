"""A track: a file of the library with its tags and what was heard in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any


@dataclass(frozen=True)
class Track:
    """One row of the library.

    Attributes:
        id: number in the library, stable over moves and tag edits.
        path: of the file, as the operating system has it.
        audio_hash: of the audio payload without tags; None where the file could not be read.
        container: such as "mp3".
        title, artist, albumartist, album, year, track, disc: tags as found; None where absent.
        tag_genres: values of the genre tag.
        tag_mood, tag_bpm, tag_key: tags as found.
        tags: all text fields of the file's tags, by field.
        duration_s: length in seconds.
        genre: the likeliest of the known genres, also when ``unsure``.
        genre_probability: of that genre, 0..1.
        probabilities: of all genres.
        not_music: share 0..1 of "this is no music".
        valence, arousal: mood, each -1..1; ``mood`` is the nearest word.
        tempo_bpm, tempo_confidence, first_beat_s: beats per minute, probability 0..1, seconds.
        key: such as "A minor"; ``key_confidence`` 0..1.
        loudness_lufs: integrated loudness (EBU R128); ``peak_db`` highest sample in dBFS.
        error: why the file could not be read or analysed.
        missing: not found by the last scan.
        added_at: when it was first seen, seconds since 1970.
    """

    id: int
    path: str
    audio_hash: str | None = None
    container: str | None = None
    size: int = 0
    title: str | None = None
    artist: str | None = None
    albumartist: str | None = None
    album: str | None = None
    year: int | None = None
    track: int | None = None
    disc: int | None = None
    tag_genres: tuple[str, ...] = ()
    tag_mood: str | None = None
    tag_bpm: float | None = None
    tag_key: str | None = None
    duration_s: float | None = None
    genre: str | None = None
    genre_probability: float | None = None
    unsure: bool | None = None
    not_music: float | None = None
    probabilities: dict[str, float] = field(default_factory=dict, repr=False)
    valence: float | None = None
    arousal: float | None = None
    mood: str | None = None
    mood_confidence: float | None = None
    tempo_bpm: float | None = None
    tempo_confidence: float | None = None
    first_beat_s: float | None = None
    key: str | None = None
    key_confidence: float | None = None
    loudness_lufs: float | None = None
    peak_db: float | None = None
    error: str | None = None
    missing: bool = False
    added_at: float = 0.0
    tags: dict[str, list[str]] = field(default_factory=dict, repr=False)

    @property
    def analysed(self) -> bool:
        """Whether it was heard."""
        return self.genre is not None

    @property
    def label(self) -> str:
        """ "Artist - Title", or the file's name."""
        if self.title:
            return f"{self.artist} - {self.title}" if self.artist else self.title
        return PurePath(self.path).stem

    @property
    def artist_key(self) -> str | None:
        """By whom it is, for spacing: the artist (or album artist) in lower case; None where untold."""
        name = self.artist or self.albumartist
        return " ".join(name.casefold().split()) if name else None

    @property
    def replaygain_db(self) -> float | None:
        """Gain in dB that brings it to -18 LUFS (ReplayGain 2.0)."""
        return None if self.loudness_lufs is None else -18.0 - self.loudness_lufs

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; floats rounded to what is meant."""
        plain: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, float):
                value = round(value, 4)
            elif isinstance(value, tuple):
                value = list(value)
            plain[name] = value
        plain["probabilities"] = {genre: round(p, 4) for genre, p in self.probabilities.items()}
        plain["replaygain_db"] = None if self.replaygain_db is None else round(self.replaygain_db, 2)
        return plain

    def to_json(self) -> str:
        """One line of JSON; bytes of the path that are no UTF-8 appear as ``\\udcXX``."""
        return json.dumps(self.to_dict(), ensure_ascii=True, allow_nan=False)
