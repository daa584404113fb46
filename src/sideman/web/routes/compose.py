"""Routes: composing. A wish becomes a job; its pieces are files in the job's folder."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from sideman.core.errors import UsageError
from sideman.web import composing
from sideman.web.context import Context, Shared
from sideman.web.files import OpenedFile
from sideman.web.jobs import Job, JobInfo
from sideman.web.problems import NotFoundError
from sideman.web.schemas.compose import Asking, Edit, Format, Options, Piece, Roll, Understood, Wish, plain
from sideman.web.uploads import received
from sideman.web.work import compose as work

router = APIRouter(tags=["compose"])
MOST_SOURCE_BYTES = 2 * 1024 * 1024
_MEDIA = {
    "mid": "audio/midi", "musicxml": "application/vnd.recordare.musicxml+xml", "wav": "audio/wav",
    "flac": "audio/flac", "mp3": "audio/mpeg", "ogg": "audio/ogg", "png": "image/png", "json": "application/json",
    "npz": "application/octet-stream", "view": "image/png",
}  # fmt: skip
_MULTIPART = {
    "type": "object",
    "properties": {
        "wish": {"type": "string", "contentMediaType": "application/json", "description": "A Wish as JSON."},
        "source": {"type": "string", "format": "binary", "description": "MIDI or MusicXML, 2 MB at most."},
    },
    "required": ["wish"],
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": Wish.model_json_schema()},
            "multipart/form-data": {"schema": _MULTIPART},
        },
    }
}
_BINARY = {"type": "string", "format": "binary"}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Roll,
        "description": "The piece; json is its piano roll.",
        "content": {kind: {"schema": _BINARY} for kind in sorted(set(_MEDIA.values()) - {"application/json"})},
    },
    206: {"description": "The range that was asked for.", "content": {"audio/flac": {"schema": _BINARY}}},
    416: {"description": "The range is not in the file."},
}
JobId = Annotated[str, PathParameter(max_length=64)]
Index = Annotated[int, PathParameter(ge=0, le=1000)]


@router.get("/compose/options")
def compose_options() -> Options:
    """What can be asked for: genres, moods, instruments, keys, metres, limits, and the weights that ship."""
    return composing.options(MOST_SOURCE_BYTES)


@router.post("/compose/understand")
def understand(asking: Asking) -> Understood:
    """What a sentence and controls are taken to ask for together; nothing is composed.

    A wish that cannot be is no error here: `problem` says what is wrong with it.
    """
    return composing.understand(asking)


@router.post("/compose", status_code=202, openapi_extra=_BODY)
async def compose(request: Request, context: Shared) -> JobInfo:
    """Compose pieces, from nothing or from a piece in the part ``source``.

    The answer is a job of kind "compose"; its result (Composed) grows piece by piece and is ranked at the end.
    """
    wish, source, name = await _asked(request, context)
    return _started(context, wish, source, name).info()


@router.get(
    "/compose/{job_id}/pieces/{index}.{kind}",
    response_class=FileResponse,
    responses=_FILE,
)
async def piece_file(job_id: JobId, index: Index, kind: Format, context: Shared) -> OpenedFile:
    """A piece as a file: MIDI, MusicXML, sound (with ranges), a picture, or its piano roll as JSON.

    ``png`` is the piano roll drawn; of spectra it is the picture that `sideman spectra invert` reads, ``npz`` the
    same in numbers, and ``view`` the picture in colours.
    """
    job = _job(context, job_id)
    piece = _piece(job, index)
    if kind not in piece.formats:
        raise NotFoundError(f"a piece of {piece.engine} has no {kind}; there are {', '.join(piece.formats)}")
    path = job.folder / f"{index}.{kind}"
    if not path.is_file():
        context.space.check()
        title = piece.described
        path = await context.workers.run(work.convert, job.folder, index, kind, title, what="the piece")
    name = f"{piece.controls.genre or 'piece'}-{piece.seed}.{'png' if kind == 'view' else kind}"
    return OpenedFile(
        path, media_type=_MEDIA[kind], filename=name, content_disposition_type="inline",
        headers={"Cache-Control": "private, max-age=3600, immutable"},
    )  # fmt: skip


@router.post("/compose/{job_id}/pieces/{index}/edit", status_code=202)
async def edit(job_id: JobId, index: Index, change: Edit, context: Shared) -> JobInfo:
    """Compose a piece anew with changed controls, or go on from it: continue, harmonise, or write some bars anew."""
    job = _job(context, job_id)
    piece = _piece(job, index)
    try:
        wish = composing.edited(piece, change)
    except ValidationError as error:  # the piece's own controls, once more
        raise RequestValidationError(error.errors()) from None
    source = None
    if wish.mode != "new" and piece.engine == "score":
        source = await anyio.to_thread.run_sync((job.folder / f"{index}.mid").read_bytes)
    return _started(context, wish, source, f"piece {index + 1}").info()


async def _asked(request: Request, context: Context) -> tuple[Wish, bytes | None, str]:
    """The wish, and the bytes and name of the piece to start from."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        return _wish(await request.body()), None, ""
    folder, space = context.scratch.folder, context.space
    async with received(request, folder, files=("source",), texts=("wish",), space=space) as form:
        if "wish" not in form.texts:
            raise UsageError("wish: give the wish as JSON in a part named 'wish'")
        wish, source = _wish(form.texts["wish"].encode()), form.files.get("source")
        if source is None:
            return wish, None, ""
        if source.path.stat().st_size > MOST_SOURCE_BYTES:
            raise HTTPException(413, f"{source.name}: larger than {MOST_SOURCE_BYTES >> 20} MB; give a smaller piece")
        return wish, await anyio.to_thread.run_sync(source.path.read_bytes), source.name


