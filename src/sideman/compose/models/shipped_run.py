"""The networks of the shipped composers: one leg of training, and the export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from sideman.compose.batches import Batches, Diet
from sideman.compose.controls import GENRES
from sideman.compose.corpus import Corpus
from sideman.compose.models.exporting import to_onnx
from sideman.compose.models.learning import learn
from sideman.compose.models.transformer import SIZES, Transformer
from sideman.training.checkpoints import load_tensors, save_tensors
from sideman.training.loop import Schedule


def learn_leg(
    corpus: Corpus,
    size: str,
    ended: Path,
    *,
    steps: int,
    rate: float,
    batch: int,
    context: int,
    start: Path | None,
    origins: frozenset[str] | None,
) -> None:
    """Train from ``start`` (None: from chance) and write the averaged weights to ``ended``; resumes beside it.

    Raises:
        ModelError: a checkpoint is damaged or of another run.
        DatasetError: no music is left to learn from.
    """
    torch.manual_seed(0)
    network = Transformer(SIZES[size])
    if start is not None:
        network.load_state_dict(load_tensors(start)[0])
    network.to("cuda" if torch.cuda.is_available() else "cpu")
    schedule = Schedule(
        steps,
        rate,
        weight_decay=0.05,
        warm_up=0.03,
        averaging=0.995,
        gradient_clip=1.0,
        checkpoint_every=100,
        rate="trapezoid",
        fused=True,
        muon=True,
    )
    batches = Batches(corpus, "train", Diet(context=context), genres=GENRES, origins=origins, seed=1)
    valid = Batches(corpus, "valid", Diet(context=context, transposed=False), genres=GENRES, origins=origins, seed=2)
    checkpoint = ended.with_suffix(".checkpoint")
    learn(network, batches, valid, schedule, batch_size=batch, checkpoint=checkpoint, facts={"size": size})
    save_tensors(ended, {name: value.cpu() for name, value in network.state_dict().items()}, {"size": size})


def payload(size: str, weights: Path) -> tuple[bytes, dict[str, Any]]:
    """ONNX of trained weights, and what the card says of the shape."""
    network = Transformer(SIZES[size])
    network.load_state_dict(load_tensors(weights)[0])
    return to_onnx(network), network.facts()
