"""Combining models at the level of recordings, in NumPy alone: classifying with a saved ensemble needs no extra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.core.errors import ModelError, UsageError

Floats = NDArray[np.float64]
FLOOR = -8.0
"""Log-probabilities below this count as this when models are stacked: how impossible is impossible tells nothing."""


def soft_vote(members: Sequence[ArrayLike], weights: Sequence[float] | None = None) -> Floats:
    """Log of the mean of the members' probabilities.

    Args:
        members: log-probabilities (tracks, classes) of each member, all of one shape.
        weights: how much each member counts, 0 or more, not all 0; None for all the same.

    Returns:
        Log-probabilities (tracks, classes); their exponentials sum to 1.

    Raises:
        UsageError: no member, shapes or weights that do not fit.
    """
    logs = _stacked(members)
    share = np.ones(len(logs)) if weights is None else np.asarray(weights, float)
    if share.shape != (len(logs),) or not np.isfinite(share).all() or (share < 0).any() or not share.sum() > 0:
        raise UsageError(f"{len(logs)} members need as many weights of 0 or more, not all 0; got {weights}")
    probabilities = np.exp(logs - _log_sum(logs))
    mean = np.tensordot(share / share.sum(), probabilities, axes=1)
    return np.asarray(np.log(np.maximum(mean, np.finfo(float).tiny)))


@dataclass(frozen=True)
class Stack:
    """A linear map of the members' log-probabilities, then softmax (Wolpert 1992).

    Attributes:
        matrix: (members, classes in, classes out).
        bias: (classes out,).
    """

    matrix: Floats
    bias: Floats

    def combine(self, members: Sequence[ArrayLike]) -> Floats:
        """Log-probabilities (tracks, classes) from those of the members, in the order of training.

        Raises:
            UsageError: another number of members or classes than the stack was trained on.
        """
        logs = _stacked(members)
        if (logs.shape[0], logs.shape[2]) != self.matrix.shape[:2]:
            raise UsageError(
                f"the stack takes {self.matrix.shape[0]} members of {self.matrix.shape[1]} classes, "
                f"not {logs.shape[0]} of {logs.shape[2]}"
            )
        values = np.einsum("mtc,mcd->td", stack_features(logs), self.matrix) + self.bias
        return np.asarray(values - _log_sum(values))

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"matrix": self.matrix.tolist(), "bias": self.bias.tolist()}

    @classmethod
    def from_dict(cls, told: Any) -> Stack:
        """Read what :meth:`to_dict` wrote; raises :class:`ModelError` where it is something else."""
        try:
            matrix, bias = np.asarray(told["matrix"], float), np.asarray(told["bias"], float)
        except (TypeError, KeyError, ValueError) as error:
            raise ModelError(f"not the figures of a stack ({error!r}); train it again") from None
        square = matrix.ndim == 3 and matrix.size > 0 and matrix.shape[1] == matrix.shape[2]
        if not square or bias.shape != matrix.shape[2:] or not np.isfinite(matrix).all() or not np.isfinite(bias).all():
            raise ModelError(f"the figures of a stack do not fit: {matrix.shape}, {bias.shape}; train it again")
        return cls(matrix, bias)


def combine(members: Sequence[ArrayLike], how: Stack | Sequence[float] | None = None) -> Floats:
    """Combine by a :class:`Stack`, by weights, or (None) by a vote in which all count the same."""
    return how.combine(members) if isinstance(how, Stack) else soft_vote(members, how)


def stack_features(logs: Floats) -> Floats:
    """What a stack hears of log-probabilities (members, tracks, classes): kept above a floor, mean 0 over classes."""
    kept = np.maximum(logs, FLOOR)
    return np.asarray(kept - kept.mean(-1, keepdims=True))


def _stacked(members: Sequence[ArrayLike]) -> Floats:
    logs = [np.asarray(member, float) for member in members]
    if not logs or any(log.ndim != 2 or log.shape != logs[0].shape for log in logs) or not logs[0].shape[1]:
        shapes = ", ".join(str(log.shape) for log in logs) or "none"
        raise UsageError(f"members must be log-probabilities (tracks, classes) of one shape, not {shapes}")
    together = np.stack(logs)
    if np.isnan(together).any() or (together == np.inf).any():
        raise UsageError("members must be log-probabilities, and some are no numbers")
    return np.asarray(np.maximum(together, -1e4))  # a plain zero's logarithm included


def _log_sum(values: Floats) -> Floats:
    top = values.max(-1, keepdims=True)
    return np.asarray(top + np.log(np.exp(values - top).sum(-1, keepdims=True)))
