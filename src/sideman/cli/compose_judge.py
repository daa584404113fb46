"""``sideman compose models``, ``sideman compose evaluate`` and ``sideman compose --check``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sideman.cli.common import printable


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object per composer.")] = False,
) -> None:
    """List the composers and the generators of spectra that ship, and the genres that each has learnt."""
    from sideman.compose.composers import SHIPPED, open_composer
    from sideman.compose.spectra.imaginers import SHIPPED as IMAGINERS
    from sideman.compose.spectra.imaginers import open_imaginer

    for name in SHIPPED:
        composer = open_composer(name)
        genres = {genre: facts["pieces"] for genre, facts in composer.genres.items()}
        if as_json:
            card = {k: v for k, v in composer.card.content.items() if k not in ("genres", "genre_tokens")}
            typer.echo(json.dumps({"name": name, "genres": genres} | card))
            continue
        typer.echo(f"{name}: {composer.card.content.get('licence', '')}")
        for genre, pieces in sorted(genres.items(), key=lambda item: -item[1]):
            thin = " (few: expect less)" if composer.genres[genre]["thin"] else ""
            typer.echo(f"  {genre:<12}{pieces:>5} pieces{thin}")
    for kind in IMAGINERS:
        imaginer = open_imaginer(kind)
        if as_json:
            hidden = ("genres", "mean", "spread", "history")
            card = {k: v for k, v in imaginer.card.content.items() if k not in hidden}
            typer.echo(json.dumps(card | {"name": kind, "engine": "spectra", "genres": list(imaginer.genres)}))
            continue
        typer.echo(f"{kind} (--engine spectra): {imaginer.card.content.get('licence', '')}")
        typer.echo(f"  {', '.join(imaginer.genres)}")


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Composed pieces: a folder per genre, or index.jsonl.")],
    reference: Annotated[Path, typer.Option("--reference", metavar="DIR", help="Real pieces: a folder per genre.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Compare composed pieces with real ones: how far apart they are, beside how far real ones are from each other."""
    from sideman.compose import evaluate as judge

    report = judge.evaluate(folder, reference)
    typer.echo(json.dumps(report) if as_json else judge.table(report))


def tell_originality(path: Path, model: str, *, as_json: bool) -> None:
    """Tell the longest run that a piece shares with what the composers have learnt from."""
    from sideman.compose.composers import SHIPPED, open_composer
    from sideman.symbolic.reading import read_score
    from sideman.symbolic.score import quantise

    score = quantise(read_score(path), tempo_changes=False)
    for name in SHIPPED if model == "auto" else [model]:
        composer = open_composer(name)
        run, limit = composer.index.longest_run(score), composer.copy_limit
        human = composer.card.content["human_runs"]
        if as_json:
            row = {"file": str(path), "composer": name, "longest_run": run, "copy_limit": limit, "human_runs": human}
            typer.echo(json.dumps(row))
        else:
            verdict = "a copy, by Sideman's rule" if run > limit else "no copy"
            typer.echo(
                f"{printable(str(path))}: longest run shared with what '{name}' learnt from: {run} notes ({verdict}; "
                f"of two human pieces half share {human['p50']} or fewer, 95 % {human['p95']} or fewer)"
            )
