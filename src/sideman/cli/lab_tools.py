"""``sideman lab robustness|importance|clusters``: what a model leans on, and what the features hold without labels."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Annotated

import typer

from sideman.cli.common import SOME_FAILED
from sideman.cli.lab_options import (
    Cache,
    Data,
    Json,
    Kind,
    LengthColumn,
    MinLength,
    Quiet,
    SegmentLength,
    Workers,
    complain_of,
    open_corpus,
    require_training,
)
from sideman.core.errors import UsageError

ModelFolder = Annotated[
    Path | None,
    typer.Option("--model", metavar="DIR", help="A trained model's folder; by default Sideman's own model."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of what is drawn at random.")]


def robustness(
    data: Data = None,
    model: ModelFolder = None,
    only: Annotated[
        list[str] | None, typer.Option("--change", metavar="NAME", help="Only this change; may be repeated.")
    ] = None,
    list_changes: Annotated[bool, typer.Option("--list", help="List the changes, and do nothing.")] = False,
    most: Annotated[
        int | None, typer.Option("--recordings", min=1, metavar="N", help="Use N recordings.", show_default=False)
    ] = None,
    min_duration_s: MinLength = 0.0,
    kind: Kind = "auto",
    seed: Seed = 0,
    workers: Workers = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Change recordings in ways that leave their genre alone, and see whether the model's answers change.

    For accuracy use recordings that the model was not trained on; the share of answers that stay needs no such care.

    Exit codes: 0 all done, 1 failed, 2 wrong usage, 3 done, but some recordings could not be read.
    """
    from sideman.core.progress import progress
    from sideman.core.tuning import available_cores, tune_allocator
    from sideman.genre.interventions import INTERVENTIONS, chosen
    from sideman.genre.robustness import default_predict, robustness

    if list_changes:
        for change in INTERVENTIONS.values():
            typer.echo(f"{change.name:20s} {change.about}")
        return
    changes = chosen(tuple(only)) if only else chosen()
    corpus, _ = open_corpus(data, kind=kind, min_duration_s=min_duration_s, workers=workers, quiet=quiet)
    tracks = list(corpus.dataset.tracks)
    if most is not None and most < len(tracks):
        import numpy as np

        tracks = [tracks[i] for i in sorted(np.random.default_rng(seed).permutation(len(tracks))[:most])]
    predict = default_predict
    if model is not None:
        from sideman.genre.trained import open_model

        open_model(model)
        predict = functools.partial(_predict, model)
    tune_allocator()
    with progress("changing and listening", len(tracks), quiet=quiet) as advance:
        found = robustness(tracks, predict, changes, workers=workers or available_cores(), seed=seed, advance=advance)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
    else:
        typer.echo(f"{'change':20s} {'accuracy':>22s} {'same answer':>22s}  distance")
        for figure in found.figures:
            accuracy = "-"
            if figure.accuracy is not None and figure.accuracy_interval is not None:
                low, high = figure.accuracy_interval
                accuracy = f"{figure.accuracy:.1%} ({low:.0%} to {high:.0%})"
            low, high = figure.same_interval
            same = f"{figure.same:.1%} ({low:.0%} to {high:.0%})"
            typer.echo(f"{figure.name:20s} {accuracy:>22s} {same:>22s}  {figure.total_variation:.3f}")
    corpus.failures = found.failures
    complain_of(corpus)
    if found.failures:
        raise typer.Exit(SOME_FAILED)


def _predict(model: Path, path: Path) -> dict[str, float]:
    """Genre probabilities by a model folder; runs in a worker."""
    from sideman.genre.trained import open_model

    return open_model(model).classify(path).probabilities


