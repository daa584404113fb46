"""Hears recordings in processes on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sideman.library.analyse import Analysis, analyse
from sideman.library.scan import Heard, Job

_TIME_LIMIT_S = 3600.0


@dataclass(frozen=True)
class _Item:
    """A job, named in messages by its path."""

    job: Job

    def __str__(self) -> str:
        return self.job[1]


def hear_job(job: Job) -> Analysis | None:
    """Analyse a file that is still what was hashed; None where it changed or went away meanwhile."""
    _, path, size, mtime_ns = job
    try:
        status = Path(path).stat()
    except OSError:
        return None  # its disk may be gone: that says nothing about the recording
    if (status.st_size, str(status.st_mtime_ns)) != (size, mtime_ns):
        return None
    return analyse(path)


def _hear(item: _Item) -> Analysis | None:
    return hear_job(item.job)


class LocalEngine:
    """The usual engine: one process per worker, a file that kills its process costs itself only."""

    def __call__(self, jobs: Iterable[Job], workers: int) -> Iterator[Heard]:
        """See :data:`sideman.library.scan.Engine`."""
        from sideman.core.parallel import map_files
        from sideman.core.tuning import tune_allocator

        tune_allocator()
        for outcome in map_files(_hear, (_Item(job) for job in jobs), workers, time_limit_s=_TIME_LIMIT_S):
            audio_hash, path, *_ = outcome.item.job
            yield Heard(audio_hash, path, outcome.value, outcome.error, outcome.details)
