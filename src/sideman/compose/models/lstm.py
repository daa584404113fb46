"""The recurrent composer: an embedding, two LSTM layers, and an output that shares the embedding's weights.

Hochreiter, Schmidhuber 1997, "Long short-term memory"; tied output: Press, Wolf 2017. The tutorial that this grew from
fed an LSTM with (pitch, step, duration) of one instrument's notes and predicted the three apart from each other; the
same network over the vocabulary's words hears bars, instruments, loudness and what was asked, and predicts a note's
duration knowing its pitch.
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
        width: of the embedding.
        hidden: of each layer.
        layers: number of them.
        dropout: between the layers while training.
    """

    width: int = 256
    hidden: int = 512
    layers: int = 2
    dropout: float = 0.1


SIZES = {"tiny": Settings(48, 64), "compact": Settings(192, 400), "small": Settings(256, 600)}


class LSTM(nn.Module):
    """Next-token scores of score tokens."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings = settings or SIZES["compact"]
        self.embedding = nn.Embedding(SIZE, settings.width)
        nn.init.normal_(self.embedding.weight, std=0.05)
        self.lstm = nn.LSTM(
            settings.width, settings.hidden, settings.layers, batch_first=True, dropout=settings.dropout
        )
        self.out = nn.Linear(settings.hidden, settings.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores of what follows each token: (batch, time) -> (batch, time, SIZE)."""
        heard, _ = self.lstm(self.embedding(tokens))
        return functional.linear(self.out(heard), self.embedding.weight)

    def step(self, tokens: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Scores after the last of ``tokens`` (batch, time), and the state, two of (layers, batch, hidden)."""
        heard, state = self.lstm(self.embedding(tokens), (past[0], past[1]))
        return functional.linear(self.out(heard[:, -1]), self.embedding.weight), *state

    def empty_past(self, batch: int = 1) -> tuple[Tensor, ...]:
        """The state at the beginning."""
        nothing = torch.zeros(self.settings.layers, batch, self.settings.hidden)
        return nothing, nothing

    def facts(self) -> dict[str, Any]:
        """What the card says of the shape."""
        return {"parameters": sum(p.numel() for p in self.parameters())}
