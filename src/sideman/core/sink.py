"""A file for libraries that write through callbacks from C, where an exception would be printed and then lost."""

from __future__ import annotations

import io
from types import TracebackType
from typing import IO


class Sink:
    """What is written goes into a file; the first error is kept, and raised by :meth:`check` and at the end.

    After an error the rest is swallowed: libsndfile, told the truth, would try again for every frame.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._error: BaseException | None = None
        self._at = self._end = 0

    def __enter__(self) -> Sink:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise what went wrong in the file in place of what the library made of it."""
        self.check()

    def check(self) -> None:
        """Raise the error of the file, if there was one."""
        if self._error is not None:
            raise self._error from None

    def write(self, data: bytes) -> int:
        """Write; says that all went well in any case."""
        if self._error is None:
            try:
                self._file.write(data)
            except BaseException as error:  # noqa: BLE001 - Ctrl-C too; it is raised where it can be
                self._error = error
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place of the file."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end}[whence])
        if self._error is None:
            try:
                self._file.seek(self._at)
            except BaseException as error:  # noqa: BLE001 - as above; a full buffer is written out here
                self._error = error
        return self._at

    def tell(self) -> int:
        """The place in the file."""
        return self._at
