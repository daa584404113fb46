"""Pretrained networks behind one interface: features in, embedding out, frozen or to be trained on.

A new one is a :class:`Plugin` in :data:`PLUGINS`: what it hears, and a function from a file of weights to a module.
Source of the idea: Yosinski et al., "How transferable are features in deep neural networks?", 2014 (arXiv:1411.1792).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sideman.audio.mel import mel_filterbank
from sideman.core.errors import ModelError, UsageError
from sideman.genre.inputs import SAMPLE_RATE_HZ, Kind
from sideman.genre.models import efficientat, musicnn
from sideman.genre.models.backbone_weights import located
from sideman.genre.models.onnx_module import OnnxModule
from sideman.genre.models.waveforms import PowerSpectrum, Resample
from sideman.inference.cards import WEIGHTS_FOLDER, read_card, sha256_of, verify

Float32 = NDArray[np.float32]
_BATCH = 16
_MOST_KEPT = 200_000


class _Mn04(nn.Module):
    """Samples (batch, n) at 22050 Hz -> embedding (batch, 384) of EfficientAT, its front end included."""

    bank: Tensor

    def __init__(self, network: efficientat.EfficientAT) -> None:
        super().__init__()
        self.features = network.features
        self.resample = Resample(SAMPLE_RATE_HZ, efficientat.SAMPLE_RATE_HZ)
        bins = 1 + int(network._bank.sum(0).nonzero().max())
        self.spectrum = PowerSpectrum(1024, 320, network._window, bins, "reflect")
        self.register_buffer("bank", network._bank[:, :bins].clone(), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        y = self.resample(samples)
        mel = self.bank @ self.spectrum(y[:, 1:] - 0.97 * y[:, :-1])
        embedding: Tensor = self.features(((torch.log(mel + 1e-5) + 4.5) / 5.0)[:, None]).mean((2, 3))
        return embedding


class _MusiCNN(nn.Module):
    """Samples (batch, n) at 22050 Hz -> last hidden layer (batch, 200) of MSD-musicnn, its front end included."""

    bank: Tensor

    def __init__(self, network: musicnn.MusiCNN) -> None:
        super().__init__()
        self.network = network
        self.resample = Resample(SAMPLE_RATE_HZ, musicnn.SAMPLE_RATE_HZ)
        self.spectrum = PowerSpectrum(512, 256, torch.hann_window(512), 257, "constant")
        bank = mel_filterbank(musicnn.SAMPLE_RATE_HZ, 512, n_mels=96)
        self.register_buffer("bank", torch.from_numpy(bank.copy()), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        power = self.spectrum(self.resample(samples))
        log_mel = torch.log10(1 + 10_000 * (self.bank @ power)).transpose(1, 2)
        hidden: Tensor = self.network(log_mel)[0]
        return hidden


def _ours(path: Path) -> nn.Module:
    card = path.with_suffix(".json")
    if card.is_file():
        verify(read_card(card))
    return OnnxModule(path, ["embedding"])


@dataclass(frozen=True)
class Plugin:
    """How to come by a backbone.

    Attributes:
        hears: kind of features, as :class:`sideman.genre.inputs.Input` names them.
        size: length of the embedding.
        open: from a file of weights to a module, features (batch, ...) -> (batch, size), in evaluation mode.
        place: where the weights lie below the folder that SIDEMAN_TEACHERS names; empty: they ship with Sideman.
        licence: of the weights.
    """

    hears: Kind
    size: int
    open: Callable[[Path], nn.Module]
    place: str
    licence: str


PLUGINS: dict[str, Plugin] = {
    "ours": Plugin("windows", 256, _ours, "", "Apache-2.0; shipped"),
    "mn04": Plugin(
        "samples",
        efficientat.EMBEDDING_SIZE,
        lambda path: _Mn04(efficientat.load(path)),
        "efficientat_mn04/mn04_as_mAP_432.pt",
        "MIT; never shipped",
    ),
    "musicnn": Plugin(
        "samples",
        musicnn.EMBEDDING_SIZE,
        lambda path: _MusiCNN(musicnn.load(path)),
        "msd_musicnn/MSD_musicnn.h5",
        "ISC-style; never shipped",
    ),
}


@dataclass(frozen=True)
class Backbone:
    """A backbone that is open.

    Attributes:
        name: as in :data:`PLUGINS`.
        plugin: its entry there.
        path: its weights.
        sha256: of the weights.
    """

    name: str
    plugin: Plugin
    path: Path
    sha256: str

    def module(self) -> nn.Module:
        """Open it anew, to be trained on; raises :class:`ModelError` on weights that do not fit."""
        return self.plugin.open(self.path).eval()

    def embed(self, x: Float32) -> Float32:
        """Embeddings (rows, size) of features (rows, ...); a row that was heard before in this process is not again."""
        if not len(x):
            return np.zeros((0, self.plugin.size), np.float32)
        keys = [(self.sha256, _digest(row)) for row in x]
        new = [i for i, key in enumerate(keys) if key not in _HEARD]
        if len(_HEARD) + len(new) > _MOST_KEPT:
            _HEARD.clear()
            new = list(range(len(keys)))
        module = _frozen(self) if new else None
        for start in range(0, len(new), _BATCH):
            rows = new[start : start + _BATCH]
            assert module is not None
            with torch.inference_mode():
                found = module(torch.from_numpy(np.ascontiguousarray(x[rows], np.float32))).numpy()
            for row, embedding in zip(rows, found, strict=True):
                _HEARD[keys[row]] = embedding.copy()
        return np.stack([_HEARD[key] for key in keys])


_HEARD: dict[tuple[str, bytes], Float32] = {}


def _digest(row: Any) -> bytes:
    content = np.ascontiguousarray(row, np.float32)
    return hashlib.blake2b(content.tobytes(), digest_size=16, salt=str(content.ndim).encode()).digest()


@lru_cache(maxsize=4)
def _frozen(backbone: Backbone) -> nn.Module:
    return backbone.module().requires_grad_(False)


def open_backbone(name: str, weights: str = "", sha256: str = "") -> Backbone:
    """Find a backbone and its weights.

    Args:
        name: one of :data:`PLUGINS`.
        weights: path, or https address with ``sha256``; empty takes what ships, or what lies in the folder that the
            environment variable SIDEMAN_TEACHERS names.
        sha256: checksum that the file must have.

    Raises:
        UsageError: an unknown name, or an address without checksum.
        ModelError: the weights are missing or have another checksum.
    """
    plugin = PLUGINS.get(name)
    if plugin is None:
        raise UsageError(f"no backbone '{name}'; there is {', '.join(PLUGINS)}")
    if not weights:
        weights = str(WEIGHTS_FOLDER / "genre.onnx") if not plugin.place else _taught(name, plugin)
    path = located(weights, sha256)
    return Backbone(name, plugin, path, sha256_of(path))


def _taught(name: str, plugin: Plugin) -> str:
    folder = os.environ.get("SIDEMAN_TEACHERS")
    if not folder:
        raise ModelError(
            f"the weights of '{name}' are not part of Sideman: set weights=PATH to {Path(plugin.place).name}, or to an "
            "https address with sha256=..."
        )
    return str(Path(folder).expanduser() / plugin.place)
