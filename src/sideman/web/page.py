"""The built page at ``/``; without it, a line that says how to get it."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from sideman.web.files import OpenedFile

FOLDER = Path(__file__).parent / "page"
_LACKING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sideman</title>
<h1>The page was not built</h1>
<p>The HTTP API works: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a> describes it.</p>
<p>For the page, install Node.js 20 or newer and, in a clone of the repository, run
<code>pip install .</code> again.</p></html>
"""


def built() -> bool:
    """Whether the page came with this installation."""
    return (FOLDER / "index.html").is_file()


def install(app: FastAPI) -> None:
    """Serve the page; its parts have names that change with their content, so browsers may keep them."""

    @app.get("/", include_in_schema=False)
    def index() -> Response:
        if not built():
            return HTMLResponse(_LACKING)
        return OpenedFile(FOLDER / "index.html", headers={"Cache-Control": "no-cache"})

    if built():
        app.mount("/", _Kept(directory=FOLDER), name="page")


class _Kept(StaticFiles):
    """Files of the page, kept by browsers where their name says what is in them."""

    async def get_response(self, path: str, scope: object) -> Response:
        response = await super().get_response(path, scope)  # type: ignore[arg-type]
        if path.startswith("assets/") and response.status_code == 200:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        else:
            response.headers.setdefault("Cache-Control", "no-cache")
        return response
