"""EfficientAT ``mn04``: MobileNetV3-Large at width 0.4 over log-mel, an AudioSet tagger (comparison and teacher only).

Source: Schmid, Koutini, Widmer, "Efficient large-scale audio tagging via transformer-to-CNN knowledge distillation",
ICASSP 2023 (arXiv:2211.04772); MobileNetV3: Howard et al. 2019 (arXiv:1905.02244). 0.98 M parameters, 527 classes.
The weights are never part of Sideman: they are read from a path that the user names.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sideman.core.errors import ModelError

SAMPLE_RATE_HZ = 32_000
EMBEDDING_SIZE = 384
# (kernel, expanded, out, squeeze-excitation, hardswish, stride): table 1 of the MobileNetV3 paper at width 0.4.
_PLAN = [
    (3, 8, 8, False, False, 1),
    (3, 24, 16, False, False, 2),
    (3, 32, 16, False, False, 1),
    (5, 32, 16, True, False, 2),
    (5, 48, 16, True, False, 1),
    (5, 48, 16, True, False, 1),
    (3, 96, 32, False, True, 2),
    (3, 80, 32, False, True, 1),
    (3, 72, 32, False, True, 1),
    (3, 72, 32, False, True, 1),
    (3, 192, 48, True, True, 1),
    (3, 272, 48, True, True, 1),
    (5, 272, 64, True, True, 2),
    (5, 384, 64, True, True, 1),
    (5, 384, 64, True, True, 1),
]


def _kaldi_mel_bank(n_mels: int = 128, n_fft: int = 1024, high_hz: float = 15_000.0) -> Tensor:
    """Triangles in the HTK mel domain, shape (n_mels, 1 + n_fft // 2)."""

    def mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1127.0 * np.log1p(hz / 700.0)

    edges = np.linspace(0.0, float(mel(np.array(high_hz))), n_mels + 2)
    bins = mel(np.arange(n_fft // 2) * SAMPLE_RATE_HZ / n_fft)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bank = np.maximum(0.0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)))
    return torch.from_numpy(np.pad(bank, ((0, 0), (0, 1))).astype(np.float32))


def _conv_bn(
    n_in: int, n_out: int, kernel: int, stride: int, groups: int, act: type[nn.Module] | None
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(n_in, n_out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(n_out, eps=1e-3),
    ]
    return nn.Sequential(*layers, *([act()] if act else []))


class _SqueezeExcite(nn.Module):
    """Channel gates from the mean over time and frequency: ReLU, then sigmoid."""

    def __init__(self, n: int, squeezed: int) -> None:
        super().__init__()
        # The published weights keep the two layers one level down.
        layers = nn.ModuleDict({"fc1": nn.Linear(n, squeezed), "fc2": nn.Linear(squeezed, n)})
        self.conc_se_layers = nn.ModuleList([layers])

    def forward(self, x: Tensor) -> Tensor:
        layers = self.conc_se_layers[0]
        assert isinstance(layers, nn.ModuleDict)
        gates = torch.sigmoid(layers["fc2"](torch.relu(layers["fc1"](x.mean((2, 3))))))
        return x * gates[:, :, None, None]


class _InvertedResidual(nn.Module):
    def __init__(self, n_in: int, kernel: int, expanded: int, n_out: int, se: bool, hs: bool, stride: int) -> None:
        super().__init__()
        act: type[nn.Module] = nn.Hardswish if hs else nn.ReLU
        layers: list[nn.Module] = [] if expanded == n_in else [_conv_bn(n_in, expanded, 1, 1, 1, act)]
        layers.append(_conv_bn(expanded, expanded, kernel, stride, expanded, act))
        if se:
            layers.append(_SqueezeExcite(expanded, max(8, (expanded // 4 + 4) // 8 * 8)))
        layers.append(_conv_bn(expanded, n_out, 1, 1, 1, None))
        self.block = nn.Sequential(*layers)
        self.residual = stride == 1 and n_in == n_out

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.block(x)
        return x + out if self.residual else out


class EfficientAT(nn.Module):
    """Waveforms (batch, n) at 32 kHz -> (embedding (batch, 384), class logits (batch, 527))."""

    _bank: Tensor
    _window: Tensor

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [_conv_bn(1, 8, 3, 2, 1, nn.Hardswish)]
        n_in = 8
        for kernel, expanded, n_out, se, hs, stride in _PLAN:
            blocks.append(_InvertedResidual(n_in, kernel, expanded, n_out, se, hs, stride))
            n_in = n_out
        blocks.append(_conv_bn(n_in, EMBEDDING_SIZE, 1, 1, 1, nn.Hardswish))
        self.features = nn.Sequential(*blocks)
        self.classifier = nn.Sequential(
            nn.Identity(), nn.Identity(), nn.Linear(384, 512), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(512, 527)
        )
        self.register_buffer("_bank", _kaldi_mel_bank(), persistent=False)
        self.register_buffer("_window", torch.hann_window(800, periodic=False), persistent=False)

    def log_mel(self, waveform: Tensor) -> Tensor:
        """Waveforms (batch, n) -> (batch, 1, 128, frames)."""
        emphasised = waveform[:, 1:] - 0.97 * waveform[:, :-1]
        spectrum = torch.stft(emphasised, 1024, 320, 800, self._window, center=True, return_complex=True)
        mel = self._bank @ spectrum.abs().square()
        return ((torch.log(mel + 1e-5) + 4.5) / 5.0)[:, None]

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding and class logits."""
        embedding = self.features(self.log_mel(waveform)).mean((2, 3))
        return embedding, self.classifier(embedding)


def load(path: str | Path) -> EfficientAT:
    """Read the published weights from ``path``; raises :class:`ModelError` where they do not fit."""
    model = EfficientAT()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state)
    except Exception as error:  # torch answers damage with errors of many unrelated classes
        reason = error.strerror if isinstance(error, OSError) else "damaged, or of another network"
        raise ModelError(f"{path}: not the mn04 weights ({reason}); give mn04_as_mAP_432.pt") from error
    return model.eval()
