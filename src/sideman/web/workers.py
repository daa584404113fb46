"""Processes that hear and compose: what they do cannot hang, crash or fill the memory of the server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from sideman.web.problems import BusyError
from sideman.web.process import Process
from sideman.web.settings import Settings

Value = TypeVar("Value")
Progress = dict[str, Any]
Lane = Literal["short", "long"]
"""``short``: recordings, ``settings.workers`` at once. ``long``: composing, one at a time."""

_LOG = logging.getLogger(__name__)


class Workers:
    """The processes of one server; they start when they are first needed, and again after they were killed."""

    def __init__(self, settings: Settings) -> None:
        self._lanes: dict[str, _Lane] = {
            "short": _Lane(settings.workers, settings.queue_n, settings.time_limit_s, settings.memory_bytes, warm=True),
            "long": _Lane(1, settings.queue_n, settings.compose_limit_s, 2 * settings.memory_bytes, warm=False),
        }
        self._threads = ThreadPoolExecutor(settings.workers + 2, "sideman-worker")
        self._background: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run(
        self,
        function: Callable[..., Value],
        *args: object,
        lane: Lane = "short",
        time_limit_s: float | None = None,
        what: str = "this",
        admitted: bool = False,
        on_start: Callable[[], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Value:
        """Call ``function(*args, report=report)`` in a process of a lane and wait for its value.

        Cancelling the waiting task kills the process; another takes its place.

        Args:
            function: of the top level of a module; ``report`` is a callable that takes a dict of plain values.
            args: plain values, paths and dataclasses; they are pickled.
            lane: which processes.
            time_limit_s: wall-clock seconds from its start; by default the lane's.
            what: begins the messages of what it may not cost, such as the name of a recording.
            admitted: the caller holds a place of :meth:`admit`.
            on_start: called when a process takes it up.
            on_progress: called with what ``report`` was given, in the event loop.

        Raises:
            BusyError: too many are waiting.
            TooCostlyError: it took too long, needed too much memory, or ended its process.
            WorkerError: no process can be started.
            SidemanError: whatever ``function`` raises of these, with the same class.
            UnexpectedError: it raised anything else; the traceback is in the log.
        """
        chosen = self._lanes[lane]
        with contextlib.nullcontext() if admitted else self.admit(lane):
            async with self._process(chosen) as process:
                if on_start is not None:
                    on_start()
                limit_s = chosen.time_limit_s if time_limit_s is None else time_limit_s
                result: Value = await self._call(process, function, args, limit_s, what, on_progress)
                return result

    @contextmanager
    def admit(self, lane: Lane = "short") -> Iterator[None]:
        """Hold a place in a lane, from before a body is read until its answer is known.

        Raises:
            BusyError: all places are taken.
        """
        chosen = self._lanes[lane]
        if self._closed:
            raise BusyError("the server is stopping", 10)
        if chosen.admitted >= chosen.size + chosen.queue_n:
            raise BusyError("too many requests are waiting; try again in a moment")
        chosen.admitted += 1
        try:
            yield
        finally:
            chosen.admitted -= 1

    def counts(self) -> tuple[int, int, int]:
        """How many wait, how many are being worked at, and how many processes there may be."""
        lanes = self._lanes.values()
        running = sum(lane.running for lane in lanes)
        return sum(lane.admitted for lane in lanes) - running, running, sum(lane.size for lane in lanes)

    def process_ids(self, lane: Lane = "short") -> list[int]:
        """Of the processes of a lane that run now."""
        return [process.pid for process in self._lanes[lane].processes if process.pid is not None]

    def warm(self) -> None:
        """Start a process for recordings in advance."""
        lane = self._lanes["short"]
        if not lane.idle and len(lane.processes) < lane.size:
            self._add(lane)
        self._prepare(lane.idle[-1])

    async def close(self) -> None:
        """End all processes."""
        self._closed = True
        for lane in self._lanes.values():
            for process in lane.processes:
                process.kill()
        await asyncio.to_thread(self._threads.shutdown)
        for lane in self._lanes.values():
            for process in lane.processes:
                await asyncio.to_thread(process.join)
        for task in list(self._background):
            with contextlib.suppress(Exception):
                await task

    @contextlib.asynccontextmanager
    async def _process(self, lane: _Lane) -> AsyncIterator[Process]:
        async with lane.free:
            process = self._take(lane)
            lane.running += 1
            try:
                yield process
            finally:
                lane.running -= 1
                if process.usable:
                    lane.idle.append(process)
                else:
                    lane.processes.remove(process)
                    if lane.warm and not self._closed:
                        self._prepare(self._add(lane))

    def _take(self, lane: _Lane) -> Process:
        while lane.idle:
            process = lane.idle.pop()  # the last that was used is the warmest
            if process.usable:
                return process
            lane.processes.remove(process)
        self._add(lane)
        return lane.idle.pop()

    def _add(self, lane: _Lane) -> Process:
        process = Process(lane.memory_bytes, warm=lane.warm)
        lane.processes.append(process)
        lane.idle.insert(0, process)
        return process

    def _prepare(self, process: Process) -> None:
        async def start() -> None:
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads, process.start)
            except Exception as error:  # noqa: BLE001 - who needs it will be told; this was in advance
                if not self._closed:
                    _LOG.warning("a worker did not start: %s", error)

        task = asyncio.get_running_loop().create_task(start())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _call(
        self,
        process: Process,
        function: Callable[..., Any],
        args: tuple[object, ...],
        limit_s: float,
        what: str,
        on_progress: Callable[[Progress], None] | None,
    ) -> Any:
        loop = asyncio.get_running_loop()

        def report(said: Progress) -> None:
            if on_progress is not None:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(on_progress, said)

        future = loop.run_in_executor(self._threads, process.call, function, args, limit_s, what, report)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            process.kill()
            with contextlib.suppress(Exception):
                await future
            raise


@dataclass
class _Lane:
    size: int
    queue_n: int
    time_limit_s: float
    memory_bytes: int
    warm: bool
    admitted: int = 0
    running: int = 0
    processes: list[Process] = field(default_factory=list)
    idle: list[Process] = field(default_factory=list)
    free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.free = asyncio.Semaphore(self.size)
