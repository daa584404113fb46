"""Keep the C decoders' own chatter off the terminal.

The mp3 decoder inside libsndfile (mpg123) writes warnings such as ``Xing stream size off`` straight to the C stream
``stderr``, and libsndfile offers no switch for it. Where the C library allows the variable ``stderr`` to be assigned
(glibc documents it, "Standard Streams"; macOS has ``__stderrp``), it points at the null device while mpg123 runs.
Python's own ``sys.stderr`` writes to file descriptor 2 and is not touched, in this thread or any other.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from types import TracebackType
from typing import Any

_LOCK = threading.Lock()
_depth = 0
_saved: int | None = None
_stream: tuple[Any, int] | bool | None = None  # None: not looked up yet; False: not possible on this platform


def _lookup() -> tuple[Any, int] | bool:
    """Find the C variable ``stderr`` and open the null device once; False where either is out of reach."""
    name = {"linux": "stderr", "darwin": "__stderrp"}.get(sys.platform)
    if name is None:
        return False
    try:
        libc = ctypes.CDLL(None)
        if sys.platform == "linux" and not hasattr(libc, "gnu_get_libc_version"):
            return False  # musl declares the variable constant
        variable = ctypes.c_void_p.in_dll(libc, name)
        libc.fopen.restype = ctypes.c_void_p
        libc.fopen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
        null = libc.fopen(os.devnull.encode(), b"w")
    except (OSError, ValueError, AttributeError):
        return False
    return (variable, null) if null else False


class CStderrSilenced:
    """Context manager: nothing that C code prints to ``stderr`` inside the block is seen. Nests; thread-safe."""

    def __enter__(self) -> None:  # noqa: D105
        global _depth, _saved, _stream
        with _LOCK:
            if _stream is None:
                _stream = _lookup()
            if isinstance(_stream, tuple):
                variable, null = _stream
                if _depth == 0:
                    _saved = variable.value
                    variable.value = null
            _depth += 1

    def __exit__(  # noqa: D105
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _depth
        with _LOCK:
            _depth -= 1
            if _depth == 0 and isinstance(_stream, tuple):
                _stream[0].value = _saved
