"""Training of a composer: next-token loss on packed examples, measured on pieces that it does not learn from."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sideman.compose.batches import Batches
from sideman.compose.vocabulary import PAD, SIZE
from sideman.training.loop import Schedule, fit

log = logging.getLogger(__name__)
VALID_BATCHES = 8


def learn(
    network: nn.Module,
    batches: Batches,
    valid: Batches | None,
    schedule: Schedule,
    *,
    batch_size: int = 8,
    smoothing: float = 0.0,
    seed: int = 0,
    checkpoint: Path | None = None,
    facts: dict[str, Any] | None = None,
    on_step: Callable[[int, float], None] | None = None,
    on_measure: Callable[[int, float], float | None] | None = None,
) -> None:
    """Train ``network`` in place; a run with a ``checkpoint`` goes on where it stopped.

    ``on_measure(step, loss)`` is told the loss on ``valid`` (nats per token) at every pause and may return another
    measure to stop by. ``smoothing`` is the share of label smoothing.
    """
    device = next(network.parameters()).device

    def loss_of(rows: Any, smooth: float) -> Tensor:
        tokens = torch.from_numpy(rows).to(device)
        scores: Tensor = network(tokens[:, :-1])
        wanted = tokens[:, 1:].reshape(-1)
        return functional.cross_entropy(scores.reshape(-1, SIZE), wanted, ignore_index=PAD, label_smoothing=smooth)

    def measure(step: int) -> float | None:
        if valid is None:
            return None
        with torch.inference_mode():
            loss = sum(float(loss_of(valid.batch(k, batch_size), 0.0)) for k in range(VALID_BATCHES)) / VALID_BATCHES
        log.info("after step %d: %.4f nats per token on other pieces", step, loss)
        told = on_measure(step, loss) if on_measure is not None else None
        return loss if told is None else told

    fit(
        network,
        lambda step: loss_of(batches.batch(step, batch_size), smoothing),
        schedule,
        seed=seed,
        checkpoint=checkpoint,
        on_step=on_step,
        on_pause=measure,
        facts=facts,
    )
