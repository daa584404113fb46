"""Networks that say how probable the next frame of a piano roll is: a set of keys, given all frames before it.

A frame is what sounds in one step of a regular grid. Two families, whose likelihoods must not be compared:

- "independent": given the past, every key sounds or not independently of the others (one Bernoulli number per key), as
  in the temporal convolutions of S. Bai, Z. Kolter, V. Koltun (arXiv:1803.01271, 2018).
- "sequential": a frame is told key by key, falling from its highest key (or rising from its lowest) until a stop; each
  probability is normalised over the keys that may still come and the stop, so that those of all sets sum to 1, as
  those of the RNN-NADE do (N. Boulanger-Lewandowski, Y. Bengio, P. Vincent, ICML 2012).

Both hear the same: the two frames before; and, because chorales repeat their lines, what came next when the past last
went the same way (:func:`echoes`), over whole frames, over top keys and over lowest keys, and for how long it had gone
the same way; the beat; how many keys sounded. A GRU (K. Cho et al., arXiv:1406.1078, 2014) sums it up over time. The
output adds two parts: one that knows keys by name, and one that knows them only by their distance from what sounds,
which is convolved over the keyboard and weighed by the GRU.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, dropout, logsigmoid, one_hot, relu

from sideman.core.errors import UsageError

Family = Literal["independent", "sequential"]
Floats = NDArray[np.float32]

MAPS = 5
"""Rows of keys heard before a frame: one step ago, two steps ago, echoes of frames, of top keys, of lowest keys."""
_LENGTHS = 10
_COUNTS = 7
_CYCLES = (16, 8, 4)
_PLACES = 12
FACTS = 3 * _LENGTHS + sum(_CYCLES) + 2 + _COUNTS
"""Numbers known before a frame: lengths of the echoes, beat within 16, 8 and 4, time, start or not, keys sounding."""


@dataclass(frozen=True)
class Piece:
    """One piece and what is known before each of its frames.

    Attributes:
        frames: (frames, keys), 1 where a key sounds.
        maps: (frames, MAPS, keys), see :data:`MAPS`; row t depends on frames before t only.
        facts: (frames, FACTS), see :data:`FACTS`; likewise.
    """

    frames: Floats
    maps: Floats
    facts: Floats


@dataclass(frozen=True)
class Batch:
    """Pieces side by side: a :class:`Piece` with an axis of pieces first; ``real`` (pieces, frames) is no padding."""

    frames: Tensor
    maps: Tensor
    facts: Tensor
    real: Tensor


def echoes(past: Sequence[Hashable]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each step's immediate past occurred before, at greatest length; the latest such place counts.

    Returns:
        For every step t: the step u < t that followed the longest stretch equal to the one that ends at t - 1, or -1
        where there is none; and the length of that stretch.
    """
    n = len(past)
    names: dict[Hashable, int] = {}
    name = np.array([names.setdefault(item, len(names)) for item in past], dtype=np.int64)
    place, length = np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.int64)
    # run[u]: how many steps before u equal those before t
    run = np.zeros(n + 1, dtype=np.int64)
    for t in range(2, n):
        run[1:t] = np.where(name[: t - 1] == name[t - 1], run[: t - 1] + 1, 0)
        length[t] = run[1:t].max()
        if length[t]:
            place[t] = 1 + int(np.flatnonzero(run[1:t] == length[t])[-1])
    return place, length


def prepare(frames: Floats) -> Piece:
    """What the networks hear of a piece, ``frames`` being (frames, keys) of 0 and 1.

    Raises:
        UsageError: the array has another shape, or is empty.
    """
    if frames.ndim != 2 or not all(frames.shape):
        raise UsageError(f"a piano roll is frames x keys, not of shape {frames.shape}")
    n, keys = frames.shape
    sounding = [tuple(np.flatnonzero(frame).tolist()) for frame in frames]
    maps = np.zeros((n, MAPS, keys), np.float32)
    maps[1:, 0], maps[2:, 1] = frames[:-1], frames[:-2]
    lengths = []
    lines: tuple[list[tuple[int, ...]], ...] = (
        sounding,
        [chord[-1:] for chord in sounding],
        [chord[:1] for chord in sounding],
    )
    for row, line in enumerate(lines, 2):
        place, length = echoes(line)
        maps[:, row] = frames[place] * (place >= 0)[:, None]
        lengths.append(_one_hot(length, _LENGTHS))
    t = np.arange(n)
    beats = [_one_hot(t % cycle, cycle) for cycle in _CYCLES]
    time = np.stack([np.log1p(t) / 5, t == 0], axis=1)
    count = _one_hot(maps[:, 0].sum(-1).astype(np.int64), _COUNTS)
    return Piece(frames, maps, np.concatenate([*lengths, *beats, time, count], axis=1).astype(np.float32))


