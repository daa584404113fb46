"""``sideman features``: the GTZAN table, MFCC sequences, spectrogram and log-mel images of files and folders."""

from __future__ import annotations

import functools
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sideman.cli.common import FAILED, SOME_FAILED, complain
from sideman.core.errors import SidemanError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sideman.audio.extract import Recipe
    from sideman.audio.features_io import PartFolder, Source
    from sideman.core.parallel import Outcome

_FILES_PER_WORKER = 4  # below that, starting another process costs more than it saves
_DEFAULT_SEGMENT_S = 3.0


class _Kind(StrEnum):
    table = "table"
    mfcc = "mfcc"
    stft = "stft"
    mel = "mel"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("features")(features)


def features(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Recordings, folders (searched recursively), or - for a list on stdin.",
            show_default=False,
        ),
    ],
    kind: Annotated[
        _Kind,
        typer.Option(help="table: 58 numbers; mfcc: 13 x 130, stft: 513 x 128, mel: 128 x 130 for a segment of 3 s."),
    ] = _Kind.table,
    segment_s: Annotated[
        float | None,
        typer.Option(
            "--segments",
            metavar="S",
            help="Cut into segments of S seconds. By default the table is of the whole file, all else of 3 s.",
            show_default=False,
        ),
    ] = None,
    overlap: Annotated[
        float, typer.Option(min=0.0, max=0.999, metavar="P", help="Share of a segment that the next one repeats.")
    ] = 0.0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write FILE.csv, .parquet or .npz; else the table goes to stdout.", show_default=False
        ),
    ] = None,
    label_from_folder: Annotated[
        bool, typer.Option("--label-from-folder", help="The label is the name of the folder a file lies in.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Files worked on at once; by default one per core.", show_default=False),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON Lines: one object per row, or with --out one per file."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be done; nothing is read or written.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Extract features: the columns of the GTZAN tables, or sequences and images for models.

    With --out the run can be stopped at any time, by kill -9 too: the same command goes on where it was (finished files
    are kept in FILE.part/ until all are done). A file that cannot be read is reported and left out.

    Exit codes: 0 all done, 1 all failed, 2 wrong usage, 3 some files failed.
    """
    from sideman.audio.extract import Recipe
    from sideman.audio.features_io import PartFolder, check_output

    if segment_s is None and kind is not _Kind.table:
        segment_s = _DEFAULT_SEGMENT_S
    if overlap and segment_s is None:
        raise UsageError("--overlap is of segments: give their length with --segments")
    recipe = Recipe(kind.value, segment_s, overlap)
    if out is not None:
        check_output(out, recipe)
    elif kind is not _Kind.table:
        raise UsageError(f"features of kind {kind.value!r} are not text: name a file with --out FILE.npz")
    sources = list(_sources(paths, label_from_folder))
    if not sources:
        raise SidemanError(f"{', '.join(paths)}: no recordings found; name files outright to try any type")
    if dry_run:
        _tell(sources, None if out is None else PartFolder(out, recipe), out, as_json)
        return

    from sideman.core.tuning import available_cores, tune_allocator

    tune_allocator()
    count = workers or min(available_cores(), -(-len(sources) // _FILES_PER_WORKER))
    if out is None:
        failed = _to_stdout(sources, recipe, count, as_json, quiet)
    else:
        failed = _to_file(sources, recipe, out, count, as_json, quiet)
    if failed:
        if len(sources) > 1:
            complain(f"{failed} of {len(sources)} files failed")
        raise typer.Exit(FAILED if failed == len(sources) else SOME_FAILED)


def _sources(paths: list[str], label_from_folder: bool) -> Iterator[Source]:
    from sideman.audio.features_io import Source
    from sideman.core.paths import find_audio

    def report(error: OSError) -> None:
        complain(f"warning: {error.filename}: folder passed over ({(error.strerror or str(error)).lower()})")

    for given in paths:
        for path in find_audio(_listed() if given == "-" else [given], on_error=report):
            yield Source(path, path.absolute().parent.name if label_from_folder else "")


def _listed() -> list[str]:
    """Paths on stdin, one per line, or ended by NUL (``find -print0``)."""
    data = sys.stdin.buffer.read()
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(line) for line in lines if line]


def _tell(sources: list[Source], parts: PartFolder | None, out: Path | None, as_json: bool) -> None:
    """What a run would do, file by file."""
    from sideman.core.errors import AudioError

    for source in sources:
        try:
            done = parts is not None and parts.part_of(source).exists()
            error = None
        except AudioError as problem:
            done, error = False, str(problem)
        if as_json:
            line: dict[str, Any] = {"path": str(source), "label": source.label, "done": done}
            _print_json({**line, "error": error} if error else line)
        elif error:
            complain(f"error: {error}")
        else:
            typer.echo(f"{'done already' if done else 'would extract'}: {source}")
    complain(f"would write {'the table to stdout' if out is None else out}; nothing was done")


def _to_file(sources: list[Source], recipe: Recipe, out: Path, count: int, as_json: bool, quiet: bool) -> int:
    """Extract into the part folder, then join; returns how many files failed."""
    from sideman.audio.features_io import PartFolder, write_features

    parts = PartFolder(out, recipe)
    finished: list[tuple[Source, Path]] = []
    try:
        for outcome in _outcomes(functools.partial(_extract_part, parts), sources, count, as_json, quiet):
            if outcome.value is not None:
                finished.append((outcome.item, outcome.value))
                if as_json:
                    _print_json({"path": str(outcome.item), "rows": parts.rows_in(outcome.value)})
    except KeyboardInterrupt:
        complain(f"interrupted: {len(finished)} of {len(sources)} files are kept; the same command goes on from there")
        raise
    if finished:
        rows = write_features(out, parts, finished)
        parts.remove()
        complain(f"wrote {rows} rows of {len(finished)} files to {out}")
    return len(sources) - len(finished)


def _to_stdout(sources: list[Source], recipe: Recipe, count: int, as_json: bool, quiet: bool) -> int:
    """Print the table as it grows; returns how many files failed."""
    from sideman.audio.descriptors import TABLE_COLUMNS
    from sideman.audio.features_io import write_csv

    done = 0
    header = not as_json
    quiet = quiet or sys.stdout.isatty()  # data scrolling over a terminal would tear a progress bar apart
    for outcome in _outcomes(functools.partial(_extract_rows, recipe), sources, count, as_json, quiet):
        if outcome.value is None:
            continue
        done += 1
        source = outcome.item
        named = [(recipe.row_name(source.path, i), values, source.label) for i, values in enumerate(outcome.value)]
        if as_json:
            for name, values, label in named:
                cells = [name, int(values[0]), *values[1:].tolist(), label]
                _print_json({"path": str(source), **dict(zip(TABLE_COLUMNS, cells, strict=True))})
        else:
            text = io.StringIO()
            write_csv(text, named, header=header)
            header = False
            # Names keep their bytes, whatever the terminal's encoding.
            sys.stdout.buffer.write(text.getvalue().encode("utf-8", "surrogateescape"))
        sys.stdout.flush()
    return len(sources) - done


def _outcomes(
    function: functools.partial[Any], sources: list[Source], count: int, as_json: bool, quiet: bool
) -> Iterable[Outcome[Source, Any]]:
    """Run over all files, in order, with a progress bar; failures are reported here."""
    from sideman.core.parallel import in_order, map_files
    from sideman.core.progress import progress

    with progress("extracting", len(sources), quiet=quiet or len(sources) == 1) as advance:
        for outcome in in_order(map_files(function, sources, count)):
            if not outcome.ok:
                complain(f"error: {outcome.error}")
                if outcome.details:
                    print(outcome.details, file=sys.stderr)
                if as_json:
                    _print_json({"path": str(outcome.item), "error": outcome.error})
            yield outcome
            advance(1)


def _print_json(line: dict[str, Any]) -> None:
    typer.echo(json.dumps(line, ensure_ascii=True))


def _extract_part(parts: PartFolder, source: Source) -> Path:
    """Extract one file into the part folder; runs in a worker."""
    return parts.write(source)


def _extract_rows(recipe: Recipe, source: Source) -> list[NDArray[np.floating]]:
    """Extract one file's table rows; runs in a worker."""
    from sideman.audio.extract import extract

    return list(extract(source.path, recipe))
