"""A prompt as words and numbers, each with its place in the text; and words that are one slip away from a known one."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sideman.compose.keys import plain

_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|[^\W\d_]+(?:&[^\W\d_]+)*|[^\s\w]")
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBER_WORDS = {
    **{word: i for i, word in enumerate(_UNITS)},
    **{word: 20 + 10 * i for i, word in enumerate(_TENS)},
}
SHORTEST_TO_MEND = 6  # letters; shorter words are too often words of their own


@dataclass(frozen=True)
class Token:
    """A word, a number or a sign of the text.

    Attributes:
        word: in small letters; ``and`` for & and +.
        raw: as written.
        start, end: place in the text.
        number: its value where it is a number, in figures or words.
        signs: what stands between the token before it and this one: hyphens, brackets and the like, without spaces.
    """

    word: str
    raw: str
    start: int
    end: int
    number: float | None = None
    signs: str = ""

    @property
    def is_word(self) -> bool:
        """Whether it begins with a letter or figure."""
        return self.raw[0].isalnum()


_KEPT_SIGNS = frozenset("&+/:=#♩♪,;.!?%|\n")  # others, such as brackets, hyphens and quotes, are read over


def tokens_of(prompt: str) -> tuple[str, list[Token]]:
    """The text with one kind of hyphen and accidental, and its tokens; number words are joined to one number."""
    text = plain(prompt)
    found: list[Token] = []
    signs = ""
    for match in _TOKEN.finditer(text):
        raw = match[0]
        if not raw[0].isalnum() and raw not in _KEPT_SIGNS:
            signs += raw
            continue
        number = float(raw[:12]) if raw[0].isascii() and raw[0].isdigit() else None
        word = "and" if raw in "&+" else raw.lower()
        found.append(Token(word, raw, match.start(), match.end(), number, signs))
        signs = ""
    return text, _with_numbers(found, text)


def _with_numbers(tokens: list[Token], text: str) -> list[Token]:
    out: list[Token] = []
    i = 0
    while i < len(tokens):
        value, count = _number_at(tokens, i)
        if count:
            start, end = tokens[i].start, tokens[i + count - 1].end
            raw = text[start:end]
            out.append(Token(raw.lower(), raw, start, end, value, tokens[i].signs))
        else:
            out.append(tokens[i])
        i += max(count, 1)
    return out


def _number_at(tokens: Sequence[Token], i: int) -> tuple[float, int]:
    """Value of the number words that begin here, and how many they are; 0 of them where there is no number word."""
    words = [t.word for t in tokens[i : i + 6]]
    value, used = _below_hundred(words)
    if words[0] == "a" and words[1:2] == ["hundred"]:
        value, used = 1, 1
    if used and words[used : used + 1] == ["hundred"]:
        used += 1
        skip = used + (words[used : used + 1] == ["and"])
        rest, more = _below_hundred(words[skip:])
        return (100 * value + rest, skip + more) if more else (100 * value, used)
    return value, used


def _below_hundred(words: Sequence[str]) -> tuple[float, int]:
    if not words or words[0] not in NUMBER_WORDS:
        return 0, 0
    value = NUMBER_WORDS[words[0]]
    if value >= 20 and len(words) > 1 and 1 <= NUMBER_WORDS.get(words[1], 0) <= 9:
        return value + NUMBER_WORDS[words[1]], 2
    return value, 1


def mended(token: Token, known: Collection[str]) -> Token | None:
    """The token with the one known word that is a letter away; None where it is short or no word is so near.

    One letter more, fewer, other, or two neighbours swapped. A letter exchanged counts in words of seven letters and
    more only: strong is no string.
    """
    word = token.word
    if not word.isalpha() or len(word) > 24:
        return None
    near = [k for k in known if max(len(k), len(word)) >= SHORTEST_TO_MEND and k[0] == word[0] and _one_slip(word, k)]
    return replace(token, word=min(near)) if near else None


def _one_slip(a: str, b: str) -> bool:
    if abs(len(a) - len(b)) > 1 or a == b:
        return False
    i = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    if len(a) != len(b):
        long, short = (a, b) if len(a) > len(b) else (b, a)
        return long[i + 1 :] == short[i:]
    if a[i + 1 :] == b[i + 1 :]:
        return len(a) > SHORTEST_TO_MEND
    return a[i + 2 :] == b[i + 2 :] and a[i : i + 2] == b[i : i + 2][::-1]
