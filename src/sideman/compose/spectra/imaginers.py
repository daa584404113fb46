"""The generators of spectra that ship, and those that people train."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.audio.mel_picture import FORM
from sideman.core.errors import ModelError
from sideman.inference.cards import WEIGHTS_FOLDER, Card, read_card, verify
from sideman.inference.sessions import Session, session_of

SHIPPED = ("flow", "dcgan")
NOTICE = (
    "these weights learnt from GTZAN, whose recordings were never cleared: use what they imagine for research and "
    "privately"
)
CARD = "spectra.json"
_NEEDED = {"kind", "genres", "window", "mean", "spread"}
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Imaginer:
    """A trained generator of log-mel pictures.

    Attributes:
        name: "flow", "dcgan", or the folder's name.
        card: its model card; `card.content` has ``kind``, ``genres``, ``window``, ``mean``, ``spread``, ``noise``,
            ``conditional`` and ``licence``.
        vocoder: card of the vocoder that was trained with it; None for the shipped one.
    """

    name: str
    card: Card
    vocoder: Card | None = None

    @cached_property
    def session(self) -> Session:
        """The network; the weights are checked against the card."""
        verify(self.card)
        return session_of(self.card.path.with_suffix(".json"))

    @property
    def kind(self) -> str:
        """Its family: "flow" or "dcgan"."""
        return str(self.card.content["kind"])

    @property
    def genres(self) -> tuple[str, ...]:
        """Genres that it can be asked for; none for a network that was not told genres."""
        return tuple(self.card.content["genres"]) if self.card.content.get("conditional", True) else ()

    @property
    def window(self) -> int:
        """Frames of a picture that the network makes at once."""
        return int(self.card.content["window"])

    @cached_property
    def mean(self) -> Floats:
        """Mean of the log-mel per band, (96, 1)."""
        return np.asarray(self.card.content["mean"], np.float32)[:, None]

    @cached_property
    def spread(self) -> Floats:
        """Deviation of the log-mel per band, (96, 1)."""
        return np.asarray(self.card.content["spread"], np.float32)[:, None]

    @property
    def notice(self) -> str | None:
        """A line that whoever uses a shipped network should read."""
        return NOTICE if self.card.path.parent == WEIGHTS_FOLDER else None


@lru_cache(maxsize=4)
def open_imaginer(name: str | Path = "flow") -> Imaginer:
    """A shipped generator by name, or a trained one by its folder.

    Raises:
        ModelError: there is none, or its card is damaged.
    """
    if str(name) in SHIPPED:
        return _checked(Imaginer(str(name), read_card(WEIGHTS_FOLDER / f"spectra-{name}.json")))
    folder = Path(name)
    if not (folder / CARD).is_file():
        raise ModelError(f"{name}: no generator; name {' or '.join(SHIPPED)}, or a folder of 'sideman train spectra'")
    own = folder / "vocoder.json"
    return _checked(
        Imaginer(folder.resolve().name, read_card(folder / CARD), read_card(own) if own.is_file() else None)
    )


def _checked(imaginer: Imaginer) -> Imaginer:
    content: dict[str, Any] = imaginer.card.content
    path = imaginer.card.path.with_suffix(".json")
    if not content.keys() >= _NEEDED or content["kind"] not in SHIPPED:
        raise ModelError(f"{path}: is no generator's card; train it anew with 'sideman train spectra'")
    sizes = {len(content["mean"]), len(content["spread"])}
    if sizes != {FORM.n_mels}:
        raise ModelError(f"{path}: was made for {sizes} bands, not {FORM.n_mels}; train it anew")
    return imaginer
