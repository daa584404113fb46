"""Checkpoints of a training run: safetensors and JSON, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sideman.core.atomic import atomic_write
from sideman.core.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    from torch import Tensor


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write ``tensors`` with JSON ``metadata`` as one safetensors file, atomically."""
    try:
        from safetensors.torch import save
    except ImportError as error:
        raise MissingExtraError("training", "train") from error
    payload = save({name: t.contiguous() for name, t in tensors.items()}, {"sideman": json.dumps(metadata)})
    with atomic_write(path, "wb") as file:
        file.write(payload)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`save_tensors` wrote; raises :class:`ModelError` on a damaged file."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingExtraError("training", "train") from error
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            metadata = json.loads((file.metadata() or {}).get("sideman", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"{path}: not a readable checkpoint ({error}); delete it to start anew") from error
    return tensors, metadata
