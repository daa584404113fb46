"""``sideman classify``: genre, mood, tempo and key of files, folders and lists."""

from __future__ import annotations

import functools
import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sideman.cli.common import FAILED, SOME_FAILED, complain
from sideman.cli.library_options import Database, opened
from sideman.core.errors import SidemanError, UsageError

if TYPE_CHECKING:
    from sideman.cli.outputs import Output
    from sideman.genre.classification import Classification
    from sideman.library.learn.use import Learned

_FILES_PER_WORKER = 4  # below that, starting another process costs more than it saves
_TIME_LIMIT_S = 3600.0


@dataclass(frozen=True)
class _Job:
    """A recording and where its picture goes; named in messages by its path."""

    path: Path
    picture: Path | None

    def __str__(self) -> str:
        return str(self.path)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("classify")(classify)


def classify(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Recordings, folders (searched recursively), or - for a list on stdin.",
            show_default=False,
        ),
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV: a header, then one row per file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object per file.")] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", metavar="DIR", help="A model's folder that 'sideman train genre' made.", show_default=False
        ),
    ] = None,
    learned: Annotated[
        str | None,
        typer.Option(
            "--learned",
            metavar="FIELD",
            help="Name labels of your own in the genre's place: what 'sideman learn' learnt of FIELD.",
            show_default=False,
        ),
    ] = None,
    database: Database = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Show the N most likely genres in the table.")] = 1,
    timeline: Annotated[bool, typer.Option("--timeline", help="Also tell the genre over time.")] = False,
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Draw waveform, mel spectrogram and genre over time; a folder for several files."
        ),
    ] = None,
    mood: Annotated[bool, typer.Option("--mood/--no-mood", help="Tell the mood.")] = True,
    tempo: Annotated[bool, typer.Option("--tempo/--no-tempo", help="Estimate the tempo.")] = True,
    key: Annotated[bool, typer.Option("--key/--no-key", help="Estimate the key.")] = True,
    start_s: Annotated[
        float, typer.Option("--start", min=0.0, metavar="S", help="Begin S seconds into each file.")
    ] = 0.0,
    duration_s: Annotated[
        float | None, typer.Option("--duration", metavar="S", help="Listen to S seconds only.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Files listened to at once; by default one per core.", show_default=False
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Name the genre of recordings, and tell their mood, tempo and key.

    Results come in the order of the files, each as soon as it and all before it are ready. A file that cannot be read
    is reported and passed over; Ctrl-C keeps what is finished.

    Exit codes: 0 all done, 1 all failed, 2 wrong usage, 3 some files failed.
    """
    if as_csv and as_json:
        raise typer.BadParameter("choose one of --csv and --json")
    if duration_s is not None and not duration_s > 0:
        raise typer.BadParameter("must be more than 0 seconds", param_hint="--duration")
    if learned is not None and (model or timeline or plot):
        raise UsageError("--learned goes without --model, --timeline and --plot")
    files = list(_files(paths))
    if not files:
        raise SidemanError(f"{', '.join(paths)}: no recordings found; name files outright to try any type")

    from sideman.cli.outputs import CsvOutput, JsonOutput, TableOutput

    # Data scrolling over a terminal would tear a progress bar apart.
    quiet = quiet or len(files) == 1 or ((as_json or as_csv) and sys.stdout.isatty())
    output: Output
    if as_json:
        output = JsonOutput()
    elif as_csv:
        output = CsvOutput(timeline=timeline)
    else:
        output = TableOutput(files, top=top, timeline=timeline)
    pictures = _pictures(plot, files)
    own = None if learned is None else _own(learned, database)
    listen = functools.partial(
        _listen,
        own=own,
        mood=mood,
        timeline=timeline,
        tempo=tempo,
        key=key,
        start_s=start_s,
        duration_s=duration_s,
        model=model,
    )
    _run(listen, [_Job(*pair) for pair in zip(files, pictures, strict=True)], output, workers, quiet)


def _run(
    listen: functools.partial[Classification],
    jobs: list[_Job],
    output: Output,
    workers: int | None,
    quiet: bool,
) -> None:
    from sideman.core.parallel import in_order, map_files
    from sideman.core.progress import progress
    from sideman.core.tuning import available_cores, tune_allocator

    tune_allocator()
    count = workers or min(available_cores(), -(-len(jobs) // _FILES_PER_WORKER))
    done = failed = 0
    with progress("listening", len(jobs), quiet=quiet) as advance, output:
        try:
            for outcome in in_order(map_files(listen, jobs, count, time_limit_s=_TIME_LIMIT_S)):
                path = str(outcome.item)
                if outcome.value is not None:
                    output.add(outcome.value)
                    done += 1
                else:
                    output.fail(path, outcome.error or "")
                    failed += 1
                    if outcome.details:
                        print(outcome.details, file=sys.stderr)
                advance(1)
        except KeyboardInterrupt:
            complain(f"interrupted: {done + failed} of {len(jobs)} files were finished")
            raise
    if failed and len(jobs) > 1:
        complain(f"{failed} of {len(jobs)} files failed")
    if failed:
        raise typer.Exit(SOME_FAILED if done else FAILED)


def _own(field: str, database: str | None) -> Learned:
    """The classifier that was learnt from the user's tags."""
    from sideman.genre.predict import DEFAULT_MODEL
    from sideman.inference.sessions import open_session
    from sideman.library.learn.use import required

    with opened(database) as store:
        return required(store, field, model=open_session(DEFAULT_MODEL).card.sha256)


def _listen(
    job: _Job,
    *,
    own: Learned | None,
    mood: bool,
    timeline: bool,
    tempo: bool,
    key: bool,
    start_s: float,
    duration_s: float | None,
    model: Path | None,
) -> Classification:
    """Classify one file and draw its picture; runs in a worker."""
    from sideman.mood import hear

    path, picture = job.path, job.picture
    heard = hear.classify(
        path,
        mood=mood,
        timeline=timeline or picture is not None,
        tempo=tempo,
        key=key,
        embedding=own is not None,
        start_s=start_s,
        duration_s=duration_s,
        model=model,
    )
    if own is not None:
        from sideman.library.learn.answers import renamed

        return renamed(heard, own)
    if picture is not None:
        from sideman.genre.plot import plot_classification

        plot_classification(heard, picture, start_s=start_s, duration_s=duration_s)
    return heard


def _files(paths: list[str]) -> Iterator[Path]:
    from sideman.core.paths import find_audio

    def report(error: OSError) -> None:
        complain(f"warning: {error.filename}: folder passed over ({(error.strerror or str(error)).lower()})")

    for path in paths:
        yield from find_audio(_listed() if path == "-" else [path], on_error=report)


def _listed() -> list[str]:
    """Paths on stdin, one per line, or ended by NUL (``find -print0``); bytes that are no UTF-8 survive."""
    data = sys.stdin.buffer.read()
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(line) for line in lines if line]


def _pictures(plot: str | None, files: list[Path]) -> list[Path] | list[None]:
    """Where the picture of each file goes; the plotting extra and the folder are checked before any work."""
    if plot is None:
        return [None] * len(files)
    from sideman.genre.plot import PICTURE_SUFFIXES, check_plotting

    check_plotting()
    target = Path(plot)
    if len(files) == 1 and not target.is_dir():
        if target.suffix.lower() not in PICTURE_SUFFIXES:
            raise UsageError(f"{plot}: a picture's name must end in one of {', '.join(PICTURE_SUFFIXES)}")
        return [target]
    if target.is_file() or (target.suffix.lower() in PICTURE_SUFFIXES and not target.is_dir()):
        raise UsageError(f"{plot}: with several recordings --plot takes a folder, not a file")
    target.mkdir(parents=True, exist_ok=True)
    taken: dict[str, None] = {}
    for file in files:
        names = itertools.chain([file.name], (f"{file.name} ({count})" for count in itertools.count(2)))
        taken[next(name for name in names if name not in taken)] = None
    return [target / f"{name}.png" for name in taken]
