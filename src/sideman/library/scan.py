"""Scan: find the files, know what is new by size and time, hash and read what is, and hear each recording once.

Everything is written as it is found, so that a scan may be killed at any moment: the next one goes on from the rows.
Two scans share the work through claims (:mod:`sideman.library.claims`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, or_, select, update

from sideman.library import claims
from sideman.library.analyse import VERSION, Analysis
from sideman.library.pathtext import from_text, to_text
from sideman.library.places import Listener, Quiet, Walk, keep_roots
from sideman.library.places import named as places_named
from sideman.library.places import walk as walk_through
from sideman.library.records import Recorder, keep_analysis, keep_failure
from sideman.library.schema import analyses, files
from sideman.library.store import Store

_FLUSH_S = 0.5
_FLUSH_N = 200


@dataclass(frozen=True)
class Heard:
    """Outcome of one recording: an analysis, or why there is none; neither where the file changed meanwhile."""

    audio_hash: str
    path: str
    analysis: Analysis | None = None
    error: str | None = None
    details: str | None = None


Job = tuple[str, str, int, str]
Engine = Callable[[Iterable[Job], int], Iterator[Heard]]
"""Turns jobs (hash, path, size, time of change) into outcomes, in any order, drawing jobs as it needs them."""


@dataclass
class Report:
    """What a scan did.

    Attributes:
        found: files seen; of them ``new``, ``changed``, ``moved`` and ``returned`` after having been missing.
        missing: files known that are not there any more.
        analysed: recordings heard; ``failed`` could not be, ``waiting`` are left (held by another scan, or changed).
        problems: path and reason of every file that could not be read or heard in this scan.
    """

    found: int = 0
    new: int = 0
    changed: int = 0
    moved: int = 0
    returned: int = 0
    missing: int = 0
    analysed: int = 0
    failed: int = 0
    waiting: int = 0
    seconds: float = 0.0
    problems: list[tuple[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = dict(self.__dict__)
        plain["seconds"] = round(self.seconds, 2)
        plain["problems"] = [{"path": path, "error": error} for path, error in self.problems]
        return plain


@dataclass(frozen=True)
class Options:
    """How to scan.

    Attributes:
        workers: processes; None for one per core.
        force: mark files as missing even where most of a folder's have gone.
        retry: hear recordings again that failed.
        again: hear all again.
        prune: forget files that are missing (what was heard in them is kept).
    """

    workers: int | None = None
    force: bool = False
    retry: bool = False
    again: bool = False
    prune: bool = False


def scan(
    store: Store,
    places: Sequence[str | os.PathLike[str]] = (),
    options: Options | None = None,
    *,
    engine: Engine | None = None,
    listener: Listener | None = None,
) -> Report:
    """Bring the library up to date with some folders and files.

    Args:
        store: the library.
        places: folders and files; none for all that were scanned before.
        options: see :class:`Options`.
        engine: who hears the recordings; by default processes on this machine.
        listener: told of progress.

    Raises:
        LibraryError: a place does not exist, or nothing was scanned before and no place is named.
    """
    from sideman.library.local_engine import LocalEngine

    options, listener = options or Options(), listener or Quiet()
    began = time.monotonic()
    report = Report()
    named, report.problems = places_named(store, places, listener)
    walk = walk_through(named, listener)
    report.found = len(walk.seen)
    keep_roots(store, named)
    claims.release_stale(store)
    _read(store, named, walk, options, report, listener)
    _mark_missing(store, named, walk, options, report, listener)
    _reopen(store, options, named)
    _hear(store, named, engine or LocalEngine(), options, report, listener)
    report.seconds = time.monotonic() - began
    return report


def preview(store: Store, places: Sequence[str | os.PathLike[str]] = ()) -> Report:
    """What :func:`scan` would find, by size and time alone; writes nothing."""
    report = Report()
    named, report.problems = places_named(store, places, Quiet())
    walk = walk_through(named, Quiet())
    report.found = len(walk.seen)
    known = _known(store, named)
    for path, stamp in walk.seen.items():
        row = known.get(path)
        if row is None:
            report.new += 1
        elif row.stamp != stamp:
            report.changed += 1
    report.missing = sum(1 for path, row in known.items() if path not in walk.seen and not row.missing)
    report.waiting = claims.open_count(store, named)
    return report


@dataclass(frozen=True)
class _Known:
    stamp: tuple[int, int]
    hashed: bool
    missing: bool


def _known(store: Store, places: Sequence[str]) -> dict[str, _Known]:
    columns = (files.c.path, files.c.size, files.c.mtime_ns, files.c.audio_hash, files.c.missing_since)
    with store.read() as connection:
        rows = connection.execute(select(*columns).where(claims.under(places)))
        return {from_text(p): _Known((size, int(m)), h is not None, gone is not None) for p, size, m, h, gone in rows}


def _read(
    store: Store, places: Sequence[str], walk: Walk, options: Options, report: Report, listener: Listener
) -> None:
    """Hash and read the tags of every file that is new or differs in size or time."""
    from sideman.core.parallel import map_files
    from sideman.core.tuning import available_cores
    from sideman.library.examine import examine

    known = _known(store, places)
    due = [p for p, stamp in walk.seen.items() if p not in known or known[p].stamp != stamp or not known[p].hashed]
    back = [path for path in walk.seen if path in known and known[path].missing]
    recorder = Recorder(store, walk.seen.keys(), report)
    recorder.found_again(back)
    if not due:
        return
    listener.stage("reading", len(due))
    workers = min(options.workers or available_cores(), -(-len(due) // 100))  # a file takes 10 ms, a process 0.5 s
    latest = time.monotonic()
    try:
        for outcome in map_files(examine, due, workers, time_limit_s=600.0):
            if outcome.value is not None:
                recorder.add(outcome.value)
            else:
                report.problems.append((outcome.item, _reason(outcome.item, outcome.error)))
            if outcome.details:
                listener.warn(outcome.details)
            listener.step()
            if recorder.waiting >= _FLUSH_N or time.monotonic() - latest > _FLUSH_S:
                recorder.flush()
                latest = time.monotonic()
    finally:
        recorder.flush()


def _mark_missing(
    store: Store, places: Sequence[str], walk: Walk, options: Options, report: Report, listener: Listener
) -> None:
    """Remember which known files are gone, unless it looks as if a disk had gone."""
    now = time.time()
    for place in places:
        known = [path for path, row in _known(store, [place]).items() if not row.missing]
        blocked = tuple(folder.rstrip(os.sep) + os.sep for folder in walk.unread)
        gone = [path for path in known if path not in walk.seen and not path.startswith(blocked or ("\0",))]
        if not gone:
            continue
        if len(known) - len(gone) < len(gone) and not options.force:
            listener.warn(
                f"{place}: only {len(known) - len(gone)} of {len(known)} known files are there; is a disk gone? "
                "nothing was marked as missing (--force does)"
            )
            continue
        with store.write() as connection:
            for first in range(0, len(gone), 500):
                some = files.c.path.in_([to_text(path) for path in gone[first : first + 500]])
                connection.execute(update(files).where(some).values(missing_since=now))
        report.missing += len(gone)
    if options.prune:
        with store.write() as connection:
            connection.execute(files.delete().where(and_(files.c.missing_since.is_not(None), claims.under(places))))


def _reopen(store: Store, options: Options, places: Sequence[str]) -> None:
    """Put back in line what an older version heard, and what was asked to be heard again."""
    from sideman.genre.predict import DEFAULT_MODEL
    from sideman.inference.sessions import open_session

    model = open_session(DEFAULT_MODEL).card.sha256
    old = and_(analyses.c.state == "done", or_(analyses.c.version != VERSION, analyses.c.model != model))
    which = [old]
    here = select(files.c.id).where(files.c.audio_hash == analyses.c.audio_hash, claims.under(places)).exists()
    if options.retry:
        which.append(and_(analyses.c.state == "failed", here))
    if options.again:
        which.append(and_(analyses.c.state != "pending", here))
    with store.write() as connection:
        connection.execute(update(analyses).where(or_(*which)).values(state="pending", error=None))


def _hear(
    store: Store, places: Sequence[str], engine: Engine, options: Options, report: Report, listener: Listener
) -> None:
    from sideman.core.tuning import available_cores

    waiting = claims.open_count(store, places)
    if not waiting:
        report.waiting = claims.held_by_others(store, "")
        return
    listener.stage("listening", waiting)
    owner = claims.me()
    workers = max(1, min(options.workers or available_cores(), waiting))
    jobs = ((h, from_text(p), size, m) for h, p, size, m in claims.claimed(store, owner, places, 2 * workers))
    try:
        for heard in engine(jobs, workers):
            if heard.analysis is not None:
                keep_analysis(store, heard.audio_hash, heard.analysis)
                report.analysed += 1
            elif heard.error is not None:
                reason = _reason(heard.path, heard.error)
                keep_failure(store, heard.audio_hash, reason)
                report.failed += 1
                report.problems.append((heard.path, reason))
            if heard.details:
                listener.warn(heard.details)
            listener.step()
    finally:
        claims.release(store, owner)
    report.waiting = claims.open_count(store, places) + claims.held_by_others(store, owner)


def _reason(path: str, error: str | None) -> str:
    return (error or "failed").removeprefix(f"{path}: ")
