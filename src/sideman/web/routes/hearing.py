"""Routes: what is heard in an upload, or in a track of the library."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio.to_thread
import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response

from sideman.genre.embed import Embedding
from sideman.library import places, tracks
from sideman.library.similar import similar as search
from sideman.library.store import Store
from sideman.library.track import Track
from sideman.web import events
from sideman.web.asking import UPLOAD, OnProgress, Part, of_recording, of_upload
from sideman.web.context import Context, Library, Shared
from sideman.web.schemas import hearing as told
from sideman.web.schemas.text import TrackId, clean
from sideman.web.schemas.track import row
from sideman.web.work import hearing
from sideman.web.work.hearing import Recording, Wanted

router = APIRouter(tags=["hearing"])
_EITHER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `Accept: text/event-stream` events `progress` {stage, done_s, total_s}, then "
        "`result` with the answer or `problem` with a problem.",
        "content": {events.MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}
_PNG: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture.", "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
}
_Of = Annotated[Part, Depends()]
_Matches = Annotated[int, Query(ge=0, le=50, description="So many tracks of the library that sound like it.")]
_Method = Annotated[Literal["occlusion"], Query(description="How: by hiding parts of the picture.")]
_Genre = Annotated[str | None, Query(max_length=40, description="To explain; by default the one that is named.")]


@router.post("/classify", openapi_extra=UPLOAD, responses=_EITHER, response_model=told.Heard)
async def classify(
    request: Request,
    context: Shared,
    part: _Of,
    timeline: Annotated[bool, Query(description="Also the genre over time.")] = False,
    tempo: Annotated[bool, Query(description="Also tempo and beats.")] = True,
    key: Annotated[bool, Query(description="Also the key.")] = True,
    mood: Annotated[bool, Query(description="Also the mood.")] = True,
    similar: _Matches = 0,
) -> Any:
    """Name genre, mood, tempo and key of a recording."""
    wanted = Wanted(timeline, tempo, key, mood)

    async def hear(recording: Recording, tell: OnProgress) -> told.Heard:
        found = await context.workers.run(
            hearing.classify, recording, wanted, what=recording.name, admitted=True, on_progress=tell
        )
        return await _with_matches(context, found, similar)

    return await of_upload(request, context, part, hear)


@router.post("/timeline", openapi_extra=UPLOAD, responses=_EITHER, response_model=told.Timeline)
async def timeline(request: Request, context: Shared, part: _Of) -> Any:
    """Genre over time."""
    wanted = Wanted(timeline=True, tempo=False, key=False, mood=False)

    async def hear(recording: Recording, tell: OnProgress) -> told.Timeline:
        found = await context.workers.run(
            hearing.classify, recording, wanted, what=recording.name, admitted=True, on_progress=tell
        )
        heard = told.Heard.model_validate(found["heard"])
        return told.Timeline(
            name=heard.name, duration_s=heard.duration_s, genres=sorted(heard.probabilities),
            timeline=heard.timeline or [],
        )  # fmt: skip

    return await of_upload(request, context, part, hear)


@router.post(
    "/features",
    openapi_extra=UPLOAD,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}, **_EITHER[200]["content"]}}},
    response_model=told.Features,
)
async def features(
    request: Request,
    context: Shared,
    part: _Of,
    format: Annotated[Literal["json", "csv"], Query(description="csv: as `sideman features` writes it.")] = "json",
) -> Any:
    """The 58 numbers of the published genre tables."""

    async def hear(recording: Recording, tell: OnProgress) -> Any:
        found = await context.workers.run(
            hearing.features, recording, what=recording.name, admitted=True, on_progress=tell
        )
        return told.Features(name=recording.name, features=found)

    answer = await of_upload(request, context, part, hear)
    if format == "json" or not isinstance(answer, told.Features):
        return answer
    return Response(_csv(answer), media_type="text/csv")


@router.post("/waveform", openapi_extra=UPLOAD, responses=_EITHER, response_model=told.Waveform)
async def waveform(
    request: Request, context: Shared, part: _Of, columns: Annotated[int, Query(ge=1, le=4096)] = 1200
) -> Any:
    """Least and greatest sample in at most so many columns."""

    async def hear(recording: Recording, tell: OnProgress) -> told.Waveform:
        found = await context.workers.run(
            hearing.waveform, recording, columns, what=recording.name, admitted=True, on_progress=tell
        )
        return told.Waveform.model_validate(found)

    return await of_upload(request, context, part, hear)


@router.post("/spectrogram", openapi_extra=UPLOAD, responses=_PNG, response_class=Response)
async def spectrogram(
    request: Request,
    context: Shared,
    part: _Of,
    kind: Annotated[Literal["mel", "chroma"], Query(description="Mel bands, or the twelve pitch classes.")] = "mel",
    width: Annotated[int, Query(ge=16, le=4096, description="Pixels.")] = 1200,
    height: Annotated[int, Query(ge=12, le=1024, description="Pixels.")] = 256,
) -> Any:
    """A picture without axes: time from left to right, low frequencies (or C) below."""

    async def hear(recording: Recording, tell: OnProgress) -> Response:
        png = await context.workers.run(
            hearing.spectrogram, recording, kind, width, height, what=recording.name, admitted=True, on_progress=tell
        )
        return Response(png, media_type="image/png")

    return await of_upload(request, context, part, hear, events_too=False)


@router.post("/listen", openapi_extra=UPLOAD, responses=_EITHER, response_model=told.Listened)
async def listen(request: Request, context: Shared, part: _Of, similar: _Matches = 5) -> Any:
    """Everything that the page shows of a recording, from one pass over it."""

    async def hear(recording: Recording, tell: OnProgress) -> told.Listened:
        return await _listened(context, recording, tell, similar)

    return await of_upload(request, context, part, hear)


@router.post("/explain", openapi_extra=UPLOAD, responses=_EITHER, response_model=told.Explained)
async def explain(
    request: Request, context: Shared, part: _Of, genre: _Genre = None, method: _Method = "occlusion"
) -> Any:
    """What carried the answer: times and frequencies of the loudest half minute, or of what begins at `start_s`."""

    async def hear(recording: Recording, tell: OnProgress) -> told.Explained:
        return await _explained(context, recording, tell, genre, method)

    return await of_upload(request, context, part, hear)


@router.get("/library/tracks/{id}/listen", responses=_EITHER, response_model=told.Listened)
async def listen_track(request: Request, context: Shared, store: Library, id: TrackId, similar: _Matches = 5) -> Any:
    """The same for a track of the library."""
    track, recording = await anyio.to_thread.run_sync(_of_library, store, id)

    async def hear(recording: Recording, tell: OnProgress) -> told.Listened:
        return await _listened(context, recording, tell, similar, track)

    return await of_recording(request, context, recording, hear)


@router.get("/library/tracks/{id}/explain", responses=_EITHER, response_model=told.Explained)
async def explain_track(
    request: Request, context: Shared, store: Library, id: TrackId, genre: _Genre = None, method: _Method = "occlusion"
) -> Any:
    """The same for a track of the library."""
    _, recording = await anyio.to_thread.run_sync(_of_library, store, id)

    async def hear(recording: Recording, tell: OnProgress) -> told.Explained:
        return await _explained(context, recording, tell, genre, method)

    return await of_recording(request, context, recording, hear)


async def _listened(
    context: Context, recording: Recording, tell: OnProgress, similar: int, track: Track | None = None
) -> told.Listened:
    found = await context.workers.run(hearing.listen, recording, what=recording.name, admitted=True, on_progress=tell)
    heard = await _with_matches(context, found, similar, track)
    return told.Listened(
        heard=heard, waveform=found["waveform"], spectrogram=found["spectrogram"], chroma=found["chroma"]
    )


async def _explained(
    context: Context, recording: Recording, tell: OnProgress, genre: str | None, method: str
) -> told.Explained:
    found = await context.workers.run(
        hearing.explain, recording, genre, method, what=recording.name, admitted=True, on_progress=tell
    )
    return told.Explained.model_validate(found)


async def _with_matches(context: Context, found: dict[str, Any], n: int, track: Track | None = None) -> told.Heard:
    heard = told.Heard.model_validate(found["heard"])
    store = context.library() if n else None
    if store is not None:
        point = Embedding(np.asarray(found["vector"], np.float32), found["model_sha256"])
        heard.similar = await anyio.to_thread.run_sync(_matches, store, track or Track(0, ""), point, n)
    return heard


def _matches(store: Store, track: Track, point: Embedding, n: int) -> list[told.Match]:
    return [
        told.Match(track=row(match), similarity=round(likeness, 4))
        for match, likeness in search(store, track, n, heard=point)
    ]


def _of_library(store: Store, number: int) -> tuple[Track, Recording]:
    """A track, and its file where it is inside of the library's folders."""
    track = tracks.get(store, number)
    path = Path(places.within(places.real_places(store), track.path))
    return track, Recording(path, clean(path.name), own=True)


def _csv(answer: told.Features) -> str:
    from sideman.audio.features_io import write_csv

    file = io.StringIO()
    write_csv(file, [(answer.name, np.array(list(answer.features.values())), "")])
    return file.getvalue()
