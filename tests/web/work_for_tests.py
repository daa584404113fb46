"""Functions for worker processes that behave as badly as a decoder might."""

import contextlib
import os
import time

from sideman.core.errors import AudioError, MissingExtraError


def add(a, b, *, report):
    report({"sum": a + b})
    return a + b


def pid(*, report):
    return os.getpid()


def sleep(seconds, *, report):
    report({"began": os.getpid()})
    time.sleep(seconds)
    return "slept"


def hoard(mib, *, report):
    return len([bytearray(1 << 20) for _ in range(mib)])


def hide_lack_of_memory(*, report):
    """Meet the limit of memory as a library does that tells something else: an import that failed."""
    try:
        hoard(4000, report=report)
    except MemoryError:
        raise ImportError("the install seems to be broken") from None


def forget_lack_of_memory(*, report):
    raise SystemError("error return without exception set")


def fail_after_lack_of_memory(*, report):
    """Meet the limit of memory in small steps, and fail of what that left behind."""
    kept = []
    with contextlib.suppress(MemoryError):
        while True:
            kept.append(bytearray(1 << 18))
    kept.clear()
    raise RuntimeError("no session")


def end(*, report):
    os.kill(os.getpid(), 9)


def fail(*, report):
    raise AudioError("song.mp3: is damaged")


def need_extra(*, report):
    raise MissingExtraError("reading", "m4a")


def blunder(*, report):
    return 1 / 0


def unsendable(*, report):
    return lambda: None
