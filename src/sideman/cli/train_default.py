"""``sideman train default``: make the shipped genre model anew (extra ``train``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sideman.core.errors import MissingExtraError


def default(
    data: Annotated[
        Path,
        typer.Option(metavar="DIR", envvar="SIDEMAN_DATA", help="GTZAN: a tree of its clips.", show_default=False),
    ],
    midi: Annotated[Path, typer.Option(metavar="DIR", help="One folder of MIDI files per set.", show_default=False)],
    teachers: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder with efficientat_mn04 and msd_musicnn.", show_default=False),
    ],
    folds: Annotated[
        Path, typer.Option(metavar="FILE", help="Fold file: track, genre, group, fold.", show_default=False)
    ],
    soundfont: Annotated[
        list[Path], typer.Option(metavar="FILE", help="SoundFonts to render with, most used first.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where weights and card go.", show_default=False)],
    work: Annotated[
        Path, typer.Option(metavar="DIR", help="Where intermediate results are kept; resumes from them.")
    ] = Path("runs/genre-default"),
    short: Annotated[bool, typer.Option("--short", help="A few steps of everything: proves the road only.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Make the default genre model anew: render, distil, judge on artist folds, calibrate, export.

    Takes about two hours on two cores; a run that was stopped goes on where it was.
    """
    import importlib.util
    import json
    import logging

    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("sideman train", "train")

    from sideman.genre.recipe.default import SHORT, Amounts, Sources, run

    amounts = SHORT if short else Amounts()
    if dry_run:
        typer.echo(f"would write {out / 'genre.onnx'} and {out / 'genre.json'}, keeping work in {work}: {amounts}")
        return
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    card = run(Sources(data, folds, midi, tuple(soundfont), teachers), work, out, amounts)
    if as_json:
        typer.echo(json.dumps(card))
    else:
        figure = card["figures"]["all"]
        low, high = figure["interval_95"]
        typer.echo(f"{out / 'genre.onnx'}: balanced accuracy {figure['balanced_accuracy']:.3f} ({low:.3f}..{high:.3f})")
