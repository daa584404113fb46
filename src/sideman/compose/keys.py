"""Keys and metres as people write them."""

from __future__ import annotations

import re
import unicodedata

from sideman.core.errors import UsageError
from sideman.symbolic.score import METRES

Key = tuple[int, bool]  # tonic 0..11 with C as 0, is minor

COMPOUND = ((6, 8), (9, 8), (12, 8))
"""Metres whose beat is a dotted quarter."""
_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
# The spelling with fewer accidentals; of F# and Gb major, D# and Eb minor, which have six each, the commoner.
_MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_KEY = re.compile(r"([A-Ga-g])[\s-]*(sharp|flat|#|b)?[\s-]*(m|M|(?i:min|minor|maj|major))?", re.IGNORECASE)
_PLAIN = str.maketrans("♯♭–—‐‑’−", "#b----'-")
_CAMELOT = re.compile(r"(1[0-2]|[1-9])\s*([AaBb])")


def plain(text: str) -> str:
    """Text with sharps and flats as # and b, and one kind of hyphen and apostrophe."""
    text = unicodedata.normalize("NFKC", text)
    return text.translate(_PLAIN)


def parse_key(text: str) -> Key:
    """A key from ``D minor``, ``Dm``, ``F# major``, ``E-flat``, ``Bb``, ``C♯m``, or Camelot's ``7A``.

    A letter alone is a major key, a small letter alone (``d``) a minor one.

    Raises:
        UsageError: no such key; modes other than major and minor are not known.
    """
    said = plain(text).strip()
    camelot = _CAMELOT.fullmatch(said)
    if camelot:
        is_minor = camelot[2] in "Aa"
        return ((9 if is_minor else 0) + 7 * (int(camelot[1]) - 8)) % 12, is_minor
    match = _KEY.fullmatch(said)
    if not match:
        raise UsageError(f"{text[:40]!r} is no key; write a key such as D minor, F# major, Bb, C#m or 7A")
    letter, accidental, mode = match.groups()
    shift = {"sharp": 1, "#": 1, "flat": -1, "b": -1, "": 0}[(accidental or "").lower()]
    is_minor = letter.islower() if mode is None else mode == "m" or mode.lower().startswith("min")
    return (_LETTERS[letter.lower()] + shift) % 12, is_minor


def key_name(key: Key) -> str:
    """``(2, True)`` as ``D minor``, in the customary spelling."""
    tonic, is_minor = key
    return f"{(_MINOR if is_minor else _MAJOR)[tonic % 12]} {'minor' if is_minor else 'major'}"


def parse_metre(text: str) -> tuple[int, int]:
    """A metre from ``3/4``.

    Raises:
        UsageError: no metre, or none of `METRES`.
    """
    match = re.fullmatch(r"\s*([0-9]{1,3})\s*/\s*([0-9]{1,3})\s*", plain(text))
    metre = (int(match[1]), int(match[2])) if match else None
    if metre not in METRES:
        known = ", ".join(f"{a}/{b}" for a, b in METRES)
        raise UsageError(f"{text[:40]!r} is not a metre that can be written; one of {known}")
    return metre
