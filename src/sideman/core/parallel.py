"""One function over many files in worker processes: a file that kills or hangs its worker costs itself, not the run."""

from __future__ import annotations

import math
import multiprocessing
import pickle
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import connection, resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar, cast

from sideman.core import interrupts
from sideman.core.errors import SidemanError, WorkerError
from sideman.core.tuning import available_cores, single_threaded_environment, tune_allocator

Item = TypeVar("Item")
Value = TypeVar("Value")

_START_LIMIT_S = 120.0
_STARTS_TRIED = 3
_SIGNAL_S = 0.5  # in which a signal to a group of processes has reached all of them, on a busy machine too
_STARTING = threading.Lock()
_SMALL_BYTES = 16_384  # an item this small always fits a pipe's buffer, so it can be sent to a busy worker


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    """What became of one item.

    Attributes:
        index: place of the item in the input, from 0.
        item: the item itself.
        value: what the function returned; None where it failed.
        error: one line saying what went wrong; None where it succeeded.
        details: the traceback of an error that was not a :class:`~sideman.core.errors.SidemanError`, that is, of a bug.
    """

    index: int
    item: Item
    value: Value | None = None
    error: str | None = None
    details: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the function returned."""
        return self.error is None

    def result(self) -> Value:
        """Return the value, or raise SidemanError with the error's line."""
        if self.error is not None:
            raise SidemanError(self.error)
        return cast("Value", self.value)


def map_files(
    function: Callable[[Item], Value],
    items: Iterable[Item],
    workers: int | None = None,
    *,
    time_limit_s: float | None = None,
) -> Iterator[Outcome[Item, Value]]:
    """Call ``function(item)`` for each item and yield the outcomes as they finish, each with its index.

    Items are drawn from the iterable only as workers become free, two per worker at most, so it may be endless. Each
    worker is a fresh process (started by "spawn") with one BLAS thread. An item whose function raises, exceeds the
    time limit, or kills its worker (segmentation fault, out of memory) yields an outcome with an error; the rest goes
    on in a new worker. On Ctrl-C the workers end at once, outcomes already finished are still yielded, then
    KeyboardInterrupt is raised. Closing the iterator ends the workers.

    Args:
        function: of the top level of an importable module (it is pickled), or a functools.partial of one.
        items: what to call it with; pickled one by one.
        workers: number of processes, by default :func:`~sideman.core.tuning.available_cores`. With 1, or a single
            item in a list, everything happens in this process, without time limit and without shelter from crashes.
        time_limit_s: wall-clock seconds one item may take.

    Raises:
        WorkerError: no worker can be started, or ``function`` cannot be sent to one.
        ValueError: ``workers`` or ``time_limit_s`` is not positive.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    if time_limit_s is not None and not time_limit_s > 0:
        raise ValueError(f"time_limit_s must be positive, not {time_limit_s}")
    count = available_cores() if workers is None else workers
    if isinstance(items, list | tuple):
        count = min(count, len(items))
    if count <= 1:
        return (_call(function, index, item) for index, item in enumerate(items))
    try:
        code = pickle.dumps(function)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise WorkerError(f"{function!r} cannot be sent to worker processes ({error}); use workers=1") from None
    return _Pool(code, iter(items), count, time_limit_s).outcomes()


def in_order(outcomes: Iterable[Outcome[Item, Value]]) -> Iterator[Outcome[Item, Value]]:
    """Release outcomes in the order of their items, each as soon as all before it are there.

    What is still held back when the run is interrupted is released before KeyboardInterrupt goes on.
    """
    held: dict[int, Outcome[Item, Value]] = {}
    following = 0
    try:
        for outcome in outcomes:
            held[outcome.index] = outcome
            while following in held:
                yield held.pop(following)
                following += 1
    except KeyboardInterrupt:
        yield from (held[index] for index in sorted(held))
        raise


def _call(function: Callable[[Item], Value], index: int, item: Item) -> Outcome[Item, Value]:
    outcome: Outcome[Item, Value]
    try:
        outcome = Outcome(index, item, function(item))
    except Exception as error:  # noqa: BLE001 - one item's failure, whatever it is, must not end the run
        outcome = Outcome(index, item, None, *_describe(item, error))
    interrupts.check()  # Ctrl-C may have come out as an error, or as a value that was cut short
    return outcome


def _describe(item: object, error: Exception) -> tuple[str, str | None]:
    if isinstance(error, SidemanError):
        return str(error), None
    if isinstance(error, MemoryError):
        return f"{item}: ran out of memory; use fewer workers or a shorter part", None
    line = " ".join(str(error).split())
    return f"{item}: unexpected {type(error).__name__}: {line}; please report this", traceback.format_exc()


def _serve(pipe: connection.Connection, code: bytes) -> None:
    """Run in the worker: receive (index, item), send (index, value, error, details), until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    tune_allocator()
    try:
        function: Callable[[Any], Any] = pickle.loads(code)
    except Exception as error:  # noqa: BLE001 - reported to the parent, which raises it
        pipe.send((-1, f"{type(error).__name__}: {error}"))
        return
    pipe.send((-1, None))
    while True:
        try:
            index, item = pipe.recv()
        except (EOFError, OSError):
            return
        outcome = _call(function, index, item)
        try:
            message = pickle.dumps((index, outcome.value, outcome.error, outcome.details))
        except Exception as error:  # noqa: BLE001 - a value that cannot be pickled fails its item only
            message = pickle.dumps((index, None, *_describe(item, error)))
        with suppress(BrokenPipeError):
            pipe.send_bytes(message)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: connection.Connection
    ready: bool = False
    receiving: bool = False  # stays set where Ctrl-C cut a message in two: what follows in the pipe is no message
    assigned: deque[tuple[int, Any]] = field(default_factory=deque)
    deadline_s: float = math.inf  # monotonic; of the start-up, then of the first assigned item


