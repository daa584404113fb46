"""Server-sent events: progress first, the result last."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import StreamingResponse

MEDIA_TYPE = "text/event-stream"
KEEP_ALIVE_S = 15.0
DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events.", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
}
"""For ``responses=`` of a route."""


def wanted(request: Request) -> bool:
    """Whether the client asks for events rather than for one answer."""
    return MEDIA_TYPE in request.headers.get("accept", "").lower()


def stream(events: AsyncIterator[tuple[str, Any]]) -> StreamingResponse:
    """Send (name, model or plain values) as they come, and a comment when nothing came for a while.

    Closing the connection closes ``events``.
    """
    return StreamingResponse(
        _lines(events), media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


def line(name: str, value: Any) -> str:
    """One event."""
    return f"event: {name}\ndata: {json.dumps(jsonable_encoder(value), allow_nan=False)}\n\n"


async def _lines(events: AsyncIterator[tuple[str, Any]]) -> AsyncIterator[str]:
    following: asyncio.Future[tuple[str, Any]] | None = None
    try:
        while True:
            if following is None:
                following = asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait([following], timeout=KEEP_ALIVE_S)
            if not done:
                yield ": waiting\n\n"
                continue
            try:
                name, value = following.result()
            except StopAsyncIteration:
                return
            following = None
            yield line(name, value)
    finally:
        if following is not None:
            following.cancel()
            with contextlib.suppress(BaseException):
                await following
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()
