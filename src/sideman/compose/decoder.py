"""Composers at work: tokens in, scores of the next token out, with what was heard kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import ModelError

Scores = NDArray[np.float32]
_ROOM = 768  # steps that the memory has room for at first


class Decoder(Protocol):
    """A model that composes token by token."""

    def reset(self) -> None:
        """Forget everything."""

    def feed(self, tokens: Sequence[int]) -> Scores:
        """Hear at least one token; returns unnormalised log-probabilities of what follows, shape (SIZE,)."""


class OnnxDecoder:
    """A composer's ONNX file (`sideman.compose.models.exporting`) on one thread."""

    def __init__(self, payload: bytes | str, memory: Literal["cache", "state"]) -> None:
        """Load the network from memory or from a path.

        Raises:
            ModelError: it is not a usable network.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelError(f"not a usable composer ({str(error).splitlines()[0][:200]}); reinstall sideman") from error
        self._memory = memory
        shape = self._session.get_inputs()[1].shape
        if memory == "cache":
            self._empty = np.zeros((0, *shape[1:3], 1, *shape[4:]), np.float32)
        else:
            self._empty = np.zeros((*shape[:2], 1, *shape[3:]), np.float32)
        self._room = np.empty((_ROOM, *self._empty.shape[1:]), np.float32) if memory == "cache" else self._empty
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._seen = 0
        self._state = self._empty

    def feed(self, tokens: Sequence[int]) -> Scores:
        """Hear tokens; returns the scores after the last one, shape (SIZE,)."""
        past = self._room[: self._seen] if self._memory == "cache" else self._state
        scores, present = self._session.run(None, {"tokens": np.asarray([tokens], np.int64), "past": past})
        if self._memory == "cache":
            end = self._seen + len(present)
            if end > len(self._room):
                grown = np.empty((2 * end, *self._room.shape[1:]), np.float32)
                grown[: self._seen] = past
                self._room = grown
            self._room[self._seen : end] = present
            self._seen = end
        else:
            self._state = present
        return np.asarray(scores[0], np.float32)
