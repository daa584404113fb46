"""Routes: what is in the library, what resembles what, the map, the files' sound, and bringing it up to date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse

from sideman.library import overview, places, tracks
from sideman.library.query import Query as Asked
from sideman.library.store import Store
from sideman.library.track import Track
from sideman.web import library_jobs
from sideman.web.context import Library, Shared
from sideman.web.files import OpenedFile
from sideman.web.heavy import heavy
from sideman.web.jobs import Job, JobInfo
from sideman.web.problems import ConflictError, NotFoundError
from sideman.web.schemas import library as told
from sideman.web.schemas.text import MOST_ID, QueryText, TrackId, clean
from sideman.web.schemas.track import TrackPage, WholeTrack, row, rows, whole

router = APIRouter(tags=["library"])

_SOUND = {
    "mp3": "audio/mpeg", "flac": "audio/flac", "ogg": "audio/ogg", "mp4": "audio/mp4", "aac": "audio/aac",
    "wav": "audio/wav", "aiff": "audio/aiff", "au": "audio/basic", "asf": "audio/x-ms-wma",
    "matroska": "audio/x-matroska", "caf": "audio/x-caf", "wavpack": "audio/x-wavpack", "ape": "audio/x-ape",
}  # fmt: skip
_Weight = Annotated[float, Query(ge=0, le=1, description="What a misfit takes from the likeness, at most.")]
_Number = Annotated[int, Query(ge=1, le=MOST_ID, description="A track's number.")]


@router.get("/library")
def summary(store: Library) -> told.LibrarySummary:
    """How much there is, and where it lies."""
    found = asdict(overview.summary(store))
    return told.LibrarySummary.model_validate(clean(found | {"url": store.url}))


@router.post("/library/scan", status_code=202)
async def scan(context: Shared, store: Library, wish: library_jobs.ScanWish | None = None) -> JobInfo:
    """Look again at the folders that were scanned before, and hear what is new. The job's result is a report."""
    chosen = wish or library_jobs.ScanWish()

    def work(job: Job) -> Any:
        return context.patiently(lambda own: library_jobs.scan(own, chosen, job))

    return context.jobs.thread("scan", work, alone="library").info()


@router.get("/library/tracks")
def listing(
    store: Library,
    query: QueryText = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=MOST_ID)] = 0,
    sort: Annotated[str, Query(max_length=40, description="Such as `title`, or `-bpm` for downwards.")] = "",
) -> TrackPage:
    """Tracks that answer a query, in its order, else by path."""
    asked = Asked.parse(query)
    if sort:
        asked = asked.sorted_by(sort)
    found = tracks.find(store, asked, limit=limit, offset=offset)
    return TrackPage(total=tracks.count(store, asked), tracks=rows(found))


@router.get("/library/facets")
def facets(store: Library, query: QueryText = "") -> told.FacetCounts:
    """How many of the tracks that answer a query have which genre, mood, kind of file and decade."""
    found = asdict(overview.facets(store, query))
    for name in ("genres", "moods", "containers", "decades"):
        found[name] = [{"name": value, "count": n} for value, n in found[name]]
    return told.FacetCounts.model_validate(found)


@router.get("/library/tracks/{id}")
def track(store: Library, id: TrackId) -> WholeTrack:
    """Everything that is known of a track."""
    return whole(of_library(store, id))


@router.get("/library/tracks/{id}/audio", response_class=FileResponse)
@router.head("/library/tracks/{id}/audio", response_class=FileResponse, include_in_schema=False)
def audio(store: Library, id: TrackId) -> OpenedFile:
    """The file itself, whole or in ranges."""
    known = of_library(store, id)
    path = places.within(places.real_places(store), known.path)
    kind = _SOUND.get(known.container or "", "application/octet-stream")
    return OpenedFile(path, media_type=kind, headers={"Cache-Control": "private, no-cache"})


