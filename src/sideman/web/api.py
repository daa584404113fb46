"""The application: routes under ``/api/v1``, OpenSubsonic under ``/rest``, the page at ``/``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from sideman import __version__
from sideman.web import guard, page, problems
from sideman.web.context import Context
from sideman.web.routes import (
    compose,
    feedback,
    hearing,
    insights,
    jobs,
    lab,
    library,
    moods,
    playlists,
    service,
    subsonic,
    tags,
)
from sideman.web.scratch import Scratch
from sideman.web.settings import Settings

PREFIX = "/api/v1"
_FILE = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
_ROUTERS = (service, hearing, library, playlists, tags, moods, feedback, insights, compose, jobs, lab)


class _Api(FastAPI):
    """FastAPI, whose document also has the form of problems, and says where an answer is a file."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        document["components"]["schemas"]["Problem"] = problems.Problem.model_json_schema()
        for item in document["paths"].values():
            for operation in item.values():
                answer = operation["responses"].get("200")
                if answer is not None:
                    answer.setdefault("content", _FILE)
        return document


def create_app(settings: Settings | None = None, scratch: Scratch | None = None) -> FastAPI:
    """The ASGI application; ``sideman serve`` runs it in uvicorn.

    Args:
        settings: how it is to be served; by default on loopback, with the user's library.
        scratch: the private folder, which goes with the application; by default one is made when it starts.
    """
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.context = Context(chosen, scratch or Scratch())
        try:
            yield
        finally:
            await app.state.context.close()

    app = _Api(
        title="Sideman",
        version=__version__,
        summary="Names the genre, mood, tempo and key of recordings, keeps a library, composes: offline.",
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
    )
    problems.install(app)
    for module in _ROUTERS:
        app.include_router(module.router, prefix=PREFIX, responses=problems.DESCRIBED)
    app.include_router(subsonic.router)
    page.install(app)
    guard.install(app, chosen)
    return app
