"""One process that works for the server: it is sent a function and answers, within limits of time and memory."""

from __future__ import annotations

import logging
import math
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sideman.core.errors import SidemanError, WorkerError
from sideman.core.parallel import exit_cause, start_process
from sideman.web.problems import TooCostlyError, UnexpectedError

_START_LIMIT_S = 120.0
_OUT_OF_MEMORY = (
    "bad_alloc", "annot allocate memory", "failed to map segment", "Failed to allocate memory",
    "error return without exception set",  # extensions that asked for memory and forgot to say that they got none
    "without setting an exception",
)  # fmt: skip
_NEAR_BYTES = 32 << 20  # the allocator grows by 16 MiB (core/tuning.py), and what was asked for comes on top
_LOG = logging.getLogger(__name__)
Report = Callable[[dict[str, Any]], None]


class Process:
    """The server's side. ``start`` and ``call`` block, so they belong in a thread; ``kill`` may come from any other."""

    def __init__(self, memory_bytes: int, *, warm: bool) -> None:
        self._memory_bytes = memory_bytes
        self._warm = warm
        self._process: BaseProcess | None = None
        self._pipe: connection.Connection | None = None
        self._starting = threading.Lock()
        self._killed = False

    @property
    def pid(self) -> int | None:
        """Its number; None before it was started."""
        return None if self._process is None else self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it may be called (again)."""
        return not self._killed and (self._process is None or self._process.is_alive())

    def start(self) -> None:
        """Start it, unless it runs, and wait until it is ready.

        Raises:
            WorkerError: it does not start.
        """
        with self._starting:
            if self._process is not None:
                return
            process, pipe = start_process(_serve, self._memory_bytes, self._warm)
            self._process, self._pipe = process, pipe
            if self._killed:
                self._end()
                raise WorkerError("the server is stopping")
            try:
                if not pipe.poll(_START_LIMIT_S):
                    raise WorkerError(f"a worker process did not start within {_START_LIMIT_S:g} s; use fewer workers")
                failed = pipe.recv()
            except (EOFError, OSError):
                self.kill()
                process.join()
                raise WorkerError(f"a worker process {exit_cause(process.exitcode)} before it began") from None
            if failed is not None:
                self.kill()
                raise WorkerError(f"a worker process cannot start: {failed}")

    def call(
        self, function: Callable[..., Any], args: tuple[object, ...], limit_s: float, what: str, progress: Report
    ) -> Any:
        """Have it call ``function(*args, report=...)`` and return the value; errors as of ``Workers.run``."""
        self.start()
        process, pipe = self._process, self._pipe
        assert process is not None
        assert pipe is not None
        until = time.monotonic() + limit_s
        try:
            pipe.send((function, args))
            while True:
                if not pipe.poll(max(0.0, until - time.monotonic())):
                    self.kill()
                    self.join()
                    raise TooCostlyError(f"{what}: took longer than {limit_s:g} s, the limit of this server")
                kind, said = pipe.recv()
                if kind != "progress":
                    break
                progress(said)
        except (EOFError, OSError):
            self.kill()
            process.join()
            raise TooCostlyError(f"{what}: the worker process {exit_cause(process.exitcode)}") from None
        if kind == "value":
            return said
        if kind == "memory":
            self.kill()  # what it could not finish may have left it in any state
            self.join()
            raise TooCostlyError(f"{what}: needs more memory than the {self._limit_text()} that this server allows")
        if kind == "error":
            raise _error_of(*said)
        _LOG.error("%s failed\n%s", getattr(function, "__name__", function), said)
        raise UnexpectedError(
            f"{what}: unexpected {said.strip().splitlines()[-1].partition(':')[0]}; please report this"
        )

    def kill(self) -> None:
        """End it at once; whoever waits for it is told."""
        self._killed = True
        if self._process is not None:
            self._end()

    def join(self) -> None:
        """Wait until it is gone, after :meth:`kill`."""
        if self._process is not None:
            self._process.join()

    def _end(self) -> None:
        assert self._process is not None
        with suppress(OSError, ValueError):
            self._process.kill()

    def _limit_text(self) -> str:
        mib = self._memory_bytes / 1024**2
        return f"{mib:.0f} MiB" if mib < 1024 else f"{mib / 1024:.1f} GiB"


def _error_of(kind: type[SidemanError], message: str, more: dict[str, Any]) -> SidemanError:
    error = kind.__new__(kind, message)
    Exception.__init__(error, message)
    error.__dict__.update(more)
    return error


def _serve(pipe: connection.Connection, memory_bytes: int, warm: bool) -> None:
    """Run in the process: take (function, args), answer (kind, value), until the pipe closes."""
    from sideman.core.tuning import tune_allocator

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server decides
    tune_allocator()
    try:
        if warm:
            from sideman.web.work.hearing import warm_up

            warm_up()
        _limit_memory(memory_bytes)
    except Exception as error:  # noqa: BLE001 - told to the server
        pipe.send(" ".join(f"{type(error).__name__}: {error}".split()))
        return
    with suppress(BrokenPipeError, ConnectionResetError, EOFError, OSError):
        pipe.send(None)
        while True:
            function, args = pipe.recv()
            _send(pipe, _answer(pipe, function, args))
            del function, args


def _send(pipe: connection.Connection, answer: tuple[str, Any]) -> None:
    try:
        pipe.send(answer)
    except OSError:
        raise
    except MemoryError:
        pipe.send(("memory", None))
    except Exception:  # noqa: BLE001 - a value that no pipe carries
        pipe.send(("unexpected", traceback.format_exc()))


def _answer(pipe: connection.Connection, function: Callable[..., Any], args: tuple[object, ...]) -> tuple[str, Any]:
    def report(said: dict[str, Any]) -> None:
        pipe.send(("progress", said))

    try:
        return "value", function(*args, report=report)
    except SidemanError as error:
        return "error", (type(error), str(error), error.__dict__)
    except Exception as error:  # noqa: BLE001 - a bug, or a library that met its limits
        if _met_limit(error):
            return "memory", None
        return "unexpected", traceback.format_exc()


def _met_limit(error: BaseException | None) -> bool:
    """Whether an error comes of the limit of memory; libraries tell that in many ways, or make another error of it."""
    while error is not None:
        if isinstance(error, MemoryError) or any(sign in str(error) for sign in _OUT_OF_MEMORY):
            return True
        error = error.__cause__ or error.__context__
    return _spare_bytes() < _NEAR_BYTES


def _spare_bytes() -> float:
    """How far the process has stayed below its limit of address space; infinite where there is none."""
    if not sys.platform.startswith("linux"):
        return math.inf
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return math.inf
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    peak = next((line for line in status.splitlines() if line.startswith("VmPeak:")), None)
    return math.inf if peak is None else limit - int(peak.split()[1]) * 1024


def _limit_memory(memory_bytes: int) -> None:
    """Let the process have so much address space beyond what it has; where the system has no such limit, nothing."""
    if not memory_bytes or not sys.platform.startswith("linux"):
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + memory_bytes
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
