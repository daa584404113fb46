"""``sideman scan``: bring the library up to date with folders of music."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sideman.cli.common import FAILED, SOME_FAILED, clock, complain
from sideman.cli.library_options import Database, opened
from sideman.core.errors import UsageError

if TYPE_CHECKING:
    from sideman.core.progress import Advance
    from sideman.library.scan import Engine, Options, Report
    from sideman.library.store import Store

_SHOWN = 20  # problems told by name


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("scan")(scan)


class _Bars:
    """Shows the stages of a scan as progress bars on stderr."""

    def __init__(self, stack: ExitStack, *, quiet: bool) -> None:
        self._stack, self._quiet = stack, quiet
        self._advance: Advance | None = None

    def stage(self, name: str, total: int) -> None:
        """Put up the bar of a stage in place of the one before."""
        from sideman.core.progress import progress

        self._stack.close()
        self._advance = self._stack.enter_context(progress(name, total, quiet=self._quiet))

    def step(self) -> None:
        """Advance the bar."""
        if self._advance is not None:
            self._advance(1)

    def warn(self, line: str) -> None:
        """Print a warning."""
        complain(f"warning: {line}")


def scan(
    places: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DIR]...", help="Folders and files; by default all that were scanned before.", show_default=False
        ),
    ] = None,
    database: Database = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes; by default one per core.", show_default=False),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and scan again whenever something changes.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Hear recordings again that failed before.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Hear all recordings again.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Forget files that are missing; what was heard in them is kept.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Mark files as missing even where most of a folder's have gone.")
    ] = False,
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME", help="local, or ray (extra 'ray'): over a cluster.")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            metavar="HOST:PORT",
            help="Of a Ray cluster; by default one is started here.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Find music, hear each recording once, and keep what was heard in the library.

    A scan may be stopped at any moment and goes on where it was. Files that moved, were renamed or tagged are known by
    their audio and not heard again. A file that cannot be read or heard is kept with its reason and tried again when it
    changes, or with --retry.

    Exit codes: 0 all done, 1 failed, 2 wrong usage, 3 some files failed.
    """
    from sideman.library import scan as scanning

    if engine not in ("local", "ray"):
        raise UsageError(f"--engine {engine}: is local or ray")
    if address is not None and engine != "ray":
        raise UsageError("--address goes with --engine ray")
    if watch and dry_run:
        raise UsageError("--watch and --dry-run exclude each other")
    options = scanning.Options(workers=workers, force=force, retry=retry, again=again, prune=prune)
    with opened(database, create=True) as store:
        if dry_run:
            _tell_preview(scanning.preview(store, places or ()), as_json=as_json)
            return
        chosen = _engine(engine, address, store)
        report = _scan(store, places or [], options, chosen, quiet=quiet)
        _tell(report, as_json=as_json)
        if watch:
            _watch(store, places or [], options, chosen, as_json=as_json, quiet=quiet)
    if report.problems:
        raise typer.Exit(SOME_FAILED if report.found > len(report.problems) else FAILED)


def _engine(name: str, address: str | None, store: Store) -> Engine | None:
    if name == "local":
        return None
    from sideman.library.ray_engine import RayEngine

    engine: Engine = RayEngine(store, address)
    return engine


def _scan(store: Store, places: list[Path], options: Options, engine: Engine | None, *, quiet: bool) -> Report:
    from sideman.library.scan import scan as run

    with ExitStack() as stack:
        try:
            return run(store, places, options, engine=engine, listener=_Bars(stack, quiet=quiet))
        except KeyboardInterrupt:
            stack.close()
            complain("interrupted: what was heard is kept; the next scan goes on from here")
            raise


def _tell(report: Report, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.to_dict()))
        return
    for path, error in report.problems[:_SHOWN]:
        complain(f"{path}: {error}")
    if len(report.problems) > _SHOWN:
        complain(f"and {len(report.problems) - _SHOWN} more; 'sideman ls failed:' lists them")
    counts = [(report.new, "new"), (report.changed, "changed"), (report.moved, "moved"), (report.returned, "back")]
    counts += [(report.missing, "missing"), (report.analysed, "heard"), (report.failed, "could not be heard")]
    counts += [(report.waiting, "left to another scan or the next one")]
    told = ", ".join(f"{n} {what}" for n, what in counts if n) or "nothing new"
    typer.echo(f"{report.found} files: {told} ({clock(report.seconds)})")


def _tell_preview(report: Report, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.to_dict()))
        return
    typer.echo(
        f"{report.found} files: {report.new} new, {report.changed} changed, {report.missing} missing; "
        f"{report.waiting} recordings known wait to be heard; nothing was written"
    )


def _watch(
    store: Store, places: list[Path], options: Options, engine: Engine | None, *, as_json: bool, quiet: bool
) -> None:
    from sideman.library.places import known_roots
    from sideman.library.watch import changes

    watched = [str(place) for place in places] or known_roots(store)
    complain(f"watching {', '.join(watched)}; Ctrl-C ends")
    for _ in changes(watched):
        report = _scan(store, places, options, engine, quiet=quiet)
        if report.new or report.changed or report.moved or report.missing or report.returned or report.analysed:
            if not as_json:
                sys.stdout.write(time.strftime("%H:%M:%S "))
            _tell(report, as_json=as_json)
            sys.stdout.flush()