def _wish(body: bytes) -> Wish:
    try:
        return Wish.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise RequestValidationError([{**found, "loc": ("body", *found["loc"])} for found in error.errors()]) from None


def _job(context: Context, job_id: str) -> Job:
    job = context.jobs.get(job_id)
    if job.kind != "compose":
        raise NotFoundError(f"job '{job_id[:64]}' does not compose")
    return job


def _piece(job: Job, index: int) -> Piece:
    for row in (job.result or {}).get("pieces", []):
        if row["index"] == index:
            return Piece.model_validate(row)
    raise NotFoundError(f"the job has no piece {index}; it may not be finished yet")


def _started(context: Context, wish: Wish, source: bytes | None, name: str) -> Job:
    context.space.check()
    prepared = composing.prepare(wish, context.settings.soundfont, has_source=source is not None, source_name=name)
    told = plain(prepared.told)

    async def run(job: Job) -> Any:
        task = prepared.task
        with work.kept():
            folder = job.folder
            if source is not None and isinstance(task, work.ScoreTask):
                path = folder / f"source{_suffix(source)}"
                await asyncio.to_thread(path.write_bytes, source)
                task = replace(task, source=path)

        def heard(said: dict[str, Any]) -> None:
            if "piece" in said:
                job.result = told | {"pieces": [*job.result["pieces"], said["piece"]]}
            job.report(said.get("done"), task.n, said.get("stage"), said.get("message"))

        job.result = told
        function = work.compose_scores if isinstance(task, work.ScoreTask) else work.compose_spectra
        await context.workers.run(
            function, task, folder, lane="long", what="the wish", on_start=job.begin, on_progress=heard
        )
        return told | {"pieces": sorted(job.result["pieces"], key=lambda piece: -piece["score"])}

    return context.jobs.start("compose", run, waits=True)


def _suffix(source: bytes) -> str:
    """What kind of score it is, by its content: the name may say anything."""
    head = source[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"PK"):
        return ".mxl"
    if head.startswith(b"<") or b"<\0?" in head:
        return ".musicxml"
    return ".abc" if head.startswith((b"X:", b"%abc")) else ".mid"
