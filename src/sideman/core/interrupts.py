"""Ctrl-C, SIGTERM and SIGHUP in a command: what is at work is cleaned up, and nothing but an exit code tells of it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

ENDING = tuple(number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None)
"""Signals that ask a process to end, besides Ctrl-C; SIGHUP comes when its terminal is closed."""


_unheeded: int | None = None


class Terminated(KeyboardInterrupt):
    """The process was asked to end by a signal: all that Ctrl-C cleans up is cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_code(error: KeyboardInterrupt | None = None) -> int:
    """What a shell expects of a process that a signal ended: 130 after Ctrl-C, 143 after SIGTERM."""
    number = error.number if isinstance(error, Terminated) else _unheeded
    return 128 + int(number or signal.SIGINT)


def heed() -> None:
    """Raise KeyboardInterrupt or :class:`Terminated` for signals that would end the process, and remember it.

    What is ignored (``nohup``) stays ignored. To remember is needed: an interrupt that strikes in a callback from C is
    printed and lost, one that strikes while a C extension begins comes out as an ImportError, and a decoder may take it
    for damage. After a signal that nobody has :func:`heeded`, no error means what it says.
    """
    for number in (signal.SIGINT, *ENDING):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _raise)
    sys.unraisablehook = _unraisable


def _raise(number: int, _: FrameType | None) -> None:
    global _unheeded
    _unheeded = number
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """Say nothing of an interrupt where none can be raised (a callback, a finaliser); :func:`check` makes up for it."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)


def unheeded() -> bool:
    """Whether a signal came that was not answered yet."""
    return _unheeded is not None


def heeded() -> None:
    """The signal was answered: what fails from now on fails by itself."""
    global _unheeded
    _unheeded = None


def check() -> None:
    """Raise again where a signal came and its exception was lost or became another.

    Raises:
        KeyboardInterrupt: see above.
    """
    if _unheeded is not None:
        raise KeyboardInterrupt if _unheeded == signal.SIGINT else Terminated(_unheeded)


def end_silently() -> None:
    """From now on these signals end the process at once: there is nothing left to clean up, and nothing to tell."""
    for number in (signal.SIGINT, *ENDING):
        if signal.getsignal(number) is not signal.SIG_IGN:
            with suppress(ValueError):  # only the main thread may; elsewhere nothing is to be done
                signal.signal(number, signal.SIG_DFL)


class Noted:
    """Remembers that a signal came."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __call__(self, number: int, _: FrameType | None) -> None:
        """The handler."""
        self.number = number

    def is_set(self) -> bool:
        """Whether one came."""
        return self.number is not None

    def error(self) -> KeyboardInterrupt:
        """What would have been raised."""
        return KeyboardInterrupt() if self.number in (None, signal.SIGINT) else Terminated(self.number)


@contextmanager
def interrupts_noted() -> Iterator[Noted]:
    """Ctrl-C and signals that ask to end are only noted meanwhile, so that what is at work can be finished.

    What was ignored stays ignored. Outside of the main thread, where no signal arrives, nothing happens.
    """
    noted = Noted()
    before = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, *ENDING):
                handler = signal.getsignal(number)
                if handler not in (signal.SIG_IGN, None):
                    before[number] = handler
                    signal.signal(number, noted)
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
