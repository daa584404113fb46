"""Vocoders and generators of spectra as ONNX with weights in half precision, and their cards."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sideman.audio.mel_picture import FORM
from sideman.compose.models import dcgan, flow, vocoder
from sideman.core.atomic import atomic_write
from sideman.training.export import to_onnx


class _Patches(nn.Module):
    """A generator that gives log-mel, and takes no genre where it was told none."""

    def __init__(self, generator: dcgan.Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, noise: Tensor, *genre: Tensor) -> Tensor:
        return self.generator.as_mel(self.generator(noise, *(genre or (noise,))))


def vocoder_onnx(network: vocoder.Vocoder) -> bytes:
    """Input "mel" (b, 96, t), output "spectrum" (b, t, 1026): log magnitudes, then phases."""
    example = torch.randn(2, FORM.n_mels, 80) * 2 - 5
    return to_onnx(
        network.cpu(), example, "mel", ["spectrum"], free_axes={"mel": 2, "spectrum": 1}
    )  # fmt: skip


def flow_onnx(network: flow.Flow) -> bytes:
    """Inputs "noisy" (b, 96, 160), "time" (b,), "genre" (b,), "mood" (b, 3); output "clean", all as z-scores."""
    example = (
        torch.randn(2, FORM.n_mels, flow.WINDOW),
        torch.rand(2),
        torch.tensor([0, network.n_genres]),
        torch.rand(2, 3),
    )
    return to_onnx(network.cpu(), example, ("noisy", "time", "genre", "mood"), ["clean"])


def dcgan_onnx(network: dcgan.Generator) -> bytes:
    """Inputs "noise" (b, 100) and, where it was told genres, "genre" (b,); output "mel" (b, 96, 128)."""
    noise = torch.randn(2, network.settings.noise)
    if not network.settings.conditional:
        return to_onnx(_Patches(network.cpu()), noise, "noise", ["mel"])
    return to_onnx(_Patches(network.cpu()), (noise, torch.tensor([0, 1])), ("noise", "genre"), ["mel"])


def generator_facts(network: flow.Flow | dcgan.Generator, genres: tuple[str, ...]) -> dict[str, Any]:
    """What a card must say of a generator for it to be used."""
    facts: dict[str, Any] = {
        "genres": list(genres),
        "mean": [round(float(v), 5) for v in network.mean.flatten()],
        "spread": [round(float(v), 5) for v in network.spread.flatten()],
        "parameters": sum(p.numel() for p in network.parameters()),
    }
    if isinstance(network, flow.Flow):
        return facts | {"kind": "flow", "window": flow.WINDOW, "conditional": True}
    told = network.settings
    return facts | {"kind": "dcgan", "window": dcgan.WINDOW, "noise": told.noise, "conditional": told.conditional}


def write(target: Path, payload: bytes, facts: dict[str, Any]) -> dict[str, Any]:
    """Write ``target``.onnx, then ``target``.json, the card; returns the card."""
    card = {"sha256": hashlib.sha256(payload).hexdigest(), **facts}
    with atomic_write(target.with_suffix(".onnx"), "wb") as file:
        file.write(payload)
    with atomic_write(target.with_suffix(".json"), "w") as text:
        json.dump(card, text, indent=1)
        text.write("\n")
    return card
