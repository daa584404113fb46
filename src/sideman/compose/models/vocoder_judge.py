"""Discriminators of a vocoder: complex spectra at three sizes, looked at in patches.

Sources: A. Defossez et al., "High fidelity neural audio compression", TMLR 2023 (discriminators over complex spectra);
J. H. Lim and J. C. Ye, "Geometric GAN", 2017 (hinge loss); K. Kumar et al., "MelGAN", NeurIPS 2019 (matched features).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

SIZES = ((384, 96), (1024, 256), (1536, 384))
_CHANNELS = 24
_POWER = 0.3  # magnitudes are compressed so that soft and loud parts count alike
Looks = list[tuple[Tensor, list[Tensor]]]


class _OneSize(nn.Module):
    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        kernels: Sequence[tuple[int, int, int]] = ((2, 12, 6), (_CHANNELS, 5, 2), (_CHANNELS, 5, 2), (_CHANNELS, 3, 1))
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(before, _CHANNELS, (3, bins), (1, stride), (1, bins // 2)))
            for before, bins, stride in kernels
        )
        self.end = weight_norm(nn.Conv2d(_CHANNELS, 1, 3, padding=1))

    def forward(self, sound: Tensor) -> tuple[Tensor, list[Tensor]]:
        window: Tensor = self.window  # type: ignore[assignment]
        frames = torch.stft(sound, self.n_fft, self.hop, window=window, pad_mode="constant", return_complex=True)
        size = torch.sqrt(frames.real.square() + frames.imag.square() + 1e-8)
        x = torch.stack((frames.real, frames.imag), 1) * size.pow(_POWER - 1)[:, None]
        x = x.transpose(2, 3)
        seen = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.1)
            seen.append(x)
        return self.end(x), seen


class Judge(nn.Module):
    """Sound (batch, n) -> per size how real each patch looks, and what the layers saw."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes = nn.ModuleList(_OneSize(*size) for size in SIZES)

    def forward(self, sound: Tensor) -> Looks:
        """See the class."""
        return [size(sound) for size in self.sizes]


def judge_loss(real: Looks, made: Looks) -> Tensor:
    """Hinge loss of telling real from made."""
    parts = [
        functional.relu(1 - r).mean() + functional.relu(1 + m).mean() for (r, _), (m, _) in zip(real, made, strict=True)
    ]
    return torch.stack(parts).mean()


def maker_loss(made: Looks) -> Tensor:
    """Hinge loss of being taken for real."""
    return torch.stack([functional.relu(1 - looks).mean() for looks, _ in made]).mean()


def feature_distance(real: Looks, made: Looks) -> Tensor:
    """Mean difference of what the layers saw."""
    parts = [
        (r.detach() - m).abs().mean()
        for (_, rs), (_, ms) in zip(real, made, strict=True)
        for r, m in zip(rs, ms, strict=True)
    ]
    return torch.stack(parts).mean()
