"""Keys as people write them: "D minor" (ours), "Dm" (tags), "7A" (Camelot's wheel), "12m" (Open Key).

Both wheels put the twelve keys of a mode in fifths round a clock, each beside its relative of the other mode; DJs mix
between neighbours.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sideman.audio.tonality import NAMES
from sideman.core.errors import UsageError

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11, "H": 11}
_MODES = {"": "major", "m": "minor"}
_MODES |= dict.fromkeys(("maj", "major", "dur", "majeur", "ionian"), "major")
_MODES |= dict.fromkeys(("mi", "min", "minor", "moll", "mineur", "aeolian"), "minor")
_GERMAN = ("dur", "moll")
_SIGN = r"(?:is|es|s)(?=[\s-]|$)|[\s-]*(?:sharp|flat)|[#b]{0,2}"
_NOTE = re.compile(rf"([A-Ha-h])({_SIGN})[\s-]*([A-Za-z]*)")
_CAMELOT = re.compile(r"0?([1-9]|1[0-2])([ABab])")
_OPEN = re.compile(r"0?([1-9]|1[0-2])([dmDM])")


@lru_cache(maxsize=1024)
def parse_key(text: str) -> str:
    """Our name of a key, such as "D minor" or "A# major" (sharps only).

    Takes "Dm", "D min", "D minor", "Db" (a note alone is major), "C# major", "B♭", "F sharp minor", "d moll",
    "fis-Moll" (with dur and moll, B is B flat and H is B), Camelot's "7A" and Open Key's "12m". "DM" is major, "Dm"
    and "dm" are minor.

    Raises:
        UsageError: the text names no key.
    """
    plain = " ".join(text.replace("♯", "#").replace("♭", "b").split())
    if wheel := _CAMELOT.fullmatch(plain):
        return _on_wheel(int(wheel[1]), "minor" if wheel[2] in "aA" else "major")
    if wheel := _OPEN.fullmatch(plain):
        return _on_wheel((int(wheel[1]) + 6) % 12 + 1, "minor" if wheel[2] in "mM" else "major")
    found = _NOTE.fullmatch(plain)
    word = found[3] if found else ""
    mode = "major" if word == "M" else _MODES.get(word.lower())
    if found is None or mode is None:
        raise UsageError(f"{text[:40]!r} is not a key; write one like Dm, 'D minor', F# or 7A")
    letter, sign = found[1].upper(), found[2].strip(" -")
    tonic = _LETTERS[letter] + _shift(sign)
    if letter == "B" and not sign and word.lower() in _GERMAN:
        tonic -= 1
    return f"{NAMES[tonic % 12]} {mode}"


def short_key(key: str) -> str:
    """The key as tags hold it: "D minor" -> "Dm", "C# major" -> "C#"; any spelling of :func:`parse_key`."""
    tonic, mode = _parts(key)
    return NAMES[tonic] + ("m" if mode == "minor" else "")


def camelot(key: str) -> str:
    """Its place on Camelot's wheel: "D minor" -> "7A", "C major" -> "8B"; any spelling of :func:`parse_key`."""
    number, minor = _place(key)
    return f"{number}{'A' if minor else 'B'}"


def open_key(key: str) -> str:
    """Its place on the Open Key wheel: "C major" -> "1d", "A minor" -> "1m"; any spelling of :func:`parse_key`."""
    number, minor = _place(key)
    return f"{(number + 4) % 12 + 1}{'m' if minor else 'd'}"


def camelot_distance(a: str, b: str) -> int:
    """Steps between two keys on Camelot's wheel, 0..7.

    0 the same; 1 what mixes well: a neighbour round the wheel (a fifth up or down) or the relative key; each further
    fifth adds one, and so does a change of mode on the way.
    """
    (one, one_minor), (other, other_minor) = _place(a), _place(b)
    apart = abs(one - other)
    return min(apart, 12 - apart) + (one_minor != other_minor)


def _shift(sign: str) -> int:
    if sign in ("is", "sharp"):
        return 1
    if sign in ("es", "s", "flat"):
        return -1
    return sign.count("#") - sign.count("b")


def _parts(key: str) -> tuple[int, str]:
    tonic, mode = parse_key(key).split()
    return NAMES.index(tonic), mode


def _place(key: str) -> tuple[int, bool]:
    tonic, mode = _parts(key)
    major = tonic + 3 if mode == "minor" else tonic  # the relative major's tonic
    return (major * 7 + 7) % 12 + 1, mode == "minor"


def _on_wheel(number: int, mode: str) -> str:
    major = (number - 8) * 7 % 12
    return f"{NAMES[(major - 3) % 12 if mode == 'minor' else major]} {mode}"
