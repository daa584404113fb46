"""Rectified flow over log-mel pictures: a small transformer that is told genre and mood and predicts the clean picture.

Sources: X. Liu, C. Gong and Q. Liu, "Flow straight and fast", ICLR 2023 (rectified flow); W. Peebles and S. Xie,
"Scalable diffusion models with transformers", ICCV 2023 (the blocks); J. Chen et al., "PixArt-alpha", ICLR 2024 (one
modulation for all blocks); T. Li and K. He, "Back to basics: let denoising generative models denoise", 2025 (clean data
predicted from large patches, loss on the velocity); J. Su et al., "RoFormer", 2021 (rotary positions).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from sideman.audio.mel_picture import FORM

PATCH = 4
WINDOW = 160
"""Frames in a window: 1.86 s."""
_NEAREST = 0.05  # least 1 - t that a velocity is divided by
_TIME_WAVES = 64


@dataclass(frozen=True)
class Settings:
    """Size of the network: channels, heads, blocks."""

    width: int = 192
    heads: int = 6
    depth: int = 6


class Block(nn.Module):
    """Attention over the window and a dense layer per token, both scaled, shifted and gated by what is told."""

    def __init__(self, size: Settings) -> None:
        super().__init__()
        self.heads = size.heads
        self.modulation = nn.Parameter(torch.randn(6, size.width) * 0.02)
        self.norm_1 = nn.LayerNorm(size.width, elementwise_affine=False)
        self.norm_2 = nn.LayerNorm(size.width, elementwise_affine=False)
        self.query_key_value = nn.Linear(size.width, 3 * size.width)
        self.joined = nn.Linear(size.width, size.width)
        self.up = nn.Linear(size.width, 4 * size.width)
        self.down = nn.Linear(4 * size.width, size.width)

    def forward(self, x: Tensor, told: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """Tokens (batch, n, width), what is told (batch, 6, width), angles (n, width of a head / 2)."""
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = (told + self.modulation).unsqueeze(2).unbind(1)
        batch, n, width = x.shape
        heard = self.query_key_value(self.norm_1(x) * (1 + scale_1) + shift_1)
        query, key, value = heard.view(batch, n, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        query, key = _turned(query, cosine, sine), _turned(key, cosine, sine)
        scores = (query @ key.transpose(-1, -2)) / math.sqrt(width // self.heads)
        attended = (scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, n, width)
        x = x + gate_1 * self.joined(attended)
        hidden = functional.gelu(self.up(self.norm_2(x) * (1 + scale_2) + shift_2), approximate="tanh")
        out: Tensor = x + gate_2 * self.down(hidden)
        return out


def _turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat((first * cosine - second * sine, first * sine + second * cosine), -1)


class Flow(nn.Module):
    """Noisy windows and what is told -> clean windows; pictures are z-scores of log-mel by band.

    ``genre`` is 0..n_genres - 1, or n_genres for none; ``mood`` is (batch, 3): valence, arousal, 1 where they are told.
    """

    mean: Tensor
    spread: Tensor
    waves: Tensor
    cosine: Tensor
    sine: Tensor

    def __init__(self, n_genres: int, mean: Tensor, spread: Tensor, settings: Settings | None = None) -> None:
        super().__init__()
        size = settings or Settings()
        self.n_genres = n_genres
        self.register_buffer("mean", mean.reshape(-1, 1))
        self.register_buffer("spread", spread.reshape(-1, 1))
        self.enter = nn.Linear(PATCH * FORM.n_mels, size.width)
        self.genre = nn.Embedding(n_genres + 1, size.width)
        self.mood = nn.Sequential(nn.Linear(3, size.width), nn.SiLU(), nn.Linear(size.width, size.width))
        self.time = nn.Sequential(nn.Linear(2 * _TIME_WAVES, size.width), nn.SiLU(), nn.Linear(size.width, size.width))
        self.modulate = nn.Linear(size.width, 6 * size.width)
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.depth))
        self.norm = nn.LayerNorm(size.width)
        self.leave = nn.Linear(size.width, PATCH * FORM.n_mels)
        self.smooth = nn.Conv1d(FORM.n_mels, FORM.n_mels, 5, padding=2)
        nn.init.normal_(self.genre.weight, std=0.02)
        for weight in (self.modulate.weight, self.smooth.weight):
            nn.init.zeros_(weight)
        nn.init.normal_(self.leave.weight, std=0.02)
        waves = torch.exp(-math.log(10_000) * torch.arange(_TIME_WAVES) / _TIME_WAVES)
        self.register_buffer("waves", waves, persistent=False)
        half = size.width // size.heads // 2
        angles = torch.arange(WINDOW // PATCH)[:, None] * torch.exp(-math.log(1000) * torch.arange(half) / half)
        self.register_buffer("cosine", angles.cos(), persistent=False)
        self.register_buffer("sine", angles.sin(), persistent=False)

    def forward(self, noisy: Tensor, time: Tensor, genre: Tensor, mood: Tensor) -> Tensor:
        """Windows (batch, 96, 160) at times (batch,) in 0..1, where 1 is clean -> clean windows, all as z-scores."""
        batch = noisy.shape[0]
        patches = noisy.view(batch, FORM.n_mels, WINDOW // PATCH, PATCH).permute(0, 2, 3, 1).reshape(
            batch, WINDOW // PATCH, PATCH * FORM.n_mels
        )  # fmt: skip
        angles = 1000 * time[:, None] * self.waves
        told = self.time(torch.cat((angles.cos(), angles.sin()), 1)) + self.genre(genre) + self.mood(mood)
        modulation = self.modulate(functional.silu(told)).view(batch, 6, -1)
        x = self.enter(patches)
        for block in self.blocks:
            x = block(x, modulation, self.cosine, self.sine)
        clean = self.leave(self.norm(x)).view(batch, WINDOW, FORM.n_mels).transpose(1, 2)
        out: Tensor = clean + self.smooth(clean)
        return out

    def as_scores(self, mel: Tensor) -> Tensor:
        """Log-mel pictures as z-scores."""
        return (mel - self.mean) / self.spread

    def as_mel(self, scores: Tensor) -> Tensor:
        """Z-scores as log-mel pictures."""
        return scores * self.spread + self.mean


def loss_of(flow: Flow, mel: Tensor, genre: Tensor, mood: Tensor) -> Tensor:
    """Mean square error of the velocity for pictures (batch, 96, 160); a part of what is told is left out."""
    clean = flow.as_scores(mel)
    batch = len(clean)
    time = torch.sigmoid(torch.randn(batch, device=mel.device) * 0.9 - 0.6)
    noise = torch.randn_like(clean)
    at = time[:, None, None]
    noisy = (1 - at) * noise + at * clean
    draw = torch.rand(batch, device=mel.device)
    told_genre = torch.where(draw < 0.15, torch.full_like(genre, flow.n_genres), genre)
    told_mood = mood * ((draw > 0.1) & (torch.rand(batch, device=mel.device) > 0.3))[:, None]
    guess = flow(noisy, time, told_genre, told_mood)
    weight = 1 / (1 - at).clamp(min=_NEAREST).square()
    loss: Tensor = (weight * (guess - clean).square()).mean()
    return loss