class _Pool:
    """The parent's side: which worker has which items, and by when it must answer."""

    def __init__(self, code: bytes, items: Iterator[Any], count: int, time_limit_s: float | None) -> None:
        self.code = code
        self.items = enumerate(items)
        self.count = count
        self.time_limit_s = math.inf if time_limit_s is None else time_limit_s
        self.workers: list[_Worker] = []
        self.returned: deque[tuple[int, Any]] = deque()  # items of a dead worker that it had not begun
        self.failed_starts = 0

    def outcomes(self) -> Iterator[Outcome[Any, Any]]:
        try:
            while True:
                interrupts.check()
                self._hand_out()
                if not any(worker.assigned for worker in self.workers):
                    return
                yield from self._collect()
        except KeyboardInterrupt:
            yield from self._finished()
            raise
        finally:
            for worker in list(self.workers):
                self._end(worker)

    def _hand_out(self) -> None:
        # First one item for everyone, then a second one in advance, so that no worker waits for the consumer.
        for depth in (1, 2):
            for worker in [worker for worker in self.workers if len(worker.assigned) < depth]:
                if not self._assign(worker):
                    return
            while depth == 1 and len(self.workers) < self.count:
                pair = self._next_item()
                if pair is None:
                    return
                self.returned.appendleft(pair)
                self._assign(self._start())

    def _next_item(self) -> tuple[int, Any] | None:
        return self.returned.popleft() if self.returned else next(self.items, None)

    def _assign(self, worker: _Worker) -> bool:
        """Send the next item to the worker; False where no item is left."""
        pair = self._next_item()
        if pair is None:
            return False
        message = pickle.dumps(pair)
        if worker.assigned and len(message) > _SMALL_BYTES:
            self.returned.appendleft(pair)  # a big item waits for a free worker: sending it would block
            return True
        worker.assigned.append(pair)
        if worker.ready and len(worker.assigned) == 1:
            worker.deadline_s = time.monotonic() + self.time_limit_s
        with suppress(BrokenPipeError, ConnectionResetError):  # a dead worker is noticed in _collect
            worker.pipe.send_bytes(message)
        return True

    def _start(self) -> _Worker:
        process, pipe = start_process(_serve, self.code)
        worker = _Worker(process, pipe, deadline_s=time.monotonic() + _START_LIMIT_S)
        self.workers.append(worker)
        return worker

    def _collect(self) -> Iterator[Outcome[Any, Any]]:
        """Wait until a worker answers, dies or runs out of time, and say what became of its items."""
        waiting: dict[Any, _Worker] = {}
        for worker in self.workers:
            waiting[worker.pipe] = worker
            waiting[worker.process.sentinel] = worker
        patience_s = min(worker.deadline_s for worker in self.workers) - time.monotonic()
        ready = connection.wait(list(waiting), None if math.isinf(patience_s) else max(0.0, patience_s))
        for worker in {id(waiting[handle]): waiting[handle] for handle in ready}.values():
            yield from self._receive(worker)
        now_s = time.monotonic()
        for worker in [worker for worker in self.workers if worker.assigned and worker.deadline_s <= now_s]:
            if worker.pipe.poll():
                continue  # it answered while the consumer was busy; the next round takes it
            self._end(worker)
            if not worker.ready:
                raise WorkerError(f"a worker process did not start within {_START_LIMIT_S:g} s; use workers=1")
            index, item = worker.assigned.popleft()
            self.returned.extendleft(reversed(worker.assigned))
            yield Outcome(index, item, error=f"{item}: took longer than {self.time_limit_s:g} s; skipped")

    def _receive(self, worker: _Worker) -> Iterator[Outcome[Any, Any]]:
        try:
            yield from self._answers(worker)
        except (EOFError, OSError, pickle.UnpicklingError):
            yield from self._bury(worker)
            return
        if not worker.process.is_alive():
            yield from self._bury(worker)

    def _answers(self, worker: _Worker) -> Iterator[Outcome[Any, Any]]:
        while worker.pipe.poll():
            worker.receiving = True
            message = worker.pipe.recv()
            worker.receiving = False
            if message[0] == -1:
                self._started(worker, message[1])
                continue
            index, value, error, details = message
            _, item = worker.assigned.popleft()
            worker.deadline_s = time.monotonic() + self.time_limit_s if worker.assigned else math.inf
            yield Outcome(index, item, value, error, details)

    def _started(self, worker: _Worker, error: str | None) -> None:
        if error is not None:
            raise WorkerError(f"worker processes cannot load the function ({error}); use workers=1")
        worker.ready = True
        self.failed_starts = 0
        worker.deadline_s = time.monotonic() + self.time_limit_s if worker.assigned else math.inf

    def _bury(self, worker: _Worker) -> Iterator[Outcome[Any, Any]]:
        """Fail the item that a dead worker was at; others that were sent to it go back into the queue."""
        self._end(worker)
        if not worker.ready:
            self.failed_starts += 1
            if self.failed_starts >= _STARTS_TRIED:
                raise WorkerError(
                    "worker processes end before they begin: call this from a script under "
                    "`if __name__ == '__main__':`, or use workers=1"
                )
        elif worker.assigned:
            if -(worker.process.exitcode or 0) in interrupts.ENDING:
                time.sleep(_SIGNAL_S)  # it was sent to the whole group: no file is at fault, and ours strikes here
            index, item = worker.assigned.popleft()
            cause = exit_cause(worker.process.exitcode)
            yield Outcome(index, item, error=f"{item}: the worker process {cause}; the file may be damaged")
        self.returned.extendleft(reversed(worker.assigned))

    def _finished(self) -> Iterator[Outcome[Any, Any]]:
        """What was answered before the interrupt; a worker that it ended is no error of the worker's file."""
        for worker in list(self.workers):
            if not worker.receiving:
                with suppress(EOFError, OSError, pickle.UnpicklingError, WorkerError):
                    yield from self._answers(worker)

    def _end(self, worker: _Worker) -> None:
        if worker in self.workers:
            self.workers.remove(worker)
        worker.pipe.close()
        if not worker.assigned and worker.ready:
            worker.process.join(0.2)  # idle: a closed pipe ends it
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()


