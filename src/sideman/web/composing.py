"""From what a client asks for to a task for the composing worker."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sideman.compose.composers import RESEARCH_NOTICE, SHIPPED, choose, open_composer
from sideman.compose.controls import STYLES, Controls
from sideman.compose.general_midi import FAMILIES
from sideman.compose.generate import check
from sideman.compose.instruments import name_of
from sideman.compose.keys import key_name
from sideman.compose.prompt import describe, parse
from sideman.compose.spectra.asking import asked_for
from sideman.compose.spectra.imaginers import SHIPPED as IMAGINERS
from sideman.compose.spectra.imaginers import Imaginer, open_imaginer
from sideman.compose.start import Start, parse_range
from sideman.compose.wish import Flags, understood
from sideman.core.errors import UsageError
from sideman.mood.names import MOODS, nearest
from sideman.symbolic.score import METRES
from sideman.web.schemas.compose import (
    MOST_IMAGINED_S,
    MOST_S,
    Asking,
    Composed,
    Edit,
    Heading,
    Limits,
    Maker,
    Options,
    Piece,
    Understood,
    Wish,
    heading,
)
from sideman.web.work.compose import ScoreTask, SpectraTask

_SLOW_BPM = 60.0  # the tempo by which a length is judged where none is asked for
_CONTROLS = tuple(Heading.model_fields)


@dataclass(frozen=True)
class Prepared:
    """A wish that was found to be possible.

    Attributes:
        task: for the worker; its ``source`` is set when the job has a folder.
        told: the job's result before the first piece.
    """

    task: ScoreTask | SpectraTask
    told: Composed


@contextmanager
def _plainly() -> Iterator[None]:
    """Messages speak of ``--keep-bars`` on the command line; here it is the field's name without dashes."""
    try:
        yield
    except UsageError as error:
        raise UsageError(re.sub(r"--([a-z][a-z-]*)", lambda m: m[1].replace("-", " "), str(error))) from None


def understand(asking: Asking) -> Understood:
    """What a sentence and controls ask for together; ``problem`` says why it cannot be composed, if so."""
    try:
        with _plainly():
            if asking.engine == "spectra":
                return _understand_spectra(asking)
            controls, unused, notes, _ = _understood(asking, "auto")
            return Understood(controls=heading(controls), described=describe(controls), unused=unused, notes=notes)
    except UsageError as error:  # while a sentence is being typed that is no failure
        return Understood(controls=Heading(), described="", unused=[], notes=[], problem=str(error))


def _understood(asking: Asking, model: str) -> tuple[Controls, list[str], list[str], str]:
    """Controls, unused words, notes, and the composer's name."""
    controls, told = understood(asking.prompt or None, _flags(asking))
    check(controls)
    _check_length(controls)
    composer, notice = choose(controls.genre, model)
    notes = list(told.notes) if told is not None else []
    if notice:
        notes.append(f"{notice[0].upper()}{notice[1:]}.")
    facts = composer.genres.get(controls.genre or "", {})
    if facts.get("thin"):
        notes.append(f"Little {controls.genre} was learnt from ({facts['pieces']} pieces); expect less of it.")
    return controls, list(told.unused) if told is not None else [], notes, composer.name


def _check_length(controls: Controls) -> None:
    if controls.bars is None:
        return
    numerator, denominator = controls.metre or (4, 4)
    seconds = controls.bars * 4 * numerator / denominator * 60 / (controls.tempo_bpm or _SLOW_BPM)
    if seconds > MOST_S and controls.tempo_bpm is None:
        raise UsageError(f"{controls.bars} bars may last longer than {MOST_S:.0f} s; ask for fewer, or name a tempo")
    if seconds > MOST_S:
        raise UsageError(f"{controls.bars} bars would last {seconds:.0f} s; {MOST_S:.0f} s at most are composed here")


def _understand_spectra(asking: Asking) -> Understood:
    asked = asked_for(asking.prompt or None, _flags(asking))
    wish = asked.wish
    if asked.seconds > MOST_IMAGINED_S:
        raise UsageError(f"{asked.seconds:g} s are too long; {MOST_IMAGINED_S:g} s at most are imagined here")
    mood = None if wish.valence is None or wish.arousal is None else nearest(wish.valence, wish.arousal)
    told = Heading(genre=wish.genre, mood=mood, valence=wish.valence, arousal=wish.arousal, seconds=asked.seconds)
    said = ", ".join([wish.genre or "any genre", *([mood] if mood else []), f"{asked.seconds:g} s"])
    return Understood(controls=told, described=said, unused=list(asked.passed_over), notes=[])


def _flags(asking: Asking) -> Flags:
    return Flags(
        asking.genre or None, asking.mood or None, asking.valence, asking.arousal, asking.tempo_bpm,
        asking.key or None, asking.metre or None, asking.bars, asking.seconds,
        ",".join(asking.instruments) if asking.instruments else None, asking.density, asking.style,
    )  # fmt: skip


def prepare(wish: Wish, soundfont: Path | None, *, has_source: bool, source_name: str = "") -> Prepared:
    """A wish as a task.

    Raises:
        UsageError: it cannot be; the message says why.
    """
    seed = secrets.randbelow(1_000_000) if wish.seed is None else wish.seed
    with _plainly():
        if wish.engine == "spectra":
            return _prepared_spectra(wish, seed, has_source=has_source)
        return _prepared_scores(wish, seed, soundfont, has_source=has_source, source_name=source_name)


