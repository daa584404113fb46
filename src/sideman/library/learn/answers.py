"""What was learnt from the user's own tags, in the place of what the shipped models say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sideman.core.errors import UsageError
from sideman.genre.classification import Classification
from sideman.library.learn.use import Learned, predict_tracks, required
from sideman.library.store import Store
from sideman.library.track import Track

TAGGED = ("genre", "mood")
"""Fields whose learnt labels can be written into tags."""


def renamed(heard: Classification, found: Learned) -> Classification:
    """A classification whose genre and probabilities are those of a learnt field; it must hold an embedding."""
    if heard.embedding is None:
        raise ValueError("the classification was made without its embedding")
    ranked = dict(found.names(heard.embedding))
    label, likely = next(iter(ranked.items()))
    return replace(
        heard,
        genre=label,
        unsure=likely < found.threshold,
        probabilities=ranked,
        model=f"learnt {found.field} {found.model[:12]}",
        embedding=None,
    )


def relabelled(store: Store, name: str, tracks: Iterable[Track]) -> list[Track]:
    """Tracks whose genre or mood is that of a learnt field; those it cannot tell have none.

    Raises:
        UsageError: the field is neither.
        LibraryError: it was not learnt, or on another network's embeddings.
    """
    if name not in TAGGED:
        raise UsageError(f"--learned {name}: only {' and '.join(TAGGED)} can be written into tags")
    listed = list(tracks)
    told, threshold = predict_tracks(store, name, listed), required(store, name).threshold
    return [_relabelled(track, name, told.get(track.audio_hash or "", []), threshold) for track in listed]


def _relabelled(track: Track, name: str, ranked: list[tuple[str, float]], threshold: float) -> Track:
    label, likely = ranked[0] if ranked else (None, 0.0)
    if name == "genre":
        return replace(
            track, genre=label, genre_probability=likely, unsure=likely < threshold, probabilities=dict(ranked)
        )
    # Tags take a mood by its confidence alone: one of which the classifier is unsure has none.
    return replace(track, mood=label, mood_confidence=likely if likely >= threshold else 0.0)
