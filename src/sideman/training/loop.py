"""One short training loop for every network: Adam, a rate schedule, averaged weights, early stopping, resume.

Everything random in step ``k`` is drawn from ``(seed, k)``, so a run that was killed and resumed ends in the same
weights as one that was not.
"""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sideman.core.errors import ModelError
from sideman.training.checkpoints import load_tensors, save_tensors
from sideman.training.muon import Muon

log = logging.getLogger(__name__)
Pause = Callable[[int], float | None]
Rate = Literal["cycle", "constant", "trapezoid"]
_COOL_DOWN = 0.35  # share of the steps over which a trapezoid's rate falls to its end
_MUON_RATE = 8.0  # Muon's rate in relation to AdamW's


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        steps: batches to learn from.
        learning_rate: highest rate of the cycle, or the constant rate.
        weight_decay: of AdamW, apart from the gradient (Loshchilov, Hutter 2019).
        warm_up: share of the steps over which the one-cycle rate rises.
        averaging: decay of the exponential moving average of the weights, which is the result; 0 averages nothing.
        gradient_clip: greatest norm of a gradient.
        checkpoint_every: steps between pauses, at which the state is kept and measured.
        rate: "cycle" (one cycle, Smith, Topin 2019, with decay of the gradient's average 0.85..0.95) or "constant"
            (plain Adam, Kingma, Ba 2015), or "trapezoid" (warm up, hold, fall linearly: a run that is still held can be
            given more steps; Hägele et al. 2024).
        muon: orthogonalise the steps of matrices but the embedding's (Jordan et al. 2024); the rest takes AdamW's.
        fused: take Adam's step in one kernel: quicker, but rounded otherwise.
        patience: pauses without a better measure after which the run ends with its best weights; 0 runs to the end.
    """

    steps: int
    learning_rate: float
    weight_decay: float = 0.02
    warm_up: float = 0.1
    averaging: float = 0.999
    gradient_clip: float = 5.0
    checkpoint_every: int = 500
    rate: Rate = "cycle"
    fused: bool = False
    patience: int = 0
    muon: bool = False


def fit(
    model: nn.Module,
    loss_of_step: Callable[[int], Tensor],
    schedule: Schedule,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    on_step: Callable[[int, float], None] | None = None,
    on_pause: Pause | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Train ``model`` in place and leave it with its averaged (or best) weights, in evaluation mode.

    ``loss_of_step(k)`` runs the model on the batch of step ``k`` and returns the scalar loss. With ``checkpoint``, the
    state is kept there every ``checkpoint_every`` steps, an existing one is resumed, and it stays when all is done.
    ``on_pause(k)`` is called after every ``checkpoint_every``-th and the last step, with the averaged weights in
    place and in evaluation mode; it may return a measure, the lower the better, for ``schedule.patience``. ``facts``
    (JSON) are what else a checkpoint must agree with.

    Raises:
        ModelError: the checkpoint is damaged, or was written with other settings or by another network; or the loss
            is no finite number.
    """
    run = _Run(model, schedule, seed, facts or {})
    if checkpoint is not None and checkpoint.exists():
        run.restore(checkpoint)
        log.info("resumed at step %d of %d", run.step, schedule.steps)
    model.train()
    start = time.monotonic()
    while run.step < schedule.steps and not run.is_over:
        step = run.step
        torch.manual_seed(seed * 1_000_003 + step)
        value = run.advance(loss_of_step(step))
        if on_step is not None:
            on_step(step, value)
        if step % 100 == 0:
            log.info("step %d of %d, loss %.4f, %.0f s", step, schedule.steps, value, time.monotonic() - start)
        if run.step == schedule.steps or run.step % schedule.checkpoint_every == 0:
            if on_pause is not None:
                run.measure(on_pause)
            if checkpoint is not None:
                run.keep(checkpoint)
    model.load_state_dict(run.averaged if run.best is None else run.best)
    model.eval()


@dataclass
class _Run:
    """A model with all that changes while it trains."""

    model: nn.Module
    schedule: Schedule
    seed: int
    facts: dict[str, Any]
    step: int = 0
    best: dict[str, Tensor] | None = None
    best_measure: float = math.inf
    waited: int = 0
    averaged: dict[str, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        schedule = self.schedule
        self.parameters = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self.optimizers = _optimizers(self.parameters, schedule)
        self.rates = [rate for o in self.optimizers if (rate := _rate(o, schedule)) is not None]
        self.averaged = _copied(self.model.state_dict())

    @property
    def is_over(self) -> bool:
        """Whether early stopping has ended the run."""
        return 0 < self.schedule.patience <= self.waited

    def advance(self, loss: Tensor) -> float:
        """Take one step down the gradient of ``loss``; returns its value."""
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ModelError(f"training: the loss of step {self.step} is {value}; lower the learning rate")
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(list(self.parameters.values()), self.schedule.gradient_clip)
        for optimizer in self.optimizers:
            optimizer.step()
        for rate in self.rates:
            rate.step()
        decay = min(self.schedule.averaging, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, now in self.model.state_dict().items():
                if decay and now.dtype.is_floating_point:
                    self.averaged[name].lerp_(now, 1 - decay)
                else:
                    self.averaged[name].copy_(now)
        self.step += 1
        return value

    def measure(self, on_pause: Pause) -> None:
        """Show the averaged weights to ``on_pause`` and remember the best of them."""
        now = _copied(self.model.state_dict())
        self.model.load_state_dict(self.averaged)
        self.model.eval()
        measure = on_pause(self.step - 1)
        self.model.load_state_dict(now)
        self.model.train()
        if measure is None or not self.schedule.patience:
            return
        if measure < self.best_measure:
            self.best, self.best_measure, self.waited = _copied(self.averaged), measure, 0
        else:
            self.waited += 1

    def keep(self, path: Path) -> None:
        """Write everything into a checkpoint."""
        tensors = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"averaged/{name}": value for name, value in self.averaged.items()}
        tensors |= {f"best/{name}": value for name, value in (self.best or {}).items()}
        for name, parameter in self.parameters.items():
            for optimizer in self.optimizers:
                for key, value in optimizer.state.get(parameter, {}).items():
                    tensors[f"optimizer/{name}/{key}"] = torch.as_tensor(value)
        stopping = {"best_measure": self.best_measure if self.best else None, "waited": self.waited}
        save_tensors(path, tensors, self._settings() | {"step": self.step} | stopping)

    def _settings(self) -> dict[str, Any]:
        return {"seed": self.seed, "schedule": asdict(self.schedule), "facts": self.facts}

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint; raises :class:`ModelError` where it is another run's."""
        tensors, metadata = load_tensors(path)
        if any(metadata.get(name) != value for name, value in self._settings().items()):
            raise ModelError(f"{path}: was written with other settings; delete it or name another folder")
        try:
            self.model.load_state_dict({name: tensors[f"model/{name}"] for name in self.averaged})
            for name, value in self.averaged.items():
                value.copy_(tensors[f"averaged/{name}"])
            self.step, self.waited = int(metadata["step"]), int(metadata["waited"])
            if metadata["best_measure"] is not None:
                self.best_measure = float(metadata["best_measure"])
                self.best = {name: tensors[f"best/{name}"].to(now.device) for name, now in self.averaged.items()}
        except (KeyError, RuntimeError) as error:
            raise ModelError(f"{path}: was written by another network; delete it or name another folder") from error
        for optimizer in self.optimizers:
            mine = {id(p) for group in optimizer.param_groups for p in group["params"]}
            for name, parameter in self.parameters.items():
                keys = [key for key in _STATE if f"optimizer/{name}/{key}" in tensors]
                if id(parameter) not in mine or not keys:  # a parameter that the loss never reached has no state
                    continue
                # Averages lie in memory as their parameter does: the fused kernel reads them in that order.
                optimizer.state[parameter] = {
                    key: torch.empty_like(parameter.detach()).copy_(tensors[f"optimizer/{name}/{key}"])
                    for key in keys
                    if key != "step"
                }
                if "step" in keys:
                    steps = tensors[f"optimizer/{name}/step"]
                    steps = steps.to(parameter.device) if self.schedule.fused else steps
                    optimizer.state[parameter]["step"] = steps
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the scheduler, that no optimiser step went before
            for rate in self.rates:
                for _ in range(self.step):
                    rate.step()


_STATE = ("step", "exp_avg", "exp_avg_sq", "momentum_buffer")


def _optimizers(parameters: dict[str, nn.Parameter], schedule: Schedule) -> list[torch.optim.Optimizer]:
    """AdamW, and with ``schedule.muon`` Muon for the matrices within the network."""
    inner = [p for name, p in parameters.items() if schedule.muon and p.dim() == 2 and "embedding" not in name]
    chosen = {id(p) for p in inner}
    rest = [p for p in parameters.values() if id(p) not in chosen]
    betas = (0.9, 0.999 if schedule.rate == "constant" else 0.98)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(
            rest, schedule.learning_rate, betas=betas, weight_decay=schedule.weight_decay, fused=schedule.fused
        )
    ]
    if inner:
        rate = schedule.learning_rate * _MUON_RATE
        optimizers.append(Muon(inner, rate, weight_decay=schedule.weight_decay))
    return optimizers


def _rate(optimizer: torch.optim.Optimizer, schedule: Schedule) -> torch.optim.lr_scheduler.LRScheduler | None:
    if schedule.rate == "constant":
        return None
    if schedule.rate == "cycle":
        # OneCycleLR divides by zero where the warm-up is exactly one step.
        warm_up = schedule.warm_up * (1.001 if schedule.warm_up * schedule.steps == 1 else 1)
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            optimizer.param_groups[0]["lr"],
            total_steps=schedule.steps,
            pct_start=warm_up,
            final_div_factor=50,
        )

    def trapezoid(step: int) -> float:
        rise, fall = schedule.warm_up * schedule.steps, _COOL_DOWN * schedule.steps
        return max(0.01, min(1.0, (step + 1) / max(rise, 1), (schedule.steps - step) / max(fall, 1)))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, trapezoid)


def _copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in state.items()}
