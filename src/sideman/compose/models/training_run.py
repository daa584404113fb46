"""One training run of a composer on one's own music: it stops when it no longer learns, or begins to copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from sideman.compose.batches import Batches, Diet
from sideman.compose.corpus import Corpus, Piece
from sideman.compose.generate import MOST_INSTRUMENTS, finish
from sideman.compose.grammar import Grammar, Rules
from sideman.compose.keep import LEAST_COPY_LIMIT, human_runs
from sideman.compose.models import lstm, transformer
from sideman.compose.models.exporting import to_onnx
from sideman.compose.models.learning import learn
from sideman.compose.originality import Index
from sideman.compose.sampling import write_bars
from sideman.compose.vocabulary import PLAIN, header
from sideman.training.checkpoints import load_tensors, save_tensors
from sideman.training.loop import Schedule

if TYPE_CHECKING:
    from sideman.compose.train import Plan

PAUSES = 20
PIECES, PIECE_BARS = 6, 8  # written at a pause
HARDLY_LEARNT = 2.5  # nats per token; above, there is nothing to have copied
_SURE = 0.05  # probability below which so many copies are no chance


class TorchDecoder:
    """A network in training as a `sideman.compose.decoder.Decoder`."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._device = next(network.parameters()).device
        self._past: tuple[Tensor, ...] = ()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._past = tuple(past.to(self._device) for past in self._network.empty_past())

    def feed(self, tokens: Sequence[int]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Hear tokens; returns the scores after the last one, shape (SIZE,)."""
        with torch.inference_mode():
            scores, *past = self._network.step(torch.tensor([list(tokens)], device=self._device), *self._past)
        self._past = tuple(past)
        return np.asarray(scores[0].float().cpu().numpy(), np.float32)


class _Copies(Exception):  # noqa: N818 - ends a run, is no error
    """The network begins to copy; arguments: steps, and what was seen."""


@dataclass
class _Watch:
    """What is looked at when a run pauses; its best weights outlive the process."""

    network: nn.Module
    corpus: Corpus
    genres: tuple[str, ...]
    pieces: list[Piece]
    index: Index
    human: list[int]
    context: int
    seed: int
    best: Path
    tell: Callable[[str], None]

    def __post_init__(self) -> None:
        self.limit = copy_limit(self.human)
        self.human_share = float(np.mean(np.asarray(self.human) > self.limit)) if self.human else 0.0
        self.best_loss = float("inf")
        if self.best.exists():
            self.best_loss = float(load_tensors(self.best)[1]["loss"])

    def __call__(self, step: int, loss: float) -> float:
        runs = self.runs(step) if loss < HARDLY_LEARNT else []
        heard = f", longest shared runs {' '.join(map(str, sorted(runs)))} notes" if runs else ""
        self.tell(f"after {step + 1} steps: {loss:.4f} nats per token on other pieces{heard}")
        if is_copying(runs, self.limit, self.human_share):
            raise _Copies(
                step + 1,
                f"{sum(r > self.limit for r in runs)} of {len(runs)} pieces had runs of more than {self.limit} notes "
                f"from the music learnt from (people's own pieces: {self.human_share:.0%})",
            )
        # A run that goes on after a kill comes by here again with the same loss: `<=` writes the same file again.
        if loss <= self.best_loss:
            self.best_loss = loss
            state = {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}
            save_tensors(self.best, state, {"step": step + 1, "loss": loss})
        return loss

    def runs(self, step: int) -> list[int]:
        """Longest runs that pieces written now share with those learnt from."""
        decoder, found = TorchDecoder(self.network), []
        for k in range(PIECES):
            rng = np.random.default_rng((self.seed, step, k))
            model = self.pieces[int(rng.integers(len(self.pieces)))].controls
            asked = replace(model, bars=PIECE_BARS, instruments=model.instruments[:MOST_INSTRUMENTS])
            rules = Rules(PIECE_BARS, asked.metre or (4, 4), frozenset(asked.instruments), asked.key)
            bars = write_bars(
                decoder,
                Grammar(rules),
                lambda n, asked=asked: header(replace(asked, bars=n), PLAIN, self.genres),  # type: ignore[misc]
                rng,
                context=self.context,
            )
            found.append(self.index.longest_run(finish(bars, asked)))
        return found


def copy_limit(human: Sequence[int]) -> int:
    """Notes in a run beyond which it counts as copied, as `sideman.compose.keep.write_composer` sets it."""
    return int(max(LEAST_COPY_LIMIT, np.percentile(human, 98))) if len(human) else LEAST_COPY_LIMIT


def is_copying(runs: Sequence[int], limit: int, human_share: float) -> bool:
    """Whether so many runs beyond ``limit`` would be a rare chance (below 5 in 100) with people's share of them."""
    n, over, share = len(runs), sum(run > limit for run in runs), max(human_share, 0.02)
    chance = sum(comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(over, n + 1))
    return over > 0 and chance < _SURE


def network_of(model: str, size: str) -> Any:
    """A fresh network."""
    if model == "lstm":
        return lstm.LSTM(lstm.SIZES[size])
    return transformer.Transformer(transformer.SIZES[size])


def learn_composer(
    corpus: Corpus,
    plan: Plan,
    genres: tuple[str, ...],
    held: Sequence[Piece],
    index: Index,
    *,
    checkpoint: Path,
    tell: Callable[[str], None],
) -> tuple[Any, dict[str, Any]]:
    """Train the network of ``plan`` (steps and rate set); returns it on the CPU, and what the card says of the run.

    Raises:
        ModelError: the checkpoint is damaged, or the loss is no finite number.
    """
    assert plan.steps is not None
    assert plan.rate is not None
    torch.manual_seed(plan.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = network_of(plan.model, plan.size).to(device)
    schedule = Schedule(
        plan.steps,
        plan.rate,
        weight_decay=0.05,
        warm_up=0.03,
        averaging=0.995,
        gradient_clip=1.0,
        checkpoint_every=max(1, plan.steps // PAUSES),
        rate="trapezoid",
        fused=True,
        muon=plan.model == "transformer",
        patience=plan.patience if held else 0,
    )
    diet = Diet(context=plan.context)
    batches = Batches(corpus, "train", diet, genres=genres, seed=plan.seed + 1)
    tonal = [p for p in corpus.part("train") if p.controls.style != "drums" and p.controls.instruments]
    valid = watch = None
    if held:
        valid = Batches(corpus, "valid", replace(diet, transposed=False), genres=genres, seed=plan.seed + 2)
        if tonal:
            human = human_runs(corpus, index, held)
            watch = _Watch(
                network, corpus, genres, tonal, index, human, plan.context, plan.seed, best_path(checkpoint), tell
            )

    def on_step(step: int, loss: float) -> None:
        if not held and (step + 1) % schedule.checkpoint_every == 0:
            tell(f"after {step + 1} steps: loss {loss:.4f} nats per token")

    tell(f"{plan.model} {plan.size}: {plan.steps} steps on {device}")
    reason = "all steps done"
    try:
        learn(
            network, batches, valid, schedule,
            batch_size=plan.batch, seed=plan.seed, checkpoint=checkpoint, on_step=on_step, on_measure=watch,
        )  # fmt: skip
        steps = int(load_tensors(checkpoint)[1]["step"])
        if steps < plan.steps:
            reason = f"no better on other pieces for {schedule.patience} pauses"
    except _Copies as found:
        steps, seen = found.args
        reason = f"it began to copy: {seen}"
        if best_path(checkpoint).exists():
            network.load_state_dict(load_tensors(best_path(checkpoint))[0])
        network.eval()
    tell(f"stopped: {reason}")
    how: dict[str, Any] = {"steps": steps, "of": plan.steps, "stopped": reason, "device": device, "rate": plan.rate}
    if watch is not None and watch.best.exists():
        how["nats_per_token"] = round(watch.best_loss, 4)
    return network.cpu(), how | {"batch": plan.batch, "context": plan.context}


def best_path(checkpoint: Path) -> Path:
    """Where the best weights of a run lie."""
    return checkpoint.with_suffix(".best.safetensors")


def clear(checkpoint: Path) -> None:
    """Remove what only an unfinished run needs."""
    for path in (checkpoint, best_path(checkpoint)):
        path.unlink(missing_ok=True)


def payload(network: nn.Module, *, int8: bool) -> bytes:
    """The network as ONNX."""
    return to_onnx(network, int8=int8)
