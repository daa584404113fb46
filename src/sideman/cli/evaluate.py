"""``sideman evaluate``: how a model does on music that it has not heard, under a named protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sideman.cli.common import SOME_FAILED, complain
from sideman.cli.lab_options import (
    Cache,
    Changes,
    Data,
    DryRun,
    FoldCount,
    FoldFile,
    Json,
    Kind,
    LengthColumn,
    MinLength,
    ProtocolName,
    Quiet,
    SegmentCount,
    SegmentLength,
    Workers,
    complain_of,
    make_plan,
    open_corpus,
)

if TYPE_CHECKING:
    from sideman.genre.evaluation import Evaluation


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("evaluate")(evaluate_command)


def evaluate_command(
    data: Data = None,
    model: Annotated[
        str,
        typer.Option(
            "--model", metavar="NAME|DIR", help="A model of 'sideman lab models', or a trained model's folder."
        ),
    ] = "transfer",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Write evaluation.json, report.html and tracks.csv there.", show_default=False
        ),
    ] = None,
    protocol: ProtocolName = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Repeat with N seeds.")] = 3,
    folds: FoldFile = None,
    n_folds: FoldCount = None,
    changes: Changes = None,
    segment_s: SegmentLength = None,
    most: SegmentCount = 10,
    min_duration_s: MinLength = 0.0,
    length: LengthColumn = None,
    kind: Kind = "auto",
    work: Annotated[
        Path | None,
        typer.Option("--work", metavar="DIR", help="Keep finished fits there and go on from them.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the folder --out.")] = False,
    cache: Cache = None,
    workers: Workers = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model again and again without a part of the recordings, and score it on that part.

    With a trained model's folder nothing is trained: it is scored as it is, and recordings that it was trained on are
    named, for on them its accuracy says nothing.

    Exit codes: 0 all done, 1 failed, 2 wrong usage, 3 done, but some recordings could not be read.
    """
    import tempfile

    from sideman.core.progress import progress
    from sideman.core.tuning import tune_allocator

    folder = Path(model)
    is_folder = (folder / "model.json").is_file()
    if not is_folder:
        plan = make_plan(
            model, changes, protocol=protocol, seeds=seeds, n_folds=n_folds, segment_s=segment_s, length=length,
            workers=workers,
        )  # fmt: skip
    from sideman.genre import evaluate
    from sideman.genre.evaluate_kept import evaluate_folder

    if out is not None:
        evaluate.check_report_folder(out, overwrite=overwrite)
    corpus, rows = open_corpus(
        data, kind=kind, folds=folds, min_duration_s=min_duration_s, most=most, cache=cache, workers=workers,
        quiet=quiet,
    )  # fmt: skip
    if dry_run:
        typer.echo(f"would evaluate {model} on {corpus.describe()}" + (f" and write {out}" if out else ""))
        return
    tune_allocator()
    if is_folder:
        with progress("listening", None, quiet=quiet) as advance:
            found = evaluate_folder(corpus, folder, workers=workers, advance=advance)
    else:
        with (
            tempfile.TemporaryDirectory(prefix="sideman-") as temporary,
            progress("judging", evaluate.count_fits(corpus, plan, rows), quiet=quiet) as advance,
        ):
            found = evaluate.evaluate(corpus, plan, work or Path(temporary), folds=rows, advance=advance)
    if out is not None:
        evaluate.write_report(found, out, overwrite=overwrite)
    complain_of(corpus)
    _print(found, out, as_json)
    if corpus.failures:
        complain(f"{len(corpus.failures)} recordings could not be read and were left out")
        raise typer.Exit(SOME_FAILED)


def _print(found: Evaluation, out: Path | None, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found.figures(), allow_nan=False))
        return
    from sideman.genre.headline import lines

    for line in lines(found):
        typer.echo(line)
    if out is not None:
        typer.echo(f"report: {out / 'report.html'}")
