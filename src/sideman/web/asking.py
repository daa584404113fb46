"""From a request to an answer about a recording: take it in, have it heard, and stop when nobody waits any more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request
from starlette.requests import ClientDisconnect

from sideman.core.errors import SidemanError, UsageError
from sideman.web import events, problems
from sideman.web.context import Context
from sideman.web.uploads import received
from sideman.web.work.hearing import Recording
from sideman.web.workers import Progress

Value = TypeVar("Value")
OnProgress = Callable[[Progress], None] | None
Hear = Callable[[Recording, OnProgress], Awaitable[Any]]

UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "The recording."}},
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
"""For ``openapi_extra=`` of a route that takes a recording."""


@dataclass(frozen=True)
class Part:
    """Query parameters: what an upload is called where its body does not say, and which part of it counts."""

    name: Annotated[str | None, Query(max_length=500, description="Its name, where the body is its bytes.")] = None
    start_s: Annotated[
        float | None, Query(ge=0, le=86400, allow_inf_nan=False, description="Begin so many seconds into it.")
    ] = None
    duration_s: Annotated[
        float | None, Query(gt=0, le=86400, allow_inf_nan=False, description="Hear so many seconds only.")
    ] = None


async def of_upload(request: Request, context: Context, part: Part, hear: Hear, *, events_too: bool = True) -> Any:
    """Take in the request's recording and answer with ``hear`` of it, as one answer or as server-sent events.

    Raises:
        SidemanError: see :func:`sideman.web.uploads.received` and :meth:`sideman.web.workers.Workers.run`.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(context.workers.admit())
        form = await stack.enter_async_context(received(request, context.scratch.folder, space=context.space))
        upload = form.files.get("file")
        if upload is None:
            raise UsageError("the multipart body has no part 'file'")
        recording = Recording(upload.path, upload.name, start_s=part.start_s, duration_s=part.duration_s)
        if not events_too:
            return await unless_gone(request, hear(recording, None))
        return await _answered(request, stack, recording, hear)


async def of_recording(request: Request, context: Context, recording: Recording, hear: Hear) -> Any:
    """The same for a recording that is here already."""
    async with AsyncExitStack() as stack:
        stack.enter_context(context.workers.admit())
        return await _answered(request, stack, recording, hear)


async def unless_gone(request: Request, work: Awaitable[Value]) -> Value:
    """Wait for work, and cancel it when the client leaves.

    Raises:
        ClientDisconnect: it left.
    """
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        for one in (task, leaving):
            one.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _answered(request: Request, stack: AsyncExitStack, recording: Recording, hear: Hear) -> Any:
    if not events.wanted(request):
        return await unless_gone(request, hear(recording, None))
    told: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    owned = stack.pop_all()  # the upload lives as long as the task
    task = asyncio.create_task(_tell(owned, recording, hear, told))
    return events.stream(_relayed(told, task, owned))


async def _tell(stack: AsyncExitStack, recording: Recording, hear: Hear, told: asyncio.Queue[tuple[str, Any]]) -> None:
    async with stack:
        try:
            told.put_nowait(("result", await hear(recording, lambda progress: told.put_nowait(("progress", progress)))))
        except SidemanError as error:
            told.put_nowait(("problem", problems.told(problems.status_of(error), str(error))))
        except Exception as error:  # noqa: BLE001 - the answer has begun; the log has the rest
            told.put_nowait(("problem", problems.unexpected(error)))


async def _relayed(
    told: asyncio.Queue[tuple[str, Any]], task: asyncio.Task[None], owned: AsyncExitStack
) -> AsyncIterator[tuple[str, Any]]:
    try:
        while True:
            event = await told.get()
            yield event
            if event[0] != "progress":
                return
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await owned.aclose()  # the task does, unless it was ended before it began
