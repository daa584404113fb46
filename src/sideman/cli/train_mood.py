"""``sideman train mood-default``: make the shipped mood model anew (extra ``train``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sideman.core.errors import MissingExtraError


def mood_default(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="MIDI sets and catalog.csv.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where weights and card go.", show_default=False)],
    soundfont: Annotated[
        list[Path] | None,
        typer.Option(
            "--soundfont",
            metavar="FILE",
            help="To learn from; again for more. By default the installed one.",
            show_default=False,
        ),
    ] = None,
    unseen: Annotated[
        list[Path] | None,
        typer.Option(
            "--unseen", metavar="FILE", help="A SoundFont that only judges; again for more.", show_default=False
        ),
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(
            "--recordings",
            metavar="DIR",
            envvar="SIDEMAN_DATA",
            show_default=False,
            help="Recordings of all kinds, without labels: they keep the model sober on real sound.",
        ),
    ] = None,
    work: Annotated[
        Path, typer.Option("--work", metavar="DIR", help="Where intermediate results are kept; resumes from them.")
    ] = Path("runs/mood-default"),
    short: Annotated[bool, typer.Option("--short", help="A few pieces of everything: proves the road only.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Make the shipped mood model anew: render labelled scores, listen to them, fit, judge, export.

    Takes about 20 minutes of one core for each SoundFont; a run that was stopped goes on where it was.
    """  # fmt: skip
    import importlib.util
    import json
    import logging
    import sys

    if sys.modules.get("onnx", ...) is None or importlib.util.find_spec("onnx") is None:
        raise MissingExtraError("sideman train mood-default", "train")
    from sideman.core.progress import progress
    from sideman.core.tuning import tune_allocator
    from sideman.mood.recipe import default
    from sideman.symbolic.render import find_soundfont

    fonts = tuple(find_soundfont(path) for path in soundfont or (None,))
    others = tuple(find_soundfont(path) for path in unseen or ())
    if dry_run:
        names, unheard = (", ".join(path.name for path in some) or "no other" for some in (fonts, others))
        typer.echo(
            f"would learn from {data} through {names}, judge through {unheard}, "
            f"and write {out / 'mood.onnx'}, mood.json and mood.md, keeping work in {work}"
        )
        return
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, format="%(message)s")
    tune_allocator()
    with progress("hearing", None, quiet=quiet) as advance:
        card = default.run(default.Sources(data, fonts, others, recordings), work, out, short=short, advance=advance)
    if as_json:
        typer.echo(json.dumps(card))
        return
    figures = card["figures"]
    for font in [path.name for path in others] or ["learnt_soundfonts"]:
        told = figures[font]["emopia"]
        typer.echo(
            f"{out / 'mood.onnx'}: {font}: valence {told['valence']['right']:.3f}, arousal "
            f"{told['arousal']['right']:.3f}, quadrant {told['quadrant']['right']:.3f}"
        )
