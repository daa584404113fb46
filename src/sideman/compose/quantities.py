"""What a prompt says in figures and letters: tempo, metre, length, key, and the values that `describe` writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sideman.compose.controls import DENSITY_EDGES
from sideman.compose.keys import parse_key, parse_metre
from sideman.compose.words import Token
from sideman.core.errors import UsageError

CHURCH_MODES = frozenset({
    "ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian", "pentatonic",
})  # fmt: skip
_MODES = {"major": False, "maj": False, "minor": True, "min": True}
_BAR_WORDS = frozenset({"bar", "bars", "measure", "measures"})
_SECONDS = {
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), 1.0),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), 60.0),
}
QUANTITY_WORDS = _BAR_WORDS | frozenset(_SECONDS) | {"beat", "beats", "bpm", "tempo", "quarter", "crotchet", "dotted"}
_DECADES = frozenset(range(10, 100, 10))
_KEY_LETTERS = re.compile(r"([a-g]b?)(m|min|maj)?", re.IGNORECASE)
_AFTER_ARTICLE = frozenset({"key", "mode", "mood", "scale", "tonality", "feel"})
_AFTER_BARE_A = frozenset({"and", "with", "for", "at", "but", "on"})


@dataclass(frozen=True)
class Quantity:
    """Something found in the tokens ``begin`` to ``end`` (exclusive).

    Attributes:
        kind: ``beat_bpm`` (as the metre counts), ``quarter_bpm``, ``dotted_bpm``, ``metre``, ``bars``, ``seconds``,
            ``key``, ``tonic`` (a key whose mode is not said), ``valence``, ``arousal``, ``density``, or ``unknown``
            with a remark as its value.
        value: number, pair or text.
        is_sure: whether it was asked for as such (``in D minor``); a key beside it is passed over.
    """

    kind: str
    value: float | tuple[int, int] | str
    begin: int
    end: int
    is_sure: bool = True


def quantities(tokens: Sequence[Token]) -> list[Quantity]:
    """All of them in the order of the text, none within another."""
    out: list[Quantity] = []
    i = 0
    capitals_only = not any(t.raw[0].islower() for t in tokens)
    while i < len(tokens):
        found = next((q for q in _at(tokens, i, capitals_only)), None)
        if found:
            out.append(found)
        i = found.end if found else i + 1
    return out


def _at(tokens: Sequence[Token], i: int, capitals_only: bool) -> Iterator[Quantity]:
    word = [t.word for t in tokens[i : i + 6]] + [""] * 6
    number = [t.number for t in tokens[i : i + 6]] + [None] * 6
    before = tokens[i - 1].word if i else ""
    yield from _notated_tempo(word, number, i)
    if number[0] is not None:
        yield from _beginning_with_number(tokens, word, number, i, before)
    if word[0] in ("tempo", "bpm"):
        skip = 1 + (word[1] in ("of", "=", ":", "is"))
        if number[skip] is not None and word[skip + 1] not in _BAR_WORDS:
            end = skip + 1 + (word[skip + 1] == "bpm")
            yield Quantity("beat_bpm", number[skip] or 0.0, i, i + end)
    if word[0] in ("valence", "arousal", "density") and number[1] is not None:
        yield _value(word[0], number[1], "-" in tokens[i + 1].signs, i, word)
    if word[:3] == ["half", "a", "minute"]:
        yield Quantity("seconds", 30.0, i, i + 3)
    if word[:2] == ["a", "minute"]:
        and_half = word[2:5] == ["and", "a", "half"]
        yield Quantity("seconds", 90.0 if and_half else 60.0, i, i + (5 if and_half else 2))
    yield from _key(tokens, word, i, capitals_only)


def _notated_tempo(word: list[str], number: list[float | None], i: int) -> Iterator[Quantity]:
    """``♩=72``, ``♩. = 72``, ``quarter = 72``, ``dotted crotchet = 72``."""
    dotted = word[0] == "dotted"
    k = 1 if dotted else 0
    if word[k] not in ("♩", "quarter", "crotchet"):
        return
    k += 1
    if word[k] in (".", "note"):
        dotted = dotted or word[k] == "."
        k += 1
    if word[k] == "=" and number[k + 1] is not None:
        end = k + 2 + (word[k + 2] == "bpm")
        yield Quantity("dotted_bpm" if dotted else "quarter_bpm", number[k + 1] or 0.0, i, i + end)


def _beginning_with_number(
    tokens: Sequence[Token], word: list[str], number: list[float | None], i: int, before: str
) -> Iterator[Quantity]:
    value, second = number[0] or 0.0, number[1]
    # 100-120 bpm, between 100 and 120 bpm, 3:30
    if second is not None and "-" in tokens[i + 1].signs and (end := _beats(word, 2)):
        yield Quantity("beat_bpm", (value + second) / 2, i, i + end)
    if word[1] in ("to", "and") and number[2] is not None and (end := _beats(word, 3)):
        yield Quantity("beat_bpm", (value + (number[2] or 0.0)) / 2, i, i + end)
    if word[1] == ":" and number[2] is not None and len(word[2]) == 2:
        yield Quantity("seconds", 60 * value + (number[2] or 0.0), i, i + 3)
    if end := _beats(word, 1):
        if word[end : end + 2] == ["dotted", "quarters"]:
            yield Quantity("dotted_bpm", value, i, i + end + 2)
        yield Quantity("beat_bpm", value, i, i + end)
    if word[1] == "/" and number[2] in (2, 4, 8, 16, 32) and tokens[i].raw.isdigit():
        end = 3 + (word[3] in ("time", "metre", "meter"))
        yield Quantity("metre", parse_metre(f"{tokens[i].raw}/{number[2]:g}"), i, i + end)
    elif second in (2, 4, 8) and word[2] in ("time", "metre", "meter"):
        yield Quantity("metre", parse_metre(f"{value:g}/{second:g}"), i, i + 3)
    elif second in (4, 8) and not tokens[i].raw.isdigit() and (value, second) in ((3, 4), (6, 8), (12, 8), (9, 8)):
        yield Quantity("metre", parse_metre(f"{value:g}/{second:g}"), i, i + 2)
    if word[1] in _BAR_WORDS:
        yield Quantity("bars", value, i, i + 2)
    if word[1] in ("a", "and") and word[1:5] == ["and", "a", "half", "minutes"]:
        yield Quantity("seconds", 60 * value + 30, i, i + 5)
    is_decade = word[1] == "s" and value in _DECADES and word[2] != "long"
    if word[1] in _SECONDS and not is_decade:
        yield Quantity("seconds", value * _SECONDS[word[1]], i, i + 2)
    if word[1] in ("a", "b") and value in range(1, 13) and tokens[i].end == tokens[i + 1].start:
        yield Quantity("key", parse_key(f"{value:g}{word[1]}"), i, i + 2, before in ("in", "key", "camelot"))
    if before == "at" and value >= 30 and word[1] not in ("%", "/", ":", "percent", "s"):
        yield Quantity("beat_bpm", value, i, i + 1)


def _beats(word: list[str], k: int) -> int:
    """Where the words ``bpm`` or ``beats per minute`` from place ``k`` end; 0 where they are not there."""
    if word[k] in ("bpm", "bpms"):
        return k + 1
    if word[k] in ("beats", "beat") and word[k + 1] in ("per", "a", "/") and word[k + 2] in ("minute", "min"):
        return k + 3
    return 0


def _value(name: str, number: float | None, is_negative: bool, i: int, word: list[str]) -> Quantity:
    value = -(number or 0.0) if is_negative else (number or 0.0)
    if name == "density":
        if value not in range(len(DENSITY_EDGES) + 1):
            raise UsageError(f"density {value:g} is not a level; levels are 0 (sparse) to {len(DENSITY_EDGES)} (dense)")
        return Quantity(name, value, i, i + (4 if word[2:4] == ["of", "7"] else 2))
    if not -1 <= value <= 1:
        raise UsageError(f"{name} {value:g} is outside -1 to 1")
    return Quantity(name, value, i, i + 2)


def _key(tokens: Sequence[Token], word: list[str], i: int, capitals_only: bool) -> Iterator[Quantity]:
    """``in D minor``, ``F# major``, ``E-flat``, ``Dm``, ``in G``; never the article a."""
    letters = _KEY_LETTERS.fullmatch(tokens[i].raw)
    if not letters:
        return
    before = tokens[i - 1].word if i else ""
    is_asked = before in ("in", "key") or (before == "of" and i > 1 and tokens[i - 2].word == "key")
    is_capital = tokens[i].raw[0].isupper() and not capitals_only
    note, mode, k = letters[1][0].upper() + letters[1][1:].lower(), letters[2], 1
    if word[1] in ("sharp", "flat") or (word[1] == "#" and tokens[i].end == tokens[i + 1].start):
        note, k = f"{note}{word[1]}", 2
        if word[2] == "m" and tokens[i + 1].end == tokens[i + 2].start:
            mode, k = "m", 3
    if word[k] in CHURCH_MODES:
        yield Quantity("unknown", f"{note} {word[k]}: only major and minor keys are known", i, i + k + 1)
    elif mode is not None:
        # Am without "in" is more often a verb.
        if is_asked or len(note) > 1 or (is_capital and note != "A"):
            is_minor = not mode.lower().startswith("maj")
            yield Quantity("key", parse_key(f"{note} {'minor' if is_minor else 'major'}"), i, i + k, is_asked)
    elif word[k] in _MODES:
        may_be_article = note == "A" and (tokens[i].raw == "a" or capitals_only)
        if not may_be_article or (is_asked and word[k + 1] not in _AFTER_ARTICLE):
            yield Quantity("key", parse_key(f"{note} {word[k]}"), i, i + k + 1, is_asked)
    elif word[k] and "-" in tokens[i + k].signs:
        return  # part of a longer word
    elif len(note) > 1:
        if is_asked or is_capital or (k == 2 and word[1] != "#" and note[0] != "A") or word[1] == "#":
            yield Quantity("tonic", parse_key(f"{note} major"), i, i + k, is_asked)
    elif is_asked:
        goes_on = bool(word[1]) and tokens[i + 1].is_word and word[1] not in _AFTER_BARE_A
        if note != "A" or (tokens[i].raw == "A" and not goes_on and (not capitals_only or before != "in")):
            yield Quantity("tonic", parse_key(f"{note} major"), i, i + k, is_asked)
