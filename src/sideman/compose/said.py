"""Figures and phrases of a prompt as they stand in it, and the account kept while one wish is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from sideman.compose.lexicon import Meaning
from sideman.compose.quantities import Quantity

T = TypeVar("T")
FIGURE, WORD, HINT = 3, 2, 1  # what gives way to what


@dataclass(frozen=True)
class Said:
    """A figure or phrase of the text, tokens ``begin`` to ``end`` (exclusive).

    Attributes:
        phrase: as in the text.
        meaning: of a phrase; None for a figure.
        figure: None for a phrase.
        degree: how much (very 1.4, slightly 0.5).
        negated: not, without.
        joined: the word or comma between the item before and this one, where nothing else is; else empty.
    """

    phrase: str
    begin: int
    end: int
    meaning: Meaning | None = None
    figure: Quantity | None = None
    degree: float = 1.0
    negated: bool = False
    joined: str = ""

    @property
    def kind(self) -> str:
        """Kind of the figure or meaning; ensembles count as instruments."""
        if self.figure:
            return self.figure.kind
        kind = self.meaning.kind if self.meaning else ""
        return "instrument" if kind == "ensemble" else kind

    @property
    def is_used(self) -> bool:
        """False for what was recognised only to say that it is not known."""
        return self.kind != "unknown"

    def as_negated(self) -> Said:
        """The same, ruled out."""
        return replace(self, negated=True)


@dataclass(frozen=True)
class Choice(Generic[T]):
    """A value for a control, and who asked for it."""

    rank: int
    item: Said
    value: T


@dataclass
class Account:
    """What has been used, with its place, and noted so far."""

    used: list[tuple[int, tuple[str, str, str]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def use(self, item: Said, control: str, value: str) -> None:
        """Notes that an item set a control, and how in words."""
        self.used.append((item.begin, (item.phrase, control, value)))

    def pick(self, offered: Iterable[Choice[T]], agrees: Callable[[T, T], bool] | None = None) -> Choice[T] | None:
        """The first of the highest rank; others that contradict it are noted, unless they were hints."""
        ranked = sorted(offered, key=lambda c: -c.rank)
        for other in ranked[1:]:
            first = ranked[0]
            same = agrees(first.value, other.value) if agrees else first.value == other.value
            if other.rank > HINT and not same:
                self.notes.append(f"'{other.item.phrase}' gives way to '{first.item.phrase}'")
        return ranked[0] if ranked else None


def choices(items: Sequence[Said], name: str) -> list[Choice[Any]]:
    """What phrases say and suggest of a control."""
    out = []
    for item in items:
        if item.meaning and not item.negated:
            for rank, controls in ((WORD, item.meaning.controls), (HINT, item.meaning.hints)):
                value = getattr(controls, name)
                if value not in (None, ()):
                    out.append(Choice(rank, item, value))
    return out


def figures(items: Sequence[Said], *kinds: str) -> list[Choice[Any]]:
    """What figures of these kinds say."""
    return [Choice(FIGURE, item, item.figure.value) for item in items if item.figure and item.kind in kinds]
