"""From a decoder and a grammar to tokens: one bar after the other, in a window of memory that slides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.compose.decoder import Decoder
from sideman.compose.grammar import Grammar
from sideman.compose.vocabulary import END_OF, EOS, OFFSET

_KEEP = 0.45  # share of the window that goes on to be heard when it is full
_FULL = 0.85


@dataclass(frozen=True)
class Sampling:
    """How boldly to draw.

    Attributes:
        temperature: below 1 draws what is likely more often, above 1 less; 0 always takes the likeliest.
        top_p: only the likeliest tokens that make up this share are drawn (Holtzman et al. 2020).
        key_bias: by how much tones outside of the key are made less likely (natural logarithm of the odds).
        home_bias: by how much tonic and fifth, and by a little less the third, are made more likely.
        cadence: how many times as much in the last bar.
    """

    temperature: float = 1.0
    top_p: float = 0.98
    key_bias: float = 2.0
    home_bias: float = 0.2
    cadence: float = 4.0


def draw(scores: NDArray[np.floating], allowed: NDArray[np.bool_], sampling: Sampling, rng: np.random.Generator) -> int:
    """A token that is allowed, drawn by its score."""
    choices = np.flatnonzero(allowed)
    if len(choices) == 1:
        return int(choices[0])
    logits = np.asarray(scores[choices], np.float64)
    if sampling.temperature <= 0:
        return int(choices[logits.argmax()])
    logits = (logits - logits.max()) / sampling.temperature
    p = np.exp(logits)
    p /= p.sum()
    if sampling.top_p < 1:
        order = np.argsort(-p)
        kept = order[: int(np.searchsorted(np.cumsum(p[order]), sampling.top_p)) + 1]
        choices, p = choices[kept], p[kept] / p[kept].sum()
    return int(choices[rng.choice(len(choices), p=p)])


def write_bars(
    decoder: Decoder,
    grammar: Grammar,
    header_of: Callable[[int], Sequence[int]],
    rng: np.random.Generator,
    *,
    prefix: Sequence[int] = (),
    given: Sequence[Sequence[int]] = (),
    context: int = 512,
    sampling: Sampling | None = None,
    on_bar: Callable[[int], None] | None = None,
) -> list[list[int]]:
    """Draw bars until the grammar is done; returns the new bars' tokens, bar by bar.

    ``header_of(bars)`` gives the header of a piece of so many bars: when the memory is full it is filled anew with a
    header and the latest bars. ``prefix`` stands between header and bars and stays (a melody, the bars around a
    gap); ``given`` are bars that were there before and are heard, not written. ``on_bar`` is told the number, from 1,
    of each bar that is begun.
    """
    sampling = sampling or Sampling()
    bars: list[list[int]] = []
    heard: list[list[int]] = [list(bar) for bar in given]

    def refilled(share: float, left: int) -> tuple[NDArray[np.float32], int]:
        """Scores after a header and as many of the latest bars as fit, and the number of tokens."""
        room = context * share - len(prefix)
        while heard and sum(map(len, heard)) > room:
            heard.pop(0)
        tokens = [*header_of(left + len(heard)), *prefix, *(token for bar in heard for token in bar)]
        decoder.reset()
        return decoder.feed(tokens), len(tokens)

    scores, used = refilled(_FULL, grammar.left - 1)
    bias = grammar.home * np.float32(sampling.home_bias) - grammar.out_of_scale * np.float32(sampling.key_bias)
    at_the_end = bias + grammar.home * np.float32(sampling.home_bias * (sampling.cadence - 1))
    while True:
        token = draw(scores + (at_the_end if grammar.left == 1 else bias), grammar.allowed(), sampling, rng)
        grammar.feed(token)
        if token == EOS:
            return bars
        if OFFSET["bar"] <= token < END_OF["bar"]:
            heard += bars[-1:]
            if used > context * _FULL:
                scores, used = refilled(_KEEP, grammar.left)  # the bar just begun included
            bars.append([])
            if on_bar is not None:
                on_bar(len(bars))
        bars[-1].append(token)
        scores = decoder.feed([token])
        used += 1
