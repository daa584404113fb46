"""Routes: writing what was heard into the files' tags, and taking it back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from sideman.library.tags import journal
from sideman.library.tags.undo import chosen
from sideman.web import tag_work
from sideman.web.context import Library, Shared
from sideman.web.heavy import heavy
from sideman.web.jobs import Job, JobInfo
from sideman.web.schemas.tags import Batch, PlanWish, TagPlan, TagWish, UndoPlan, UndoWish

router = APIRouter(tags=["tags"])


@router.post("/library/tags/plan")
def plan(store: Library, wish: PlanWish) -> TagPlan:
    """What would be written; the files' own tags are read, nothing is changed."""
    with heavy():
        return tag_work.look(store, wish)


@router.post("/library/tags/write", status_code=202)
async def write(context: Shared, store: Library, wish: TagWish) -> JobInfo:
    """Write it, each file through a journal and a verified copy. The job's result is a TagReport."""

    def work(job: Job) -> Any:
        return context.patiently(lambda own: tag_work.write(own, wish, job))

    return context.jobs.thread("tag", work, alone="library").info()


@router.get("/library/tags/history")
def history(store: Library) -> list[Batch]:
    """What was written when, the newest first."""
    journal.recover(store)
    return [
        Batch(batch=batch.id, at=batch.started_at, command=batch.command, states=batch.states)
        for batch in journal.history(store)
    ]


@router.post("/library/tags/undo", responses={202: {"model": JobInfo}})
async def undo(context: Shared, store: Library, response: Response, wish: UndoWish | None = None) -> UndoPlan | JobInfo:
    """Take a batch back, field by field, where the files still hold what was written; with `dry_run` only say what.

    The job's result is a TagReport. An undo is a batch too and can be undone.
    """
    asked = wish or UndoWish()
    if asked.dry_run:
        return await run_in_threadpool(tag_work.look_back, store, asked)
    await run_in_threadpool(chosen, store, asked.batch)  # an answer now where there is nothing to undo
    response.status_code = 202

    def work(job: Job) -> Any:
        return context.patiently(lambda own: tag_work.undo(own, asked, job))

    return context.jobs.thread("undo", work, alone="library").info()
