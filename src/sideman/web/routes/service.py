"""Routes: how the server is, which networks it has, and letting a browser in."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from sideman import __version__
from sideman.inference.cards import WEIGHTS_FOLDER, Card, read_card
from sideman.library.overview import summary
from sideman.library.store import Store
from sideman.web import metrics, page, problems
from sideman.web.access import Access
from sideman.web.context import Context, Shared
from sideman.web.guard import secure
from sideman.web.schemas.service import Health, LearnedFacts, LibraryState, ModelFacts, Models, QueueState, Secret
from sideman.web.schemas.text import clean

router = APIRouter(tags=["service"])


@router.get("/health")
def health(context: Shared) -> Health:
    """That it works, and how busy it is."""
    waiting, running, workers = context.workers.counts()
    return Health(
        status="ok", version=__version__, page=page.built(), uptime_s=round(time.monotonic() - context.began_s, 1),
        library=_library_state(context.library()), queue=QueueState(waiting=waiting, running=running, workers=workers),
    )  # fmt: skip


@router.get("/metrics", response_class=PlainTextResponse)
def figures(request: Request, context: Shared) -> PlainTextResponse:
    """The same and more for Prometheus."""
    counted: metrics.Metrics = request.app.state.metrics
    told = metrics.text([*counted.samples(), *_gauges(context)])
    return PlainTextResponse(told, media_type="text/plain; version=0.0.4")


@router.get("/models")
def models(context: Shared) -> Models:
    """Networks that hear and compose, and fields learnt from the user's own tags."""
    from sideman.compose import composers
    from sideman.compose.spectra import imaginers
    from sideman.library.learn.use import cards

    store = context.library()
    shipped = [composers.open_composer(name) for name in composers.SHIPPED]
    dreaming = [imaginers.open_imaginer(name) for name in imaginers.SHIPPED]
    return Models(
        classifier=_facts(read_card(WEIGHTS_FOLDER / "genre.json")),
        mood=_facts(read_card(WEIGHTS_FOLDER / "mood.json")),
        composers=[
            _facts(one.card, one.name, list(one.genres), composers.RESEARCH_NOTICE if one.name == "research" else None)
            for one in shipped
        ],
        imaginers=[_facts(one.card, one.name, list(one.genres), one.notice) for one in dreaming],
        learned=[] if store is None else [LearnedFacts.model_validate(clean(card)) for card in cards(store)],
    )


@router.post("/session", status_code=204)
async def sign_in(request: Request, shown: Secret) -> Response:
    """Show the secret once; the answer sets a cookie that lets this browser in."""
    access: Access = request.app.state.access
    if not access.right(shown.token):
        if not await access.slow_down():
            raise problems.BusyError("too many wrong secrets; try again in a moment")
        return problems.answer(401, "the secret is wrong")
    answer = Response(status_code=204)
    if access.needs_token:
        answer.headers["set-cookie"] = access.cookie(secure=secure(request.scope))
    return answer


@router.delete("/session", status_code=204)
async def sign_out(request: Request) -> Response:
    """Take the cookie back."""
    access: Access = request.app.state.access
    return Response(status_code=204, headers={"set-cookie": access.no_cookie()})


def _library_state(store: Store | None) -> LibraryState | None:
    if store is None:
        return None
    found = summary(store)
    return LibraryState(tracks=found.tracks, analysed=found.analysed)


def _gauges(context: Context) -> list[metrics.Sample]:
    waiting, running, workers = context.workers.counts()
    values = {
        "sideman_waiting": ("Requests that wait for a worker.", waiting),
        "sideman_running": ("Requests that are worked at.", running),
        "sideman_workers": ("Processes there may be.", workers),
        "sideman_jobs": ("Unfinished jobs.", context.jobs.unfinished_n()),
        "sideman_temporary_bytes": ("Uploads and what jobs made.", context.space.held()),
        "sideman_uptime_seconds": ("Since the start.", time.monotonic() - context.began_s),
        "sideman_memory_bytes": ("Held by the server, without its workers.", metrics.resident_bytes()),
    }
    return [
        (name, "gauge", meaning, {}, float(value)) for name, (meaning, value) in values.items() if value is not None
    ]


def _facts(
    card: Card, name: str | None = None, genres: list[str] | None = None, notice: str | None = None
) -> ModelFacts:
    content: dict[str, Any] = card.content
    about = content.get("about", {})
    return ModelFacts(
        name=name or card.name,
        sha256=card.sha256,
        what=_text(content.get("what") or about.get("what")),
        genres=genres if genres is not None else list(content.get("genres", [])),
        licence=_text(content.get("licence") or about.get("licence")),
        parameters=content.get("parameters"),
        notice=notice,
    )


def _text(value: object) -> str | None:
    return str(value) if value else None
