"""A wish from flags and a sentence, and the names under which pieces are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sideman.compose.controls import FASTEST_BPM, MOST_BARS, SLOWEST_BPM, Controls
from sideman.compose.instruments import parse_instruments
from sideman.compose.keys import COMPOUND, parse_key, parse_metre
from sideman.compose.prompt import Understanding, parse
from sideman.core.errors import UsageError
from sideman.mood.names import mood as mood_point

SCORE_SUFFIXES = (".mid", ".midi", ".musicxml", ".xml", ".png")
AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")


@dataclass(frozen=True)
class Flags:
    """What flags say, as text or numbers; None where a flag was not given."""

    genre: str | None = None
    mood: str | None = None
    valence: float | None = None
    arousal: float | None = None
    tempo_bpm: float | None = None
    key: str | None = None
    metre: str | None = None
    bars: int | None = None
    seconds: float | None = None
    instruments: str | None = None
    density: int | None = None
    style: str | None = None


def from_flags(flags: Flags) -> Controls:
    """Flags as controls; raises :class:`UsageError` where one of them has no meaning or two contradict."""
    valence, arousal = flags.valence, flags.arousal
    if flags.mood is not None:
        if valence is not None or arousal is not None:
            raise UsageError("--mood sets valence and arousal: give either --mood or --valence and --arousal")
        valence, arousal = mood_point(flags.mood)
    metre = parse_metre(flags.metre) if flags.metre else None
    tempo = flags.tempo_bpm
    if tempo is not None and metre in COMPOUND:
        tempo *= 1.5  # what is counted there is the dotted quarter
    return Controls(
        genre=flags.genre.lower().replace("-", "").replace(" ", "") if flags.genre else None,
        valence=valence,
        arousal=arousal,
        tempo_bpm=tempo,
        key=parse_key(flags.key) if flags.key else None,
        metre=metre,
        bars=flags.bars,
        instruments=parse_instruments(flags.instruments) if flags.instruments else (),
        density=flags.density,
        style=flags.style,
    )


def understood(prompt: str | None, flags: Flags) -> tuple[Controls, Understanding | None]:
    """What sentence and flags ask for together.

    Raises:
        UsageError: they contradict each other, or one of them has no meaning.
    """
    asked = from_flags(flags)
    told = parse(prompt) if prompt is not None else None
    if told is not None:
        if asked.tempo_bpm is not None and asked.metre is None and told.controls.metre in COMPOUND:
            asked = replace(asked, tempo_bpm=asked.tempo_bpm * 1.5)
        mine, said = asked.given(), told.controls.given()
        for name in mine.keys() & said.keys():
            if mine[name] != said[name]:
                raise UsageError(
                    f"the prompt and --{name.split('_')[0]} ask for different things; leave one of them out"
                )
        asked = asked.merged(told.controls)
    return _timed(asked, flags.seconds), told


def _timed(asked: Controls, seconds: float | None) -> Controls:
    """A length in seconds as bars of the asked (or a usual) tempo and metre."""
    if seconds is None:
        return asked
    if not 0 < seconds < math.inf:
        raise UsageError(f"--seconds {seconds:g}: must be a number above 0")
    if asked.tempo_bpm is not None and not SLOWEST_BPM <= asked.tempo_bpm <= FASTEST_BPM:
        return asked  # it is refused for its tempo
    metre, tempo = asked.metre or (4, 4), asked.tempo_bpm or 120.0
    bar_s = 4 * metre[0] / metre[1] * 60 / tempo
    bars = max(1, math.floor(seconds / bar_s + 0.5))
    if asked.bars is not None and asked.bars != bars:
        raise UsageError(
            f"{asked.bars} bars at {tempo:g} bpm last {asked.bars * bar_s:.0f} s, not {seconds:g}; leave out one"
        )
    if bars > MOST_BARS:
        raise UsageError(f"{seconds:g} s are {bars} bars; {MOST_BARS} at most can be composed: ask for less")
    return replace(asked, bars=bars, tempo_bpm=tempo, metre=metre)


def numbered(
    outs: Sequence[Path], n: int, suffixes: Sequence[str] = SCORE_SUFFIXES + AUDIO_SUFFIXES
) -> list[list[Path]]:
    """For each of ``n`` pieces the files that it becomes: ``piece.mid``, or ``piece-1.mid`` to ``piece-4.mid``.

    Raises:
        UsageError: a suffix that is not known.
    """
    for out in outs:
        if out.suffix.lower() not in suffixes:
            raise UsageError(f"{out}: what kind of file shall it be? The name must end in one of {' '.join(suffixes)}")
    if n == 1:
        return [list(outs)]
    digits = len(str(n))
    return [[out.with_stem(f"{out.stem}-{i:0{digits}}") for out in outs] for i in range(1, n + 1)]
