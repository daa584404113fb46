"""What ``sideman tag`` and ``sideman undo`` share: writing with a bar, and how a change is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from sideman.cli.common import FAILED, SOME_FAILED, complain, printable

if TYPE_CHECKING:
    from sideman.library.store import Store
    from sideman.library.tags.formats import Values
    from sideman.library.tags.run import Job


def write_all(
    store: Store,
    command: str,
    jobs: list[Job],
    as_json: bool,
    preserve_mtime: bool,
    break_hard_links: bool,
    problems: int,
) -> None:
    """Write, report, and end with the exit code."""
    from sideman.core.interrupts import interrupts_noted
    from sideman.core.progress import progress
    from sideman.library.tags.run import run

    done = failed = number = 0
    with progress("writing tags", len(jobs)) as advance, interrupts_noted() as interrupted:
        outcomes = run(
            store, command, jobs, preserve_mtime=preserve_mtime, break_hard_links=break_hard_links,
            stop=interrupted.is_set,
        )  # fmt: skip
        for (change, _), (batch, outcome) in zip(jobs, outcomes, strict=False):
            number = batch
            done += outcome.state == "done"
            failed += outcome.state != "done"
            if outcome.detail:
                complain(f"{outcome.path}: {outcome.detail}")
            if as_json:
                as_line(change.path, outcome.state, change.old, change.new, outcome.detail)
            advance(1)
    if done:
        complain(f"wrote {files(done)} in batch {number}; 'sideman undo {number}' takes it back")
    if interrupted.is_set() and done + failed < len(jobs):
        complain(f"interrupted: {len(jobs) - done - failed} of {files(len(jobs))} were not touched")
        raise interrupted.error()
    end(done, failed + problems)


def end(done: int, failed: int) -> None:
    """End with the exit code where something failed."""
    if failed:
        raise typer.Exit(SOME_FAILED if done else FAILED)


def recover(store: Store) -> None:
    """Settle what an earlier run left when it was killed."""
    from sideman.library.tags.journal import recover

    for item in recover(store):
        what = "was written" if item.state == "done" else "was left as it was"
        complain(f"{item.path}: {what} when an earlier run was cut short")


def show(path: str, old: Values, new: Values) -> None:
    """Print a change for people: the path, then field: old -> new."""
    print(printable(path))
    for name, values in new.items():
        print(f"  {name}: {_text(old.get(name, []))} -> {_text(values)}")


def _text(values: list[str]) -> str:
    return printable("; ".join(values)) if values else "(empty)"


def as_line(path: str, state: str, old: Values, new: Values, detail: str | None = None) -> None:
    """Print a change as a line of JSON."""
    fields = {name: {"old": old.get(name, []), "new": values} for name, values in new.items()}
    print(json.dumps({"path": path, "state": state, "fields": fields, "detail": detail}), flush=True)


def files(count: int) -> str:
    """A number of files in words."""
    return "1 file" if count == 1 else f"{count} files"
