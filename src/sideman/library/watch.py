"""Wait for something to change below some folders."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sideman.core.errors import LibraryError

SETTLE_S = 2.0
"""A scan begins when nothing has changed for so long; files are often written in many pieces."""
EVERY_S = 600.0
"""And in any case so often: network disks tell nothing of their changes."""


def changes(places: Sequence[str], *, settle_s: float = SETTLE_S, every_s: float = EVERY_S) -> Iterator[None]:
    """Yield whenever something changed below ``places`` and has come to rest, or ``every_s`` have passed.

    Raises:
        LibraryError: a folder cannot be watched.
    """
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    happened = threading.Event()
    latest = [0.0]

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            # Reading a file opens and closes it: our own scan is no change. A hidden name is a copy being written.
            name = os.path.basename(os.fsdecode(event.src_path))  # noqa: PTH119
            renamed = os.path.basename(os.fsdecode(event.dest_path or ""))  # noqa: PTH119
            if event.event_type in ("opened", "closed_no_write") or (name.startswith(".") and not renamed):
                return
            if event.is_directory and event.event_type == "modified":
                return
            latest[0] = time.monotonic()
            happened.set()

    observer: Any = Observer()
    try:
        for place in places:
            folder = place if Path(place).is_dir() else str(Path(place).parent)
            observer.schedule(Handler(), folder, recursive=True)
        observer.start()
    except OSError as error:
        raise LibraryError(
            f"{error.filename or ', '.join(places)}: cannot be watched ({error.strerror}); "
            "run 'sideman scan' from a timer instead"
        ) from error
    try:
        while True:
            if happened.wait(every_s):
                while (rest := settle_s - (time.monotonic() - latest[0])) > 0:
                    time.sleep(rest)
            happened.clear()
            yield
    finally:
        observer.stop()
        observer.join()
