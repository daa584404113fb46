"""What the lab's commands share: the options of a plan, and how a corpus is opened with a bar on stderr."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sideman.cli.common import clock, complain
from sideman.core.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from sideman.genre.corpus import Corpus
    from sideman.genre.evaluate import Plan
    from sideman.training.task import Epoch

Data = Annotated[
    str | None,
    typer.Argument(
        metavar="DIR",
        help="One folder per genre, GTZAN, a CSV manifest, or a CSV table of features; by default SIDEMAN_DATA.",
        show_default=False,
    ),
]
Kind = Annotated[
    str, typer.Option("--kind", metavar="KIND", help="gtzan, folders or manifest; auto looks at what is there.")
]
ProtocolName = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        metavar="NAME",
        help="segments-random (leaky), tracks, holdout, artists or fault-filtered; by default artists where they are "
        "known, else tracks.",
        show_default=False,
    ),
]
FoldFile = Annotated[
    Path | None,
    typer.Option("--folds", metavar="FILE", help="Fixed folds: track, genre, group, fold.", show_default=False),
]
FoldCount = Annotated[
    int | None,
    typer.Option("--n-folds", min=2, metavar="N", help="Folds, if not the protocol's own.", show_default=False),
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change a setting of the model; may be repeated."),
]
SegmentLength = Annotated[
    float | None,
    typer.Option("--segment", metavar="S", help="Segments of S seconds, if not the model's own.", show_default=False),
]
SegmentCount = Annotated[
    int, typer.Option("--rows", min=1, metavar="N", help="Segments taken of a recording, spread evenly over it.")
]
MinLength = Annotated[
    float, typer.Option("--min-duration", min=0.0, metavar="S", help="Leave out recordings shorter than S seconds.")
]
LengthColumn = Annotated[
    bool | None,
    typer.Option(
        "--length/--no-length",
        help="Keep the table's column 'length', which tells the recording; by default under leaky protocols only.",
        show_default=False,
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", metavar="DIR", help="Where features are kept; by default the user's.", show_default=False),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, metavar="N", help="Processes; by default one per core.", show_default=False),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


def changes_of(given: list[str] | None) -> dict[str, str]:
    """Parse ``name=value`` pairs; raises :class:`UsageError` on anything else."""
    changes = {}
    for pair in given or ():
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set takes NAME=VALUE, not '{pair}'")
        changes[name.strip().replace("-", "_")] = value.strip()
    return changes


def open_corpus(
    data: str | None,
    *,
    kind: str = "auto",
    folds: Path | None = None,
    min_duration_s: float = 0.0,
    most: int = 10,
    cache: Path | None = None,
    workers: int | None = None,
    quiet: bool = False,
) -> tuple[Corpus, Any]:
    """Open labelled music; returns it with the rows of the fold file, if any (other recordings are left out)."""
    from sideman.core.progress import progress
    from sideman.datasets.splits import read_folds
    from sideman.genre.corpus import Corpus, only_folds

    if kind not in ("auto", "gtzan", "folders", "manifest"):
        raise UsageError("--kind is auto, gtzan, folders or manifest")
    rows = None if folds is None else read_folds(folds)
    corpus = Corpus(
        data,
        kind=kind,
        only=frozenset() if rows is None else only_folds(rows),
        min_duration_s=min_duration_s,
        most=most,
        cache=cache,
        workers=workers,
        bar=functools.partial(progress, quiet=quiet),
    )
    return corpus, rows


def make_plan(
    model: str,
    changes: list[str] | None,
    *,
    protocol: str | None = None,
    seeds: int = 1,
    seed: int = 0,
    n_folds: int | None = None,
    segment_s: float | None = None,
    length: bool | None = None,
    workers: int | None = None,
) -> Plan:
    """Read a plan from options; raises :class:`UsageError` on names that do not exist."""
    from sideman.core.tuning import available_cores
    from sideman.genre.evaluate import Plan
    from sideman.genre.protocols import get_protocol
    from sideman.genre.registry import get_model

    require_training(f"the model '{model}'")
    spec = get_model(model)
    if protocol is not None:
        get_protocol(protocol)
    return Plan(
        model,
        spec.settings(changes_of(changes)),
        protocol,
        tuple(range(seed, seed + seeds)),
        n_folds,
        segment_s,
        length,
        workers or (1 if spec.family == "table" else available_cores()),
    )


def require_training(feature: str) -> None:
    """Raise :class:`MissingExtraError` unless what every training needs is there."""
    import importlib.util

    if any(importlib.util.find_spec(name) is None for name in ("sklearn", "onnx")):
        raise MissingExtraError(feature, "train")


def tell_epoch(epoch: Epoch) -> None:
    """One line on stderr per epoch."""
    left_s = epoch.elapsed_s / epoch.number * (epoch.of - epoch.number) if epoch.number else 0.0
    seen = "" if epoch.accuracy is None else f", validation accuracy {epoch.accuracy:.3f}"
    complain(f"epoch {epoch.number} of {epoch.of}: loss {epoch.loss:.4f}{seen}, at most {clock(left_s)} left")


def complain_of(corpus: Corpus) -> None:
    """Name the recordings that could not be read."""
    for failure in corpus.failures:
        complain(f"warning: {failure}")
