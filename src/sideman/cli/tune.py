"""``sideman tune``: look for better settings of a model, on a training side only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sideman.cli.common import SOME_FAILED, complain
from sideman.cli.lab_options import (
    Cache,
    Changes,
    Data,
    DryRun,
    FoldFile,
    Json,
    Kind,
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
from sideman.core.errors import OutputError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("tune")(tune_command)


def tune_command(
    data: Data = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Which model; 'sideman lab models' lists them.")
    ] = "svm",
    trials: Annotated[int, typer.Option(min=0, metavar="N", help="Settings to try, beyond those of the study.")] = 30,
    study: Annotated[
        Path, typer.Option("--study", metavar="FILE", help="Journal of all trials; goes on from it.")
    ] = Path("study.journal"),
    protocol: ProtocolName = None,
    folds: FoldFile = None,
    changes: Changes = None,
    segment_s: SegmentLength = None,
    most: SegmentCount = 10,
    min_duration_s: MinLength = 0.0,
    kind: Kind = "auto",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of splits, fits and search.")] = 0,
    cache: Cache = None,
    workers: Workers = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search settings by trial on inner folds; a test part is put away first and scored once at the end.

    Exit codes: 0 all done, 1 failed, 2 wrong usage, 3 done, but some recordings could not be read.
    """
    from sideman.genre.tune import as_options, tune

    plan = make_plan(model, changes, protocol=protocol, seed=seed, segment_s=segment_s, workers=workers)
    corpus, rows = open_corpus(
        data, kind=kind, folds=folds, min_duration_s=min_duration_s, most=most, cache=cache, workers=workers,
        quiet=quiet,
    )  # fmt: skip
    if study.is_dir() or not study.absolute().parent.is_dir():
        raise OutputError(f"{study}: cannot be written; name a file in a folder that exists")
    if dry_run:
        typer.echo(f"would try {trials} settings of {model} on {corpus.describe()}, keeping them in {study}")
        return

    def told(number: int, value: float | None, best: float) -> None:
        if not quiet:
            shown = "given up early" if value is None else f"{value:.3f}"
            complain(f"trial {number + 1}: {shown}, best {best:.3f}")

    found = tune(corpus, plan, study, trials=trials, folds=rows, on_trial=told)
    complain_of(corpus)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
    else:
        typer.echo(f"{found.trials} trials finished, {found.pruned} given up early, protocol {found.protocol}")
        typer.echo(f"inner folds: balanced accuracy {found.validation:.3f}, defaults {found.default_validation:.3f}")
        typer.echo(
            f"{found.test_recordings} recordings that the search never saw: {found.test:.3f}, "
            f"defaults {found.default_test:.3f}"
        )
        typer.echo(f"settings: {as_options(found.settings) or 'the defaults; nothing better was found'}")
    if corpus.failures:
        raise typer.Exit(SOME_FAILED)
