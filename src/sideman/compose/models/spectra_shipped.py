"""The legs of the shipped vocoder and generators of spectra; `sideman.compose.recipe.spectra` says what they hear."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sideman.compose.models import dcgan, dcgan_run, flow, flow_run, spectra_export, vocoder, vocoder_run
from sideman.compose.recipe.spectra import Amounts, Material
from sideman.compose.spectra.picture_batches import PictureBatches
from sideman.training.adversarial import Duel


def vocoder_part(material: Material, work: Path, amounts: Amounts) -> tuple[bytes, dict[str, Any]]:
    """The vocoder: by spectra, then against discriminators if the amounts say so."""
    torch.manual_seed(0)
    network = vocoder.Vocoder()
    batches = material.batches(12, vocoder_run.CROP_N)
    schedule = vocoder_run.schedule_of(amounts.vocoder)
    begun = time.process_time()
    vocoder_run.learn_spectra(network, batches, schedule, checkpoint=work / "vocoder.safetensors")
    if amounts.vocoder_against_judge:
        duel = Duel(amounts.vocoder_against_judge, 3e-4, 5e-4, (0.8, 0.99), averaging=0.995, falls=True)
        again = replace(batches, batch=8, seed=1)
        vocoder_run.learn_against_judge(network, again, duel, checkpoint=work / "vocoder-judged.safetensors")
    facts = {
        "kind": "vocoder",
        "parameters": _size(network),
        "training": _training(begun, steps=amounts.vocoder, judged=amounts.vocoder_against_judge),
    }
    return spectra_export.vocoder_onnx(network), facts


def flow_part(material: Material, work: Path, amounts: Amounts) -> tuple[bytes, dict[str, Any]]:
    """The rectified flow."""
    genres = material.real.genres
    batches = PictureBatches(material.real, genres, flow.WINDOW, 32)
    begun = time.process_time()
    trained = flow_run.learn_flow(
        batches, len(genres), flow_run.schedule_of(amounts.flow), checkpoint=work / "flow.safetensors"
    )  # fmt: skip
    facts = {"training": _training(begun, steps=amounts.flow)}
    return spectra_export.flow_onnx(trained), spectra_export.generator_facts(trained, genres) | facts


def dcgan_part(material: Material, work: Path, amounts: Amounts) -> tuple[bytes, dict[str, Any]]:
    """The class-conditional DCGAN; `bench/dcgan.py` makes the one without genres and shows how both converge."""
    genres = material.real.genres
    batches = PictureBatches(material.real, genres, dcgan.WINDOW, 32)
    begun = time.process_time()
    trained, history = dcgan_run.learn_dcgan(
        batches, len(genres), Duel(amounts.dcgan, checkpoint_every=200), checkpoint=work / "dcgan.safetensors"
    )  # fmt: skip
    facts = {"training": _training(begun, steps=amounts.dcgan), "history": history}
    return spectra_export.dcgan_onnx(trained), spectra_export.generator_facts(trained, genres) | facts


def _size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _training(begun: float, **facts: int) -> dict[str, Any]:
    """Facts of a run, with the seconds of processor time of the process that ended it."""
    return facts | {"core_seconds": round(time.process_time() - begun)}


MAKERS: dict[str, Callable[[Material, Path, Amounts], tuple[bytes, dict[str, Any]]]] = {
    "vocoder": vocoder_part,
    "flow": flow_part,
    "dcgan": dcgan_part,
}
