"""How large and how slow a request's body may be: told by its header, and counted while it comes."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sideman.web import problems
from sideman.web.settings import Settings

_UPLOADS = re.compile(r"/api/v1/(classify|timeline|features|waveform|spectrogram|listen|explain)/?")
_SCORES = "/api/v1/compose"
_MOST_SCORE_BYTES = 4 * 1024 * 1024  # a piece to start from may have half as many
_LINGER_S = 3.0
_SMALL = ("application/json", "application/x-www-form-urlencoded", "text/plain")


class Bodies:
    """Middleware: refuses bodies that are too large (413), too slow (408) or compressed (415)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body watched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        watched = _Watched(self._settings, scope, receive, send)
        watched.refusal = watched.refused_at_once()
        if watched.refusal is None:
            try:
                await self._app(scope, watched.receive, watched.send)
            except ClientDisconnect:
                pass  # nobody is there to be answered, or the body was refused
            except asyncio.CancelledError:  # the server ends; uvicorn's log would have a traceback
                watched.stop()
            except Exception:
                if watched.refusal is None:
                    raise
        if watched.refusal is not None and not watched.began:
            await watched.refuse(watched.refusal)


class _Watched:
    def __init__(self, settings: Settings, scope: Scope, receive: Receive, send: Send) -> None:
        self._settings = settings
        self._scope, self._receive, self._send = scope, receive, send
        self._headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        kind = self._headers.get(b"content-type", "").partition(";")[0].strip().lower()
        large = _UPLOADS.fullmatch(scope["path"]) is not None and kind not in _SMALL
        self._most = settings.most_body_bytes if large else settings.most_plain_bytes
        if kind == "multipart/form-data" and scope["path"] == _SCORES:
            self._most = min(settings.most_body_bytes, _MOST_SCORE_BYTES)
        self._until = time.monotonic() + settings.body_total_s
        self._got = 0
        expected = self._headers.get(b"content-length", "0") != "0" or b"transfer-encoding" in self._headers
        self._complete = not expected
        self.began = False
        self.refusal: Response | None = None

    def refused_at_once(self) -> Response | None:
        """What the headers alone forbid."""
        coding = self._headers.get(b"content-encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            return problems.answer(415, "send the body as it is, without Content-Encoding", {"Connection": "close"})
        told = self._headers.get(b"content-length", "0")
        if not (told.isascii() and told.isdigit()):
            return problems.answer(400, "Content-Length is no number", {"Connection": "close"})
        return self._too_large() if len(told) > 18 or int(told) > self._most else None

    async def receive(self) -> Message:
        """The next part of the body."""
        if self.refusal is not None:
            raise ClientDisconnect
        if self._complete:
            return await self._receive()
        patience_s = min(self._settings.body_idle_s, self._until - time.monotonic())
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, patience_s))
        except TimeoutError:
            detail = (
                f"the body did not arrive in time: at most {self._settings.body_idle_s:g} s may pass without a byte"
            )
            self.refusal = problems.answer(408, detail, {"Connection": "close"})
            raise ClientDisconnect from None
        if message["type"] == "http.request":
            self._got += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._got > self._most:
                self.refusal = self._too_large()
                raise ClientDisconnect
        return message

    def stop(self) -> None:
        """The answer shall be that the server ends, at once."""
        self.refusal = problems.answer(503, "the server is stopping; try again in a moment", {"Connection": "close"})
        self._complete = True

    async def send(self, message: Message) -> None:
        """Pass on an answer, unless the body was refused meanwhile."""
        if self.refusal is None or self.began:
            self.began = True
            await self._last(message)

    async def refuse(self, refusal: Response) -> None:
        """Answer in place of the application."""
        await refusal(self._scope, self._receive, self._last)

    async def _last(self, message: Message) -> None:
        """Send; after the end of an answer go on reading for a while, or a client still sending would not see it."""
        if message["type"] == "http.response.body" and not message.get("more_body", False) and not self._complete:
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _linger(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while not self._complete:
                    message = await self._receive()
                    self._complete = message["type"] != "http.request" or not message.get("more_body", False)

    def _too_large(self) -> Response:
        most = self._most
        told = f"{most / 1024**2:.0f} MB" if most >= 1024**2 else f"{most / 1024:.0f} kB"
        return problems.answer(
            413, f"the body is larger than the {told} that are allowed here", {"Connection": "close"}
        )
