"""``sideman compose``: new music in the genres that it has learnt."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from sideman.cli import compose_judge
from sideman.cli.common import complain, printable, refuse_existing
from sideman.core.errors import UsageError

if TYPE_CHECKING:
    from sideman.compose.composers import Composer
    from sideman.compose.controls import Controls
    from sideman.compose.generate import Composition
    from sideman.compose.prompt import Understanding
    from sideman.compose.ranking import Candidate
    from sideman.compose.start import Mode, Write

_MOST_PIECES = 100


def register(app: typer.Typer) -> None:
    """Add the command group to the application."""
    group = typer.Typer(invoke_without_command=True, subcommand_metavar="[COMMAND]")
    group.callback()(compose)
    group.command("models")(compose_judge.models)
    group.command("evaluate")(compose_judge.evaluate)
    app.add_typer(group, name="compose")


def compose(
    ctx: typer.Context,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", metavar="TEXT", help='A sentence: "a slow sad waltz in D minor for piano and cello".'),
    ] = None,
    genre: Annotated[str | None, typer.Option("--genre", metavar="NAME", help="'compose models' lists them.")] = None,
    mood: Annotated[str | None, typer.Option("--mood", metavar="NAME", help="calm, happy, sad, tense...")] = None,
    valence: Annotated[
        float | None, typer.Option("--valence", min=-1, max=1, metavar="V", help="How pleasant, -1 to 1.")
    ] = None,
    arousal: Annotated[
        float | None, typer.Option("--arousal", min=-1, max=1, metavar="A", help="How excited, -1 to 1.")
    ] = None,
    tempo_bpm: Annotated[
        float | None,
        typer.Option("--tempo", metavar="BPM", help="Quarter notes per minute; dotted quarters in 6/8, 9/8, 12/8."),
    ] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help='"D minor", Bb, F#m, 7A...')] = None,
    metre: Annotated[str | None, typer.Option("--metre", metavar="N/M", help="3/4, 6/8...")] = None,
    bars: Annotated[int | None, typer.Option("--bars", metavar="N", help="Length; 16 if nothing else says.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", metavar="S", help="Length in seconds instead.")] = None,
    instruments: Annotated[
        str | None, typer.Option("--instruments", metavar="LIST", help="piano,bass,drums: all of them play, no others.")
    ] = None,
    density: Annotated[
        int | None, typer.Option("--density", min=0, max=7, metavar="N", help="0 sparse to 7 dense.")
    ] = None,
    continue_: Annotated[
        Path | None, typer.Option("--continue", metavar="FILE", help="Keep the first bars of a piece and go on.")
    ] = None,
    keep_bars: Annotated[
        int | None, typer.Option("--keep-bars", min=1, metavar="N", help="With --continue: how many bars to keep.")
    ] = None,
    harmonise: Annotated[
        Path | None, typer.Option("--harmonise", metavar="FILE", help="Keep a melody and accompany it.")
    ] = None,
    infill: Annotated[
        Path | None, typer.Option("--infill", metavar="FILE", help="Write the bars named by --bars-of anew.")
    ] = None,
    bars_of: Annotated[str | None, typer.Option("--bars-of", metavar="A-B", help="With --infill: 5-8.")] = None,
    style_of: Annotated[
        Path | None, typer.Option("--style-of", metavar="FILE", help="Take tempo, key, instruments... from a piece.")
    ] = None,
    n: Annotated[int, typer.Option("-n", "--number", min=1, max=_MOST_PIECES, metavar="N", help="So many.")] = 1,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help=".mid .musicxml .wav .flac .mp3 .ogg .opus .png (spectra: also .npz, no scores); repeatable.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, metavar="N", help="Same seed, same piece.")] = None,
    temperature: Annotated[
        float, typer.Option("--temperature", min=0.0, max=3.0, metavar="T", help="Below 1 safer, above bolder.")
    ] = 1.0,
    strict_key: Annotated[bool, typer.Option("--strict-key", help="No tone outside of the key's scale.")] = False,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="NAME",
            help="auto, open, research, or a folder of 'train score'; spectra: flow, dcgan, or one of 'train spectra'.",
        ),
    ] = "auto",
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME", help="score, or spectra: sound that a network imagines.")
    ] = "score",
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", help="Spectra: steps from noise; more are slower, finer.")
    ] = None,
    guidance: Annotated[
        float | None, typer.Option("--guidance", metavar="G", help="Spectra: how much genre and mood are exaggerated.")
    ] = None,
    vocoder: Annotated[
        str | None, typer.Option("--vocoder", metavar="NAME", help="Spectra: network, griffin-lim or single-pass.")
    ] = None,
    soundfont: Annotated[Path | None, typer.Option("--soundfont", metavar="FILE", help="An .sf2 to play with.")] = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Only tell how original a piece is.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be composed, and write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object per piece.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no remarks.")] = False,
) -> None:
    """Compose music: ask by flags, by a sentence, or start from a piece.

    Candidates (-n) are played and ranked by how much they sound like the asked genre. Ctrl-C keeps finished pieces.

    Exit codes: 0 all done, 1 failed, 2 wrong usage.
    """
    if ctx.invoked_subcommand is not None:
        return
    from sideman.compose.composers import choose
    from sideman.compose.generate import check as check_wish
    from sideman.compose.sampling import Sampling
    from sideman.compose.start import Start, parse_range, styled, writer
    from sideman.compose.wish import Flags, from_flags, numbered, understood
    from sideman.symbolic.reading import read_score

    if check is not None:
        compose_judge.tell_originality(check, model, as_json=as_json)
        return
    flags = Flags(
        genre, mood, valence, arousal, tempo_bpm, key, metre, bars, seconds, instruments, density
    )  # fmt: skip
    if engine == "spectra":
        from sideman.cli import compose_spectra

        given = {
            "--continue": continue_, "--keep-bars": keep_bars, "--harmonise": harmonise, "--infill": infill,
            "--bars-of": bars_of, "--style-of": style_of, "--soundfont": soundfont, "--strict-key": strict_key or None,
        }  # fmt: skip
        compose_spectra.refuse(given, temperature)
        compose_spectra.run(
            prompt, flags,
            compose_spectra.Options(
                n, out or [], seed, model, vocoder or "network", steps, guidance, overwrite, dry_run, as_json, quiet
            ),
        )  # fmt: skip
        return
    if engine != "score":
        raise UsageError(f"--engine {engine!r}: choose score or spectra")
    if (steps, guidance, vocoder) != (None, None, None):
        raise UsageError("--steps, --guidance and --vocoder go with --engine spectra")
    kept = {"continue": continue_, "harmonise": harmonise, "infill": infill}
    sources = {mode: path for mode, path in kept.items() if path is not None}
    if len(sources) > 1:
        raise UsageError("--continue, --harmonise and --infill exclude each other; choose one")
    mode, source = next(iter(sources.items()), ("new", None))
    start = Start(cast("Mode", mode), keep_bars, parse_range(bars_of) if bars_of is not None else None)
    if not math.isfinite(temperature):
        raise UsageError("--temperature must be a number from 0 to 3")
    asked, told = understood(prompt, flags)
    start.check(from_flags(flags), strict_key=strict_key, seconds=seconds)
    if style_of is not None:
        asked = styled(asked, read_score(style_of))
    check_wish(asked)
    composer, notice = choose(asked.genre, model)
    files = numbered(out or [Path("piece.mid")], n)
    if not quiet:
        _tell_understanding(told, asked, composer)
        if notice:
            complain(f"note: {notice}")
        facts = composer.genres.get(asked.genre or "", {})
        if facts.get("thin"):
            complain(f"note: little {asked.genre} was learnt from ({facts['pieces']} pieces); expect less of it")
    if dry_run:
        typer.echo(
            f"would compose {n} piece{'s' if n > 1 else ''} and write {', '.join(str(f) for fs in files for f in fs)}"
        )
        return
    refuse_existing([f for fs in files for f in fs], overwrite=overwrite)
    if seed is None:
        import secrets

        seed = secrets.randbelow(1_000_000)
    score = None if source is None else read_score(source)  # refused before anything is composed
    write = writer(start, score, asked, composer, sampling=Sampling(temperature=temperature), strict_key=strict_key)
    _run(write, files, seed, n, soundfont, as_json=as_json, quiet=quiet, key_asked=asked.key is not None)


def _run(
    write: Write,
    files: list[list[Path]],
    seed: int,
    n: int,
    soundfont: Path | None,
    *,
    as_json: bool,
    quiet: bool,
    key_asked: bool,
) -> None:
    """Compose, rank, write, tell."""
    from sideman.compose.piece_files import write_piece
    from sideman.compose.ranking import listen, ranked
    from sideman.compose.wish import AUDIO_SUFFIXES
    from sideman.core.interrupts import exit_code, heeded
    from sideman.core.progress import progress
    from sideman.symbolic.render import find_soundfont

    wants_audio = any(f.suffix.lower() in AUDIO_SUFFIXES for f in files[0])
    if n > 1 or wants_audio:
        find_soundfont(soundfont)  # before the work, not after it
    made: list[Candidate | Composition] = []
    code = 0
    with progress("composing", n, quiet=quiet or n == 1) as advance:
        try:
            for i in range(n):
                piece = write(seed + i)
                made.append(listen(piece, soundfont=soundfont) if n > 1 or wants_audio else piece)
                advance(1)
        except KeyboardInterrupt as error:
            code = exit_code(error)
            heeded()
    ordered = ranked(made) if n > 1 or wants_audio else made  # type: ignore[arg-type]
    for candidate, targets in zip(ordered, files, strict=False):
        written: Any = getattr(candidate, "piece", candidate)
        for target in targets:
            write_piece(written, target, getattr(candidate, "samples", None))
        _tell(candidate, targets, as_json=as_json, key_asked=key_asked)
    if code:
        complain(f"interrupted: {len(made)} of {n} pieces were finished")
        raise typer.Exit(code)


def _tell(candidate: Any, targets: list[Path], *, as_json: bool, key_asked: bool) -> None:
    from sideman.compose.generate import facts
    from sideman.compose.prompt import describe

    piece = getattr(candidate, "piece", candidate)
    row = facts(piece) | {"files": [str(t) for t in targets]}
    heard = getattr(candidate, "heard", None)
    if heard is not None:
        row |= {"heard": heard, "genre_probability": candidate.probability, "score": round(candidate.score, 4)}
    if as_json:
        typer.echo(json.dumps(row))
        return
    typer.echo(f"{', '.join(printable(str(t)) for t in targets)}: {describe(piece.controls)}")
    parts = [f"{piece.score.duration_s:.0f} s", f"{piece.score.n_notes} notes", f"seed {piece.seed}", piece.composer]
    if heard is not None:
        known = "" if candidate.probability is None else f", {piece.controls.genre} {candidate.probability:.0%}"
        parts.append(f"sounds like {heard}{known}")
    if piece.longest_run:
        parts.append(f"longest run shared with a learnt piece: {piece.longest_run} notes")
    typer.echo("  " + " · ".join(parts))
    if piece.is_copy:
        complain(f"warning: {targets[0]}: has a long run from a learnt piece even after {piece.tries} tries")
    if key_asked and not piece.key_is_kept:
        complain(f"note: {targets[0]}: may be heard in another key than the asked one")


def _tell_understanding(told: Understanding | None, asked: Controls, composer: Composer) -> None:
    from sideman.compose.prompt import describe

    if told is not None:
        complain(f"understood: {describe(asked)}")
        if told.unused:
            complain(f"not used: {', '.join(told.unused)}")
        for note in told.notes:
            complain(f"note: {note}")
