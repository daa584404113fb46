"""One short training loop for every network: AdamW, one-cycle rate, averaged weights, resume.

Everything random in step ``k`` is drawn from ``(seed, k)``, so a run that was killed and resumed ends in the same
weights as one that was not.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from sideman.core.errors import ModelError
from sideman.training.checkpoints import load_tensors, save_tensors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    ``averaging`` is the decay of the exponential moving average of the weights (the result of the run).
    """

    steps: int
    learning_rate: float
    weight_decay: float = 0.02
    warm_up: float = 0.1
    averaging: float = 0.999
    gradient_clip: float = 5.0
    checkpoint_every: int = 500


def fit(
    model: nn.Module,
    loss_of_step: Callable[[int], Tensor],
    schedule: Schedule,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> None:
    """Train ``model`` in place and leave it with its averaged weights, in evaluation mode.

    ``loss_of_step(k)`` runs the model on the batch of step ``k`` and returns the scalar loss. With ``checkpoint``, the
    state is kept there every ``checkpoint_every`` steps, an existing one is resumed, and it stays when all is done.

    Raises:
        ModelError: the checkpoint is damaged, or was written with other settings or by another network.
    """
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(
        parameters.values(), schedule.learning_rate, betas=(0.9, 0.98), weight_decay=schedule.weight_decay
    )
    # OneCycleLR divides by zero where the warm-up is exactly one step.
    warm_up = schedule.warm_up * (1.001 if schedule.warm_up * schedule.steps == 1 else 1)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.learning_rate, total_steps=schedule.steps, pct_start=warm_up, final_div_factor=50
    )
    averaged = {name: value.detach().clone() for name, value in model.state_dict().items()}
    first = 0
    if checkpoint is not None and checkpoint.exists():
        first = _restore(checkpoint, model, averaged, optimizer, rate, parameters, schedule, seed)
        log.info("resumed at step %d of %d", first, schedule.steps)
    model.train()
    start = time.monotonic()
    for step in range(first, schedule.steps):
        torch.manual_seed(seed * 1_000_003 + step)
        loss = loss_of_step(step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(list(parameters.values()), schedule.gradient_clip)
        optimizer.step()
        rate.step()
        _average(averaged, model, min(schedule.averaging, (1 + step) / (10 + step)))
        value = float(loss.detach())
        if on_step is not None:
            on_step(step, value)
        if step % 100 == 0:
            log.info("step %d of %d, loss %.4f, %.0f s", step, schedule.steps, value, time.monotonic() - start)
        last = step + 1 == schedule.steps
        if checkpoint is not None and (last or (step + 1) % schedule.checkpoint_every == 0):
            _keep(checkpoint, model, averaged, optimizer, parameters, step + 1, schedule, seed)
    model.load_state_dict(averaged)
    model.eval()


def _average(averaged: dict[str, Tensor], model: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                averaged[name].lerp_(value, 1 - decay)
            else:
                averaged[name].copy_(value)


def _keep(
    path: Path,
    model: nn.Module,
    averaged: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    parameters: dict[str, nn.Parameter],
    step: int,
    schedule: Schedule,
    seed: int,
) -> None:
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"averaged/{name}": value for name, value in averaged.items()}
    for name, parameter in parameters.items():
        for key, value in optimizer.state[parameter].items():
            tensors[f"optimizer/{name}/{key}"] = torch.as_tensor(value)
    save_tensors(path, tensors, {"step": step, "seed": seed, "schedule": asdict(schedule)})


def _restore(
    path: Path,
    model: nn.Module,
    averaged: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    rate: torch.optim.lr_scheduler.LRScheduler,
    parameters: dict[str, nn.Parameter],
    schedule: Schedule,
    seed: int,
) -> int:
    tensors, metadata = load_tensors(path)
    if metadata.get("schedule") != asdict(schedule) or metadata.get("seed") != seed:
        raise ModelError(f"{path}: was written with other settings; delete it or name another folder")
    try:
        model.load_state_dict({name: tensors[f"model/{name}"] for name in model.state_dict()})
        for name in averaged:
            averaged[name].copy_(tensors[f"averaged/{name}"])
        step = int(metadata["step"])
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{path}: was written by another network; delete it or name another folder") from error
    for name, parameter in parameters.items():
        keys = [key for key in ("step", "exp_avg", "exp_avg_sq") if f"optimizer/{name}/{key}" in tensors]
        if keys:  # a parameter that the loss never reached has no state
            optimizer.state[parameter] = {key: tensors[f"optimizer/{name}/{key}"] for key in keys}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the scheduler, that no optimiser step went before
        for _ in range(step):
            rate.step()
    return step
