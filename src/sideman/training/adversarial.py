"""Two networks against each other: one makes, one judges; alternating steps, averaged maker, checkpoints, resume.

Source: I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014. Everything random in step ``k`` is drawn from
``(seed, k)``, so a run that was killed and resumed ends in the same weights as one that was not.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sideman.core.errors import ModelError
from sideman.training.checkpoints import load_tensors, save_tensors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Duel:
    """How long and how fast.

    Attributes:
        steps: steps of each network.
        maker_rate, judge_rate: Adam's learning rates, falling to a tenth along a half cosine if ``falls``.
        betas: Adam's decays.
        averaging: decay of the moving average of the maker's weights, which is the result; 0 averages nothing.
        gradient_clip: greatest norm of a gradient of either.
        checkpoint_every: steps between pauses.
        falls: whether the rates fall.
    """

    steps: int
    maker_rate: float = 2e-4
    judge_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    averaging: float = 0.99
    gradient_clip: float = 10.0
    checkpoint_every: int = 100
    falls: bool = False


class Losses(Protocol):
    """What a step is asked for; `judge` comes first and must not follow gradients into the maker."""

    def judge(self, step: int) -> Tensor:
        """Loss of the judge on the batch of a step."""

    def maker(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Loss of the maker on the batch of a step, and figures worth keeping."""


def duel(
    maker: nn.Module,
    judge: nn.Module,
    losses: Losses,
    plan: Duel,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    facts: dict[str, Any] | None = None,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
    on_pause: Callable[[int], None] | None = None,
) -> list[dict[str, float]]:
    """Train both in place; ``maker`` ends with its averaged weights, in evaluation mode.

    Returns the mean of every figure (losses of both, and what the maker's loss tells) between two pauses.
    ``on_pause(k)`` sees the averaged maker.

    Raises:
        ModelError: a loss is no finite number, or the checkpoint is damaged or of another run.
    """
    run = _Run(maker, judge, plan, seed, facts or {})
    if checkpoint is not None and checkpoint.exists():
        run.restore(checkpoint)
        log.info("resumed at step %d of %d", run.step, plan.steps)
    begun, sums, n = time.monotonic(), dict[str, float](), 0
    maker.train()
    judge.train()
    while run.step < plan.steps:
        torch.manual_seed(seed * 1_000_003 + run.step)
        told = run.advance(losses)
        n += 1
        for name, value in told.items():
            sums[name] = sums.get(name, 0.0) + value
        if on_step is not None:
            on_step(run.step - 1, told)
        if run.step == plan.steps or run.step % plan.checkpoint_every == 0:
            run.history.append({"step": run.step} | {name: total / n for name, total in sums.items()})
            log.info("%s, %.0f s", run.history[-1], time.monotonic() - begun)
            sums, n = {}, 0
            if on_pause is not None:
                run.show(on_pause)
            if checkpoint is not None:
                run.keep(checkpoint)
    maker.load_state_dict(run.averaged)
    maker.eval()
    return run.history


class _Run:
    def __init__(self, maker: nn.Module, judge: nn.Module, plan: Duel, seed: int, facts: dict[str, Any]) -> None:
        self.maker, self.judge, self.plan = maker, judge, plan
        self.settings = {"seed": seed, "plan": asdict(plan) | {"betas": list(plan.betas)}, "facts": facts}
        self.step = 0
        self.history: list[dict[str, float]] = []
        self.averaged = _copied(maker)
        self.optimizers = {
            "maker": torch.optim.Adam(maker.parameters(), plan.maker_rate, plan.betas),
            "judge": torch.optim.Adam(judge.parameters(), plan.judge_rate, plan.betas),
        }

    def advance(self, losses: Losses) -> dict[str, float]:
        """One step of both."""
        share = self.step / self.plan.steps
        factor = 0.1 + 0.45 * (1 + math.cos(math.pi * share)) if self.plan.falls else 1.0
        told: dict[str, float] = {}
        for name, network, rate in (
            ("judge", self.judge, self.plan.judge_rate),
            ("maker", self.maker, self.plan.maker_rate),
        ):
            if name == "judge":
                loss = losses.judge(self.step)
            else:
                loss, more = losses.maker(self.step)
                told |= more
            value = float(loss.detach())
            if not math.isfinite(value):
                raise ModelError(f"training: the {name}'s loss of step {self.step} is {value}; lower the rates")
            optimizer = self.optimizers[name]
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
            self.maker.zero_grad(set_to_none=True)
            self.judge.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), self.plan.gradient_clip)
            optimizer.step()
            told[name] = value
        decay = min(self.plan.averaging, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for key, now in self.maker.state_dict().items():
                if decay and now.dtype.is_floating_point:
                    self.averaged[key].lerp_(now, 1 - decay)
                else:
                    self.averaged[key].copy_(now)
        self.step += 1
        return told

    def show(self, on_pause: Callable[[int], None]) -> None:
        """Call ``on_pause`` with the averaged weights in the maker."""
        now = _copied(self.maker)
        self.maker.load_state_dict(self.averaged)
        self.maker.eval()
        on_pause(self.step - 1)
        self.maker.load_state_dict(now)
        self.maker.train()

    def keep(self, path: Path) -> None:
        """Write everything into a checkpoint."""
        tensors = {f"averaged/{name}": value for name, value in self.averaged.items()}
        for who, network in (("maker", self.maker), ("judge", self.judge)):
            tensors |= {f"{who}/{name}": value for name, value in network.state_dict().items()}
            for index, parameter in enumerate(network.parameters()):
                for key, value in self.optimizers[who].state.get(parameter, {}).items():
                    tensors[f"optimizer/{who}/{index}/{key}"] = torch.as_tensor(value)
        tensors = {name: value.detach().clone() for name, value in tensors.items()}
        save_tensors(path, tensors, self.settings | {"step": self.step, "history": self.history})

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint; raises :class:`ModelError` where it is another run's."""
        tensors, metadata = load_tensors(path)
        if any(metadata.get(name) != value for name, value in self.settings.items()):
            raise ModelError(f"{path}: was written with other settings; delete it or name another folder")
        try:
            for who, network in (("maker", self.maker), ("judge", self.judge)):
                network.load_state_dict({name: tensors[f"{who}/{name}"] for name in network.state_dict()})
                for index, parameter in enumerate(network.parameters()):
                    prefix = f"optimizer/{who}/{index}/"
                    state = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
                    if state:
                        self.optimizers[who].state[parameter] = state
            for name, value in self.averaged.items():
                value.copy_(tensors[f"averaged/{name}"])
            self.step, self.history = int(metadata["step"]), list(metadata["history"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ModelError(f"{path}: not a checkpoint of this network ({error}); delete it") from error


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
