"""Routes: likes, skips and corrections."""

from __future__ import annotations

from fastapi import APIRouter

from sideman.library import tracks
from sideman.library.taste import entries, say, unsay
from sideman.mood.names import mood as known_mood
from sideman.web.context import Library
from sideman.web.problems import ConflictError
from sideman.web.routes.library import all_of_library
from sideman.web.schemas.feedback import FeedbackEntry, FeedbackWish, Said
from sideman.web.schemas.text import TrackId, clean

router = APIRouter(tags=["feedback"])


@router.get("/feedback")
def listing(store: Library) -> list[FeedbackEntry]:
    """All that was said, oldest first."""
    said = entries(store)
    about = tracks.by_hash(store, [entry.audio_hash for entry in said])
    told = []
    for entry in said:
        track = about.get(entry.audio_hash)
        now = {"track": track and track.id, "label": track and track.label}
        told.append(FeedbackEntry.model_validate(clean(entry.to_dict() | now)))
    return told


@router.post("/feedback", status_code=201)
def tell(store: Library, wish: FeedbackWish) -> Said:
    """Keep a like, a skip or a correction for each track; similar, playlists and recommendations go by it."""
    if wish.mood is not None:
        known_mood(wish.mood)  # before anything is written
    about = all_of_library(store, list(dict.fromkeys(wish.tracks)), whole=False)
    for track in about:
        if not track.audio_hash:
            raise ConflictError(f"track {track.id}: could not be read by the last scan; repair the file and scan again")
    if wish.kind != "correct":
        return Said(ids=say(store, wish.kind, about, context=wish.context))
    ids: list[int] = []
    for field, value in (("genre", wish.genre), ("mood", wish.mood)):
        if value is not None:
            ids += say(store, "correct", about, field=field, value=value, context=wish.context)
    return Said(ids=ids)


@router.delete("/feedback/{id}", status_code=204)
def take_back(store: Library, id: TrackId) -> None:
    """Remove an entry."""
    unsay(store, [id])
