"""Routes: the library as a whole."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from sideman.library.store import Store
from sideman.web.context import Library, Shared
from sideman.web.heavy import heavy
from sideman.web.schemas.insights import InsightsTold
from sideman.web.schemas.text import QueryText, clean

router = APIRouter(tags=["insights"])


@router.get("/insights", response_model=InsightsTold)
async def insights(
    context: Shared,
    store: Library,
    query: QueryText = "",
    most: Annotated[int, Query(ge=1, le=10_000, description="Of every list, the first so many.")] = 200,
) -> Response:
    """How the library is spread, where tags and sound disagree, what repeats and what is broken. Reads no sound."""
    return await context.kept.of(store, ("insights", query, most), lambda: _gathered(store, query, most))


def _gathered(store: Store, query: str, most: int) -> InsightsTold:
    from sideman.library.insights.gather import gather

    with heavy():
        told = gather(store, query or None, most_files=0, most_points=0).to_dict()
    del told["map"]  # has a route of its own
    lengths: dict[str, int] = {}
    return InsightsTold.model_validate(clean(_cut(told, most, lengths, "")) | {"lengths": lengths})


def _cut(told: dict[str, Any], most: int, lengths: dict[str, int], prefix: str) -> dict[str, Any]:
    """The same with every list cut, and how long they were."""
    cut: dict[str, Any] = {}
    for name, value in told.items():
        if isinstance(value, list):
            lengths[prefix + name] = len(value)
            cut[name] = value[:most]
        elif name in ("disagreements", "faults"):
            cut[name] = _cut(value, most, lengths, f"{name}.")
        else:
            cut[name] = value
    return cut
