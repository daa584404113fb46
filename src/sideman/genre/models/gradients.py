"""Integrated gradients: how much each value of a picture adds to a network's answer, compared with a neutral picture.

Source: Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", ICML 2017 (arXiv:1703.01365).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sideman.genre.models.onnx_module import OnnxModule

Floats = NDArray[np.float32]
_BATCH = 16


def log_odds(scores: Tensor, target: int, n_classes: int) -> Tensor:
    """Log-odds (batch,) of a class among the first ``n_classes`` scores (batch, n)."""
    scores = scores[:, :n_classes]
    others = [i for i in range(n_classes) if i != target]
    return scores[:, target] - scores[:, others].logsumexp(1)


def integrated_gradients(
    network: bytes | Path, x: Floats, neutral: Floats, target: int, n_classes: int, *, steps: int = 32
) -> Floats:
    """Share of each value of ``x`` in the log-odds of a class; they sum to its rise from ``neutral`` to ``x``.

    Args:
        network: ONNX, with an output "scores".
        x: features (rows, ...).
        neutral: what they are compared with, of the same shape.
        target: the class.
        n_classes: classes among which the odds are taken, the first of the scores.
        steps: points of the Gauss-Legendre quadrature along the straight way from one to the other.

    Raises:
        ModelError: an operator of the network has no counterpart in torch.
    """
    module = OnnxModule(network, ["scores"]).eval().requires_grad_(False)
    nodes, node_weights = np.polynomial.legendre.leggauss(steps)
    shares = torch.from_numpy(((nodes + 1) / 2).astype(np.float32))
    weights = torch.from_numpy((node_weights / 2).astype(np.float32))
    result = np.empty(x.shape, np.float32)
    for row, (end, start) in enumerate(zip(x, neutral, strict=True)):
        start_t = torch.from_numpy(np.ascontiguousarray(start, np.float32))
        way = torch.from_numpy(np.ascontiguousarray(end, np.float32)) - start_t
        slope = torch.zeros_like(way)
        shape = (-1, *[1] * way.ndim)
        for first in range(0, steps, _BATCH):
            points = (start_t + shares[first : first + _BATCH].reshape(shape) * way).requires_grad_()
            odds = (log_odds(module(points), target, n_classes) * weights[first : first + _BATCH]).sum()
            (found,) = torch.autograd.grad(odds, points)
            slope += found.sum(0)
        result[row] = (slope * way).numpy()
    return result
