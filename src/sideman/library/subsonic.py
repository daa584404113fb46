"""OpenSubsonic's extension "sonicSimilarity", version 1, as plain dictionaries for an HTTP server to wrap.

https://opensubsonic.netlify.app/docs/extensions/sonicsimilarity/: a response holds ``sonicMatch``, a list of
``{"entry": child, "similarity": 0..1}``. What was assumed where the text leaves it open: a similarity is the cosine of
two embeddings, 1 for the same sound; on a path it is that to the first song; an id is the number of the file in the
library, as text, which moves and tag edits do not change.
"""

from __future__ import annotations

import datetime
from pathlib import PurePath
from typing import Any

from sideman.core.errors import LibraryError, UsageError
from sideman.library import tracks
from sideman.library.similar import similar
from sideman.library.store import Store
from sideman.library.track import Track
from sideman.library.walk import MOST, path

EXTENSION = {"name": "sonicSimilarity", "versions": [1]}
"""What ``getOpenSubsonicExtensions`` lists."""

_TYPES = {
    "mp3": "audio/mpeg", "flac": "audio/flac", "ogg": "audio/ogg", "opus": "audio/ogg", "m4a": "audio/mp4",
    "mp4": "audio/mp4", "aac": "audio/aac", "wav": "audio/wav", "aiff": "audio/aiff", "wma": "audio/x-ms-wma",
}  # fmt: skip


def get_sonic_similar_tracks(store: Store, song_id: str, count: int = 10) -> dict[str, Any]:
    """``getSonicSimilarTracks``: tracks that sound like one.

    Args:
        store: the library.
        song_id: parameter ``id``.
        count: at most so many.

    Raises:
        LibraryError: there is no such song (Subsonic's error 70), or it was not analysed.
        UsageError: ``count`` < 1.
    """
    return {"sonicMatch": [_match(t, likeness) for t, likeness in similar(store, _song(store, song_id), count)]}


def find_sonic_path(store: Store, start_song_id: str, end_song_id: str, count: int = 25) -> dict[str, Any]:
    """``findSonicPath``: a walk from one song to another, both included.

    Args:
        store: the library.
        start_song_id, end_song_id: parameters ``startSongId`` and ``endSongId``.
        count: at most so many songs, 2..200 (more is taken as 200).

    Raises:
        LibraryError, UsageError: as :func:`get_sonic_similar_tracks`; both ids are the same.
    """
    if count < 2:
        raise UsageError(f"count {count}: a path has at least 2 songs")
    walk = path(store, _song(store, start_song_id), _song(store, end_song_id), min(count, MOST)).tracks
    hashes, matrix = tracks.vectors(store, [track.audio_hash or "" for track in walk])
    likeness = dict(zip(hashes, (matrix @ matrix[0]).tolist(), strict=True))
    return {"sonicMatch": [_match(track, likeness[track.audio_hash or ""]) for track in walk]}


def child(track: Track) -> dict[str, Any]:
    """A song as OpenSubsonic's ``Child``; what is not known is left out."""
    told: dict[str, Any] = {
        "id": str(track.id),
        "isDir": False,
        "title": track.title or track.label,
        "album": track.album,
        "artist": track.artist,
        "displayArtist": track.artist,
        "displayAlbumArtist": track.albumartist,
        "track": track.track,
        "discNumber": track.disc,
        "year": track.year,
        "genre": (track.tag_genres or (track.genre,))[0],
        "genres": [{"name": name} for name in track.tag_genres] or None,
        "moods": [track.mood] if track.mood else None,
        "size": track.size,
        "suffix": PurePath(track.path).suffix.lstrip(".").lower() or None,
        "contentType": _TYPES.get(track.container or ""),
        "duration": None if track.duration_s is None else round(track.duration_s),
        "bpm": None if track.tempo_bpm is None else round(track.tempo_bpm),
        "created": datetime.datetime.fromtimestamp(track.added_at, datetime.UTC).isoformat().replace("+00:00", "Z"),
        "replayGain": _gain(track),
        "type": "music",
        "mediaType": "song",
        "isVideo": False,
    }
    return {name: _clean(value) for name, value in told.items() if value is not None}


def _gain(track: Track) -> dict[str, float] | None:
    if track.replaygain_db is None:
        return None
    gain = {"trackGain": round(track.replaygain_db, 2)}
    return gain if track.peak_db is None else gain | {"trackPeak": round(10 ** (track.peak_db / 20), 6)}


def _match(track: Track, likeness: float) -> dict[str, Any]:
    return {"entry": child(track), "similarity": round(min(1.0, max(0.0, likeness)), 4)}


def _song(store: Store, song_id: str) -> Track:
    if not (song_id.isascii() and song_id.isdigit() and len(song_id) < 16):  # a path is no id
        raise LibraryError(f"{song_id[:40]!r}: is no song's id")
    return tracks.get(store, song_id)


def _clean(value: Any) -> Any:
    """Text without bytes that are no UTF-8, which a title made of a file name may hold."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
