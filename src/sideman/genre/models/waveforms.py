"""Front ends of pretrained networks as convolutions: resampling and power spectra that train, and export to ONNX."""

from __future__ import annotations

from math import gcd

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

_ZEROS = 24
_BETA = 9.0
_PASSED = 0.95


class Resample(nn.Module):
    """Samples (batch, n) at one rate -> (batch, ceil(n * to / from)) at another.

    A windowed sinc, one filter per phase (J. O. Smith, "Digital audio resampling", CCRMA): Kaiser window of beta 9 over
    24 zero crossings on each side, -6 dB at 95 % of the lower Nyquist frequency.
    """

    kernel: Tensor

    def __init__(self, from_hz: int, to_hz: int) -> None:
        super().__init__()
        divisor = gcd(from_hz, to_hz)
        self.step, self.phases = from_hz // divisor, to_hz // divisor
        cutoff = _PASSED * min(1.0, to_hz / from_hz)  # of the input's Nyquist frequency
        self.reach = int(np.ceil(_ZEROS / cutoff))
        places = np.arange(-self.reach, self.step + self.reach)
        distance = places - np.arange(self.phases)[:, None] * (self.step / self.phases)
        inside = np.clip(1 - (distance * cutoff / _ZEROS) ** 2, 0, None)
        window = np.i0(_BETA * np.sqrt(inside)) / np.i0(_BETA) * (inside > 0)
        kernel = cutoff * np.sinc(cutoff * distance) * window
        self.register_buffer("kernel", torch.from_numpy(kernel.astype(np.float32))[:, None], persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Resample."""
        n = samples.shape[1]
        wanted = -(-n * self.phases // self.step)
        padded = functional.pad(samples, (self.reach, self.reach + self.step))
        # (batch, phases, blocks): every block of the input gives one sample of each phase.
        blocks = functional.conv1d(padded[:, None], self.kernel, stride=self.step)
        return blocks.transpose(1, 2).flatten(1)[:, :wanted]


class PowerSpectrum(nn.Module):
    """Samples (batch, n) -> power (batch, bins, 1 + n // hop), centred frames, the lowest ``bins`` of ``n_fft``.

    A window shorter than ``n_fft`` stands in the middle of a frame of zeros: it needs no more than its own length.
    """

    kernel: Tensor

    def __init__(self, n_fft: int, hop: int, window: Tensor, bins: int, pad_mode: str) -> None:
        super().__init__()
        self.hop, self.bins, self.pad_mode, self.reach = hop, bins, pad_mode, len(window) // 2
        angle = 2 * np.pi / n_fft * np.arange(bins)[:, None] * np.arange(len(window))
        waves = np.concatenate([np.cos(angle), np.sin(angle)]) * window.double().numpy()
        self.register_buffer("kernel", torch.from_numpy(waves.astype(np.float32))[:, None], persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Transform."""
        padded = functional.pad(samples[:, None], (self.reach, self.reach), self.pad_mode)
        parts = functional.conv1d(padded, self.kernel, stride=self.hop).square()
        return parts[:, : self.bins] + parts[:, self.bins :]
