"""Files as answers, whole or one range: each is opened once, so that what happens to its name later does no harm."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import AsyncIterator
from typing import BinaryIO

import anyio
import anyio.to_thread
from fastapi.responses import FileResponse, StreamingResponse
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from sideman.web import problems

_CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE | re.ASCII)
_LOG = logging.getLogger("sideman.web")


class OpenedFile(FileResponse):
    """A file that may be replaced, cut short or removed at any moment, even while it is sent.

    Gone before anything was sent, the answer is 404. A file that was replaced or removed is sent on as it was; for one
    that turns out shorter than it was the connection is cut, so that no client takes a part for the whole.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        try:
            file = await anyio.to_thread.run_sync(_opened, os.fspath(self.path))
        except OSError:
            gone = problems.answer(404, "this file is not there any more, or cannot be read")
            await gone(scope, receive, send)
            return
        try:
            await self._answer(file, scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(file.close)

    async def _answer(self, file: BinaryIO, scope: Scope, receive: Receive, send: Send) -> None:
        status = os.fstat(file.fileno())
        self.set_stat_headers(status)
        size = status.st_size
        try:
            part = self._part(Headers(scope=scope), size)
        except ValueError:
            beyond = problems.answer(416, "the range is not in the file", {"Content-Range": f"bytes */{size}"})
            await beyond(scope, receive, send)
            return
        headers = dict(self.headers)
        start, end = part or (0, size)
        if part is not None:
            headers |= {"content-range": f"bytes {start}-{end - 1}/{size}", "content-length": str(end - start)}
        code = 206 if part is not None else self.status_code
        if scope["method"] == "HEAD":
            await Response(None, code, headers)(scope, receive, send)
            return
        left = _Left(end - start)

        async def uncut(message: Message) -> None:
            ends = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not (ends and left.n):  # else the server closes the connection
                await send(message)

        await StreamingResponse(self._blocks(file, start, left), code, headers)(scope, receive, uncut)

    async def _blocks(self, file: BinaryIO, start: int, left: _Left) -> AsyncIterator[bytes]:
        def read() -> bytes:
            try:
                file.seek(start + done)
                return file.read(min(_CHUNK_BYTES, left.n))
            except OSError:  # its disk is gone
                return b""

        done = 0
        while left.n:
            block = await anyio.to_thread.run_sync(read)
            if not block:
                _LOG.warning("%s: became shorter while it was sent; the answer was broken off", self.path)
                return
            done += len(block)
            left.n -= len(block)
            yield block

    def _part(self, asked: Headers, size: int) -> tuple[int, int] | None:
        """The range that was asked for, from the first byte to behind the last; None for all of it.

        Raises:
            ValueError: it is not in the file.
        """
        known = asked.get("if-range")
        if known is not None and known not in (self.headers["etag"], self.headers["last-modified"]):
            return None
        found = _RANGE.fullmatch(asked.get("range", "").strip())
        if found is None or not (found[1] or found[2]):
            return None  # none, several, or of another kind: a server may give the whole
        if not found[1]:
            first, last = max(0, size - int(found[2])), size - 1
        else:
            first, last = int(found[1]), min(int(found[2] or size), size - 1)
            if found[2] and int(found[2]) < first:
                return None  # no range at all
        if first > last:
            raise ValueError
        return first, last + 1


class _Left:
    """Bytes that are still to be sent."""

    def __init__(self, n: int) -> None:
        self.n = n


def _opened(path: str) -> BinaryIO:
    """A regular file, open; OSError for anything else, without waiting for one that writes into a pipe."""
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError
    return os.fdopen(number, "rb")
