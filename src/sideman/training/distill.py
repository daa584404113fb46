"""Knowledge distillation: a network learns its teachers' outputs and the labels at once.

Source: Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network" (arXiv:1503.02531); regression to
standardised hidden layers as in Romero et al., "FitNets" (arXiv:1412.6550).
"""

from __future__ import annotations

import torch
from torch import Tensor


def distillation_loss(predicted: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Weighted Huber loss of standardised targets, linear beyond 2 standard deviations; shapes (batch, n), (n,).

    Quadratic loss would be ruled by the few units that fire rarely and hard; clipping would never teach them.
    """
    gap = (predicted.float() - target).abs()
    huber = torch.where(gap < 2, gap.square(), 4 * gap - 4)
    return (huber * weights).sum(1).mean()


def soft_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy with target probabilities, both (batch, classes); rows of ``target`` that sum to 0 do not count."""
    counted = target.sum(1) > 0
    if not counted.any():
        return logits.sum() * 0.0
    return -(target * torch.log_softmax(logits.float(), 1)).sum(1)[counted].mean()


def mask_spectrogram(log_mel: Tensor, floor: float, *, time: int = 16, bands: int = 14, share: float = 0.5) -> Tensor:
    """SpecAugment (Park et al. 2019, arXiv:1904.08779): one band of time and one of frequency set to ``floor``.

    ``log_mel`` is (batch, n_mels, frames); widths are drawn below ``time`` frames and ``bands`` mel bands; a ``share``
    of the batch is masked.
    """
    batch, n_mels, frames = log_mel.shape
    start_t, width_t = torch.randint(0, frames - time, (batch, 1)), torch.randint(0, time, (batch, 1))
    start_f, width_f = torch.randint(0, n_mels - bands, (batch, 1)), torch.randint(0, bands, (batch, 1))
    t, f = torch.arange(frames)[None], torch.arange(n_mels)[None]
    in_time = ((t >= start_t) & (t < start_t + width_t))[:, None, :]
    in_band = ((f >= start_f) & (f < start_f + width_f))[:, :, None]
    masked = (torch.rand(batch) < share)[:, None, None]
    hidden = ((in_time | in_band) & masked).to(log_mel.device)
    return torch.where(hidden, torch.full_like(log_mel, floor), log_mel)