def start_process(target: Callable[..., None], *args: object) -> tuple[BaseProcess, connection.Connection]:
    """Start ``target(pipe, *args)`` in a fresh process with one BLAS thread; Ctrl-C does not hit it before it begins.

    Returns the process, which ends with this one, and our end of its pipe. May be called from any thread.

    Raises:
        WorkerError: the system does not let it start.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *args), daemon=True)
    try:
        with _STARTING, single_threaded_environment(), _interrupts_blocked():  # the environment is everybody's
            process.start()
    except OSError as error:
        ours.close()
        raise WorkerError(f"a worker process cannot be started ({error}); use fewer workers") from None
    finally:
        theirs.close()
    return process, ours


def exit_cause(exit_code: int | None) -> str:
    """Say how a process ended, to follow "the worker process"; negative codes are signals."""
    if exit_code is None or exit_code >= 0:
        return f"ended early (exit code {exit_code})"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    return f"was killed ({name}{', perhaps out of memory' if name == 'SIGKILL' else ''})"


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start a process that Ctrl-C cannot hit before it ignores it: a blocked signal stays blocked in the child."""
    mask = getattr(signal, "pthread_sigmask", None)
    if mask is None:
        yield
        return
    resource_tracker.ensure_running()  # where the first start of a process does it, it lets the signal through again
    before = mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        mask(signal.SIG_SETMASK, before)
