"""``sideman compose --engine spectra``: sound that a network imagines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sideman.cli.common import complain, printable, refuse_existing
from sideman.core.errors import UsageError

if TYPE_CHECKING:
    from sideman.compose.spectra.asking import Asked
    from sideman.compose.spectra.imagine import Wish
    from sideman.compose.spectra.imaginers import Imaginer
    from sideman.compose.spectra.piece import Imagined
    from sideman.compose.wish import Flags

_BLOCK_N = 1 << 19
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".npz", ".png")


@dataclass(frozen=True)
class Options:
    """What the command was given, besides the wish."""

    n: int
    out: list[Path]
    seed: int | None
    model: str
    vocoder: str
    steps: int | None
    guidance: float | None
    overwrite: bool
    dry_run: bool
    as_json: bool
    quiet: bool


def refuse(given: Mapping[str, object], temperature: float) -> None:
    """Raises :class:`UsageError` for options that only scores know."""
    named = [name for name, value in given.items() if value is not None]
    if temperature != 1.0:
        named.append("--temperature")
    if named:
        raise UsageError(f"{', '.join(named)}: is for scores; leave it out with --engine spectra")


def run(prompt: str | None, flags: Flags, options: Options) -> None:
    """Imagine pieces, rank them by ear, write and tell them."""
    from sideman.compose.spectra.asking import asked_for
    from sideman.compose.spectra.imagine import LONGEST_S, frames_of
    from sideman.compose.spectra.imaginers import open_imaginer
    from sideman.compose.vocoder import METHODS
    from sideman.compose.wish import numbered

    if options.vocoder not in METHODS:
        raise UsageError(f"--vocoder {options.vocoder!r}: choose {', '.join(METHODS)}")
    imaginer = open_imaginer("flow" if options.model == "auto" else options.model)
    asked = asked_for(prompt, flags, steps=options.steps, guidance=options.guidance)
    wish, seconds = asked.wish, asked.seconds
    wish.check(imaginer)
    frames_of(seconds)
    files = numbered(options.out or [Path("piece.wav")], options.n, SUFFIXES)
    if not options.quiet:
        if prompt is not None:
            _tell_understanding(asked)
        if imaginer.notice:
            complain(f"note: {imaginer.notice}")
        if wish.valence is not None and imaginer.kind != "flow":
            complain(f"note: '{imaginer.name}' knows no moods; the mood is not heard")
    if options.dry_run:
        names = ", ".join(str(f) for group in files for f in group)
        typer.echo(f"would imagine {options.n} x {seconds:g} s ({LONGEST_S:g} s at most) and write {names}")
        return
    refuse_existing([f for group in files for f in group], overwrite=options.overwrite)
    seed = options.seed
    if seed is None:
        import secrets

        seed = secrets.randbelow(1_000_000)
    _write_all(imaginer, wish, seconds, seed, files, options)


def _write_all(
    imaginer: Imaginer, wish: Wish, seconds: float, seed: int, files: list[list[Path]], options: Options
) -> None:
    from sideman.compose.spectra.imagine import frames_of
    from sideman.compose.spectra.piece import compose_sound, listened, ranked
    from sideman.core.interrupts import exit_code, heeded
    from sideman.core.progress import progress

    made: list[Imagined] = []
    code = 0
    with progress("imagining", options.n * frames_of(seconds), quiet=options.quiet) as advance:
        try:
            for i in range(options.n):
                piece = compose_sound(
                    imaginer, wish, seconds, seed=seed + i, method=options.vocoder, advance=advance
                )  # fmt: skip
                made.append(listened(piece))
        except KeyboardInterrupt as error:
            code = exit_code(error)
            heeded()
    for piece, targets in zip(ranked(made), files, strict=False):
        for target in targets:
            _write(piece, target)
        _tell(piece, targets, as_json=options.as_json)
    if code:
        complain(f"interrupted: {len(made)} of {options.n} pieces were finished")
        raise typer.Exit(code)


def _write(piece: Imagined, target: Path) -> None:
    from sideman.audio.mel_picture import FORM
    from sideman.compose.spectra.files import write_picture
    from sideman.compose.spectra.sound_files import write_sound

    if target.suffix.lower() in (".npz", ".png"):
        write_picture(piece.mel, target)
    else:
        blocks = (piece.samples[i : i + _BLOCK_N] for i in range(0, len(piece.samples), _BLOCK_N))
        write_sound(blocks, target, FORM.sample_rate_hz)


def _tell(piece: Imagined, targets: list[Path], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(piece.facts() | {"files": [str(t) for t in targets]}))
        return
    asked = piece.wish.genre or "any genre"
    parts = [f"{piece.duration_s:.1f} s", f"seed {piece.seed}", piece.imaginer]
    if piece.heard is not None:
        known = "" if piece.probability is None else f", {piece.wish.genre} {piece.probability:.0%}"
        parts.append(f"sounds like {piece.heard}{known}")
    typer.echo(f"{', '.join(printable(str(t)) for t in targets)}: {asked}\n  {' · '.join(parts)}")


def _tell_understanding(asked: Asked) -> None:
    from sideman.mood.names import nearest

    wish = asked.wish
    mood = "" if wish.valence is None else f", {nearest(wish.valence, wish.arousal or 0.0)}"
    complain(f"understood: {wish.genre or 'any genre'}{mood}, {asked.seconds:g} s")
    if asked.passed_over:
        complain(f"not used: {', '.join(asked.passed_over)}")
