"""Take tag writes back, field by field, only where the file still holds what was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from sideman.audio.sources import open_file, shown
from sideman.core.errors import AudioError, LibraryError
from sideman.library.pathtext import from_text
from sideman.library.schema import files
from sideman.library.store import Store
from sideman.library.tags import journal
from sideman.library.tags.formats import format_of
from sideman.library.tags.journal import Batch, Change, Entry

COMMAND = "undo"


@dataclass(frozen=True)
class Step:
    """One file of an undo.

    Attributes:
        entry: the row of the journal that is taken back.
        change: what is to be written; None where there is nothing to restore.
        left: a line for each field that is left as it is, and why.
    """

    entry: Entry
    change: Change | None
    left: list[str]


def last(store: Store) -> Batch:
    """The newest run of ``sideman tag`` of which something is still to be undone.

    Raises:
        LibraryError: there is none.
    """
    for batch in journal.history(store):
        if batch.states.get("done") and not batch.command.startswith(COMMAND):
            return batch
    raise LibraryError("there is nothing to undo; 'sideman undo --list' shows what was written")


def chosen(store: Store, number: int | None) -> Batch:
    """The batch of a number, or the last.

    Raises:
        LibraryError: there is none such.
    """
    if number is None:
        return last(store)
    for batch in journal.history(store):
        if batch.id == number:
            return batch
    raise LibraryError(f"there is no batch {number}; 'sideman undo --list' shows them")


def steps(store: Store, batch: Batch) -> Iterator[Step]:
    """What an undo of a batch would do, the last write first."""
    for entry in reversed(journal.entries(store, batch=batch.id, state="done")):
        yield _step(store, entry)


def _step(store: Store, entry: Entry) -> Step:
    path = _where(store, entry)
    if path is None:
        return Step(entry, None, ["the file is gone"])
    try:
        with open_file(path, shown(path)) as file:
            now = format_of(file).current(file)
    except (AudioError, LibraryError) as error:
        return Step(entry, None, [str(error).removeprefix(f"{shown(path)}: ")])
    except Exception as error:  # noqa: BLE001 - a strange file fails alone
        return Step(entry, None, [f"its tags cannot be read ({type(error).__name__})"])
    ours = [name for name, values in entry.new.items() if now[name] == values]
    left = [
        f"{name} now holds {', '.join(now[name]) or 'nothing'}, not what was written; it is left"
        for name in entry.new
        if name not in ours
    ]
    if not ours:
        return Step(entry, None, left)
    change = Change(path, entry.audio_hash, {n: entry.new[n] for n in ours}, {n: entry.old[n] for n in ours})
    return Step(entry, change, left)


def _where(store: Store, entry: Entry) -> str | None:
    """The file's path; where it was moved, the one under which the library found the same sound again."""
    if Path(entry.path).exists():
        return entry.path
    found = select(files.c.path).where(files.c.audio_hash == entry.audio_hash, files.c.missing_since.is_(None))
    with store.read() as connection:
        paths = [from_text(path) for (path,) in connection.execute(found)]
    there = [path for path in paths if Path(path).exists()]
    return there[0] if len(there) == 1 else None
