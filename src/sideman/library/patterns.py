"""Regular expressions of queries, without those that could take for ever.

Python's engine tries one way after the other and cannot be stopped meanwhile: ``(a+)+b`` on thirty characters takes
longer than anybody waits, and a server with it. So the ways are counted before, in what Python itself reads in the
expression.
"""

from __future__ import annotations

import importlib
import math
import re
import time
import warnings
from collections.abc import Iterable
from typing import Any

from sideman.core.errors import UsageError

_parser: Any = importlib.import_module("re._parser")  # has no public name since Python 3.11
_SMALL = 4  # times that something may be repeated without being counted as often as the text is long
_USUAL = 64  # characters, on which an expression may take so many
_MOST_STEPS = 2e6
_MOST_STEPS_ONCE = 1e8  # on one long text: about two seconds
_MOST_S = 20.0  # on all texts of a library together
_LEADING = re.compile(r"(?:\.\*\??(?![*+?{]))+")
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


class Pattern:
    """An expression that may be tried on many texts, within limits."""

    def __init__(self, name: str, text: str, compiled: re.Pattern[str], degree: int, factor: float) -> None:
        self._name, self._text, self._compiled = name, text, compiled
        self._degree, self._factor = degree, factor
        self._spent_s = 0.0

    def search(self, text: str) -> re.Match[str] | None:
        """As of a compiled expression.

        Raises:
            UsageError: the text is too long for it, or all texts together took too long.
        """
        if _steps(self._degree, self._factor, len(text)) > _MOST_STEPS_ONCE or self._spent_s > _MOST_S:
            raise UsageError(
                f"{self._name}::{self._text[:60]}: takes too long on what the files say; use fewer of * + {{}} ? |"
            )
        began_s = time.perf_counter()
        found = self._compiled.search(text)
        self._spent_s += time.perf_counter() - began_s
        return found


def pattern_of(name: str, text: str) -> Pattern:
    """A regular expression, whatever the case.

    Args:
        name: of the field that is asked.
        text: the expression.

    Raises:
        UsageError: it is none, repeats a group that holds a repetition or a choice, or has too many of these.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of brackets that may mean something else some day
            re.compile(text, re.IGNORECASE)
            plain = text[found.end() :] if (found := _LEADING.match(text)) else text  # finds the same, sooner
            compiled = re.compile(plain, re.IGNORECASE)
            degree, factor = _ways(_without_end(_parser.parse(plain, re.IGNORECASE)))
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"{name}::{text[:60]}: is no regular expression ({error})") from None
    if _steps(degree, factor, _USUAL) > _MOST_STEPS:
        raise UsageError(
            f"{name}::{text[:60]}: could take for ever; use fewer of * + {{}} ? |, and none of them in a repeated group"
        )
    return Pattern(name, text, compiled, degree, factor)


def _steps(degree: int, factor: float, n: int) -> float:
    """Most steps of a search in n characters, from each of which it begins anew."""
    return factor * float(n) ** (degree + 1) / math.factorial(degree + 1)


def _without_end(items: Any) -> list[Any]:
    """The items without a plain repetition at the end: nothing comes after it that could fail."""
    kept = list(items)
    if kept and str(kept[-1][0]) in _REPEATS:
        inner = kept[-1][1][2]
        if _ways(inner) == (0, 1.0) and inner.getwidth()[0]:
            kept.pop()
    return kept


def _ways(items: Iterable[Any]) -> tuple[int, float]:
    """In how many ways items of a parsed expression can match from one place on: factor * (length of text)**degree."""
    degree, factor = 0, 1.0
    for code, value in items:
        more, times = _ways_of(str(code), value)
        degree, factor = min(degree + more, 50), factor * times
    return degree, factor


def _ways_of(code: str, value: Any) -> tuple[int, float]:
    if code in _REPEATS:
        return _repeated(*value)
    if code == "BRANCH":
        return _either(value[1])
    if code == "GROUPREF_EXISTS":
        return _either([part for part in value[1:] if part is not None])
    if code == "SUBPATTERN":
        return _ways(value[3])
    if code == "ATOMIC_GROUP":
        return _ways(value)
    if code in ("ASSERT", "ASSERT_NOT"):
        return _ways(value[1])
    return (1, 1.0) if code == "GROUPREF" else (0, 1.0)  # what a group found may be as long as the text


def _either(parts: Iterable[Any]) -> tuple[int, float]:
    ways = [_ways(part) for part in parts]
    return max(degree for degree, _ in ways), sum(factor for _, factor in ways)


def _repeated(least: Any, most: Any, inner: Any) -> tuple[int, float]:
    degree, factor = _ways(inner)
    empty = float(least) if least > 1 and inner.getwidth()[0] == 0 else 1.0  # matches itself without getting on
    if (degree, factor) == (0, 1.0):
        return (0, (most - least + 1) * empty) if most - least <= _SMALL else (1, empty)
    if most == 1:
        return degree, factor + (least == 0)
    if degree or most > _SMALL:
        return 50, math.inf
    return 0, (factor + 1) ** int(most) * empty
