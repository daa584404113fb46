"""Where the tags of a file say one thing and its sound another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sideman.compose.word_list import GENRES
from sideman.core.errors import UsageError
from sideman.library.keys import camelot, camelot_distance, parse_key
from sideman.library.pathtext import normal
from sideman.library.track import Track

KNOWN = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
"""Genres that the network names; a tag of any other cannot disagree with it."""
TEMPO_TOLERANCE = 0.04


@dataclass(frozen=True)
class Disagreement:
    """A tag that the sound contradicts.

    Attributes:
        track: the track.
        field: "genre", "tempo" or "key".
        tagged: the tag as it is.
        heard: what was heard instead.
        confidence: of what was heard, 0..1.
        note: how the two relate; may be empty.
    """

    track: Track
    field: str
    tagged: str
    heard: str
    confidence: float
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        told = {"id": self.track.id, "path": self.track.path, "field": self.field, "tagged": self.tagged}
        return {**told, "heard": self.heard, "confidence": round(self.confidence, 4), "note": self.note}


def disagreements(tracks: Iterable[Track]) -> dict[str, tuple[Disagreement, ...]]:
    """All disagreements by field (genre, tempo, key), the surest first."""
    found: dict[str, list[Disagreement]] = {"genre": [], "tempo": [], "key": []}
    for track in tracks:
        for one in _of(track):
            found[one.field].append(one)
    return {field: tuple(sorted(some, key=lambda d: (-d.confidence, d.track.path))) for field, some in found.items()}


def known_genres(text: str) -> frozenset[str]:
    """Which of the ten known genres a genre tag names, by name or common synonym; empty for any other.

    "Melodic Death Metal" is metal, "Pop/Rock" pop or rock; "Techno" is none of the ten.
    """
    found = {genre for part in re.split(r"[/,;|]", text) for genre in _genres(part)}
    return frozenset(found & set(KNOWN))


def _genres(text: str) -> Iterator[str]:
    """Genres that a name means: known as a whole ("r&b"), else by the longest end of its parts ("jazz rap" is rap)."""
    table = _table()
    if (whole := _phrase(text)) in table:
        yield table[whole]
        return
    for part in re.split(r"[&+]", text):
        words = _phrase(part).split()
        ends = (" ".join(words[first:]) for first in range(len(words)))
        if (known := next((end for end in ends if end in table), None)) is not None:
            yield table[known]


def _of(track: Track) -> Iterator[Disagreement]:
    tagged = frozenset(genre for text in track.tag_genres for genre in known_genres(text))
    if tagged and track.genre in KNOWN and track.genre not in tagged and not track.unsure:
        yield Disagreement(track, "genre", "; ".join(track.tag_genres), track.genre or "", track.genre_probability or 0)
    if track.tag_bpm and track.tempo_bpm and not same_tempo(track.tag_bpm, track.tempo_bpm):
        note = f"tag is {track.tag_bpm / track.tempo_bpm:.2f} times what is heard"
        confidence = track.tempo_confidence or 0
        yield Disagreement(track, "tempo", f"{track.tag_bpm:g}", f"{track.tempo_bpm:.1f}", confidence, note)
    if track.tag_key and track.key:
        try:
            told = parse_key(track.tag_key)
        except UsageError:  # "off-key" and other words are no claim
            return
        if told != track.key:
            yield Disagreement(track, "key", track.tag_key, track.key, track.key_confidence or 0, _kin(told, track.key))


def same_tempo(a_bpm: float, b_bpm: float) -> bool:
    """Whether one tempo is within 4 % of the other, its half or its double."""
    return any(abs(a_bpm - factor * b_bpm) <= TEMPO_TOLERANCE * factor * b_bpm for factor in (1.0, 0.5, 2.0))


def _kin(a: str, b: str) -> str:
    wheel = f"{camelot(a)} and {camelot(b)}"
    if camelot_distance(a, b) == 1:
        same_mode = a.split()[1] == b.split()[1]
        return f"{'a fifth apart' if same_mode else 'relative keys'}: {wheel}"
    return f"parallel keys: {wheel}" if a.split()[0] == b.split()[0] else wheel


@cache
def _table() -> dict[str, str]:
    return {_phrase(phrase): genre for genre, phrases in GENRES.items() for phrase in (genre, *phrases.split(", "))}


def _phrase(text: str) -> str:
    return " ".join(re.findall(r"\w+", normal(text)))


__all__: Sequence[str] = ("KNOWN", "Disagreement", "disagreements", "known_genres", "same_tempo")
