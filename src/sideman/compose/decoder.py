"""Composers at work: tokens in, scores of the next token out, with what was heard kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import ModelError

Scores = NDArray[np.float32]


class Decoder(Protocol):
    """A model that composes token by token."""

    def reset(self) -> None:
        """Forget everything."""

    def feed(self, tokens: Sequence[int]) -> Scores:
        """Hear at least one token; returns unnormalised log-probabilities of what follows, shape (SIZE,)."""


class OnnxDecoder:
    """A composer's ONNX file (`sideman.compose.models.exporting`) on one thread."""

    def __init__(self, payload: bytes | str) -> None:
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
            tokens, *past = self._session.get_inputs()
        except Exception as error:
            raise ModelError(
                f"not a usable composer ({(str(error).splitlines() or ['?'])[0][:200]}); reinstall sideman"
            ) from error
        self._tokens: str = tokens.name
        # An axis with a name instead of a size grows with what was heard: nothing at the beginning.
        self._empty = {p.name: np.zeros([n if isinstance(n, int) else 0 for n in p.shape], np.float32) for p in past}
        self._past = self._empty

    def reset(self) -> None:
        """Forget everything."""
        self._past = self._empty

    def feed(self, tokens: Sequence[int]) -> Scores:
        """Hear tokens; returns the scores after the last one, shape (SIZE,)."""
        scores, *present = self._session.run(None, {self._tokens: np.asarray([tokens], np.int64), **self._past})
        self._past = dict(zip(self._empty, present, strict=True))
        return np.asarray(scores[0], np.float32)
