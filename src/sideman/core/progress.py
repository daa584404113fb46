"""A progress bar on stderr that keeps out of the way of pipes, logs and the results on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]


@contextmanager
def progress(description: str, total: int | None, *, quiet: bool = False) -> Iterator[Advance]:
    """Show a bar with count, pace and time left while the block runs; yields ``advance(n)``.

    Nothing is written, and rich is not even imported, when stderr is no terminal or ``quiet`` is set. While the bar is
    up, lines printed on a terminal's stdout appear above it.

    Args:
        description: what is being done, a few words.
        total: number of steps, None where it is not known.
        quiet: never show the bar.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class PaceColumn(ProgressColumn):
        """Steps per second, or seconds per step."""

        def render(self, task: Task) -> Text:
            return Text(pace(task.finished_speed or task.speed))

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), PaceColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    # A redirected stdout must stay untouched: only a terminal's lines are moved above the bar.
    bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty())
    with bar:
        task = bar.add_task(description, total=total)
        yield lambda steps: bar.advance(task, steps)


def pace(per_second: float | None) -> str:
    """A speed for people: "12.3/s", or "2.5 s each" where a step takes longer than a second; empty where unknown."""
    if not per_second:
        return ""
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{1 / per_second:.1f} s each"
