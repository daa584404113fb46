"""Navidrome's smart playlists (.nsp): a QUERY as rules that Navidrome evaluates itself, again and again.

Navidrome knows tags, not what Sideman heard: ``genre:``, ``mood:`` and ``bpm:`` become questions about the tags of that
name, which ``sideman tag`` fills in. What Navidrome has no field for is refused by name.
"""

from __future__ import annotations

import json
import math
from typing import Any

from sideman.core.errors import UsageError
from sideman.library.fields import MOOD_RADIUS
from sideman.library.query import Query, Term
from sideman.mood.names import MOODS, mood

Rule = dict[str, Any]

_TEXTS = {
    "title": "title", "artist": "artist", "albumartist": "albumartist", "album": "album", "path": "filepath",
    "tag_genre": "genre", "tag_mood": "mood", "composer": "composer", "comment": "comment", "grouping": "grouping",
}  # fmt: skip
_NUMBERS = {
    "year": "year", "track": "tracknumber", "disc": "discnumber", "bpm": "bpm", "tag_bpm": "bpm", "size": "size",
    "rating": "rating", "playcount": "playcount", "bitrate": "bitrate", "length": "duration",
}  # fmt: skip
_FLAGS = {"loved": "loved", "compilation": "compilation"}
_SORTS = {
    "title": "title", "artist": "artist", "albumartist": "albumartist", "album": "album", "year": "year",
    "track": "tracknumber", "disc": "discnumber", "path": "filepath", "format": "filetype", "size": "size",
    "added": "dateadded", "length": "duration", "bpm": "bpm", "tag_bpm": "bpm", "tag_genre": "genre", "genre": "genre",
}  # fmt: skip
_SPELLINGS = {"hiphop": ("hiphop", "hip-hop", "hip hop"), "rnb": ("rnb", "r&b")}


def text(title: str, query: Query | str, *, limit: int | None = None) -> str:
    """The rules as JSON text.

    Args:
        title: of the playlist.
        query: what belongs to it; its ``field+`` and ``field-`` sort.
        limit: at most so many tracks.

    Raises:
        UsageError: a term that Navidrome cannot be asked; the message names it.
    """
    asked = Query.parse(query) if isinstance(query, str) else query
    groups = [[_rule(term) for term in group] for group in asked.alternatives]
    whole: dict[str, Any] = {"name": title, "comment": f"Made by Sideman from: {asked.text}"}
    if len(groups) == 1:
        whole["all"] = groups[0] or [{"gt": {"duration": 0}}]
    else:
        whole["any"] = [group[0] if len(group) == 1 else {"all": group} for group in groups]
    if asked.sorts:
        whole["sort"] = ",".join(("-" if down else "") + _sort(name) for name, down in asked.sorts)
    if limit is not None:
        whole["limit"] = limit
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _sort(name: str) -> str:
    if name not in _SORTS:
        raise UsageError(f"{name}+: Navidrome cannot sort by {name}; it can by {', '.join(sorted(_SORTS))}")
    return _SORTS[name]


def _rule(term: Term) -> Rule:
    name, value = term.field, term.value
    if name is None:
        return _word(term)
    if not value and name not in _FLAGS:
        raise _refused(term, "it cannot be asked for what is absent")
    if name == "genre":
        names = [spelling for part in value.split("|") for spelling in _genre(part.lstrip("="))]
        return _one_of("genre", names, term.negated)
    if name == "mood":
        points = [mood(part.lstrip("=")) for part in value.split("|")]
        near = [word for word, point in MOODS.items() if any(math.dist(point, p) <= MOOD_RADIUS for p in points)]
        return _one_of("mood", near, term.negated)
    if name == "format":
        return {"isNot" if term.negated else "is": {"filetype": value.lower().lstrip(".=")}}
    if name in _FLAGS:
        return {"is": {_FLAGS[name]: (value.lower() in ("", "true", "yes", "1")) != term.negated}}
    if name in _NUMBERS:
        return _number(term, _NUMBERS[name])
    if name in _TEXTS:
        return _text(term, _TEXTS[name])
    raise _refused(term, f"it has no field for {name}")


def _word(term: Term) -> Rule:
    if term.value[:1] == "~":
        raise _refused(term, "it knows no inexact matches")
    fields = ("title", "artist", "albumartist", "album", "genre", "filepath")
    operator, joint = ("notContains", "all") if term.negated else ("contains", "any")
    return {joint: [{operator: {field: term.value}} for field in fields]}


def _text(term: Term, field: str) -> Rule:
    value = term.value
    if value[0] == "=":
        return {"isNot" if term.negated else "is": {field: value[1:]}}
    if value[0] in "~:" and len(value) > 1:
        raise _refused(term, "it knows no inexact matches and no regular expressions")
    return {"notContains" if term.negated else "contains": {field: value}}


def _number(term: Term, field: str) -> Rule:
    low, high = _bounds(term, field)
    if low == high:
        return {"isNot" if term.negated else "is": {field: low}}
    step = 0.001 if field == "duration" else 1  # Navidrome's gt and lt leave the number itself out
    if low is not None and high is not None:
        if not term.negated:
            return {"inTheRange": {field: [low, high]}}
        return {"any": [{"lt": {field: low}}, {"gt": {field: high}}]}
    if low is not None:
        return {"lt": {field: low}} if term.negated else {"gt": {field: low - step}}
    assert high is not None
    return {"gt": {field: high}} if term.negated else {"lt": {field: high + step}}


def _bounds(term: Term, field: str) -> tuple[float | None, float | None]:
    """Least and greatest value, both included; None where there is no bound."""
    value = term.value
    step = 0.001 if field == "duration" else 1
    try:
        if ".." in value:
            low, _, high = value.partition("..")
            bounds = _value(low) if low else None, _value(high) if high else None
            if bounds == (None, None):
                raise ValueError
            return bounds
        for sign, below, above in ((">=", 0, None), ("<=", None, 0), (">", step, None), ("<", None, -step)):
            if value.startswith(sign):
                number = _value(value[len(sign) :])
                return (None if below is None else number + below), (None if above is None else number + above)
        number = _value(value)
    except ValueError:
        raise _refused(term, f"{value} is no number") from None
    return number, number


def _value(told: str) -> float:
    minutes, colon, seconds = told.rpartition(":")
    number = 60 * float(minutes) + float(seconds) if colon else float(told)
    if not math.isfinite(number):
        raise ValueError(told)
    return int(number) if number == int(number) else number


def _genre(name: str) -> tuple[str, ...]:
    plain = name.lower().replace("-", "").replace(" ", "")
    return _SPELLINGS.get(plain, (name,))


def _one_of(field: str, values: list[str], negated: bool) -> Rule:
    rules = [{"isNot" if negated else "is": {field: value}} for value in values]
    return rules[0] if len(rules) == 1 else {"all" if negated else "any": rules}


def _refused(term: Term, why: str) -> UsageError:
    shown = f"{'-' if term.negated else ''}{term.field + ':' if term.field else ''}{term.value}"
    return UsageError(f"{shown[:60]}: Navidrome cannot be asked this ({why}); leave it out, or write an .m3u8")
