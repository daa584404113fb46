"""A decoder-only Transformer over score tokens: rotary positions, key-value cache.

Vaswani et al. 2017, "Attention is all you need"; rotary positions: Su et al. 2021, "RoFormer"; gated units: Shazeer
2020, "GLU variants improve Transformer"; RMS norms before each block and on queries and keys; input and output share
one embedding. `small` has 5 million parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

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
    """RMS norm, written out for the ONNX exporter, which does not know it, so that ONNX Runtime fuses it again."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():
            return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + (self.eps or 0.0)) * self.weight
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

    def _queries(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys, values of shape (batch, heads, time, size)."""
        width = x.shape[2]
        qkv = self.qkv(self.before_attention(x)).view(x.shape[0], -1, 3, self.heads, width // self.heads)
        q, k, v = (part.transpose(1, 2) for part in qkv.unbind(2))
        return _rotated(self.query_norm(q), *turn), _rotated(self.key_norm(k), *turn), v

    def _after(self, x: Tensor, heard: Tensor) -> Tensor:
        """What leaves the block, given what attention (batch, heads, time, size) heard."""
        x = x + self.dropout(self.out(heard.transpose(1, 2).reshape(x.shape[0], -1, x.shape[2])))
        gate, value = self.up(self.before_unit(x)).chunk(2, -1)
        return x + self.dropout(self.down(functional.silu(gate) * value))  # type: ignore[no-any-return]

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        q, k, v = self._queries(x, turn)
        return self._after(x, functional.scaled_dot_product_attention(q, k, v, is_causal=True))

    def step(
        self, x: Tensor, turn: tuple[Tensor, Tensor], hidden: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As forward, with the keys and values of what came before; ``hidden`` (time, seen + time) is -inf or 0."""
        q, k, v = self._queries(x, turn)
        k, v = torch.cat([keys, k], 2), torch.cat([values, v], 2)
        fit = (q * k.shape[3] ** -0.5) @ k.transpose(2, 3) + hidden
        return self._after(x, fit.softmax(-1) @ v), k, v


def _rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate pairs of features of (batch, heads, time, size) by the angles of (time, size / 2)."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine], -1)


class Transformer(nn.Module):
    """Next-token scores of score tokens."""

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
            x = block(x, turn)
        return functional.linear(self.last_norm(x), self.embedding.weight)

    def step(self, tokens: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Scores after the last of ``tokens`` (batch, time), and the past of the next step.

        The past is keys and values of every layer in turn, each (batch, heads, seen, size).
        """
        x = self.embedding(tokens)
        seen, time = past[0].shape[2], tokens.shape[1]
        turn = self._turn(seen, time)
        at = torch.arange(time, device=x.device)[:, None] + seen
        hidden = torch.where(torch.arange(seen + time, device=x.device)[None] <= at, 0.0, float("-inf"))
        present: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            x, keys, values = block.step(x, turn, hidden, past[2 * i], past[2 * i + 1])  # type: ignore[operator]
            present += (keys, values)
        return functional.linear(self.last_norm(x[:, -1]), self.embedding.weight), *present

    def empty_past(self, batch: int = 1) -> tuple[Tensor, ...]:
        """The past at the beginning."""
        shape = self.settings
        nothing = torch.zeros(batch, shape.heads, 0, shape.width // shape.heads)
        return (nothing,) * (2 * shape.layers)

    def facts(self) -> dict[str, Any]:
        """What the card says of the shape."""
        return {"parameters": sum(p.numel() for p in self.parameters())}