def importance(
    data: Data = None,
    model: Annotated[Path, typer.Option("--model", metavar="DIR", help="A trained table model's folder.")] = Path(
        "model"
    ),
    repeats: Annotated[int, typer.Option(min=1, metavar="N", help="Permutations per column.")] = 10,
    most: Annotated[int, typer.Option("--top", min=1, metavar="N", help="Show the N most important columns.")] = 15,
    kind: Kind = "auto",
    seed: Seed = 0,
    cache: Cache = None,
    workers: Workers = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Shuffle one column after the other and see how much accuracy a table model loses (Breiman 2001).

    Use recordings that the model was not trained on.
    """
    from sideman.genre.explain_table import columns_of, permutation_importance
    from sideman.genre.heard import heard_notes
    from sideman.genre.trained import open_model

    opened = open_model(model)
    member = opened.members[0]
    if len(opened.members) > 1 or member.input.kind != "table":
        raise UsageError(f"{model}: hears {member.input.kind}; permutation importance is for table models")
    corpus, _ = open_corpus(data, kind=kind, cache=cache, workers=workers, quiet=quiet)
    material = corpus.material(member.input)
    labels = [opened.genres.index(g) if g in opened.genres else -1 for g in material.genres]
    if min(labels) < 0:
        raise UsageError(f"{corpus.root}: the model does not know the genre '{material.genres[labels.index(-1)]}'")
    import numpy as np

    found = permutation_importance(
        member,
        material.x,
        np.array(labels)[material.y],
        material.track_of,
        columns_of(material.x.shape[-1]),
        repeats=repeats,
        seed=seed,
    )
    notes = heard_notes(opened.card, [track.track_id for track in material.tracks])
    if as_json:
        typer.echo(json.dumps({"columns": [vars(column) for column in found], "notes": list(notes)}))
    else:
        for column in found[:most]:
            typer.echo(f"{column.column:26s} {column.fall:+.3f} ± {column.fall_sd:.3f} balanced accuracy")
        for note in notes:
            typer.echo(f"note: {note}")
    complain_of(corpus)
    if corpus.failures:
        raise typer.Exit(SOME_FAILED)


def clusters(
    data: Data = None,
    k: Annotated[
        int | None, typer.Option("--clusters", min=2, metavar="K", help="By default one per genre.", show_default=False)
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw them (.png, .pdf, .svg; extra 'plot').", show_default=False),
    ] = None,
    segment_s: SegmentLength = None,
    length: LengthColumn = None,
    kind: Kind = "auto",
    seed: Seed = 0,
    cache: Cache = None,
    workers: Workers = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Cluster recordings by the table's columns without looking at genres, and tell how the clusters fit them."""
    require_training("clustering")
    from sideman.genre.clusters_plot import check_picture, draw_clusters
    from sideman.genre.inputs import Input
    from sideman.genre.models.kmeans import clusters_report

    if plot is not None:
        check_picture(plot)
    corpus, _ = open_corpus(data, kind=kind, cache=cache, workers=workers, quiet=quiet)
    material = corpus.material(Input("table", segment_s, length=bool(length)))
    found = clusters_report(material.x, material.y, material.genres, seed, k or len(material.genres))
    if plot is not None:
        draw_clusters(found, material.y, material.genres, plot)
    if as_json:
        told = {
            "nmi": found.nmi, "purity": found.purity, "purity_by_chance": found.chance, "explained": found.explained,
            "clusters": [dict(zip(material.genres, map(int, row), strict=True)) for row in found.counts],
        }  # fmt: skip
        typer.echo(json.dumps(told))
    else:
        typer.echo(
            f"normalised mutual information {found.nmi:.3f}, purity {found.purity:.3f} (chance {found.chance:.3f})"
        )
        for number, row in enumerate(found.counts):
            named = sorted(zip(material.genres, row, strict=True), key=lambda pair: -pair[1])
            shown = ", ".join(f"{genre} {count}" for genre, count in named if count)
            typer.echo(f"cluster {number + 1}: {shown or 'empty'}")
    complain_of(corpus)
    if corpus.failures:
        raise typer.Exit(SOME_FAILED)
