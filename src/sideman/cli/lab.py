"""``sideman lab``: the models that there are, and the scoreboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sideman.cli import lab_tools
from sideman.cli.common import SOME_FAILED, complain
from sideman.cli.lab_options import Data, DryRun, FoldFile, Json, Quiet, Workers, open_corpus, require_training
from sideman.core.atomic import atomic_write
from sideman.core.errors import SidemanError, UsageError

if TYPE_CHECKING:
    from sideman.genre.evaluation import Evaluation


def register(app: typer.Typer) -> None:
    """Add the command group to the application."""
    group = typer.Typer(help="Models, robustness and the scoreboard.", no_args_is_help=True)
    group.command("models")(models)
    group.command("robustness")(lab_tools.robustness)
    group.command("importance")(lab_tools.importance)
    group.command("clusters")(lab_tools.clusters)
    group.command("scoreboard")(scoreboard)
    app.add_typer(group, name="lab")


def models(as_json: Json = False) -> None:
    """List every model: what it hears, where it comes from, and what its source states."""
    from sideman.genre.registry import list_models

    for spec in list_models():
        if as_json:
            typer.echo(json.dumps(spec.to_dict()))
            continue
        shape = " x ".join(map(str, spec.input.shape))
        typer.echo(f"{spec.name:16s} {spec.title}")
        typer.echo(f"{'':16s} hears {spec.input.kind}, {shape}; {spec.source}")
        if spec.documented.parameters is not None:
            typer.echo(f"{'':16s} {spec.documented.parameters:,} parameters ({spec.documented.counting})")
        if spec.documented.accuracy is not None:
            typer.echo(f"{'':16s} its source reports {spec.documented.accuracy:.1%} ({spec.documented.protocol})")


def scoreboard(
    data: Data = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            metavar="CSV",
            help="Table of features with a row per recording; by default features_30_sec.csv in DIR.",
            show_default=False,
        ),
    ] = None,
    rows_table: Annotated[
        Path | None,
        typer.Option(
            "--rows-table",
            metavar="CSV",
            help="Table with a row per 3 s segment; by default features_3_sec.csv in DIR.",
            show_default=False,
        ),
    ] = None,
    folds: FoldFile = None,
    teachers: Annotated[
        Path | None,
        typer.Option(
            "--teachers",
            metavar="DIR",
            envvar="SIDEMAN_TEACHERS",
            help="Folder with efficientat_mn04 and msd_musicnn, for transfer from them.",
            show_default=False,
        ),
    ] = None,
    parts: Annotated[
        list[str] | None,
        typer.Option("--part", metavar="PART", help="table, published, segments or audio; by default all."),
    ] = None,
    models_: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="Only this model; may be repeated.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The page (.md); figures go beside it as .json.")
    ] = Path("scoreboard.md"),
    work: Annotated[
        Path, typer.Option("--work", metavar="DIR", help="Where finished fits are kept; goes on from them.")
    ] = Path("runs/scoreboard"),
    page_only: Annotated[bool, typer.Option("--page-only", help="Write the page from what is finished.")] = False,
    workers: Workers = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Judge every model under every protocol and write the scoreboard.

    The whole board is a night's work; it goes on where it was stopped. A row that fails is told and left out.

    Exit codes: 0 all done, 1 failed, 2 wrong usage, 3 some rows failed.
    """
    from sideman.core.tuning import available_cores, tune_allocator
    from sideman.genre import scoreboard as boards
    from sideman.genre.corpus import separable
    from sideman.genre.scoreboard_page import page
    from sideman.inference.cards import WEIGHTS_FOLDER, read_card

    require_training("the scoreboard")
    chosen = tuple(part for part in boards.PARTS if not parts or part in parts)
    if set(parts or ()) - set(boards.PARTS):
        raise UsageError(f"--part is one of {', '.join(boards.PARTS)}")
    if out.suffix != ".md":
        raise UsageError(f"{out}: the page's name ends in .md")
    clips, rows = open_corpus(data, folds=folds, most=8, workers=workers, quiet=quiet)
    longer, _ = open_corpus(data, folds=folds, min_duration_s=boards.SEGMENT_CLIPS_S, workers=workers, quiet=quiet)
    if "segments" in chosen:
        these, left_out = separable(longer.dataset)
        if left_out:
            longer = longer.restricted(these)
            complain(f"note: segments without {', '.join(left_out)}: all of its long clips belong together")
    found_table = table or _beside(clips.root, "features_30_sec.csv")
    found_rows = rows_table or _beside(clips.root, "features_3_sec.csv")
    board = boards.Board(
        None if found_table is None else open_corpus(str(found_table), quiet=quiet)[0],
        None if found_rows is None else open_corpus(str(found_rows), quiet=quiet)[0],
        clips, longer, rows, teachers, work, workers or available_cores(),
    )  # fmt: skip
    todo = list(boards.entries(board, chosen, models_ or ()))
    if dry_run:
        for entry in todo:
            typer.echo(f"{entry.name}: {len(entry.seeds)} seeds")
        return
    tune_allocator()
    failed = 0

    def told(entry: boards.Entry, found: Evaluation | None, trouble: str) -> None:
        nonlocal failed
        failed += bool(trouble)
        if trouble:
            complain(f"warning: {entry.name}: {trouble}")
        elif not quiet and found is not None:
            figure = found.figures()["balanced_accuracy"]["mean"]
            complain(f"{entry.name}: balanced accuracy {figure:.3f}, {found.fit_seconds:.0f} s of training")

    kept = [entry for entry in todo if not page_only or (work / "evaluations" / f"{entry.name}.json").is_file()]
    found = boards.run_board(board, kept, on_entry=told)
    if not found:
        raise SidemanError("no row of the scoreboard was finished")
    command = "sideman lab scoreboard DIR --folds FILE --teachers DIR --out docs/scoreboard.md"
    with atomic_write(out, "w") as file:
        file.write(page(found, command, read_card(WEIGHTS_FOLDER / "genre.json").content))
    boards.write_figures(found, out.with_suffix(".json"))
    typer.echo(f"{out}: {len(found)} of {len(todo)} rows")
    if failed:
        raise typer.Exit(SOME_FAILED)


def _beside(root: Path, name: str) -> Path | None:
    return root / name if (root / name).is_file() else None
