"""``sideman train score`` and ``score-default``: composers from scores (extra ``train``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sideman.cli.common import SOME_FAILED, complain, needs_torch
from sideman.core.errors import UsageError


def score(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="Scores, a folder for each genre.", show_default=False)],
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="transformer or lstm.")] = "transformer",
    size: Annotated[str, typer.Option("--size", metavar="SIZE", help="tiny, compact, small, base.")] = "compact",
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder that the composer becomes.")] = Path(
        "composer"
    ),
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, metavar="N", help="Batches; by default 15 passes.", show_default=False),
    ] = None,
    batch: Annotated[int, typer.Option("--batch", min=1, metavar="N", help="Examples in a batch.")] = 8,
    context: Annotated[int, typer.Option("--context", min=32, metavar="N", help="Tokens in an example.")] = 512,
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="R", help="Learning rate, if not the model's.", show_default=False)
    ] = None,
    patience: Annotated[
        int,
        typer.Option("--patience", min=0, metavar="N", help="Pauses (20 in all) without progress to end at; 0: never."),
    ] = 5,
    int8: Annotated[
        bool, typer.Option("--int8/--fp32", help="Store weights in 8 bits: a quarter of the size.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Same seed, same composer.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, metavar="N", help="Processes that read scores.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the composer in --out.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Train a composer on scores and keep it as a folder that 'sideman compose --model' takes.

    Training ends after --steps, or when pieces held out are told no better, or when what it writes begins to have long
    runs from the music that it learns from. A run that was stopped goes on where it was when started again.

    Exit codes: 0 all done, 1 failed, 2 wrong usage, 3 done, but some files were left out.
    """
    import json

    needs_torch("sideman train score")
    from sideman.compose import train
    from sideman.compose.own import check_out, work_folder
    from sideman.core.progress import progress
    from sideman.core.tuning import tune_allocator

    plan = train.Plan(
        model=model, size=size, steps=steps, batch=batch, context=context, rate=rate, patience=patience, int8=int8,
        seed=seed,
    )  # fmt: skip
    plan.check()
    check_out(out, (train.CARD,), overwrite=overwrite)
    sources = train.find_sources(data)
    if dry_run:
        genres = sorted({source.genre for source in sources if source.genre})
        typer.echo(
            f"would train {model} {size} on {len(sources)} files, genres: {', '.join(genres) or 'none'}, "
            f"and write {out}, keeping work in {work_folder(out)}"
        )
        return
    tune_allocator()
    with progress("reading", len(sources), quiet=quiet) as advance:
        card = train.train(
            data, plan, out,
            overwrite=overwrite, workers=workers, advance=lambda: advance(1), tell=None if quiet else complain,
        )  # fmt: skip
    left_out = card["trained_on"]["left_out"]
    if quiet:
        for line in left_out:
            complain(line)
    if as_json:
        typer.echo(json.dumps(card))
    else:
        typer.echo(f"{out}: learnt from {card['trained_on']['pieces']} pieces; ended: {card['training']['stopped']}")
        genre = next(iter(card["genres"]), None)
        typer.echo(f"try it: sideman compose --model {out}{f' --genre {genre}' if genre else ''}")
    if left_out:
        complain(f"{len(left_out)} files could not be learnt from and were left out")
        raise typer.Exit(SOME_FAILED)


def score_default(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="MIDI sets and catalog.csv.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where weights and card go.", show_default=False)],
    build: Annotated[
        str, typer.Option("--build", metavar="NAME", help="open, or research (needs the open one, made first).")
    ] = "open",
    work: Annotated[
        Path, typer.Option("--work", metavar="DIR", help="Where intermediate results are kept; resumes from them.")
    ] = Path("runs/score-default"),
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, metavar="N", help="Processes that read scores.", show_default=False),
    ] = None,
    short: Annotated[bool, typer.Option("--short", help="A few steps of everything: proves the road only.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Make the shipped composers anew: tokenise, train, index, export.

    A run that was stopped goes on where it was.
    """
    import json
    import logging

    needs_torch("sideman train score-default")
    if build not in ("open", "research"):
        raise UsageError("--build is open or research")
    from sideman.compose.recipe import shipped
    from sideman.core.tuning import tune_allocator

    legs = shipped.legs_of(build, short=short)  # type: ignore[arg-type]  # checked above
    if dry_run:
        road = ", then ".join(f"{leg.name}: {leg.steps} steps at {leg.rate:g}" for leg in legs)
        typer.echo(f"would train {road}, and write {out / f'compose-{build}.onnx'}, keeping work in {work}")
        return
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tune_allocator()
    card = shipped.run(data, build, work, out, short=short, workers=workers)  # type: ignore[arg-type]
    typer.echo(json.dumps(card) if as_json else f"{out / f'compose-{build}.onnx'}: {len(card['genres'])} genres")
