"""The query language of ``sideman ls`` and of everything that takes a QUERY; docs/queries.md has it for people.

A query is terms separated by spaces, all of which must hold; a comma means *or* between what is before and after it.
``field:value`` asks a field; a bare word is looked for in title, artist, album, file name and tags; ``-`` or ``^``
before a term negates it; quotes keep spaces together; ``field+`` and ``field-`` sort. Fields that are not known are
looked up among the files' own tags.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, not_, or_, true

from sideman.core.errors import UsageError
from sideman.library.field_kinds import Field
from sideman.library.fields import FIELDS, SORTS, any_text, named_tag
from sideman.library.pathtext import to_text
from sideman.library.schema import files

_LONGEST = 2000


@dataclass(frozen=True)
class Term:
    """One condition: ``field`` is None for a bare word."""

    field: str | None
    value: str
    negated: bool = False

    def __str__(self) -> str:
        """As it is written in a query."""
        word = f"{'-' if self.negated else ''}{self.field + ':' if self.field else ''}{self.value}"
        return f'"{word}"' if any(c.isspace() for c in word) else word


@dataclass(frozen=True)
class Query:
    """A parsed query.

    Attributes:
        text: as it was given.
        alternatives: one of these groups must hold, in each of them every term.
        sorts: columns to sort by, each with whether it runs downwards.
    """

    text: str = ""
    alternatives: tuple[tuple[Term, ...], ...] = ((),)
    sorts: tuple[tuple[str, bool], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read a query.

        Raises:
            UsageError: quotes that do not close, an unknown sort, a value that its field cannot have.
        """
        if len(text) > _LONGEST:
            raise UsageError(f"a query of {len(text)} characters is too long; the limit is {_LONGEST}")
        if "\0" in text:
            raise UsageError("a query cannot hold NUL characters")
        text = to_text(text)  # bytes of a command line that are no UTF-8, as paths have them
        groups: list[list[Term]] = [[]]
        sorts = []
        for word in _words(text):
            if word == ",":
                groups.append([])
                continue
            ends_group = word.endswith(",") and len(word) > 1
            word = word[:-1] if ends_group else word
            sort = _sort(word)
            if sort is not None:
                sorts.append(sort)
            else:
                groups[-1].append(_term(word))
            if ends_group:
                groups.append([])
        if len(groups) > 1 and not all(groups):
            raise UsageError(f"{_shown(text)}: a comma means 'or' and needs a term on both of its sides")
        query = cls(text, tuple(map(tuple, groups)), tuple(sorts))
        for group in query.alternatives:
            for term in group:
                _field(term).check(term.value)
        return query

    def narrowed(self, *terms: Term) -> Query:
        """The same with further terms that must hold in every alternative.

        Raises:
            UsageError: a value that its field cannot have.
        """
        for term in terms:
            _field(term).check(term.value)
        groups = tuple((*group, *terms) for group in self.alternatives)
        text = " , ".join(" ".join(map(str, group)) for group in groups)
        sorts = "".join(f" {name}{'-' if down else '+'}" for name, down in self.sorts)
        return replace(self, text=(text + sorts).strip(), alternatives=groups)

    def sorted_by(self, word: str) -> Query:
        """The same, first sorted by ``title``, or ``-bpm`` for downwards.

        Raises:
            UsageError: there is no such sort; the message has those that are.
        """
        name = word.lstrip("-+").lower()
        if name not in SORTS:
            raise UsageError(f"{word[:40]!r}: cannot be sorted by; these can: {', '.join(SORTS)}")
        return replace(self, sorts=((name, word.startswith("-")), *self.sorts))

    @property
    def terms(self) -> tuple[Term, ...]:
        """All terms, of all alternatives."""
        return tuple(term for group in self.alternatives for term in group)

    @property
    def asks_for_missing(self) -> bool:
        """Whether it says itself what to do with files that are gone."""
        return any(term.field == "missing" for term in self.terms)

    def condition(self, connection: Connection) -> ColumnElement[bool]:
        """The query as a condition on files and analyses; inexact matches look up the values there are."""
        groups = []
        for group in self.alternatives:
            conditions = []
            for term in group:
                holds = _field(term).condition(term.value, connection)
                conditions.append(not_(holds) if term.negated else holds)
            groups.append(and_(true(), *conditions))
        return or_(*groups) if len(groups) > 1 else groups[0]

    def order(self) -> list[ColumnElement[Any]]:
        """What to sort by: as asked, tracks without a value last, then by path."""
        by: list[ColumnElement[Any]] = []
        for name, down in self.sorts:
            column = SORTS[name]
            by += [column.is_(None), column.desc() if down else column.asc()]
        return [*by, files.c.path.asc()]


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""  # a backslash is a character of paths and patterns
    lexer.quotes = '"'  # an apostrophe is one of names: Guns N' Roses
    try:
        return list(lexer)
    except ValueError:
        raise UsageError(f'{_shown(text)}: a quote is not closed; put a second " after the value') from None


def _sort(word: str) -> tuple[str, bool] | None:
    name, sign = word[:-1].lower(), word[-1:]
    return (name, sign == "-") if sign in ("+", "-") and name in SORTS else None


def _term(word: str) -> Term:
    negated = word[:1] in ("-", "^") and len(word) > 1
    rest = word[1:] if negated else word
    field, colon, value = rest.partition(":")
    # A name with anything but letters, digits, _ and - is no field: "http://x", "12:30 Blues".
    if colon and field and field.replace("_", "").replace("-", "").replace(".", "").isalnum() and not field.isdigit():
        return Term(field.lower(), value, negated)
    return Term(None, rest, negated)


def _field(term: Term) -> Field:
    if term.field is None:
        return any_text
    return FIELDS.get(term.field) or named_tag(term.field)


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
