"""``sideman spectra``: recordings as log-mel pictures, and pictures as sound."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sideman.cli.common import FAILED, SOME_FAILED, clock, complain, printable, refuse_existing
from sideman.core.errors import SidemanError, UsageError

if TYPE_CHECKING:
    from sideman.inference.sessions import Session

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files to read.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object per file.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done; nothing is written.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no remarks.")]


def register(app: typer.Typer) -> None:
    """Add the command group to the application."""
    group = typer.Typer(help="Recordings as log-mel pictures, and pictures as sound.", no_args_is_help=True)
    group.command("invert")(invert)
    group.command("draw")(draw)
    app.add_typer(group, name="spectra")


def invert(
    files: Files,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help=".wav .flac .mp3 .ogg .opus, or for several files a folder. By default FILE.inverted.wav.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        str, typer.Option("--method", metavar="NAME", help="network, griffin-lim, or single-pass.")
    ] = "network",
    iterations: Annotated[
        int, typer.Option("--iterations", min=0, max=10_000, metavar="N", help="Rounds of Griffin-Lim.")
    ] = 100,
    corrections: Annotated[
        int | None,
        typer.Option(
            "--corrections",
            min=0,
            max=100,
            metavar="N",
            help="Rounds that bend the sound towards its picture; by default 3 for the network, 0 else.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="FOLDER", help="A vocoder of your own (vocoder.json, vocoder.onnx)."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of Griffin-Lim's first phases.")] = 0,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn pictures (.npz, .npy, .png), or recordings by way of their pictures, into sound.

    Exit codes: 0 all done, 1 all failed, 2 wrong usage, 3 some files failed.
    """
    from sideman.compose.spectra.invert import invert as invert_file
    from sideman.compose.spectra.sound_files import check_sound_name
    from sideman.compose.vocoder import METHODS
    from sideman.core.progress import progress

    if method not in METHODS:
        raise UsageError(f"unknown --method {method!r}: choose one of {', '.join(METHODS)}")
    if model is not None and method != "network":
        raise UsageError(f"--model is a network, which --method {method} does not use; leave one out")
    jobs = _jobs(files, out, ".inverted.wav", overwrite=overwrite)
    for _, target in jobs:
        check_sound_name(target)
    if dry_run:
        _tell(jobs, as_json=as_json)
        return
    session = _vocoder(model) if method == "network" else None

    def run(source: Path, target: Path) -> dict[str, Any]:
        done = invert_file(
            source,
            target,
            method,
            iterations=iterations,
            corrections=corrections,
            seed=seed,
            session=session,
            bar=lambda frames: progress("inverting", frames, quiet=quiet),
        )
        if done.gain < 1 and not quiet:
            complain(f"note: {target}: peaks reached {done.peak:.2f}; made {done.gain:.2f} times as loud")
        if not as_json:
            speed = done.duration_s / max(done.seconds, 1e-9)
            typer.echo(
                f"{printable(str(target))}: {clock(done.duration_s)} by {method} in {done.seconds:.1f} s "
                f"({speed:.0f} x real time), {_level(done.peak * done.gain)}, log-mel L1 {done.log_mel_l1:.3f}"
            )
        return done.to_dict()

    _each(jobs, run, as_json=as_json)


def draw(
    files: Files,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help=".npz or .png, or for several files a folder. By default FILE.mel.npz.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the log-mel pictures of recordings, exact (.npz) or to look at and paint in (.png, 16 bits of grey).

    Exit codes: 0 all done, 1 all failed, 2 wrong usage, 3 some files failed.
    """
    from sideman.audio.mel_picture import FORM
    from sideman.compose.spectra.files import PICTURE_SUFFIXES, read_picture, write_picture
    from sideman.core.progress import progress

    jobs = _jobs(files, out, ".mel.npz", overwrite=overwrite)
    for _, target in jobs:
        if target.suffix.lower() not in PICTURE_SUFFIXES:
            raise UsageError(f"{target}: a picture's name must end in one of {', '.join(PICTURE_SUFFIXES)}")
    if dry_run:
        _tell(jobs, as_json=as_json)
        return

    def run(source: Path, target: Path) -> dict[str, Any]:
        with progress("drawing", None, quiet=quiet) as advance:
            picture = read_picture(source, advance=advance)
        write_picture(picture, target)
        frames, level = picture.shape[1], float(picture.mean())
        if not as_json:
            typer.echo(
                f"{printable(str(target))}: {clock(frames / FORM.frames_per_s)}, {frames} frames, mean {level:.1f}"
            )
        return {
            "path": str(source), "out": str(target), "frames": frames, "duration_s": frames / FORM.frames_per_s,
            "mean": level, "highest": float(picture.max()),
        }  # fmt: skip

    _each(jobs, run, as_json=as_json)


def _level(peak: float) -> str:
    return f"peak {20 * math.log10(peak):.1f} dB" if peak > 0 else "silent"


def _jobs(files: list[Path], out: Path | None, ending: str, *, overwrite: bool) -> list[tuple[Path, Path]]:
    """Each file with the one to write; refuses what would be lost before anything is done."""
    if out is not None and len(files) > 1 and not out.is_dir():
        raise UsageError(f"{out}: for several files, name a folder that exists")
    into = out if out is not None and out.is_dir() else None
    jobs = [
        (file, out if out is not None and into is None else (into or file.parent) / (file.name + ending))
        for file in files
    ]
    targets = [target.absolute() for _, target in jobs]
    for file, target in jobs:
        if targets.count(target.absolute()) > 1:
            raise UsageError(f"{target}: would be written more than once; name files of different names")
        refuse_existing([target], overwrite=overwrite)
        if target.absolute() == file.absolute():
            raise UsageError(f"{target}: is the file to read; choose another name")
    return jobs


def _tell(jobs: list[tuple[Path, Path]], *, as_json: bool) -> None:
    for source, target in jobs:
        row = {"path": str(source), "out": str(target)}
        typer.echo(json.dumps(row) if as_json else f"would write {printable(str(target))}")


def _vocoder(folder: Path | None) -> Session:
    from sideman.inference.sessions import open_session

    return open_session("vocoder") if folder is None else open_session("vocoder", folder)


def _each(jobs: list[tuple[Path, Path]], run: Callable[[Path, Path], dict[str, Any]], *, as_json: bool) -> None:
    """Run over all files; one that fails is told and costs itself only."""
    from sideman.core.tuning import tune_allocator

    tune_allocator()
    failed = 0
    for source, target in jobs:
        try:
            row = run(source, target)
        except UsageError:
            raise
        except SidemanError as error:
            failed += 1
            complain(f"error: {error}")
            row = {"path": str(source), "error": str(error)}
        if as_json:
            typer.echo(json.dumps(row))
    if failed:
        if len(jobs) > 1:
            complain(f"{failed} of {len(jobs)} files failed")
        raise typer.Exit(FAILED if failed == len(jobs) else SOME_FAILED)
