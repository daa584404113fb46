"""A vocoder after Vocos: log-mel frames in, one spectrum per frame out, sound by the inverse STFT.

Source: H. Siuzdak, "Vocos: closing the gap between time-domain and Fourier-based neural vocoders", ICLR 2024
(arXiv:2306.00814); the blocks are those of Z. Liu et al., "A ConvNet for the 2020s", CVPR 2022.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sideman.audio.mel import mel_filterbank
from sideman.audio.mel_inversion import CORRECTION_MOMENTUM, LEAST_GAIN, MOST_GAIN, mel_inverse
from sideman.audio.mel_picture import FORM, HIGHEST_LOG_MAGNITUDE

_KERNEL = 7
_MEL_CENTRE, _MEL_SPREAD = -4.5, 2.5  # of music at usual levels


@dataclass(frozen=True)
class Settings:
    """Size of the network: channels, channels within a block, blocks."""

    width: int = 192
    inner: int = 448
    depth: int = 6


class Block(nn.Module):
    """Depthwise convolution over time, then two dense layers over channels, added to what came in."""

    def __init__(self, width: int, inner: int, scale: float) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, _KERNEL, padding=_KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """Frames (batch, t, width) to the same."""
        mixed = self.mix(x.transpose(1, 2)).transpose(1, 2)
        hidden = functional.gelu(self.up(self.norm(mixed)), approximate="tanh")
        out: Tensor = x + self.scale * self.down(hidden)
        return out


class Vocoder(nn.Module):
    """Log-mel pictures (batch, 96, t) to spectra (batch, t, 1026): 513 log magnitudes, then 513 phases in radians."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        size = settings or Settings()
        self.embed = nn.Conv1d(FORM.n_mels, size.width, _KERNEL, padding=_KERNEL // 2)
        self.norm = nn.LayerNorm(size.width)
        self.blocks = nn.ModuleList(Block(size.width, size.inner, 1 / size.depth) for _ in range(size.depth))
        self.final = nn.LayerNorm(size.width)
        self.head = nn.Linear(size.width, FORM.n_fft + 2)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d):
                nn.init.trunc_normal_(module.weight, std=0.02)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, mel: Tensor) -> Tensor:
        """See the class."""
        x = self.norm(self.embed((mel - _MEL_CENTRE) / _MEL_SPREAD).transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.head(self.final(x))
        return out


class Mel(nn.Module):
    """The form of the pictures in torch, there and back, such that gradients flow through it."""

    bank: Tensor
    spread: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        bank = mel_filterbank(FORM.sample_rate_hz, FORM.n_fft, n_mels=FORM.n_mels)
        self.register_buffer("bank", torch.from_numpy(bank.copy()), persistent=False)
        spread = mel_inverse().spread(np.eye(FORM.n_mels, dtype=np.float32)).T
        self.register_buffer("spread", torch.from_numpy(spread.copy()), persistent=False)
        self.register_buffer("window", torch.hann_window(FORM.n_fft), persistent=False)

    def frames(self, sound: Tensor) -> Tensor:
        """Complex frames (batch, 513, t) of sound (batch, n)."""
        return torch.stft(
            sound, FORM.n_fft, FORM.hop_length,
            window=self.window, center=True, pad_mode="constant", return_complex=True,
        )  # fmt: skip

    def sound(self, frames: Tensor) -> Tensor:
        """Sound (batch, (t - 1) * 256) of complex frames (batch, 513, t)."""
        return torch.istft(frames, FORM.n_fft, FORM.hop_length, window=self.window, center=True)

    def magnitudes(self, frames: Tensor) -> Tensor:
        """Mel magnitudes (batch, 96, t), no less than the floor, of complex frames."""
        size = torch.sqrt(frames.real.square() + frames.imag.square() + 1e-12)
        return (self.bank @ size).clamp(min=FORM.floor)

    def forward(self, sound: Tensor) -> Tensor:
        """Log-mel pictures (batch, 96, t), as `sideman.audio.mel_picture.log_mel_picture`."""
        return self.magnitudes(self.frames(sound)).log()

    def corrected(self, frames: Tensor, mel: Tensor, rounds: int) -> Tensor:
        """Sound of complex frames, bent towards a picture: as `sideman.compose.vocoder` does it."""
        wanted = mel.exp()
        sound, before = self.sound(frames), None
        for _ in range(rounds):
            now = self.frames(sound)
            ahead = now if before is None else now + CORRECTION_MOMENTUM * (now - before)
            gain = (wanted / self.magnitudes(ahead)).clamp(LEAST_GAIN, MOST_GAIN)
            sound, before = self.sound(ahead * (self.spread @ gain)), now
        return sound


def frames_of(spectrum: Tensor) -> Tensor:
    """What the network gives (batch, t, 1026) as complex frames (batch, 513, t)."""
    log_magnitude, phase = spectrum.transpose(1, 2).chunk(2, 1)
    magnitude = log_magnitude.clamp(max=HIGHEST_LOG_MAGNITUDE).exp()
    return torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
