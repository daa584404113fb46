"""How far two sounds are apart for an ear: spectra at several resolutions, plain and in mel bands.

Sources: R. Yamamoto, E. Song and J.-M. Kim, "Parallel WaveGAN", ICASSP 2020 (spectral convergence and log magnitude at
several sizes); R. Kumar et al., "High-fidelity audio compression with improved RVQGAN", NeurIPS 2023 (mel bands at
several sizes).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sideman.audio.mel import mel_filterbank
from sideman.audio.mel_picture import FORM

SIZES = ((256, 64, 32), (512, 128, 64), (1024, 256, 96), (2048, 512, 128))
"""Frame, hop and mel bands; the third is the form of the pictures."""
_FORM_WEIGHT = 3.0


class SpectralLoss(nn.Module):
    """Mean distance of sounds (batch, n) over all resolutions; the log-mel form of the pictures weighs most."""

    def __init__(self) -> None:
        super().__init__()
        for n_fft, _, n_mels in SIZES:
            bank = torch.from_numpy(mel_filterbank(FORM.sample_rate_hz, n_fft, n_mels=n_mels).copy())
            self.register_buffer(f"bank_{n_fft}", bank, persistent=False)
            self.register_buffer(f"window_{n_fft}", torch.hann_window(n_fft), persistent=False)

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        """See the class."""
        total = made.new_zeros(())
        for n_fft, hop, _ in SIZES:
            ours, theirs = self._magnitudes(made, n_fft, hop), self._magnitudes(wanted, n_fft, hop)
            bank: Tensor = getattr(self, f"bank_{n_fft}")
            floor = FORM.floor
            mel = (torch.log((bank @ ours).clamp(min=floor)) - torch.log((bank @ theirs).clamp(min=floor))).abs().mean()
            quiet = 1e-2 * n_fft / FORM.n_fft
            plain = (torch.log(ours + quiet) - torch.log(theirs + quiet)).abs().mean()
            apart = torch.linalg.vector_norm(ours - theirs, dim=(1, 2))
            converged = (apart / (torch.linalg.vector_norm(theirs, dim=(1, 2)) + 1e-2)).mean()
            total = total + (_FORM_WEIGHT if n_fft == FORM.n_fft else 1.0) * mel + 0.5 * plain + 0.5 * converged
        return total / len(SIZES)

    def _magnitudes(self, sound: Tensor, n_fft: int, hop: int) -> Tensor:
        window: Tensor = getattr(self, f"window_{n_fft}")
        spectrum = torch.stft(
            sound, n_fft, hop, window=window, center=True, pad_mode="constant", return_complex=True
        )  # fmt: skip
        return torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-12)
