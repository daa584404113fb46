"""The listener's own words: likes, skips and corrections, and how they move what is proposed.

A like or skip speaks for the track and, less and less, for what sounds like it. Its influence is bounded: whatever was
liked, a proposal moves by at most :data:`WEIGHT` in cosine similarity.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from sideman.core.errors import LibraryError, UsageError
from sideman.library import tracks
from sideman.library.schema import feedback
from sideman.library.store import Store
from sideman.library.track import Track

Float32 = NDArray[np.float32]

KINDS = ("like", "skip", "correct")
WEIGHT = 0.1
"""Most that taste adds to or takes from a cosine similarity."""
_FLOOR = 0.5  # cosine below which two recordings say nothing of each other


@dataclass(frozen=True)
class Feedback:
    """One thing that the listener said.

    Attributes:
        id: its number.
        audio_hash: of the recording.
        kind: "like", "skip" or "correct".
        field, value: of a correction, such as "genre" and "jazz".
        context: what it was an answer to, if told.
        at: seconds since 1970.
    """

    id: int
    audio_hash: str
    kind: str
    field: str | None
    value: str | None
    context: str | None
    at: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Taste:
    """What the listener likes.

    Attributes:
        vectors: (k, 256) embeddings of liked and skipped recordings.
        signs: (k,) 1 for a like, -1 for a skip.
        corrections: by audio hash, {field: value}.
        skipped: audio hashes of what was skipped.
    """

    vectors: Float32 = field(default_factory=lambda: np.zeros((0, tracks.VECTOR_N), np.float32), repr=False)
    signs: Float32 = field(default_factory=lambda: np.zeros(0, np.float32), repr=False)
    corrections: dict[str, dict[str, str]] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()

    def scores(self, matrix: Float32) -> Float32:
        """How much the listener would like recordings, -1..1; 0 where nothing is known.

        Every like adds and every skip takes ((cos - 0.5) / 0.5)^2 where the cosine is above 0.5; the hyperbolic tangent
        of the sum is the score.

        Args:
            matrix: (n, 256) unit rows.

        Returns:
            of shape (n,).
        """
        if not len(self.signs):
            return np.zeros(len(matrix), np.float32)
        near = np.clip((np.asarray(matrix) @ self.vectors.T - _FLOOR) / (1.0 - _FLOOR), 0.0, 1.0) ** 2
        score: Float32 = np.tanh(near @ self.signs)
        return score

    def corrected(self, track: Track) -> Track:
        """The track with genre and mood as the listener corrected them; a mood also sets valence and arousal."""
        said = self.corrections.get(track.audio_hash or "", {})
        if "genre" in said:
            track = replace(track, genre=said["genre"], genre_probability=1.0, unsure=False)
        if "mood" in said:
            from sideman.mood.names import mood

            valence, arousal = mood(said["mood"])
            track = replace(track, mood=said["mood"], valence=valence, arousal=arousal, mood_confidence=1.0)
        return track

    def genre_corrected(self, track: Track) -> bool:
        """Whether its genre is the listener's word."""
        return "genre" in self.corrections.get(track.audio_hash or "", {})


def taste(store: Store) -> Taste:
    """What the listener has said so far; of several likes and skips of one recording the last counts."""
    said: dict[str, float] = {}
    corrections: dict[str, dict[str, str]] = {}
    for entry in entries(store):
        if entry.kind == "correct":
            corrections.setdefault(entry.audio_hash, {})[entry.field or ""] = entry.value or ""
        else:
            said[entry.audio_hash] = 1.0 if entry.kind == "like" else -1.0
    hashes, matrix = tracks.vectors(store, list(said)) if said else ([], Taste().vectors)
    skipped = frozenset(audio_hash for audio_hash, sign in said.items() if sign < 0)
    return Taste(matrix, np.array([said[h] for h in hashes], np.float32), corrections, skipped)


def entries(store: Store) -> list[Feedback]:
    """All that was said, oldest first."""
    with store.read() as connection:
        rows = connection.execute(select(feedback).order_by(feedback.c.at, feedback.c.id))
        return [Feedback(**row._mapping) for row in rows]


def say(
    store: Store,
    kind: str,
    about: Iterable[Track],
    *,
    field: str | None = None,
    value: str | None = None,
    context: str | None = None,
) -> list[int]:
    """Keep likes, skips or corrections; returns their numbers.

    Args:
        store: the library.
        kind: "like", "skip" or "correct".
        about: the tracks.
        field: of a correction: "genre", "mood", or one of the user's own.
        value: of a correction.
        context: what it is an answer to.

    Raises:
        UsageError: an unknown kind, a correction without field and value, a mood that is not known.
        LibraryError: a track whose file could not be read.
    """
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is no kind of feedback; choose {', '.join(KINDS)}")
    if (kind == "correct") != bool(field and value):
        raise UsageError("a correction needs a field and a value, and nothing else has them")
    if field == "mood":
        from sideman.mood.names import mood

        mood(value or "")
    rows = []
    for track in about:
        if not track.audio_hash:
            raise LibraryError(f"{track.path}: could not be read by the last scan; repair it and scan again")
        rows.append(
            {"audio_hash": track.audio_hash, "kind": kind, "field": field, "value": value, "context": context}
            | {"at": time.time()}
        )
    with store.write() as connection:
        keys = [connection.execute(feedback.insert().values(**row)).inserted_primary_key for row in rows]
    return [int(key[0]) for key in keys if key]


def unsay(store: Store, numbers: Sequence[int]) -> None:
    """Remove entries by number, all or none.

    Raises:
        LibraryError: there is no such entry.
    """
    wanted = set(numbers)
    with store.write() as connection:
        known = set(connection.execute(select(feedback.c.id).where(feedback.c.id.in_(wanted))).scalars())
        if lacking := sorted(wanted - known):
            raise LibraryError(f"feedback {lacking[0]}: there is none such; 'sideman feedback list' shows them")
        connection.execute(feedback.delete().where(feedback.c.id.in_(wanted)))
