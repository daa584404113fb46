"""``sideman data``: look at a labelled data set, check it, and split it without cutting what belongs together."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sideman.cli.common import FAILED, SOME_FAILED, complain, printable
from sideman.core.errors import SidemanError, UsageError

if TYPE_CHECKING:
    from sideman.datasets.exploration import Exploration
    from sideman.datasets.pictures import Picture
    from sideman.datasets.splits import FoldRow
    from sideman.datasets.track import Dataset, Relation
    from sideman.datasets.validate import Finding

app = typer.Typer(
    name="data",
    help="Look at a labelled data set, check it, and split it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_SHOWN_PER_CODE = 10

Source = Annotated[
    str | None,
    typer.Argument(metavar="DIR", help="Folder of the data set, or a CSV manifest; by default SIDEMAN_DATA."),
]
DataOption = Annotated[
    str | None, typer.Option("--data", metavar="DIR", help="The same as the argument.", show_default=False)
]
Kind = Annotated[
    str, typer.Option("--kind", metavar="KIND", help="gtzan, folders or manifest; auto looks at what is there.")
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Files worked on at once; by default one per core.", show_default=False),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines.")]


def register(parent: typer.Typer) -> None:
    """Add the commands to the application."""
    parent.add_typer(app)


def _open(source: str | None, data: str | None, kind: str) -> Dataset:
    from sideman.datasets.source import open_dataset

    if source is not None and data is not None:
        raise typer.BadParameter("name the data set once: as DIR or as --data")
    if kind not in ("auto", "gtzan", "folders", "manifest"):
        raise typer.BadParameter("choose auto, gtzan, folders or manifest", param_hint="--kind")
    return open_dataset(source if source is not None else data, kind=kind)


def _print_json(record: dict[str, Any]) -> None:
    print(json.dumps(record, allow_nan=False))


@app.command("validate")
def validate_command(
    source: Source = None,
    data: DataOption = None,
    kind: Kind = "auto",
    rate_hz: Annotated[
        int | None, typer.Option("--rate", min=1, metavar="HZ", help="Expect this sample rate.", show_default=False)
    ] = None,
    length_s: Annotated[
        float | None, typer.Option("--length", metavar="S", help="Expect this length, within 1 s.", show_default=False)
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors for the exit code.")] = False,
    every: Annotated[bool, typer.Option("--all", help="List every finding, not 10 of each kind.")] = False,
    as_json: Json = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Decode every file of a data set and list what is missing, broken, mislabelled or not as expected.

    GTZAN is expected to have 1000 clips of 30 s at 22050 Hz.

    Exit codes: 0 no errors (warnings do not count), 1 the data set cannot be opened, 2 wrong usage, 3 errors found.
    """
    from sideman.core.progress import progress
    from sideman.datasets import validate

    dataset = _open(source, data, kind)
    expected = validate.GTZAN_EXPECTATION if dataset.name == "gtzan" else validate.Expectation()
    if rate_hz is not None or length_s is not None:
        expected = validate.Expectation(rate_hz or expected.sample_rate_hz, length_s or expected.duration_s)
    with progress("checking", len(dataset.tracks), quiet=quiet) as advance:
        findings = validate.validate(dataset, expected, workers=workers, advance=advance)
    if as_json:
        for finding in findings:
            _print_json(finding.to_dict())
    else:
        _list(findings, every)
    count = validate.counts(findings)
    summary = ", ".join(f"{n} {code}" for code, n in count.items()) or "nothing wrong"
    complain(f"{len(dataset.tracks)} tracks, {len(dataset.genres)} genres: {summary}")
    if any(finding.severity == validate.ERROR or strict for finding in findings):
        raise typer.Exit(SOME_FAILED)


def _list(findings: tuple[Finding, ...], every: bool) -> None:
    shown: Counter[str] = Counter()
    total = Counter(finding.code for finding in findings)
    for finding in findings:
        shown[finding.code] += 1
        if every or shown[finding.code] <= _SHOWN_PER_CODE:
            what = finding.track or finding.path
            print(printable(f"{finding.severity:7}  {finding.code:13}  {what}: {finding.message}"))
        elif shown[finding.code] == total[finding.code]:
            rest = total[finding.code] - _SHOWN_PER_CODE
            print(f"{finding.severity:7}  {finding.code:13}  and {rest} more (--all lists them)")


