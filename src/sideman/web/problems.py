"""Errors as RFC 9457 problem details: one line in ``detail``, never a traceback."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from sideman.core.errors import LibraryError, OutputError, SidemanError, StoreError, UsageError, WorkerError
from sideman.web.headers import SECURITY

_SCHEMA = "#/components/schemas/Problem"
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LOG = logging.getLogger("sideman.web")


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


_MEANINGS = {
    400: "The request makes no sense.",
    401: "The server needs its secret.",
    403: "The request comes from a page of another site.",
    404: "What was named is not there; also where there is no library yet.",
    408: "The body did not arrive in time.",
    409: "The request does not fit the present state.",
    413: "The body is too large.",
    415: "The body is of a kind that is not read here.",
    421: "The server does not go by the name in the Host header.",
    422: "Parameters that make no sense, or a file that cannot be used; `detail` says why.",
    429: "Too much is waiting; come again after Retry-After seconds.",
    503: "The library's database cannot be used now, or the server is ending.",
    507: "There is no room for it on the server's disk.",
}
DESCRIBED: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": {"application/problem+json": {"schema": {"$ref": _SCHEMA}}}}
    for status, meaning in _MEANINGS.items()
}
"""For ``responses=``: what any route may answer."""


class NotFoundError(SidemanError):
    """What was named is not there."""


class BusyError(SidemanError):
    """Too much is waiting already; ``retry_after_s`` says when to come again."""

    def __init__(self, message: str, retry_after_s: int = 2) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ConflictError(SidemanError):
    """The request does not fit the present state."""


class FullError(SidemanError):
    """There is no room for it: the private folder or its disk is full."""


class MediaTypeError(SidemanError):
    """The body is of a kind that is not read here."""


class TooCostlyError(SidemanError):
    """The work took longer, needed more memory than this server allows, or killed its worker process."""


class UnexpectedError(SidemanError):
    """A bug; the log has its traceback."""


def status_of(error: SidemanError) -> int:
    """The HTTP status that tells of an error."""
    match error:
        case StoreError():
            return 503
        case NotFoundError() | LibraryError():
            return 404
        case BusyError():
            return 429
        case ConflictError():
            return 409
        case FullError():
            return 507
        case UsageError():
            return 422
        case MediaTypeError():
            return 415
        case UnexpectedError():
            return 500
        case WorkerError() | OutputError():
            return 503
        case _:  # a recording, score or model that cannot be used, here or without an extra
            return 422


def one_line(text: str) -> str:
    """Text that any reader takes and shows in a line: paths may hold bytes that are no text, queries line breaks."""
    return _BREAKS.sub(" ", text.encode("utf-8", "replace").decode()).strip()


def told(status: int, detail: str) -> Problem:
    """A problem in words."""
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=one_line(detail))


def unexpected(error: Exception) -> Problem:
    """What a client is told of a bug; the log gets the traceback."""
    _LOG.error("unexpected %s", type(error).__name__, exc_info=error)
    return told(500, f"unexpected {type(error).__name__}; please report this")


def answer(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem as a response."""
    return JSONResponse(told(status, detail).model_dump(), status, headers, media_type="application/problem+json")


def of(error: SidemanError) -> JSONResponse:
    """An error of ours as a response."""
    retry_after_s = getattr(error, "retry_after_s", None)  # of BusyError, and of HeldError in the library
    headers = None if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return answer(status_of(error), str(error), headers)


def install(app: FastAPI) -> None:
    """Turn every error into a problem."""

    @app.exception_handler(SidemanError)
    def _ours(_: Request, error: SidemanError) -> JSONResponse:
        return of(error)

    @app.exception_handler(HTTPException)
    def _http(_: Request, error: HTTPException) -> JSONResponse:
        return answer(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
        return answer(422, f"{where or 'request'}: {first['msg']}")

    @app.exception_handler(Exception)
    def _unexpected(request: Request, error: Exception) -> JSONResponse:
        _LOG.exception("%s %s", request.method, request.url.path, exc_info=error)
        # made outside of all middleware
        return answer(500, f"unexpected {type(error).__name__}; please report this", SECURITY)
