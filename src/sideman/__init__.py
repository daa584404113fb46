"""Sideman listens to music and plays along: genre, mood, tempo and key of any recording, offline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime 1.29 and later report every session to its makers unless told not to before they are loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from sideman.core.errors import SidemanError
    from sideman.genre.classification import Classification, Segment
    from sideman.genre.embed import Embedding, embed
    from sideman.mood.hear import classify

__version__ = "0.1.0"
__all__ = ["Classification", "Embedding", "Segment", "SidemanError", "__version__", "classify", "embed"]

_HOMES = {
    "Classification": "sideman.genre.classification",
    "Segment": "sideman.genre.classification",
    "classify": "sideman.mood.hear",
    "Embedding": "sideman.genre.embed",
    "embed": "sideman.genre.embed",
    "SidemanError": "sideman.core.errors",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for on first use, so that ``import sideman`` itself takes no time."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sideman' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