def _one_hot(values: NDArray[np.int64], n: int) -> Floats:
    return np.eye(n, dtype=np.float32)[np.minimum(values, n - 1)]


def transposed(piece: Piece, semitones: int) -> Piece:
    """The piece, higher by ``semitones``; keys that would leave the keyboard are lost, so give it room."""

    def moved(keys: Floats) -> Floats:
        rolled = np.zeros_like(keys)
        n = keys.shape[-1]
        rolled[..., max(0, semitones) : n + min(0, semitones)] = keys[..., max(0, -semitones) : n - max(0, semitones)]
        return rolled

    return Piece(moved(piece.frames), moved(piece.maps), piece.facts)


def room(piece: Piece) -> tuple[int, int]:
    """Lowest and highest number of semitones by which a piece can be transposed without losing a key."""
    used = np.flatnonzero(piece.frames.any(0))
    return (-int(used[0]), piece.frames.shape[1] - 1 - int(used[-1])) if len(used) else (0, 0)


def collate(pieces: Sequence[Piece]) -> Batch:
    """Pieces as one batch, the shorter ones padded at their end."""
    longest = max(len(piece.frames) for piece in pieces)

    def padded(arrays: list[Floats]) -> Tensor:
        whole = np.zeros((len(arrays), longest, *arrays[0].shape[1:]), np.float32)
        for row, array in zip(whole, arrays, strict=True):
            row[: len(array)] = array
        return torch.from_numpy(whole)

    lengths = torch.tensor([len(piece.frames) for piece in pieces])
    real = torch.arange(longest) < lengths[:, None]
    return Batch(padded([p.frames for p in pieces]), padded([p.maps for p in pieces]),
                 padded([p.facts for p in pieces]), real)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Shape of a :class:`FrameModel`.

    Attributes:
        keys: keys of the keyboard.
        members: networks whose probabilities are averaged.
        inputs: numbers given to the GRU per frame.
        units: of the GRU and of the layer before the output.
        patterns: of the convolution over the keyboard.
        reach: semitones to each side that a pattern spans.
        dropout: share of hidden numbers that training drops.
        input_dropout: share of the maps' keys that training drops.
    """

    keys: int = 88
    members: int = 1
    inputs: int = 96
    units: int = 128
    patterns: int = 16
    reach: int = 12
    dropout: float = 0.25
    input_dropout: float = 0.1


class _Member(nn.Module):
    """One network: from what is known before a frame to logits; see the module's description."""

    def __init__(self, settings: Settings, *, told: bool) -> None:
        super().__init__()
        keys, units = settings.keys, settings.units
        self.input_dropout = settings.input_dropout
        self.inputs = nn.Linear(MAPS * keys + FACTS, settings.inputs)
        self.gru = nn.GRU(settings.inputs, units, batch_first=True)
        self.past_gru = nn.Linear(settings.inputs, units)
        self.hidden = nn.Linear(units, units)
        self.named = nn.Linear(units, keys + told)
        self.weights = nn.Linear(units, settings.patterns)
        self.patterns = nn.Conv1d(MAPS, settings.patterns, 2 * settings.reach + 1, padding=settings.reach)
        self.dropout = nn.Dropout(settings.dropout)
        if told:
            self.told = nn.Linear(keys + _PLACES, units)
            self.told_patterns = nn.Conv1d(
                2, settings.patterns, 2 * settings.reach + 1, padding=settings.reach, bias=False
            )
        else:
            nn.init.constant_(self.named.bias, -3.0)  # some four keys of 88 sound

    def summary(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Of every real frame: a summary of its past (n, units), and its maps (n, MAPS, keys)."""
        maps = batch.maps[batch.real]
        heard = dropout(maps, self.input_dropout, self.training).flatten(1)
        given = self.dropout(relu(self.inputs(torch.cat([heard, batch.facts[batch.real]], 1))))
        rows = given.new_zeros(*batch.real.shape, given.shape[1])
        rows[batch.real] = given
        over_time = self.gru(rows)[0][batch.real]
        return relu(self.past_gru(given) + self.dropout(over_time)), maps

    def logits(self, hidden: Tensor, near: Tensor) -> Tensor:
        """Of every key (and the stop, if there is one), from (n, units) and (n, patterns, keys)."""
        hidden = self.dropout(relu(hidden))
        by_distance = torch.einsum("nc,nck->nk", self.weights(hidden), relu(near))
        named: Tensor = self.named(hidden)
        keys = by_distance.shape[1]
        return torch.cat([named[:, :keys] + by_distance, named[:, keys:]], 1)

    def independent(self, batch: Batch) -> Tensor:
        """Logit of every key in every real frame: (n, keys)."""
        summary, maps = self.summary(batch)
        return self.logits(self.hidden(summary), self.patterns(maps))

    def sequential(self, batch: Batch) -> Tensor:
        """Log-probability of every real frame, told from its lowest key upwards: (n,)."""
        summary, maps = self.summary(batch)
        frames = batch.frames[batch.real]
        count, rank = frames.sum(1).long(), frames.cumsum(1)
        # One row per key told and one per stop; place: how many keys of the frame were told before.
        row, place = (torch.arange(int(count.max()) + 1) <= count[:, None]).nonzero(as_tuple=True)
        keys, rank = frames[row], rank[row]
        told = keys * (rank <= place[:, None])
        last = keys * (rank == place[:, None])
        upcoming = (keys * (rank == place[:, None] + 1)).argmax(1)
        target = torch.where(place < count[row], upcoming, frames.shape[1])
        places = one_hot(place.clamp(max=_PLACES - 1), _PLACES).to(told.dtype)
        hidden = self.hidden(summary).index_select(0, row) + self.told(torch.cat([told, places], 1))
        near = self.patterns(maps).index_select(0, row) + self.told_patterns(torch.stack([told, last], 1))
        logits = self.logits(hidden, near)
        passed = told.flip(1).cumsum(1).flip(1) > 0  # at or below the highest key told
        passed = torch.cat([passed, passed.new_zeros(len(passed), 1)], 1)
        steps = -cross_entropy(logits.masked_fill(passed, -torch.inf), target, reduction="none")
        return steps.new_zeros(len(frames)).index_add(0, row, steps)


def _upside_down(batch: Batch) -> Batch:
    return Batch(batch.frames.flip(-1), batch.maps.flip(-1), batch.facts, batch.real)


class FrameModel(nn.Module):
    """Probabilities of frames, from one network or averaged over several.

    Independent members average the probability of every key, which leaves the keys independent. Sequential members
    average that of the whole frame, every second of them telling it from the lowest key up.
    """

    def __init__(self, family: Family, settings: Settings) -> None:
        super().__init__()
        self.family, self.settings = family, settings
        told = family == "sequential"
        self.members = nn.ModuleList(_Member(settings, told=told) for _ in range(settings.members))

    def loss(self, batch: Batch) -> Tensor:
        """Mean over the members of the negative log-likelihood in nats per frame; for training."""
        if self.family == "sequential":
            return -torch.stack(self._told(batch)).mean()
        frames = batch.frames[batch.real]
        losses = [
            binary_cross_entropy_with_logits(member.independent(batch), frames, reduction="sum")
            for member in self._networks()
        ]
        return torch.stack(losses).mean() / len(frames)

    def log_probability(self, batch: Batch) -> Tensor:
        """Natural logarithm of the probability of every frame given those before it: (pieces, frames); padding is 0."""
        if self.family == "sequential":
            each = torch.stack(self._told(batch)).logsumexp(0) - math.log(self.settings.members)
        else:
            sign = 2 * batch.frames[batch.real] - 1
            keys = torch.stack([logsigmoid(sign * member.independent(batch)) for member in self._networks()])
            each = (keys.logsumexp(0) - math.log(self.settings.members)).sum(1)
        whole = each.new_zeros(batch.real.shape)
        whole[batch.real] = each
        return whole

    def _networks(self) -> Sequence[Any]:
        return list(self.members)

    def _told(self, batch: Batch) -> list[Tensor]:
        turned = _upside_down(batch)
        return [net.sequential(batch if i % 2 else turned) for i, net in enumerate(self._networks())]
