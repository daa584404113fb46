"""``sideman train spectra``: generators of sound and vocoders from recordings (extra ``train``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sideman.cli.common import SOME_FAILED, complain, needs_torch
from sideman.core.errors import UsageError


def spectra(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="Recordings, a folder for each genre.", show_default=False)
    ],
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="flow, dcgan or vocoder.")] = "flow",
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder that the model becomes.")] = Path("spectra"),
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, metavar="N", help="Batches; by default 25 to 40 passes.", show_default=False),
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", min=2, metavar="N", help="Examples in a batch.", show_default=False)
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="R", help="Learning rate, if not the model's.", show_default=False)
    ] = None,
    genres: Annotated[
        bool, typer.Option("--genres/--no-genres", help="Tell the model which folder a recording is from.")
    ] = True,
    longest_s: Annotated[
        float, typer.Option("--longest", metavar="S", help="Seconds taken of a recording, from its middle.")
    ] = 120.0,
    device: Annotated[str, typer.Option("--device", metavar="NAME", help="cpu or cuda.")] = "cpu",
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Same seed, same model.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, metavar="N", help="Processes that read recordings.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in --out.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Train a generator of spectra, or a vocoder, and keep it as a folder.

    'sideman compose --engine spectra --model DIR' imagines with a generator; 'sideman spectra invert --model DIR' and
    a vocoder.json put into a generator's folder make sound with a vocoder. A run that was stopped goes on where it was
    when started again.

    Exit codes: 0 all done, 1 failed, 2 wrong usage, 3 done, but some files were left out.
    """
    needs_torch("sideman train spectra")
    from sideman.compose.own import check_out, work_folder
    from sideman.compose.spectra import train
    from sideman.core.progress import progress
    from sideman.core.tuning import tune_allocator

    plan = train.Plan(model, steps, batch, rate, genres, longest_s, device, seed)
    plan.check()
    check_out(out, train.CARDS, overwrite=overwrite)
    recordings = train.find_recordings(data)
    if dry_run:
        names = sorted({recording.genre for recording in recordings if recording.genre})
        typer.echo(
            f"would train a {model} on {len(recordings)} recordings, genres: {', '.join(names) or 'none'}, "
            f"and write {out}, keeping work in {work_folder(out)}"
        )
        return
    tune_allocator()
    with progress("reading", len(recordings), quiet=quiet) as advance:
        prepared = train.prepare(
            recordings, work_folder(out), plan, workers=workers, advance=lambda: advance(1)
        )  # fmt: skip
    plan = train.settled(plan, prepared[0])
    done = 0
    with progress("training", plan.steps, quiet=quiet) as advance:

        def on_step(number: int) -> None:
            nonlocal done
            advance(number - done)
            done = number

        card = train.train(
            prepared, plan, out, overwrite=overwrite, on_step=on_step, tell=None if quiet else complain
        )  # fmt: skip
    left_out = card["left_out"]
    if as_json:
        typer.echo(json.dumps(card))
    else:
        told = card["trained_on"]
        typer.echo(f"{out}: learnt from {told['recordings']} recordings, {told['minutes']:g} minutes")
        typer.echo(f"try it: {_next(model, out, card)}")
    if left_out:
        complain(f"{len(left_out)} files could not be learnt from and were left out")
        raise typer.Exit(SOME_FAILED)


def _next(model: str, out: Path, card: dict[str, Any]) -> str:
    if model == "vocoder":
        return f"sideman spectra invert --model {out} song.npz"
    genre = next(iter(card["genres"]), None) if card.get("conditional") else None
    return f"sideman compose --engine spectra --model {out}{f' --genre {genre}' if genre else ''}"


def spectra_default(
    data: Annotated[
        Path,
        typer.Option(metavar="DIR", envvar="SIDEMAN_DATA", help="GTZAN: a tree of its clips.", show_default=False),
    ],
    midi: Annotated[Path, typer.Option(metavar="DIR", help="One folder of MIDI files per set.", show_default=False)],
    folds: Annotated[
        Path, typer.Option(metavar="FILE", help="Fold file: track, genre, group, fold.", show_default=False)
    ],
    soundfont: Annotated[
        list[Path], typer.Option(metavar="FILE", help="SoundFonts to render with, most used first.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where weights and cards go.", show_default=False)],
    part: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="vocoder, flow or dcgan; repeatable. All by default.", show_default=False),
    ] = None,
    work: Annotated[
        Path, typer.Option(metavar="DIR", help="Where intermediate results are kept; resumes from them.")
    ] = Path("runs/spectra-default"),
    short: Annotated[bool, typer.Option("--short", help="A few steps of everything: proves the road only.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the cards as JSON.")] = False,
) -> None:
    """Make the shipped vocoder and generators of spectra anew: read, render, train, export.

    About three hours of one core; a run that was stopped goes on where it was.
    """
    needs_torch("sideman train spectra-default")
    import logging

    from sideman.compose.recipe import spectra as recipe
    from sideman.core.tuning import tune_allocator
    from sideman.genre.recipe.default import Sources

    parts = tuple(part or recipe.PARTS)
    unknown = [name for name in parts if name not in recipe.PARTS]
    if unknown:
        raise UsageError(f"--part {unknown[0]!r}: choose {', '.join(recipe.PARTS)}")
    amounts = recipe.SHORT if short else recipe.Amounts()
    if dry_run:
        typer.echo(
            f"would make {', '.join(parts)} ({recipe.amounts_told(amounts)} steps) and write into {out}, "
            f"keeping work in {work}"
        )
        return
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tune_allocator()
    cards = recipe.run(Sources(data, folds, midi, tuple(soundfont), Path()), parts, work, out, amounts)
    typer.echo(json.dumps(cards) if as_json else f"{out}: {', '.join(cards)}")
