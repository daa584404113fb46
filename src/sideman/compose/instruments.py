"""Instruments by name: everyday words, plurals and official names to General MIDI programmes and back."""

from __future__ import annotations

import difflib
import re
from functools import cache

from sideman.compose.general_midi import ALIASES, FAMILIES, NAMES, OFFICIAL_NAMES, RANGES, SUBSTITUTES
from sideman.compose.keys import plain
from sideman.core.errors import UsageError
from sideman.symbolic.score import DRUM_TRACK


@cache
def known_names() -> dict[str, int]:
    """Every name in the singular and as written in the tables, in small letters without punctuation: programme."""
    tables = [SUBSTITUTES, {n: i for i, n in enumerate(OFFICIAL_NAMES)}, ALIASES, {n: i for i, n in enumerate(NAMES)}]
    return {normal(name): program for table in tables for name, program in table.items()}


def normal(name: str) -> str:
    """A name in small letters, its words and figures separated by one space."""
    return " ".join(re.findall(r"[^\W\d_]+|\d+", plain(name).lower()))


def find(name: str) -> int | None:
    """Programme of a name, its plural, or None."""
    names = known_names()
    key = normal(name)
    for ending in ("", "s", "es"):
        if key.endswith(ending) and key[: len(key) - len(ending)] in names:
            return names[key[: len(key) - len(ending)]]
    return None


def program_of(name: str) -> int:
    """Programme 0..127, or 128 for drums, of an instrument's name.

    Raises:
        UsageError: no such instrument; the message names the nearest ones.
    """
    program = find(name)
    if program is None:
        close = difflib.get_close_matches(normal(name)[:40], known_names(), 3, 0.6)
        hint = f"did you mean {' or '.join(close)}?" if close else "some that are: piano, violin, bass, drums"
        raise UsageError(f"{name[:40]!r} is not an instrument that is known; {hint}")
    return program


def name_of(program: int) -> str:
    """Everyday name of a programme; `program_of` is the inverse.

    Raises:
        UsageError: not within 0..128.
    """
    if not 0 <= program <= DRUM_TRACK:
        raise UsageError(f"there is no programme {program}; General MIDI has 0 to 127, and 128 stands for drums")
    return NAMES[program]


def parse_instruments(text: str) -> tuple[int, ...]:
    """Programmes of a list such as ``piano, bass, 128``, each once, in the order given.

    Raises:
        UsageError: an unknown name or number, or nothing in the list.
    """
    programs: dict[int, None] = {}
    for part in re.split(r"[,;+]", text):
        part = part.strip()
        if re.fullmatch(r"[0-9]{1,6}", part):
            name_of(int(part))
            programs[int(part)] = None
        elif part:
            programs[program_of(part)] = None
    if not programs:
        raise UsageError("no instrument is named; write names or programme numbers with commas: piano,bass,drums")
    return tuple(programs)


def family_of(program: int) -> str:
    """The family of a programme, a key of `FAMILIES`.

    Raises:
        UsageError: not within 0..128.
    """
    name_of(program)
    return next(family for family, members in FAMILIES.items() if program in members)


def range_of(program: int) -> tuple[int, int]:
    """Lowest and highest sounding pitch at which the instrument is usually played, as MIDI numbers.

    Raises:
        UsageError: not within 0..128.
    """
    name_of(program)
    return RANGES[program]
