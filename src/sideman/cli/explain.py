"""``sideman explain``: which parts of a recording carried the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sideman.cli.common import percent, printable
from sideman.cli.lab_options import Json
from sideman.core.errors import UsageError

if TYPE_CHECKING:
    from sideman.genre.explain_result import Explanation


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("explain")(explain_command)


def explain_command(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.", show_default=False)],
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="DIR", help="A trained model's folder; by default Sideman's own model."),
    ] = None,
    method: Annotated[
        str, typer.Option("--method", metavar="NAME", help="gradients (extra 'train'), occlusion, or auto.")
    ] = "auto",
    genre: Annotated[
        str | None,
        typer.Option("--genre", metavar="NAME", help="Explain this genre, not the answer.", show_default=False),
    ] = None,
    start_s: Annotated[
        float | None,
        typer.Option("--start", min=0.0, metavar="S", help="Explain what begins here.", show_default=False),
    ] = None,
    most_s: Annotated[float, typer.Option("--duration", metavar="S", help="Explain at most S seconds.")] = 30.0,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw it (.png, .pdf, .svg; extra 'plot').", show_default=False),
    ] = None,
    sound: Annotated[
        Path | None,
        typer.Option("--sound", metavar="FILE", help="Write what the model heard (.wav, .flac).", show_default=False),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Delete the regions found and see whether they matter.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Tell why a model named this genre: which stretches of time and frequency, or which columns, carried the answer.

    Of a recording longer than --duration its loudest stretch is explained.

    Exit codes: 0 done, 1 failed, 2 wrong usage.
    """
    from typing import cast, get_args

    from sideman.genre.explain import Method, explain
    from sideman.genre.trained import open_model

    if method not in get_args(Method):
        raise UsageError(f"--method is one of {', '.join(get_args(Method))}")
    if plot is not None:
        from sideman.genre.plot import check_plotting

        check_plotting()
    opened = None if model is None else open_model(model)
    found = explain(path, opened, cast(Method, method), genre=genre, start_s=start_s, most_s=most_s, check=check)
    if plot is not None:
        from sideman.genre.explain_plot import draw

        draw(found, plot)
    if sound is not None:
        from sideman.genre.explain_sound import write_heard

        write_heard(found, sound)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
        return
    for line in _lines(found):
        typer.echo(line)
    for file in (plot, sound):
        if file is not None:
            typer.echo(f"wrote {file}")


def _lines(found: Explanation) -> list[str]:
    lines = [f"{printable(found.path)}: {found.genre}, {percent(found.probability)}, by {found.method}"]
    if found.answer != found.genre:
        lines.append(f"  the model's answer is {found.answer}")
    if found.note:
        lines.append(f"  {found.note}")
    for r in found.regions:
        place = f"{r.start_s:6.1f} s to {r.end_s:.1f} s, {r.low_hz:.0f} to {r.high_hz:.0f} Hz"
        lines.append(f"  {place}: {r.share:.1%} of what spoke for it")
    for c in found.columns[:10]:
        lines.append(f"  {c.column}: {c.value:.4g} instead of {c.centre:.4g} adds {c.fall:+.2f} to the log-odds")
    if found.deletion is not None:
        told = found.deletion
        lines.append(
            f"  check: deleting {told.share:.0%} of the picture lowers the log-odds by {told.most:.2f} where the map "
            f"points, by {told.random:.2f} at random, by {told.least:.2f} where it does not point: "
            f"{'the regions matter' if told.faithful else 'the map is NOT faithful here'}"
        )
    return lines
