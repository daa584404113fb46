"""The door: who may ask what."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import FastAPI
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sideman.web import problems
from sideman.web.access import Access
from sideman.web.bodies import Bodies
from sideman.web.headers import DATA, Headers
from sideman.web.metrics import Counting, Metrics
from sideman.web.settings import Settings, is_loopback

_ONCE = ("host", "content-length", "transfer-encoding", "authorization", "origin", "content-type")
_SAFE = ("GET", "HEAD", "OPTIONS")
_SIGNING_IN = "/api/v1/session"


def install(app: FastAPI, settings: Settings) -> None:
    """Put the guard before the application, the counting of bodies before it, and the headers of answers around all."""
    access = Access(settings)
    app.state.access = access
    app.add_middleware(Guard, access=access)
    app.add_middleware(Bodies, settings=settings)
    app.add_middleware(Headers)
    app.state.metrics = Metrics()
    app.add_middleware(Counting, metrics=app.state.metrics)  # what is added last is outermost


def secure(scope: Scope) -> bool:
    """Whether the browser came by TLS: here, or to a proxy on this machine."""
    client = scope.get("client")
    told = _headers(scope).get("x-forwarded-proto", "")
    behind = client is None or is_loopback(client[0])
    return scope.get("scheme") == "https" or (behind and told.strip().lower() == "https")


class Guard:
    """Middleware: host, origin and secret."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        is_data = f"{scope['path']}/".startswith(DATA)

        refusal = self._stranger(scope, is_data=is_data) or await self._unknown(scope, is_data=is_data)
        await (refusal or self._app)(scope, receive, send)

    def _stranger(self, scope: Scope, *, is_data: bool) -> Response | None:
        """Refuse requests that no program of the user's and no page of ours would send."""
        names = [name for name, _ in scope["headers"]]
        for name in _ONCE:
            if names.count(name.encode()) > 1:
                return problems.answer(400, f"the header {name} was sent twice")
        told = _headers(scope)
        if "content-length" in told and "transfer-encoding" in told:
            return problems.answer(400, "Content-Length and Transfer-Encoding exclude each other")
        host = told.get("host", "")
        if not self._access.knows_host(host):
            shown = "".join(char for char in host[:80] if char.isprintable())
            return problems.answer(
                421, f"this server does not go by the name '{shown}'; if it should, start it with --allow-host"
            )
        unsafe = scope["method"] not in _SAFE
        origin, site = told.get("origin"), told.get("sec-fetch-site", "none").lower()
        foreign = site not in ("none", "same-origin") or (
            origin is not None and not self._access.same_origin(origin, host)
        )
        if foreign and (is_data or unsafe):
            return problems.answer(403, "requests from pages of other sites are refused")
        return None

    async def _unknown(self, scope: Scope, *, is_data: bool) -> Response | None:
        """Refuse who does not show the secret; the page itself holds no secrets and asks for it."""
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if scope["path"] == "/" and "token" in query:
            return await self._sign_in(scope, query["token"])
        if not is_data or scope["path"] == _SIGNING_IN:
            return None
        verdict = self._access.admits(_headers(scope))
        if verdict or scope["path"].startswith("/rest/"):  # Subsonic's clients show it in the query: its routes look
            scope.setdefault("state", {})["admitted"] = bool(verdict)
            return None
        return await self._wrong(known=verdict is not None)

    async def _sign_in(self, scope: Scope, secret: str) -> Response:
        if not self._access.right_once(secret):
            return await self._wrong(known=True)
        answer = RedirectResponse("/", 303)
        if self._access.needs_token:
            answer.headers["set-cookie"] = self._access.cookie(secure=secure(scope))
        return answer

    async def _wrong(self, *, known: bool) -> Response:
        if known and not await self._access.slow_down():
            return problems.answer(429, "too many wrong secrets; try again in a moment", {"Retry-After": "2"})
        told = "the secret is wrong" if known else "this server needs its secret: send 'Authorization: Bearer SECRET'"
        return problems.answer(401, told, {"WWW-Authenticate": "Bearer"})


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