@app.command("split")
def split_command(
    source: Source = None,
    data: DataOption = None,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write the fold file here; without it, print it."),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, metavar="N", help="Number of folds.")] = 5,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the order among like groups.")] = 0,
    by_ear: Annotated[
        bool, typer.Option("--near-duplicates", help="Also keep together what sounds like one recording.")
    ] = False,
    check: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Do not split: check this fold file for artists or recordings that it cuts."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; tell what would be written.")] = False,
    kind: Kind = "auto",
    as_json: Json = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Split a data set into folds of like genre counts that keep artists, repetitions and pieces together.

    The fold file is a CSV with the columns track, genre, group, fold. Tracks without a named artist form one group per
    genre, where other tracks have names.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 (--check) the file cuts something.
    """
    from sideman.datasets import splits
    from sideman.datasets.track import relations_of

    dataset = _open(source, data, kind)
    relations = relations_of(dataset)
    if by_ear:
        relations = (*relations, *_near_duplicates(dataset, workers, quiet))
    if check is not None:
        _check(check, dataset, relations, as_json)
        return
    rows = splits.make_folds(dataset.tracks, relations, n_folds=folds, seed=seed)
    for fold, genres in splits.missing_genres(rows).items():
        complain(f"fold {fold} has no {', '.join(genres)}: too few independent groups")
    if out is not None and not dry_run:
        splits.write_folds(out, rows)
    if as_json:
        for row in rows:
            _print_json({name: getattr(row, name) for name in splits.COLUMNS})
    elif out is None and not dry_run:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(splits.COLUMNS)
        writer.writerows([printable(row.track), printable(row.genre), printable(row.group), row.fold] for row in rows)
    else:
        _print_counts(rows, dataset.genres)
        complain(f"{'would write' if dry_run else 'wrote'} {out or 'standard output'}: {len(rows)} tracks")


def _near_duplicates(dataset: Dataset, workers: int | None, quiet: bool) -> tuple[Relation, ...]:
    from sideman.core.parallel import map_files
    from sideman.core.progress import progress
    from sideman.datasets.duplicates import find_matches, fingerprint_file, near_duplicates

    prints = {}
    paths = [track.path for track in dataset.tracks]
    with progress("listening", len(paths), quiet=quiet) as advance:
        for outcome in map_files(fingerprint_file, paths, workers):
            if outcome.value is not None:
                prints[dataset.tracks[outcome.index].track_id] = outcome.value
            else:
                complain(f"warning: {outcome.error}")
            advance(1)
    return near_duplicates(find_matches(prints))


def _check(path: str, dataset: Dataset, relations: tuple[Relation, ...], as_json: bool) -> None:
    from sideman.datasets import splits

    part_of = {row.track: row.fold for row in splits.read_folds(path)}
    unknown = sorted(part_of.keys() - dataset.by_id().keys())
    absent = sorted(dataset.by_id().keys() - part_of.keys())
    if len(unknown) == len(part_of):
        raise SidemanError(f"{path}: none of its tracks is in the data set; name the data set that it was made for")
    if unknown or absent:
        complain(
            f"warning: {len(unknown)} tracks of the file are not in the data set, {len(absent)} are not in the file"
        )
    cut = splits.cut_relations(part_of, relations)
    for relation in cut:
        if as_json:
            places = {member: part_of[member] for member in relation.members}
            _print_json({"kind": relation.kind, "name": relation.name, "folds": places})
        else:
            places = ", ".join(f"{member} in {part_of[member]}" for member in relation.members)  # type: ignore[assignment]
            print(printable(f"{relation.kind}: {relation.name}: {places}"))
    complain(f"{path}: {len(part_of)} tracks, {len(cut)} relations cut")
    if cut:
        raise typer.Exit(SOME_FAILED)


def _print_counts(rows: tuple[FoldRow, ...], genres: tuple[str, ...]) -> None:
    count = Counter((row.genre, row.fold) for row in rows)
    numbers = sorted({row.fold for row in rows})
    width = max(len("genre"), *(len(genre) for genre in genres))
    print(f"{'genre':{width}}" + "".join(f"{'fold ' + str(n):>8}" for n in numbers))
    for genre in genres:
        print(printable(f"{genre:{width}}" + "".join(f"{count[genre, n]:>8}" for n in numbers)))


@app.command("describe")
def describe_command(
    source: Source = None,
    data: DataOption = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE", help="Write the report (HTML, one file) here.")
    ] = None,
    manifest_to: Annotated[
        str | None,
        typer.Option("--write-manifest", metavar="FILE", help="Write a CSV manifest of the tracks to keep."),
    ] = None,
    per_genre: Annotated[int, typer.Option(min=0, metavar="N", help="Clips pictured per genre.")] = 2,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Heading of the report.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object per track.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; tell what would be written.")] = False,
    kind: Kind = "auto",
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Explore a data set: balance, lengths, faults, duplicates, outliers, features; and what to leave out, and why.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some files cannot be read (the rest is reported all the same).
    """
    from sideman.core.atomic import atomic_write
    from sideman.core.progress import progress
    from sideman.datasets import manifest
    from sideman.datasets.exploration import explore
    from sideman.datasets.report import render

    if out is None and manifest_to is None and not as_json and not dry_run:
        raise UsageError("nothing to do: give --out FILE, --write-manifest FILE or --json")
    dataset = _open(source, data, kind)
    for target in (out, manifest_to):
        if target is not None and not Path(target).resolve().parent.is_dir():
            raise SidemanError(f"{target}: its folder does not exist; create it first")
    with progress("examining", len(dataset.tracks), quiet=quiet) as advance:
        found = explore(dataset, workers=workers, advance=advance)
    if out is not None and not dry_run:
        page = render(found, _draw(found, per_genre, workers, quiet), title=title)
        with atomic_write(out, "w") as file:
            file.write(page)
    if manifest_to is not None and not dry_run:
        manifest.write(manifest_to, found.kept())
    if as_json:
        _print_tracks(found)
    for exclusion in () if as_json else found.exclusions:
        print(printable(f"leave out  {exclusion.track}: {exclusion.reason}"))
    verb = "would write" if dry_run else "wrote"
    for target in (out, manifest_to):
        if target is not None:
            complain(f"{verb} {target}")
    complain(
        f"{len(dataset.tracks)} tracks: {len(found.failures)} unreadable, {len(found.matches)} near-duplicate pairs, "
        f"{len(found.outliers)} outliers, {len(found.exclusions)} to leave out"
    )
    if found.failures:
        raise typer.Exit(FAILED if len(found.failures) == len(dataset.tracks) else SOME_FAILED)


