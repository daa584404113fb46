"""Model cards: the JSON beside every weight file that says what it is, what it saw and how well it does."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sideman.core.errors import ModelError

WEIGHTS_FOLDER = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Card:
    """What is known of one ONNX file.

    Attributes:
        name: short name, also the file's stem.
        path: the ONNX file.
        sha256: of the ONNX file, hexadecimal.
        content: the whole card as read from JSON.
    """

    name: str
    path: Path
    sha256: str
    content: dict[str, Any]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; raises :class:`ModelError` where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise ModelError(f"{path}: cannot read the weights ({error.strerror}); reinstall sideman") from error
    return digest.hexdigest()


def read_card(path: Path) -> Card:
    """Read the card ``path`` (``NAME.json`` beside ``NAME.onnx``).

    Raises:
        ModelError: the card is missing or is not a card.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Card(path.stem, path.with_suffix(".onnx"), str(content["sha256"]), content)
    except OSError as error:
        raise ModelError(f"{path}: cannot read the model card ({error.strerror}); reinstall sideman") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: not a model card ({error}); reinstall sideman") from error


def verify(card: Card) -> None:
    """Compare the weights with the card's checksum; raises :class:`ModelError` where they differ."""
    actual = sha256_of(card.path)
    if actual != card.sha256:
        raise ModelError(f"{card.path}: checksum {actual[:12]} is not the card's {card.sha256[:12]}; reinstall sideman")


def list_weights(folder: Path = WEIGHTS_FOLDER) -> list[Card]:
    """Cards of all weights in ``folder``, by name."""
    return [read_card(path) for path in sorted(folder.glob("*.json"))]
