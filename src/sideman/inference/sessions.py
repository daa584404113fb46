"""ONNX Runtime sessions: one thread, checked against the card, made once per process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import ModelError
from sideman.inference.cards import WEIGHTS_FOLDER, Card, list_weights, read_card, verify

__all__ = ["Session", "list_weights", "open_session", "session_of"]


class Session:
    """One network, ready to run on NumPy arrays."""

    def __init__(self, card: Card) -> None:
        """Load the weights that ``card`` describes.

        Raises:
            ModelError: the file is missing, damaged, or not the one on the card.
        """
        import onnxruntime

        verify(card)
        onnxruntime.disable_telemetry_events()  # where it was loaded before sideman: see sideman/__init__.py
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Memory that follows the largest batch ever seen would break the bound on long files.
        options.enable_mem_pattern = False
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(card.path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ModelError(f"{card.path}: not a usable network ({str(error).splitlines()[0][:200]})") from error
        self.card = card
        self.input_name: str = self._session.get_inputs()[0].name
        self.outputs: tuple[str, ...] = tuple(output.name for output in self._session.get_outputs())

    def run(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Run the network on one batch; returns its outputs by name."""
        return self.run_inputs(**{self.input_name: batch})

    def run_inputs(self, **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Run a network of several inputs, given by name; returns its outputs by name."""
        return dict(zip(self.outputs, self._session.run(None, inputs), strict=True))


@lru_cache(maxsize=8)
def session_of(path: Path) -> Session:
    """Session for the weights of the card ``path``, made on first use and kept; errors as :class:`Session`."""
    return Session(read_card(path))


def open_session(name: str, folder: Path = WEIGHTS_FOLDER) -> Session:
    """Session for the weights ``name`` in ``folder``, made on first use and kept.

    Raises:
        ModelError: there are no such weights, or they are damaged.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        known = ", ".join(card.name for card in list_weights(folder)) or "none"
        raise ModelError(f"no weights named '{name}' in {folder} (there: {known})")
    return session_of(path)
