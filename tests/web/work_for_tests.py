"""Functions for worker processes that behave as badly as a decoder might."""

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