def _prepared_scores(
    wish: Wish, seed: int, soundfont: Path | None, *, has_source: bool, source_name: str
) -> Prepared:  # fmt: skip
    if wish.model in IMAGINERS:
        raise UsageError(f"the model '{wish.model}' imagines spectra; choose auto, {' or '.join(SHIPPED)}")
    if wish.steps is not None or wish.guidance is not None:
        raise UsageError("steps and guidance go with the spectra engine; leave them out")
    if wish.mode == "infill" and not wish.bars_of:
        raise UsageError("name the bars to write anew, such as 5-8")
    if wish.mode != "new" and not has_source:
        raise UsageError(f"to {wish.mode} needs a piece to start from; give one as MIDI or MusicXML")
    if wish.mode == "new" and has_source:
        raise UsageError("say what to do with the piece: continue, harmonise, infill or style")
    start = Start(wish.mode, wish.keep_bars, parse_range(wish.bars_of) if wish.bars_of else None)
    controls, unused, notes, composer = _understood(wish, wish.model)
    start.check(controls, strict_key=wish.strict_key, seconds=wish.seconds)
    task = ScoreTask(
        controls, start, None, source_name, wish.n, seed, composer, wish.temperature, wish.strict_key, soundfont
    )  # fmt: skip
    told = Composed(
        engine="score", understood=describe(controls), unused=unused, notes=notes, model=composer, seed=seed, pieces=[]
    )  # fmt: skip
    return Prepared(task, told)


def _prepared_spectra(wish: Wish, seed: int, *, has_source: bool) -> Prepared:
    if has_source or wish.mode != "new" or wish.bars_of or wish.keep_bars:
        raise UsageError("the spectra engine cannot start from a piece; leave it out, or choose the score engine")
    if wish.temperature != 1.0 or wish.strict_key:
        raise UsageError("temperature and strict key are for scores; leave them out")
    if wish.model in SHIPPED:
        raise UsageError(f"the model '{wish.model}' writes scores; choose auto, {' or '.join(IMAGINERS)}")
    asked = asked_for(wish.prompt or None, _flags(wish), steps=wish.steps, guidance=wish.guidance)
    told = _understand_spectra(wish)
    imaginer = open_imaginer("flow" if wish.model == "auto" else wish.model)
    asked.wish.check(imaginer)
    notes = [f"{imaginer.notice[0].upper()}{imaginer.notice[1:]}."] if imaginer.notice else []
    if asked.wish.valence is not None and imaginer.kind != "flow":
        notes.append(f"'{imaginer.name}' knows no moods; the mood is not heard.")
    begun = Composed(
        engine="spectra", understood=told.described, unused=told.unused, notes=notes, model=imaginer.name, seed=seed,
        pieces=[],
    )  # fmt: skip
    return Prepared(SpectraTask(asked.wish, asked.seconds, wish.n, seed, imaginer.name), begun)


def edited(piece: Piece, edit: Edit) -> Wish:
    """The wish for a piece with some things changed.

    A piece that is continued, harmonised or filled in keeps its own length; harmonising opens its instruments too.

    Raises:
        UsageError: the change is for the other engine, or its sentence is not understood.
    """
    given = edit.model_fields_set
    if "engine" in given and edit.engine != piece.engine:
        raise UsageError("a piece keeps its engine; compose a new one with the other")
    fields: dict[str, Any] = piece.controls.model_dump(exclude={"mood"}) | {"mood": None}
    if edit.mode not in ("new", "style"):
        fields |= {"bars": None, "seconds": None, "density": None, "style": None}
        if edit.mode == "harmonise":
            fields["instruments"] = []
    if edit.prompt:  # what the sentence says goes over what the piece has
        with _plainly():
            said = parse(edit.prompt).controls.given()
        fields |= dict.fromkeys(said)
        if "bars" in said:
            fields["seconds"] = None
    if "instruments" in given:  # how a piece is set goes with its instruments
        fields["style"] = None
    if given & {"mood", "valence", "arousal"}:
        fields |= {"valence": None, "arousal": None}
    if given & {"bars", "seconds"}:
        fields |= {"bars": None, "seconds": None}
    fields |= {name: getattr(edit, name) for name in given if name in _CONTROLS}
    seed = edit.seed
    if seed is None and edit.mode == "new" and "seed" not in given:
        seed = piece.seed
    rest = edit.model_dump(include={"prompt", "n", "temperature", "strict_key", "mode", "keep_bars", "bars_of"})
    rest |= {"steps": edit.steps, "guidance": edit.guidance}
    return Wish(**(fields | rest), engine=piece.engine, seed=seed)


def options(source_bytes: int) -> Options:
    """What can be asked for."""
    composers = [open_composer(name) for name in SHIPPED]
    imaginers = [open_imaginer(name) for name in IMAGINERS]
    return Options(
        genres=sorted({genre for composer in composers for genre in composer.genres}),
        spectra_genres=list(imaginers[0].genres),
        moods=sorted(MOODS),
        instruments={family: [name_of(p) for p in programs] for family, programs in FAMILIES.items()},
        keys=[key_name((tonic, minor)) for minor in (False, True) for tonic in range(12)],
        metres=[f"{numerator}/{denominator}" for numerator, denominator in METRES],
        styles=list(STYLES),
        limits=Limits(source_bytes=source_bytes),
        composers=[
            Maker(
                name=composer.name, genres=sorted(composer.genres), licence=_licence(composer.card.content),
                notice=RESEARCH_NOTICE if composer.name == "research" else None,
            )
            for composer in composers
        ],
        imaginers=[_maker(imaginer) for imaginer in imaginers],
    )  # fmt: skip


def _maker(imaginer: Imaginer) -> Maker:
    licence = _licence(imaginer.card.content)
    return Maker(name=imaginer.name, genres=list(imaginer.genres), licence=licence, notice=imaginer.notice)


def _licence(content: dict[str, Any]) -> str:
    return str(content.get("licence", ""))
