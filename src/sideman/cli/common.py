"""What the commands share: exit codes, lines on stderr, and text that is safe and fits on a terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sideman.core.errors import OutputError

FAILED, USAGE, SOME_FAILED, BROKEN_PIPE = 1, 2, 3, 141


def complain(line: str) -> None:
    """Print one line on stderr; control characters and stray bytes of file names are written out."""
    print(printable(line), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Text with control characters and bytes that are no UTF-8 written out, so that no name can steer a terminal."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shown)


def cells(text: str) -> int:
    """Width on a terminal, where some characters take two cells."""
    from rich.cells import cell_len

    return cell_len(text)


def fit(path: str, width: int) -> str:
    """The path in exactly ``width`` terminal cells; a long one loses its beginning, for the file's name says most."""
    from rich.cells import set_cell_size

    if cells(path) <= width:
        return set_cell_size(path, width)
    tail = path[-width:]
    while cells(tail) > width - 1:
        tail = tail[1:]
    broken, separator, whole = tail.partition(os.sep)
    if broken and cells(whole) >= width // 2:  # rather begin at a folder than within one's name
        tail = separator + whole
    return set_cell_size("…" + tail, width)


def clock(time_s: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, seconds = divmod(round(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def percent(p: float) -> str:
    """A probability in percent; never "100%" for what is not certain: 0.996 is shown as 99%."""
    return f"{min(round(100 * p), 99 if p < 1 else 100)}%"


def discard_stdout() -> None:
    """Nobody reads any more: what Python still holds must not raise again when it exits."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # replaced by something without a descriptor, as in tests
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def needs_torch(feature: str) -> None:
    """Refuse a feature where torch is not installed; raises :class:`~sideman.core.errors.MissingExtraError`."""
    import importlib.util

    from sideman.core.errors import MissingExtraError

    if sys.modules.get("torch", ...) is None or importlib.util.find_spec("torch") is None:
        raise MissingExtraError(feature, "train")


def refuse_existing(files: list[Path], *, overwrite: bool) -> None:
    """Raise :class:`OutputError` where a file cannot, or may not, be written: before the work, not after it."""
    for file in files:
        if file.exists() and not overwrite:
            raise OutputError(f"{file}: already exists; choose another name or give --overwrite")
        if file.is_dir():
            raise OutputError(f"{file}: is a folder; name a file to write")
        if not file.parent.is_dir():
            raise OutputError(f"{file}: the folder {file.parent} does not exist; make it first")
        if not os.access(file.parent, os.W_OK):
            raise OutputError(f"{file}: the folder {file.parent} is write-protected; choose another")
