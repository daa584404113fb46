"""How much the server's private folder may hold: counted while it is filled, refused before the disk is full."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sideman.web.problems import FullError

_LOOK_S = 1.0
_MIB = 1024 * 1024


class Space:
    """What lies in a private folder and how much more may. May be used from any thread.

    Args:
        folder: holds uploads, told by :meth:`share`, and folders ``job-*``, which are looked at.
        most_bytes: of all together.
        least_free_bytes: that are left on the disk for others.
    """

    def __init__(self, folder: Path, most_bytes: int, least_free_bytes: int) -> None:
        self._folder = folder
        self._most = most_bytes
        self._least_free = least_free_bytes
        self._lock = threading.Lock()
        self._shared = 0
        self._jobs: dict[str, int] = {}
        self._looked_s = float("-inf")

    def check(self, n: int = 0) -> None:
        """See that so many more bytes have room.

        Raises:
            FullError: they have not.
        """
        if self.held() + n > self._most:
            raise FullError(
                f"the server keeps {self._most / _MIB:.0f} MB for a while at most, and these are in use; "
                "try again later, or remove jobs that are finished"
            )
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError:
            return  # whoever writes there will be told
        if free - n < self._least_free:
            raise FullError("the server's disk is (almost) full; try again later, or free some space there")

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Room for files that are there as long as the block lasts."""
        mine = Share(self)
        try:
            yield mine
        finally:
            self._count(-mine.bytes)

    def held(self) -> int:
        """Bytes in the folder, of jobs as they were a second ago at most."""
        return self._shared + sum(self.of_jobs().values())

    def of_jobs(self) -> dict[str, int]:
        """Bytes of each job's folder, by the folder's name; not older than a second."""
        with self._lock:
            if time.monotonic() - self._looked_s > _LOOK_S:
                self._jobs = {path.name: _bytes_in(path) for path in self._folder.glob("job-*")}
                self._looked_s = time.monotonic()
            return self._jobs

    def _count(self, n: int) -> None:
        with self._lock:
            self._shared += n


class Share:
    """The part of one request; ``bytes`` were taken so far."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self.bytes = 0

    def take(self, n: int) -> None:
        """Take room for ``n`` more bytes, before they are written.

        Raises:
            FullError: there is none.
        """
        self._space.check(n)
        self.bytes += n
        self._space._count(n)


def _bytes_in(folder: Path) -> int:
    """Of the files below a folder, whatever is removed meanwhile."""
    found = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                found += (Path(where) / name).lstat().st_size
            except OSError:
                continue
    return found
