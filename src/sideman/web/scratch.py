"""The private folder in which a server keeps what it needs for a while."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sideman.core.errors import OutputError

_PREFIX = "sideman-serve-"


class Scratch:
    """A private folder for one server's uploads and jobs; what a server that crashed left behind is removed.

    Raises:
        OutputError: there is no place for it.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self._lock: BinaryIO | None = None
        try:
            self._begin(parent or Path(tempfile.gettempdir()))
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise OutputError(
                f"no folder for temporary files can be written to ({why}); set TMPDIR to one with room"
            ) from None

    def _begin(self, base: Path) -> None:
        _remove_abandoned(base)
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        if sys.platform != "win32":
            import fcntl

            begun = self.folder / "lock.new"
            self._lock = begun.open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held as long as this process lives
            begun.rename(self.folder / "lock")  # a server that starts beside never finds it free

    @contextmanager
    def file(self) -> Iterator[Path]:
        """A path for one file; whatever is there afterwards is removed."""
        path = self.folder / f"upload-{secrets.token_hex(16)}"
        try:
            yield path
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()


def _remove_abandoned(base: Path) -> None:
    if sys.platform == "win32":
        return
    import fcntl

    for folder in base.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            known = folder.lstat()
            if folder.is_symlink() or known.st_uid != os.getuid():
                continue
            with (folder / "lock").open("r+b") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails where its server lives
                shutil.rmtree(folder, ignore_errors=True)
