"""Long work on the library, run by the server's jobs in a thread."""

from __future__ import annotations

import time
from typing import Any

from pydantic import BaseModel, Field

from sideman.library.store import Store
from sideman.web.jobs import Job
from sideman.web.schemas.text import clean

_TELL_S = 0.2


class ScanWish(BaseModel):
    """How to scan the known folders."""

    retry: bool = Field(default=False, description="Hear recordings again that failed before.")
    prune: bool = Field(default=False, description="Forget files that are missing; what was heard in them is kept.")


class _Stopped(Exception):  # noqa: N818 - no error: the user asked for it
    """Ends a scan between two files."""


class Told:
    """Passes on how far something is, a few times per second; also the listener of a scan."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._done = self._total = 0
        self._latest = 0.0

    def stage(self, name: str, total: int) -> None:
        """A stage begins."""
        self._done, self._total = 0, total
        self._job.report(done=0, total=total, stage=name, message="")

    def count(self) -> None:
        """One item of the stage is done."""
        self._done += 1
        if self._done == self._total or time.monotonic() - self._latest > _TELL_S:
            self._latest = time.monotonic()
            self._job.report(done=self._done)

    def step(self) -> None:
        """The same for a scan, which ends here when it is to stop."""
        self.count()
        self._stop()

    def warn(self, line: str) -> None:
        """Something a person should know."""
        self._job.report(message=clean(line))

    def _stop(self) -> None:
        if self._job.stop.is_set():
            raise _Stopped


def scan(store: Store, wish: ScanWish, job: Job) -> Any:
    """Scan the known places; returns the report, or None where the job was cancelled."""
    from sideman.library.scan import Options
    from sideman.library.scan import scan as run

    job.report(stage="looking")
    try:
        report = run(store, (), Options(retry=wish.retry, prune=wish.prune), listener=Told(job))
    except _Stopped:
        return None
    return clean(report.to_dict())
