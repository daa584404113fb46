"""``sideman train``: make models from one's own music (extra ``train``)."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sideman.cli import train_default, train_mood, train_score, train_spectra
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
    MinLength,
    ProtocolName,
    Quiet,
    SegmentCount,
    SegmentLength,
    Workers,
    complain_of,
    make_plan,
    open_corpus,
    tell_epoch,
)

if TYPE_CHECKING:
    from sideman.genre.evaluation import Evaluation


def register(app: typer.Typer) -> None:
    """Add the command group to the application."""
    group = typer.Typer(help="Train models (needs the extra 'train').", no_args_is_help=True)
    group.command("genre")(genre)
    group.command("score")(train_score.score)
    group.command("spectra")(train_spectra.spectra)
    group.command("default")(train_default.default)
    group.command("score-default")(train_score.score_default)
    group.command("spectra-default")(train_spectra.spectra_default)
    group.command("mood-default")(train_mood.mood_default)
    app.add_typer(group, name="train")


def genre(
    data: Data = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Which model; 'sideman lab models' lists them.")
    ] = "transfer",
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder that the model becomes.")] = Path("model"),
    protocol: ProtocolName = None,
    folds: FoldFile = None,
    n_folds: FoldCount = None,
    changes: Changes = None,
    segment_s: SegmentLength = None,
    most: SegmentCount = 10,
    min_duration_s: MinLength = 0.0,
    kind: Kind = "auto",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Same seed, same model.")] = 0,
    judged: Annotated[
        bool, typer.Option("--judge/--no-judge", help="Estimate how it does on unheard music, and calibrate by that.")
    ] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in --out.")] = False,
    cache: Cache = None,
    workers: Workers = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a genre model on labelled music and keep it as a folder that 'sideman classify --model' runs.

    First the model is judged: trained without a part of the recordings and scored on it, part by part, as the protocol
    says. Then it is trained on all of them. A run that was stopped goes on where it was when started again.

    Exit codes: 0 all done, 1 failed, 2 wrong usage, 3 done, but some recordings could not be read.
    """
    plan = make_plan(
        model, changes, protocol=protocol, seed=seed, n_folds=n_folds, segment_s=segment_s, workers=workers
    )
    from sideman.core.progress import progress
    from sideman.core.tuning import tune_allocator
    from sideman.genre import keep
    from sideman.genre.evaluate import count_fits

    keep.check_out(out, overwrite=overwrite)
    corpus, rows = open_corpus(
        data, kind=kind, folds=folds, min_duration_s=min_duration_s, most=most, cache=cache, workers=workers,
        quiet=quiet,
    )  # fmt: skip
    if dry_run:
        typer.echo(
            f"would train {model} on {corpus.describe()} and write {out}, keeping work in {keep.work_folder(out)}"
        )
        return
    tune_allocator()
    total = count_fits(corpus, plan, rows) if judged else None
    with progress("judging", total, quiet=quiet or not judged) as advance:
        card, evaluation = keep.keep(
            corpus,
            plan,
            out,
            judged=judged,
            overwrite=overwrite,
            folds=rows,
            on_epoch=None if quiet else functools.partial(tell_epoch),
            advance=advance,
        )
    complain_of(corpus)
    if as_json:
        typer.echo(json.dumps(card))
    else:
        _tell(out, card["trained_on"]["recordings"], evaluation)
    if corpus.failures:
        complain(f"{len(corpus.failures)} recordings could not be read and were left out")
        raise typer.Exit(SOME_FAILED)


def _tell(out: Path, recordings: int, evaluation: Evaluation | None) -> None:
    typer.echo(f"{out}: trained on {recordings} recordings")
    if evaluation is None:
        typer.echo("not judged: nothing is known of how it does on other music")
        return
    from sideman.genre.headline import lines

    for line in lines(evaluation):
        typer.echo(line)
    typer.echo(f"report: {out / 'report.html'}")
    typer.echo(f"try it: sideman classify --model {out} FILE")
