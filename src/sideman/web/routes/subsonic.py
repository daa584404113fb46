"""Routes of OpenSubsonic's extension "sonicSimilarity", for players that know it.

Every answer is Subsonic's envelope with HTTP status 200, in XML or, with ``f=json``, in JSON; errors have Subsonic's
codes: 0 anything else, 10 a parameter is missing, 40 wrong password, 42 and 43 another way of signing in, 70 not found.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from xml.etree import ElementTree

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from sideman import __version__
from sideman.core.errors import LibraryError, SidemanError
from sideman.library import subsonic
from sideman.web.context import Shared
from sideman.web.heavy import heavy
from sideman.web.problems import one_line

router = APIRouter(prefix="/rest", tags=["opensubsonic"])

VERSION = "1.16.1"
_SPACE = "http://subsonic.org/restapi"
_ANYTHING, _MISSING, _PASSWORD, _WAY, _WAYS, _NOT_THERE = 0, 10, 40, 42, 43, 70
_MOST = 500
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Payload = dict[str, Any]


class _Refused(Exception):  # noqa: N818 - an answer
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Call:
    """One request: its parameters, and the envelope around its answer."""

    def __init__(self, parameters: Mapping[str, str], refusal: _Refused | None) -> None:
        self._parameters = parameters
        self._refusal = refusal

    def answer(self, make: Callable[[], Payload], *, public: bool = False) -> Response:
        """The envelope around what ``make`` returns, or around its error; ``public`` needs no password."""
        try:
            if self._refusal is not None and not public:
                raise self._refusal
            return self._envelope("ok", make())
        except _Refused as refusal:
            return self._failed(refusal.code, str(refusal))
        except LibraryError as error:
            return self._failed(_NOT_THERE, str(error))
        except SidemanError as error:
            return self._failed(_ANYTHING, str(error))

    def text(self, name: str) -> str:
        """A parameter that must be there."""
        value = self._parameters.get(name, "")
        if not value:
            raise _Refused(_MISSING, f"required parameter '{name}' is missing")
        return value

    def number(self, name: str, default: int) -> int:
        """A whole number from 1 on; at most 500 are given."""
        value = self._parameters.get(name, "")
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and 0 < len(value) < 10 and int(value)):
            raise _Refused(_ANYTHING, f"parameter '{name}' must be a whole number from 1 on")
        return min(int(value), _MOST)

    def _failed(self, code: int, message: str) -> Response:
        return self._envelope("failed", {"error": {"code": code, "message": one_line(message)}})

    def _envelope(self, status: str, payload: Payload) -> Response:
        told = {"status": status, "version": VERSION, "type": "sideman", "serverVersion": __version__}
        whole = {**told, "openSubsonic": True, **payload}
        if self._parameters.get("f") == "json":
            return Response(json.dumps({"subsonic-response": whole}, allow_nan=False), media_type="application/json")
        root = _element("subsonic-response", whole)
        root.set("xmlns", _SPACE)
        text = '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")
        return Response(text.encode(), media_type="application/xml")


async def _call(request: Request, context: Shared) -> Call:
    parameters = dict(request.query_params)
    token = context.settings.token
    if token is None or getattr(request.state, "admitted", False):
        return Call(parameters, None)
    refusal = _refusal(parameters, token)
    if refusal is not None and refusal.code == _PASSWORD:
        await request.app.state.access.slow_down()
    return Call(parameters, refusal)


_Called = Annotated[Call, Depends(_call)]
_Format = Annotated[str, Query(description="xml or json.")]
_Song = Annotated[str, Query(description="A track's number.")]
_Text = Annotated[str, Query()]


@router.get("/ping", response_class=Response)
@router.get("/ping.view", response_class=Response, include_in_schema=False)
def ping(call: _Called, f: _Format = "xml") -> Response:
    """Whether the server is there and lets the client in."""
    return call.answer(dict)


@router.get("/getOpenSubsonicExtensions", response_class=Response)
@router.get("/getOpenSubsonicExtensions.view", response_class=Response, include_in_schema=False)
def extensions(call: _Called, f: _Format = "xml") -> Response:
    """What of OpenSubsonic is there; needs no password."""
    return call.answer(lambda: {"openSubsonicExtensions": [subsonic.EXTENSION]}, public=True)


@router.get("/getSonicSimilarTracks", response_class=Response)
@router.get("/getSonicSimilarTracks.view", response_class=Response, include_in_schema=False)
def similar(call: _Called, context: Shared, id: _Song = "", count: _Text = "10", f: _Format = "xml") -> Response:
    """Tracks that sound like one, the most similar first."""

    def make() -> Payload:
        wanted, n = call.text("id"), call.number("count", 10)
        return subsonic.get_sonic_similar_tracks(context.store(), wanted, n)

    return call.answer(make)


@router.get("/findSonicPath", response_class=Response)
@router.get("/findSonicPath.view", response_class=Response, include_in_schema=False)
def path(
    call: _Called,
    context: Shared,
    startSongId: _Song = "",
    endSongId: _Song = "",
    count: _Text = "25",
    f: _Format = "xml",
) -> Response:
    """A walk from one song to another."""

    def make() -> Payload:
        start, end, n = call.text("startSongId"), call.text("endSongId"), call.number("count", 25)
        with heavy():
            return subsonic.find_sonic_path(context.store(), start, end, n)

    return call.answer(make)


def authorised(query: Mapping[str, str], token: str) -> bool:
    """Whether a query shows the secret as a Subsonic password: ``p=``, ``p=enc:HEX``, or ``t=`` and ``s=``."""
    return _refusal(query, token) is None


def _refusal(query: Mapping[str, str], token: str) -> _Refused | None:
    if "apiKey" in query:
        if {"u", "p", "t", "s"} & set(query):
            return _Refused(_WAYS, "sign in either by apiKey or by a password, not both")
        return _Refused(_WAY, "sign in with the server's secret as the password")
    if query.get("p"):
        given = query["p"]
        if given.startswith("enc:"):
            try:
                given = binascii.unhexlify(given[4:]).decode("utf-8", "replace")
            except (binascii.Error, ValueError):
                given = ""
        right = hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
    elif query.get("t") and query.get("s"):
        # Subsonic's protocol asks for MD5.
        digest = hashlib.md5((token + query["s"]).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
        right = hmac.compare_digest(query["t"].lower().encode("utf-8", "replace"), digest.encode())
    else:
        return _Refused(_MISSING, "sign in with any user name 'u' and the server's secret as 'p', or 't' and 's'")
    return None if right else _Refused(_PASSWORD, "wrong username or password")


def _element(name: str, value: Any) -> ElementTree.Element:
    """A value as XML: plain ones of an object become attributes, objects and lists elements."""
    element = ElementTree.Element(name)
    if not isinstance(value, dict):
        element.text = _plain(value)
        return element
    for key, held in value.items():
        if isinstance(held, dict):
            element.append(_element(key, held))
        elif isinstance(held, list):
            element.extend(_element(key, one) for one in held)
        else:
            element.set(key, _plain(held))
    return element


def _plain(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _NOT_XML.sub("\ufffd", text)
