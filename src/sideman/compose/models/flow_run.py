"""Training a flow over pictures of a corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sideman.compose.models.flow import Flow, Settings, loss_of
from sideman.compose.spectra.picture_batches import PictureBatches
from sideman.training.loop import Schedule, fit


def schedule_of(steps: int, rate: float | None = None, *, every: int = 200) -> Schedule:
    """How a flow is trained for so many steps, with a checkpoint every so often."""
    return Schedule(
        steps, rate or 2e-3,
        weight_decay=0.01, warm_up=0.05, averaging=0.999, gradient_clip=1.0, checkpoint_every=every,
        fused=True, muon=True,
    )  # fmt: skip


def learn_flow(
    batches: PictureBatches,
    n_genres: int,
    schedule: Schedule,
    *,
    settings: Settings | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    facts: dict[str, Any] | None = None,
    on_step: Callable[[int, float], None] | None = None,
    on_pause: Callable[[int], float | None] | None = None,
    on_begin: Callable[[Flow], None] | None = None,
    device: str = "cpu",
) -> Flow:
    """A trained flow; arguments as :func:`sideman.training.loop.fit`, and ``on_begin`` sees the untrained one."""
    mean, spread = batches.moments()
    torch.manual_seed(seed)
    flow = Flow(n_genres, torch.from_numpy(mean), torch.from_numpy(spread), settings).to(device)
    if on_begin is not None:
        on_begin(flow)

    def loss(step: int) -> Tensor:
        batch = batches(step)
        return loss_of(
            flow, *(torch.from_numpy(part).to(device) for part in (batch.mel, batch.genre, batch.mood))
        )  # fmt: skip

    fit(
        flow, loss, schedule,
        seed=seed, checkpoint=checkpoint, on_step=on_step, on_pause=on_pause, facts=facts,
    )  # fmt: skip
    return flow
