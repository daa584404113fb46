"""Tag writes for the routes: plans, writing and undoing, only of files inside of the library's folders."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sideman.core.errors import LibraryError
from sideman.library import tracks
from sideman.library.learn.answers import relabelled
from sideman.library.places import real_places, within
from sideman.library.store import Store
from sideman.library.tags import journal, plan
from sideman.library.tags import undo as undoing
from sideman.library.tags.formats import FIELDS, Values
from sideman.library.tags.run import Job as Write
from sideman.library.tags.run import run
from sideman.library.tags.spelling import spelling
from sideman.library.track import Track
from sideman.web.jobs import Job
from sideman.web.library_jobs import Told
from sideman.web.routes.library import all_of_library
from sideman.web.schemas.tags import (
    OldAndNew,
    PlanWish,
    TagChange,
    TagOutcome,
    TagPlan,
    TagProblem,
    TagReport,
    TagWish,
    UndoPlan,
    UndoWish,
)
from sideman.web.schemas.text import clean

_LOOK_S = 20.0  # after which a plan tells what it has so far
_MOST_TOLD = 1000


def look(store: Store, wish: PlanWish) -> TagPlan:
    """What a wish would write now."""
    journal.recover(store)
    end = time.monotonic() + _LOOK_S
    told = TagPlan(changes=[], problems=[], complete=True)
    found = _found(store, wish)
    known = {track.path: track for track in found}
    for item in _planned(store, found, wish):
        if isinstance(item, plan.Problem):
            told.problems.append(_problem(item))
        else:
            told.changes.append(_change(known[item.change.path], item.change.path, item.shown, item.change.new))
        if len(told.changes) >= wish.most or time.monotonic() > end:
            told.complete = False
            break
    return told


def write(store: Store, wish: TagWish, job: Job) -> dict[str, Any]:
    """Write what a wish asks for; returns a :class:`TagReport` as plain values, also where it was cancelled."""
    journal.recover(store)
    found = _found(store, wish)
    told = Told(job)
    told.stage("reading tags", len(found))
    writes: list[Write] = []
    report = TagReport(batch=None, written=0, failed=0, outcomes=[])
    for item in _planned(store, _counted(found, told), wish):
        if job.stop.is_set():
            return report.model_dump()
        if isinstance(item, plan.Problem):
            report.failed += 1
            report.outcomes.append(TagOutcome(path=clean(item.path), state="failed", detail=clean(item.detail)))
        else:
            writes.append((item.change, None))
    chosen = [f"--{name}" for name in FIELDS if name in wish.fields] if len(set(wish.fields)) < len(FIELDS) else []
    which = wish.query if wish.ids is None else f"id:{'|'.join(map(str, wish.ids[:10]))}"
    words = ["tag", *chosen, *(["--force"] if wish.force else []), which]
    return _written(store, " ".join(words).strip(), writes, wish.preserve_mtime, report, job)


def look_back(store: Store, wish: UndoWish) -> UndoPlan:
    """What an undo would restore."""
    journal.recover(store)
    batch = undoing.chosen(store, wish.batch)
    told = UndoPlan(batch=batch.id, changes=[], left=[])
    for step in _steps(store, batch):
        told.left += [TagProblem(path=clean(step.entry.path), detail=clean(line)) for line in step.left]
        if step.change is not None:
            known = _at(store, step.change.path)
            told.changes.append(_change(known, step.change.path, step.change.old, step.change.new))
    return told


def undo(store: Store, wish: UndoWish, job: Job) -> dict[str, Any]:
    """Take a batch back; returns a :class:`TagReport` as plain values, also where it was cancelled."""
    journal.recover(store)
    batch = undoing.chosen(store, wish.batch)
    report = TagReport(batch=None, written=0, failed=0, outcomes=[])
    writes: list[Write] = []
    for step in _steps(store, batch):
        if job.stop.is_set():
            return report.model_dump()
        for line in step.left:
            report.failed += 1
            report.outcomes.append(TagOutcome(path=clean(step.entry.path), state="failed", detail=clean(line)))
        if step.change is not None:
            writes.append((step.change, journal.undo_note(step.entry.id)))
    return _written(store, f"{undoing.COMMAND} {batch.id}", writes, wish.preserve_mtime, report, job)


def _found(store: Store, wish: TagWish) -> list[Track]:
    if wish.ids is not None:
        found = all_of_library(store, list(dict.fromkeys(wish.ids)))
    else:
        found = tracks.find(store, wish.query, whole=True)
    return found if wish.learned is None else relabelled(store, wish.learned, found)


def _planned(store: Store, found: Any, wish: TagWish) -> Iterator[plan.Planned | plan.Problem]:
    options = plan.Options(
        fields=tuple(name for name in FIELDS if name in wish.fields),
        min_confidence=wish.min_confidence,
        force=wish.force,
        top=wish.top,
        genre_share=wish.genres_above,
        bpm_range=wish.bpm_range,
        key_style=wish.key_style,
        spelling=spelling(f"{label}={text}" for label, text in wish.spelling.items()),
    )
    places = real_places(store)
    for item in plan.plan(found, options):
        if isinstance(item, plan.Planned):
            try:
                within(places, item.change.path)
            except LibraryError as error:
                yield plan.Problem(item.change.path, str(error))
                continue
        yield item


def _steps(store: Store, batch: journal.Batch) -> Iterator[undoing.Step]:
    places = real_places(store)
    for step in undoing.steps(store, batch):
        if step.change is not None:
            try:
                within(places, step.change.path)
            except LibraryError as error:
                yield undoing.Step(step.entry, None, [*step.left, str(error)])
                continue
        yield step


def _written(
    store: Store, command: str, writes: list[Write], preserve_mtime: bool, report: TagReport, job: Job
) -> dict[str, Any]:
    job.report(done=0, total=len(writes), stage="writing tags")
    latest = 0.0
    for n, (batch, outcome) in enumerate(
        run(store, command, writes, preserve_mtime=preserve_mtime, stop=job.stop.is_set), start=1
    ):
        report.batch = batch
        done = outcome.state == "done"
        report.written += done
        report.failed += not done
        if not done or len(report.outcomes) < _MOST_TOLD:
            told = {"path": outcome.path, "state": outcome.state, "detail": outcome.detail}
            report.outcomes.append(TagOutcome.model_validate(clean(told)))
        if n == len(writes) or time.monotonic() - latest > 0.2:
            latest = time.monotonic()
            job.report(done=n)
    return report.model_dump()


def _counted(found: list[Track], told: Told) -> Iterator[Track]:
    for track in found:
        yield track
        told.count()


def _at(store: Store, path: str) -> Track | None:
    try:
        return tracks.get(store, path)
    except LibraryError:
        return None


def _change(track: Track | None, path: str, old: Values, new: Values) -> TagChange:
    fields = {name: OldAndNew(old=clean(old.get(name, [])), new=clean(values)) for name, values in new.items()}
    label = (track or Track(0, path)).label
    return TagChange(id=track.id if track else None, path=clean(path), label=clean(label), fields=fields)


def _problem(item: plan.Problem) -> TagProblem:
    return TagProblem(path=clean(item.path), detail=clean(item.detail))
