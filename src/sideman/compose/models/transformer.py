"""A decoder-only Transformer over score tokens: rotary positions, key-value cache.

Vaswani et al. 2017, "Attention is all you need"; rotary positions: Su et al. 2021, "RoFormer"; gated units: Shazeer
2020, "GLU variants improve Transformer"; RMS norms before each block and on queries and keys; input and output share
one embedding. `small` has 5 million parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sideman.compose.vocabulary import SIZE


@dataclass(frozen=True)
class Settings:
    """Shape of the network.

    Attributes:
        width: of the residual stream; a multiple of 2 * heads.
        layers: number of blocks.
        heads: of attention.
        hidden: width within the gated unit.
        dropout: of each block's output while training.
    """

    width: int = 256
    layers: int = 6
    heads: int = 4
    hidden: int = 704
    dropout: float = 0.1


SIZES = {
    "tiny": Settings(64, 2, 2, 176),
    "compact": Settings(192, 6, 4, 512),
    "small": Settings(),
    "base": Settings(384, 6, 6, 1024),
}
ROTARY_BASE = 10_000.0


class _Norm(nn.RMSNorm):
    """RMS norm, written out for the ONNX exporter, which does not know it."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():
            scale: Tensor = torch.rsqrt((x * x).mean(-1, keepdim=True) + (self.eps or 0.0))
            return x * scale * self.weight
        return super().forward(x)


class _Block(nn.Module):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width, self.heads = settings.width, settings.heads
        self.before_attention = _Norm(width, eps=1e-6)
        self.before_unit = _Norm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm = _Norm(width // self.heads, eps=1e-6)
        self.key_norm = _Norm(width // self.heads, eps=1e-6)
        self.up = nn.Linear(width, 2 * settings.hidden, bias=False)
        self.down = nn.Linear(settings.hidden, width, bias=False)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], past: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What leaves the block, and the keys and values of now: (time, 2, batch, heads, size)."""
        batch, time, width = x.shape
        q, k, v = self.qkv(self.before_attention(x)).view(batch, time, 3, self.heads, width // self.heads).unbind(2)
        q = _rotated(self.query_norm(q), *turn).transpose(1, 2)
        k = _rotated(self.key_norm(k), *turn).transpose(1, 2)
        v = v.transpose(1, 2)
        now = torch.stack([k, v]).permute(3, 0, 1, 2, 4) if past is not None else x.new_zeros(0)
        if past is None:
            heard = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:  # what came before, then all of now, masked to the past
            seen = past.shape[0]
            before_k, before_v = past.permute(1, 2, 3, 0, 4)
            k, v = torch.cat([before_k, k], 2), torch.cat([before_v, v], 2)
            at = torch.arange(time, device=x.device)[:, None] + seen
            mask = torch.arange(seen + time, device=x.device)[None, :] <= at
            fit = (q @ k.transpose(2, 3)) * (width // self.heads) ** -0.5
            heard = fit.masked_fill(~mask, float("-inf")).softmax(-1) @ v
        x = x + self.dropout(self.out(heard.transpose(1, 2).reshape(batch, time, width)))
        gate, value = self.up(self.before_unit(x)).chunk(2, -1)
        x = x + self.dropout(self.down(F.silu(gate) * value))
        return x, now


def _rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate pairs of features of (batch, time, heads, size) by the angles of (time, size / 2)."""
    a, b = x.chunk(2, -1)
    cosine, sine = cosine[:, None], sine[:, None]
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine], -1)


class Transformer(nn.Module):
    """Next-token scores of score tokens."""

    memory: Literal["cache"] = "cache"

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings = settings or SIZES["small"]
        self.embedding = nn.Embedding(SIZE, settings.width)
        self.blocks = nn.ModuleList(_Block(settings) for _ in range(settings.layers))
        self.last_norm = _Norm(settings.width, eps=1e-6)
        size = settings.width // settings.heads
        self.register_buffer("rates", ROTARY_BASE ** (-torch.arange(0, size, 2) / size), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                deep = 2 * settings.layers if name.endswith(("out.weight", "down.weight")) else 1
                nn.init.normal_(parameter, std=0.02 if "embedding" in name else (parameter.shape[1] * deep) ** -0.5)

    def _turn(self, first: Tensor | int, time: int) -> tuple[Tensor, Tensor]:
        rates: Tensor = self.rates  # type: ignore[assignment]
        angles = (torch.arange(time, device=rates.device) + first)[:, None] * rates
        return angles.cos(), angles.sin()

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores of what follows each token: (batch, time) -> (batch, time, SIZE)."""
        x = self.embedding(tokens)
        turn = self._turn(0, tokens.shape[1])
        for block in self.blocks:
            x, _ = block(x, turn)
        return F.linear(self.last_norm(x), self.embedding.weight)

    def step(self, tokens: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Scores after the last token, and the keys and values of these tokens.

        ``tokens`` is (batch, time), ``past`` (seen, layers, 2, batch, heads, size) with what earlier steps gave, one
        after the other; time comes first so that a longer past is the same memory and more.
        """
        x = self.embedding(tokens)
        turn = self._turn(past.shape[0], tokens.shape[1])
        fresh: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            x, now = block(x, turn, past[:, i])
            fresh.append(now)
        return F.linear(self.last_norm(x[:, -1]), self.embedding.weight), torch.stack(fresh, 1)

    def empty_past(self, batch: int = 1) -> Tensor:
        """The past at the beginning."""
        shape = self.settings
        return torch.zeros(0, shape.layers, 2, batch, shape.heads, shape.width // shape.heads)

    def facts(self) -> dict[str, Any]:
        """What the card says of the shape."""
        return {"parameters": sum(p.numel() for p in self.parameters())}
