"""Functions that worker processes of the tests import."""

import os
import signal
import time
from pathlib import Path

from sideman.core.errors import AudioError


def square(number: int) -> int:
    return number * number


def sleepy_square(number: int) -> int:
    time.sleep(0.3 if number == 0 else 0.0)
    return number * number


def threads(_: int) -> str:
    return os.environ.get("OMP_NUM_THREADS", "unset")


def process(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def misbehave(kind: str) -> str:
    if kind == "refuse":
        raise AudioError(f"{kind}: is not audio")
    if kind == "bug":
        raise ZeroDivisionError("a\nbug")
    if kind == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "exit":
        os._exit(7)
    if kind == "hang":
        time.sleep(3600)
    if kind == "unpicklable":
        return lambda: kind  # type: ignore[return-value]
    return kind.upper()


def big(number: int) -> bytes:
    return bytes(3_000_000 + number)


def length(data: bytes) -> int:
    return len(data)


def mark_and_wait(folder_and_number: tuple[str, int]) -> int:
    folder, number = folder_and_number
    if number >= 2:
        Path(folder, f"waiting-{number}").touch()
        time.sleep(3600)
    return number
