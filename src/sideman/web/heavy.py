"""Work of some seconds that many may ask for at once: two at a time, a few wait, the rest are told to come again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sideman.web.problems import BusyError

_AT_ONCE = 2
_WAITING = 6  # each holds one of the server's threads
_room = threading.BoundedSemaphore(_AT_ONCE)
_queue = threading.BoundedSemaphore(_AT_ONCE + _WAITING)


@contextmanager
def heavy() -> Iterator[None]:
    """Do the block when there is room for it.

    Raises:
        BusyError: too many wait already.
    """
    if not _queue.acquire(blocking=False):
        raise BusyError("the library is busy with other requests; try again in a moment", 5)
    try:
        with _room:
            yield
    finally:
        _queue.release()
