"""One training run on one's own recordings, whatever the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sideman.compose.models import dcgan, dcgan_run, flow, flow_run, spectra_export, vocoder, vocoder_run
from sideman.compose.models.spectra_export import write
from sideman.compose.spectra.corpus import Piece, SoundCorpus
from sideman.compose.spectra.crops import Recordings, SoundBatches
from sideman.compose.spectra.picture_batches import PictureBatches
from sideman.core.errors import UsageError
from sideman.training.adversarial import Duel

if TYPE_CHECKING:
    from sideman.compose.spectra.train import Plan

__all__ = ["learn", "write"]
_PAUSES = 20
_WATCHED = 8  # batches of what was held out
Step = Callable[[int], None]


def learn(
    corpus: SoundCorpus,
    learnt: Sequence[Piece],
    held: Sequence[Piece],
    plan: Plan,
    checkpoint: Path,
    *,
    on_step: Step | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[bytes, dict[str, Any]]:
    """Train what the plan says; returns the network as ONNX, and what its card must say of it."""
    if plan.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("no CUDA device was found; leave out --device or install a build of torch for it")
    begun = time.monotonic()
    run = _Run(corpus, list(learnt), list(held), plan, checkpoint, on_step, tell)
    payload, facts = {"flow": run.flow, "dcgan": run.dcgan, "vocoder": run.vocoder}[plan.model]()
    how = {"steps": plan.steps, "batch": plan.batch, "device": plan.device, "seconds": round(time.monotonic() - begun)}
    return payload, facts | {"training": how | {"watched": run.watched}}


class _Run:
    def __init__(
        self,
        corpus: SoundCorpus,
        learnt: list[Piece],
        held: list[Piece],
        plan: Plan,
        checkpoint: Path,
        on_step: Step | None,
        tell: Callable[[str], None],
    ) -> None:
        assert plan.steps is not None
        assert plan.batch is not None
        self.corpus, self.learnt, self.held, self.plan, self.checkpoint = corpus, learnt, held, plan, checkpoint
        self.steps, self.batch = plan.steps, plan.batch
        self.on_step, self.tell = on_step, tell
        self.genres = corpus.genres if plan.genres else ()
        self.every = max(1, self.steps // _PAUSES)
        self.watched: list[dict[str, float]] = []
        self.pieces = {p.recording.path: p for p in corpus.pieces}

    def step(self, number: int, _: object) -> None:
        """Tell that a step is done."""
        if self.on_step is not None:
            self.on_step(number + 1)

    def note(self, number: int, name: str, value: float) -> None:
        """Keep and tell a figure of what was held out."""
        self.watched.append({"step": number + 1, name: round(value, 4)})
        self.tell(f"step {number + 1} of {self.steps}: {name} {value:.4f}")

    def pictures(self, frames: int, pieces: list[Piece], seed: int) -> PictureBatches:
        """Batches of pictures of some pieces."""
        return PictureBatches(self.corpus, self.genres, frames, self.batch, pieces=pieces, seed=seed)

    def flow(self) -> tuple[bytes, dict[str, Any]]:
        """A rectified flow; watched by its loss on what was held out."""
        watched = self.pictures(flow.WINDOW, self.held, 1) if self.held else None
        network: list[flow.Flow] = []

        def pause(step: int) -> None:
            if watched is None or not network:
                return
            with torch.inference_mode():
                device = self.plan.device
                losses = []
                for i in range(_WATCHED):
                    torch.manual_seed(i)
                    parts = watched(i)
                    given = [torch.from_numpy(part).to(device) for part in (parts.mel, parts.genre, parts.mood)]
                    losses.append(float(flow.loss_of(network[0], *given)))
            self.note(step, "loss on held-out music", float(np.mean(losses)))

        schedule = flow_run.schedule_of(self.steps, self.plan.rate, every=self.every)
        trained = flow_run.learn_flow(
            self.pictures(flow.WINDOW, self.learnt, self.plan.seed), len(self.genres), schedule,
            seed=self.plan.seed, checkpoint=self.checkpoint, on_step=self.step, on_pause=pause,
            device=self.plan.device, on_begin=network.append,
        )  # fmt: skip
        return spectra_export.flow_onnx(trained), spectra_export.generator_facts(trained, self.genres)

    def dcgan(self) -> tuple[bytes, dict[str, Any]]:
        """A DCGAN; watched by how often the discriminator is right, and by how much patches differ."""
        settings = dcgan.Settings(conditional=bool(self.genres))
        rate = self.plan.rate or Duel.maker_rate
        duel = Duel(self.steps, rate, rate, checkpoint_every=self.every)
        trained, history = dcgan_run.learn_dcgan(
            self.pictures(dcgan.WINDOW, self.learnt, self.plan.seed), len(self.genres), duel,
            settings=settings, seed=self.plan.seed, checkpoint=self.checkpoint, on_step=self.step,
            on_pause=lambda _, step: self.tell(f"step {step + 1} of {self.steps}"), device=self.plan.device,
        )  # fmt: skip
        self.watched = [{name: round(value, 4) for name, value in row.items()} for row in history]
        return spectra_export.dcgan_onnx(trained), spectra_export.generator_facts(trained, self.genres)

    def vocoder(self) -> tuple[bytes, dict[str, Any]]:
        """A vocoder; watched by the log-mel distance of a round trip of what was held out."""
        torch.manual_seed(self.plan.seed)
        network = vocoder.Vocoder().to(self.plan.device)
        mel = vocoder.Mel().to(self.plan.device)
        crops = SoundBatches(((Recordings(self.corpus, self.held), 1.0),), self.batch, vocoder_run.CROP_N, 1)

        def pause(step: int) -> None:
            if not self.held:
                return
            with torch.inference_mode():
                sound = torch.from_numpy(crops.sound(0)).to(self.plan.device)
                picture = mel(sound)
                frames = vocoder_run.with_tones(vocoder.frames_of(network(picture)), mel.frames(sound))
                made = mel.corrected(frames, picture, vocoder_run.ROUNDS)
                self.note(step, "log-mel distance on held-out music", float((mel(made) - picture).abs().mean()))

        batches = SoundBatches(
            ((Recordings(self.corpus, self.learnt), 1.0),), self.batch, vocoder_run.CROP_N, self.plan.seed
        )  # fmt: skip
        vocoder_run.learn_spectra(
            network, batches, vocoder_run.schedule_of(self.steps, self.plan.rate, every=self.every),
            checkpoint=self.checkpoint, on_step=self.step, on_pause=pause, device=self.plan.device,
        )  # fmt: skip
        parameters = sum(p.numel() for p in network.parameters())
        return spectra_export.vocoder_onnx(network), {"kind": "vocoder", "parameters": parameters}
