"""What the two pretrained teachers say of a window: the targets that the network learns besides the genre."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sideman.audio.mel import mel_filterbank
from sideman.genre.models import efficientat, musicnn

SAMPLE_RATE_HZ = 22_050
# Slices of the target vector: mn04's embedding, musicnn's last hidden layer, its tags, mn04's classes, and the
# features below musicnn's dense layers, pooled over time.
MN_EMBEDDING = slice(0, 384)
MUSICNN_HIDDEN = slice(384, 584)
MUSICNN_TAGS = slice(584, 634)
MN_CLASSES = slice(634, 1161)
MUSICNN_POOLED = slice(1161, 2667)
N_TARGETS = 2667
FEATURES = slice(0, 584)
"""The two hidden layers, on which the teachers' own genre classifier stands."""


PARTS = (MN_EMBEDDING, MUSICNN_HIDDEN, MUSICNN_TAGS, MN_CLASSES, MUSICNN_POOLED)


def target_weights(shares: tuple[float, ...]) -> NDArray[np.float32]:
    """Weight of each target in the distillation loss, (2667,), from the share of each of ``PARTS``."""
    weights = np.zeros(N_TARGETS, np.float32)
    for part, share in zip(PARTS, shares, strict=True):
        weights[part] = share / (part.stop - part.start)
    return weights


@dataclass
class Teachers:
    """Both networks, in evaluation mode."""

    mn: efficientat.EfficientAT
    musicnn: musicnn.MusiCNN

    @classmethod
    def load(cls, folder: Path) -> Teachers:
        """Read ``efficientat_mn04/mn04_as_mAP_432.pt`` and ``msd_musicnn/MSD_musicnn.h5`` below ``folder``."""
        return cls(
            efficientat.load(folder / "efficientat_mn04" / "mn04_as_mAP_432.pt"),
            musicnn.load(folder / "msd_musicnn" / "MSD_musicnn.h5"),
        )

    def targets(self, samples: NDArray[np.float32], batch: int = 8) -> NDArray[np.float32]:
        """Windows (k, n) at 22050 Hz -> targets (k, 2667)."""
        rows = []
        for first in range(0, len(samples), batch):
            part = samples[first : first + batch]
            with torch.inference_mode():
                embedding, classes = self.mn(_resampled(part, efficientat.SAMPLE_RATE_HZ))
                hidden, pooled, tags = self.musicnn(_musicnn_input(part))
            rows.append(torch.cat([embedding, hidden, tags, classes, pooled], 1).numpy())
        return np.concatenate(rows)


def _resampled(samples: NDArray[np.float32], rate_hz: int) -> torch.Tensor:
    import soxr

    resampled = soxr.resample(np.ascontiguousarray(samples.T), SAMPLE_RATE_HZ, rate_hz, quality="MQ").T
    return torch.from_numpy(np.ascontiguousarray(resampled, np.float32))


def _musicnn_input(samples: NDArray[np.float32]) -> torch.Tensor:
    spectrum = torch.stft(
        _resampled(samples, musicnn.SAMPLE_RATE_HZ),
        512,
        256,
        window=torch.hann_window(512),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    bank = torch.from_numpy(mel_filterbank(musicnn.SAMPLE_RATE_HZ, 512, n_mels=96).copy())
    return torch.log10(1 + 10_000 * (bank @ spectrum.abs().square())).transpose(1, 2)