@router.get("/library/tracks/{id}/similar")
def similar(
    store: Library,
    id: TrackId,
    n: Annotated[int, Query(ge=1, le=200)] = 10,
    query: QueryText = "",
    tempo: _Weight = 0.0,
    key: _Weight = 0.0,
    mood: _Weight = 0.0,
    other_artists: bool = False,
    per_artist: Annotated[int, Query(ge=0, le=200, description="At most so many by one artist; 0 for any.")] = 2,
    taste: Annotated[bool, Query(description="Let likes, skips and corrections count.")] = True,
) -> told.SimilarTracks:
    """Tracks that sound like one, best first, each recording once."""
    from sideman.library.similar import Weights
    from sideman.library.similar import similar as search

    seed = heard(store, id)
    found = search(
        store, seed, n, query=query, per_artist=per_artist or None, other_artists=other_artists,
        weights=Weights(tempo, key, mood), taste=taste,
    )  # fmt: skip
    matches = [told.Match(track=row(match), similarity=round(likeness, 4)) for match, likeness in found]
    return told.SimilarTracks(seed=row(seed), matches=matches)


@router.get("/library/path")
def path(
    store: Library,
    start: _Number,
    end: _Number,
    n: Annotated[int, Query(ge=2, le=200, description="Tracks, both ends included.")] = 10,
    query: QueryText = "",
    taste: bool = True,
) -> told.SonicPath:
    """A walk from one track to another, through tracks that sound ever more like the second."""
    from sideman.library.walk import path as walk

    with heavy():
        found = walk(store, heard(store, start), heard(store, end), n, query=query, taste=taste)
    return told.SonicPath(
        tracks=rows(found.tracks),
        steps=[round(step, 4) for step in found.steps],
        largest=round(found.largest, 4),
        direct=round(found.direct, 4),
    )


@router.get("/library/map", response_model=told.LibraryMap)
async def plane(
    context: Shared,
    store: Library,
    query: QueryText = "",
    most: Annotated[int, Query(ge=1, le=20_000, description="Of more recordings, a sample of so many.")] = 3000,
) -> Response:
    """Recordings on a plane where neighbours sound alike; the same library gives the same map."""
    return await context.kept.of(store, ("map", query, most), lambda: _laid(store, query, most))


def _laid(store: Store, query: str, most: int) -> told.LibraryMap:
    from sideman.library.insights.kept_maps import map_of

    found = tracks.find(store, query)
    with heavy():
        laid = map_of(store, found, most)
    points = [
        told.MapPoint(
            id=track.id, x=round(float(x), 4), y=round(float(y), 4), label=clean(track.label), genre=track.genre,
            mood=track.mood,
        )
        for track, (x, y) in zip(laid.tracks, laid.positions, strict=True)
    ]  # fmt: skip
    return told.LibraryMap(points=points, total=laid.total, neighbours_kept=round(laid.kept[0], 4))


def of_library(store: Store, number: int) -> Track:
    """The track with a number, whole.

    Raises:
        NotFoundError: there is none.
    """
    return all_of_library(store, [number])[0]


def all_of_library(store: Store, numbers: Sequence[int], *, whole: bool = True) -> list[Track]:
    """The tracks with some numbers, in their order.

    Raises:
        NotFoundError: one of them is not there.
    """
    found = tracks.by_number(store, numbers, whole=whole)
    for number in numbers:
        if number not in found:
            raise NotFoundError(f"track {number}: is not in the library")
    return [found[number] for number in numbers]


def heard(store: Store, number: int) -> Track:
    """The same, of a track that was heard.

    Raises:
        NotFoundError: there is none.
        ConflictError: it was not heard, or cannot be.
    """
    found = of_library(store, number)
    if not found.audio_hash:
        raise ConflictError(f"track {number}: could not be read by the last scan; repair the file and scan again")
    if not found.analysed:
        raise ConflictError(f"track {number}: was not listened to yet; a scan does it")
    return found
