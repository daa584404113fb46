"""Routes: what becomes of long work."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from sideman.web import events
from sideman.web.context import Shared
from sideman.web.jobs import JobInfo

router = APIRouter(tags=["jobs"])


@router.get("/jobs")
async def list_jobs(context: Shared) -> list[JobInfo]:
    """All jobs that are kept, the newest first."""
    return [job.info() for job in context.jobs.all()]


@router.get("/jobs/{job_id}")
async def get_job(job_id: str, context: Shared) -> JobInfo:
    """One job."""
    return context.jobs.get(job_id).info()


@router.get(
    "/jobs/{job_id}/events",
    response_class=StreamingResponse,
    responses=events.DESCRIBED,
)
async def follow_job(job_id: str, context: Shared) -> StreamingResponse:
    """Server-sent events: `progress` with the job at every change, at last `done`, `failed` or `cancelled`."""
    return events.stream(context.jobs.events(context.jobs.get(job_id)))


@router.delete("/jobs/{job_id}", status_code=204)
async def delete_job(job_id: str, context: Shared) -> None:
    """Cancel a job, if it is unfinished, and remove its files."""
    await context.jobs.remove(job_id)
