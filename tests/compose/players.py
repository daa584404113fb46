"""Decoders that have learnt nothing, and walks through a grammar by chance."""

import numpy as np

from sideman.compose.controls import Controls
from sideman.compose.vocabulary import END_OF, EOS, OFFSET, PLAIN, SIZE, decode, header


class Chance:
    """A decoder that likes tokens by chance, and counts what it must remember."""

    def __init__(self, seed=0, boldness=3.0):
        self.seed, self.boldness = seed, boldness
        self.most = self.resets = 0
        self.reset()

    def reset(self):
        self.rng = np.random.default_rng(self.seed)
        self.used = 0
        self.resets += 1

    def feed(self, tokens):
        assert len(tokens)
        self.used += len(tokens)
        self.most = max(self.most, self.used)
        return (self.boldness * self.rng.standard_normal(SIZE)).astype(np.float32)


def walk(grammar, seed, *, most=20_000):
    """Tokens of a piece drawn from what is allowed, all kinds alike."""
    rng = np.random.default_rng(seed)
    tokens = []
    while len(tokens) < most:
        allowed = np.flatnonzero(grammar.allowed())
        of_kind = [allowed[(allowed >= OFFSET[k]) & (allowed < END_OF[k])] for k in OFFSET]
        of_kind = [some for some in of_kind if len(some)]
        token = int(rng.choice(of_kind[rng.integers(len(of_kind))]))
        grammar.feed(token)
        tokens.append(token)
        if token == EOS:
            return tokens
    raise AssertionError("the grammar finds no end")


def heard(tokens, metre):
    """A body as a score."""
    return decode([*header(Controls(metre=metre), PLAIN), *tokens])
