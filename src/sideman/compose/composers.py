"""The composers that ship, and those that people train: weights, card, and an index of what they learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from sideman.compose.decoder import OnnxDecoder
from sideman.compose.originality import Index
from sideman.compose.vocabulary import SIZE
from sideman.core.errors import ModelError, UsageError
from sideman.inference.cards import WEIGHTS_FOLDER, Card, read_card, verify

SHIPPED = ("open", "research")
RESEARCH_NOTICE = (
    "these weights learnt from music that is not all freely licensed: use what they write for research and privately"
)


@dataclass(frozen=True)
class Composer:
    """A trained composer.

    Attributes:
        name: "open", "research", or the folder's name.
        card: its model card; `card.content` has ``context``, ``genres`` (per genre ``pieces`` and
            ``presets``), ``longest_run`` (what counts as a copy) and ``licence``.
    """

    name: str
    card: Card

    @cached_property
    def decoder(self) -> OnnxDecoder:
        """The network; the weights are checked against the card first."""
        verify(self.card)
        return OnnxDecoder(str(self.card.path))

    @cached_property
    def index(self) -> Index:
        """What the composer learnt from, as hashes."""
        return Index.read(self.card.path.with_suffix(".grams"))

    @property
    def context(self) -> int:
        """Tokens that the network was trained to hear at once."""
        return int(self.card.content["context"])

    @property
    def genre_names(self) -> tuple[str, ...]:
        """Names in the order of the genre tokens."""
        return tuple(self.card.content["genre_tokens"])

    @property
    def genres(self) -> dict[str, dict[str, Any]]:
        """The genres that can be asked for."""
        return dict(self.card.content["genres"])

    @property
    def copy_limit(self) -> int:
        """Notes in a run shared with a learnt piece from which on a piece is rejected."""
        return int(self.card.content["copy_limit"])


@lru_cache(maxsize=4)
def open_composer(name: str | Path) -> Composer:
    """A shipped composer by name, or a trained one by its folder.

    Raises:
        ModelError: there is none.
    """
    if str(name) in SHIPPED:
        return Composer(str(name), read_card(WEIGHTS_FOLDER / f"compose-{name}.json"))
    path = Path(name) / "composer.json"
    if not path.is_file():
        raise ModelError(f"{name}: no composer; name one of {', '.join(SHIPPED)}, or a folder of 'sideman train score'")
    card = read_card(path)
    if not {"genre_tokens", "genres", "context", "copy_limit", "human_runs"} <= card.content.keys():
        raise ModelError(f"{path}: is no composer's card; train it anew with 'sideman train score'")
    if card.content.get("vocabulary") != SIZE:
        raise ModelError(
            f"{path}: knows another vocabulary than this version; train it anew with 'sideman train score'"
        )
    return Composer(Path(name).resolve().name, card)


def choose(genre: str | None, model: str = "auto") -> tuple[Composer, str | None]:
    """The composer for a genre, and a line that the user should read, if any.

    "auto" takes the open weights where they have the genre, else those for research.

    Raises:
        UsageError: the composer has not learnt that genre.
        ModelError: there is no such composer.
    """
    if model == "auto":
        composer = open_composer("open")
        if genre is not None and genre not in composer.genres:
            composer = open_composer("research")
    else:
        composer = open_composer(model)
    check_genre(genre, list(composer.genres), composer.name)
    if composer.name == "research":
        return composer, RESEARCH_NOTICE
    return composer, None


def check_genre(genre: str | None, known: Sequence[str], name: str) -> None:
    """Raises :class:`UsageError`, which names the nearest, where a genre is not among those known."""
    if genre is None or genre in known:
        return
    near = get_close_matches(genre, known, 3, 0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise UsageError(f"genre '{genre}' is not known to the composer '{name}'; {hint}it has {', '.join(sorted(known))}")
