"""Write many files, one after the other, as one batch of the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sideman.library.store import Store
from sideman.library.tags import journal
from sideman.library.tags.journal import Change
from sideman.library.tags.write import Outcome, write

Job = tuple[Change, str | None]
"""A change, and a note for its row in the journal."""


def run(
    store: Store,
    command: str,
    jobs: Iterable[Job],
    *,
    preserve_mtime: bool = False,
    break_hard_links: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, Outcome]]:
    """Write each change; yields the batch's number and what became of the file.

    Args:
        store: the library.
        command: what the batch is called in the history.
        jobs: what to write.
        preserve_mtime: leave the files' times of change.
        break_hard_links: write also files with several names.
        stop: asked before each file; the run ends where it says so.

    Raises:
        LibraryError: the journal cannot be written.
    """
    batch = None
    for change, note in jobs:
        if stop():
            return
        if batch is None:
            batch = journal.begin(store, command)
        yield (
            batch,
            write(store, batch, change, preserve_mtime=preserve_mtime, break_hard_links=break_hard_links, note=note),
        )
