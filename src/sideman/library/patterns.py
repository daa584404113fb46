"""Regular expressions of queries, without those that could take for ever on a single title.

Python's engine tries one way after the other and cannot be stopped meanwhile: ``(a+)+b`` on thirty characters takes
longer than anybody waits, and a server with it.
"""

from __future__ import annotations

import re
import warnings

from sideman.core.errors import UsageError

_MOST_REPEATS = 4  # each multiplies the time by the length of the text
_MOST_CHOICES = 12  # each doubles it
_SMALL = 4  # times that something may be repeated without being counted among the repeats
_REPEAT = re.compile(r"[*+]|\{\d*,?\d*\}")
_BOUNDED = re.compile(r"\{(?:\d*,)?(\d+)\}")
_INNER = re.compile(r"\?(?:P?<[^=!>][^>]*>|[aiLmsux-]*:|[=!]|<[=!]|>|P=[^)]*|#[^)]*|\([^)]*\))?")


def pattern_of(name: str, text: str) -> re.Pattern[str]:
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
            found = re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"{name}::{text}: is no regular expression ({error})") from None
    if _is_slow(text):
        raise UsageError(
            f"{name}::{text[:60]}: could take for ever; use fewer of * + {{}} ? |, and none of them in a repeated group"
        )
    return found


def _is_slow(text: str) -> bool:
    """Whether a valid expression nests repetitions, or has many unbounded ones."""
    open_groups = [False]  # for each open group, whether it holds a repetition or a choice
    chooses = [False]  # and whether it holds a | itself
    closed = False  # whether what was just read is a group that does
    after_repeat = False
    repeats = choices = at = 0
    while at < len(text):
        char = text[at]
        repeat = _REPEAT.match(text, at)
        if repeat is not None and repeat[0] not in ("{}", "{,}"):
            if closed:
                return True
            open_groups[-1] = True
            bound = _BOUNDED.fullmatch(repeat[0])
            repeats += bound is None or len(bound[1]) > 2 or int(bound[1]) > _SMALL
            choices += bound is not None
            at = repeat.end()
            closed, after_repeat = False, True
            continue
        if char == "(":
            open_groups.append(False)
            chooses.append(False)
            inner = _INNER.match(text, at + 1)
            at = inner.end() if inner else at + 1
        elif char == ")" and len(open_groups) > 1:
            closed = open_groups.pop()
            choices += chooses.pop()
            open_groups[-1] |= closed
            at += 1
            after_repeat = False
            continue
        else:
            chooses[-1] |= char == "|"
            open_groups[-1] |= char == "|"
            choices += char == "?" and not after_repeat
            at = _after(text, at)
        # "(...)?" may follow: once or not at all is no repetition, but what is then repeated is.
        closed, after_repeat = closed and char == "?", False
    return repeats > _MOST_REPEATS or choices + chooses[0] > _MOST_CHOICES


def _after(text: str, at: int) -> int:
    """Where the next character, escape or class ends."""
    if text[at] == "\\":
        return at + 2
    if text[at] != "[":
        return at + 1
    at += 2 if text[at + 1 : at + 2] == "^" else 1
    at += text[at : at + 1] == "]"  # right after the bracket it is a character
    while at < len(text) and text[at] != "]":
        at += 2 if text[at] == "\\" else 1
    return at + 1
