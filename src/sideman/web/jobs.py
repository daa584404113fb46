"""Long work with progress: a client starts it, and looks or listens for what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import threading
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from sideman.core.errors import SidemanError
from sideman.web.problems import BusyError, ConflictError, NotFoundError, one_line
from sideman.web.settings import Settings
from sideman.web.space import Space

State = Literal["queued", "running", "done", "failed", "cancelled"]
_ENDED = ("done", "failed", "cancelled")
_LOG = logging.getLogger(__name__)


class JobProgress(BaseModel):
    """How far a job is."""

    done: float = Field(default=0, description="Steps, seconds or files finished.")
    total: float | None = Field(default=None, description="Of how many; null where that is not known.")
    stage: str = Field(default="", description="What is being done, a word or two.")
    message: str = Field(default="", description="One line for a person.")


class JobInfo(BaseModel):
    """A job as a client sees it."""

    id: str
    kind: str = Field(description="What it does: compose, scan, tag, undo.")
    state: State
    progress: JobProgress
    created_at: float = Field(description="Seconds since 1970.")
    result: Any = Field(default=None, description="What came of it; may grow while it runs.")
    error: str | None = Field(default=None, description="One line, where it failed.")


class Job:
    """One piece of work. ``report``, ``result`` and ``begin`` may be used from any thread.

    Attributes:
        stop: set when the job is cancelled; work in a thread looks at it and ends.
    """

    def __init__(self, kind: str, scratch: Path) -> None:
        self.id = uuid.uuid4().hex
        self.kind = kind
        self.state: State = "queued"
        self.progress = JobProgress()
        self.created_at = time.time()
        self.ended_at: float | None = None
        self.error: str | None = None
        self.stop = threading.Event()
        self._result: Any = None
        self._scratch = scratch
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state in _ENDED

    @property
    def folder(self) -> Path:
        """A private folder, made on first use and removed with the job."""
        folder = self._scratch / f"job-{self.id}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    @property
    def result(self) -> Any:
        """Plain values for JSON; set it (or change it and call :meth:`report`) as parts are ready."""
        return self._result

    @result.setter
    def result(self, value: Any) -> None:
        self._result = value
        self._tell()

    def stopped(self) -> bool:
        """Whether it was cancelled."""
        return self.stop.is_set()

    def begin(self) -> None:
        """It is being worked at now; only for work that was started with ``waits``."""
        if self.state == "queued":
            self.state = "running"
            self._tell()

    def report(
        self,
        done: float | None = None,
        total: float | None = None,
        stage: str | None = None,
        message: str | None = None,
    ) -> None:
        """Say how far it is; what is left out stays as it was."""
        self.begin()
        said = {"done": done, "total": total, "stage": stage, "message": message}
        self.progress = self.progress.model_copy(
            update={name: value for name, value in said.items() if value is not None}
        )
        self._tell()

    def info(self) -> JobInfo:
        """As a client sees it now."""
        return JobInfo(
            id=self.id, kind=self.kind, state=self.state, progress=self.progress, created_at=self.created_at,
            result=self._result, error=self.error,
        )  # fmt: skip

    def _tell(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


Work = Callable[[Job], Awaitable[Any]]


class Jobs:
    """The jobs of one server: so many at once, and finished ones are kept for a while, as far as there is room."""

    def __init__(self, settings: Settings, scratch: Path, space: Space | None = None) -> None:
        self._settings = settings
        self._scratch = scratch
        self._space = space
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._alone: dict[str, str] = {}

    def start(self, kind: str, work: Work, *, waits: bool = False, alone: str | None = None) -> Job:
        """Start ``await work(job)`` in the event loop; what it returns, unless None, becomes the result.

        May be called from any thread.

        Args:
            kind: a word for clients.
            work: a coroutine function; when the job is cancelled it gets asyncio.CancelledError.
            waits: the job stays "queued" until ``job.begin()`` or its first report.
            alone: no other unfinished job may have this word, such as "library".

        Raises:
            BusyError: too many are unfinished.
            ConflictError: another one has the word ``alone``.
        """
        if threading.get_ident() != self._thread_id:
            return asyncio.run_coroutine_threadsafe(self._start(kind, work, waits, alone), self._loop).result()
        return self._start_here(kind, work, waits, alone)

    async def _start(self, kind: str, work: Work, waits: bool, alone: str | None) -> Job:
        return self._start_here(kind, work, waits, alone)

    def _start_here(self, kind: str, work: Work, waits: bool, alone: str | None) -> Job:
        self._forget_old()
        unfinished = [job for job in list(self._jobs.values()) if not job.ended]
        if len(unfinished) >= self._settings.queue_n:
            raise BusyError("too many jobs are unfinished; wait for one, or cancel one", 10)
        if alone is not None:
            other = self._jobs.get(self._alone.get(alone, ""))
            if other is not None and not other.ended:
                raise ConflictError(f"a job ({other.kind}) is at it already; wait for it, or cancel it")
        job = Job(kind, self._scratch)
        if alone is not None:
            self._alone[alone] = job.id
        self._jobs[job.id] = job
        if not waits:
            job.begin()
        self._tasks[job.id] = self._loop.create_task(self._run(job, work))
        return job

    def thread(self, kind: str, function: Callable[[Job], Any], *, alone: str | None = None) -> Job:
        """As :meth:`start`, for a plain function in a thread; it must look at ``job.stop`` and end when that is set.

        Where it ends because of that, what it returns is kept as the result of the cancelled job.
        """

        async def work(job: Job) -> Any:
            running = asyncio.ensure_future(asyncio.to_thread(function, job))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                job.stop.set()
                with contextlib.suppress(Exception):
                    result = await running
                    if result is not None:
                        job.result = result
                raise

        return self.start(kind, work, alone=alone)

    def all(self) -> list[Job]:
        """All that are kept, the newest first."""
        self._forget_old()
        return list(reversed(self._jobs.values()))

    def get(self, job_id: str) -> Job:
        """One of them.

        Raises:
            NotFoundError: it is not there, or no more.
        """
        self._forget_old()
        try:
            return self._jobs[job_id]
        except KeyError:
            raise NotFoundError(f"no job '{job_id[:64]}'; it may have been cancelled or forgotten") from None

    async def remove(self, job_id: str) -> None:
        """Cancel a job if it is unfinished, and forget it and its files.

        Raises:
            NotFoundError: it is not there.
        """
        job = self.get(job_id)
        await self._cancel(job)
        self._forget(job)

    async def events(self, job: Job) -> AsyncIterator[tuple[str, JobInfo]]:
        """What becomes of a job: ("progress", job) now and at every change, at last (its state, job)."""
        while not job.ended:
            change = job._changed
            yield "progress", job.info()
            await change.wait()
        yield job.state, job.info()

    def unfinished_n(self) -> int:
        """How many are queued or running."""
        return sum(not job.ended for job in self._jobs.values())

    async def close(self) -> None:
        """Cancel all that are unfinished and remove the files of all."""
        await asyncio.gather(*(self._cancel(job) for job in list(self._jobs.values())))
        for job in list(self._jobs.values()):
            self._forget(job)

    async def _run(self, job: Job, work: Work) -> None:
        try:
            result = await work(job)
            if result is not None:
                job.result = result
            state: State = "done"
        except asyncio.CancelledError:
            state = "cancelled"
        except SidemanError as error:
            job.error, state = one_line(str(error)), "failed"
        except Exception as error:  # noqa: BLE001 - a bug: the log has it, the client a line
            _LOG.exception("job %s", job.kind)
            job.error, state = f"unexpected {type(error).__name__}; please report this", "failed"
        finally:
            job.ended_at = time.time()
        job.state = state
        job._tell()

    async def _cancel(self, job: Job) -> None:
        task = self._tasks.get(job.id)
        if task is not None and not task.done():
            if not job.stop.is_set():  # once: a second time would no more wait for what runs in a thread
                job.stop.set()
                task.cancel()
            await asyncio.wait([task])
        if not job.ended:  # it was cancelled before it began
            job.state, job.ended_at = "cancelled", time.time()
            job._tell()

    def _forget_old(self) -> None:
        ended = [job for job in list(self._jobs.values()) if job.ended]
        oldest = time.time() - self._settings.job_keep_s
        surplus = max(0, len(ended) - self._settings.jobs_n)
        surplus = max(surplus, self._too_large(ended))
        for index, job in enumerate(ended):
            if index < surplus or (job.ended_at or 0) < oldest:
                self._forget(job)

    def _too_large(self, ended: list[Job]) -> int:
        """How many of them have to go, the oldest first, for the others to fit; the latest is always kept."""
        if self._space is None:
            return 0
        known = self._space.of_jobs()
        left = [known.get(f"job-{job.id}", 0) for job in ended]
        most, n = self._settings.most_kept_bytes // 2, 0
        while n < len(left) - 1 and sum(left[n:]) > most:
            n += 1
        return n

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        self._tasks.pop(job.id, None)
        shutil.rmtree(self._scratch / f"job-{job.id}", ignore_errors=True)