def _draw(found: Exploration, per_genre: int, workers: int | None, quiet: bool) -> dict[str, Picture]:
    from sideman.core.parallel import map_files
    from sideman.core.progress import progress
    from sideman.datasets.pictures import draw
    from sideman.datasets.report import choose_clips

    names = [name for ids in choose_clips(found, per_genre).values() for name in ids]
    by_id = found.dataset.by_id()
    pictures = {}
    with progress("drawing", len(names), quiet=quiet) as advance:
        for outcome in map_files(draw, [by_id[name].path for name in names], workers):
            if outcome.value is not None:
                pictures[names[outcome.index]] = outcome.value
            else:
                complain(f"warning: {outcome.error}")
            advance(1)
    return {name: pictures[name] for name in names if name in pictures}


def _print_tracks(found: Exploration) -> None:
    from dataclasses import asdict

    why = {exclusion.track: exclusion.reason for exclusion in found.exclusions}
    far = {outlier.track: outlier.distance for outlier in found.outliers}
    for track in found.dataset.tracks:
        record: dict[str, Any] = {"track": track.track_id, "path": str(track.path), "genre": track.genre}
        if track.track_id in found.failures:
            record["error"] = found.failures[track.track_id]
        else:
            clip = asdict(found.clips[track.track_id])
            silent = clip["level_dbfs"] == float("-inf")
            record |= clip | {"level_dbfs": None if silent else clip["level_dbfs"]}  # JSON has no infinity
        record["near_duplicates"] = sorted(
            {*(m.second for m in found.matches if m.first == track.track_id)}
            | {*(m.first for m in found.matches if m.second == track.track_id)}
        )
        record["outlier_distance"] = far.get(track.track_id)
        record["leave_out"] = why.get(track.track_id)
        _print_json(record)
