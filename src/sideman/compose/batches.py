"""Training examples from a corpus: excerpts, transposed, with headers of which parts are left out at random.

Three layouts teach three tasks (`sideman.compose.vocabulary` has the words):

    plain:      header plain     bars... end
    infill:     header infill    bars before, gap, bars after, fill, missing bars, end
    harmonise:  header harmonise melody's bars, fill, all bars, end

Everything random of example k of step n comes from (seed, n, k).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sideman.compose.controls import Controls, density_level
from sideman.compose.corpus import Corpus, Piece
from sideman.compose.vocabulary import (
    END_OF,
    EOS,
    FILL,
    GAP,
    HARMONISE,
    INFILL,
    OFFSET,
    PLAIN,
    bar_token,
    header,
)
from sideman.core.errors import DatasetError
from sideman.symbolic.score import bar_ticks

Tokens = NDArray[np.uint16]
_EXCERPT_BARS = (4, 8, 8, 12, 16, 16, 24, 32)
_LOWEST, _HIGHEST = 21, 108  # a transposition does not leave the piano


@dataclass(frozen=True)
class Diet:
    """What examples are drawn.

    Attributes:
        context: tokens in an example.
        evenness: 0 draws genres by how much music they have, 1 all alike.
        infill, harmonise: shares of those layouts.
        dropped: share of the header's parts that are left out, each by itself.
        bare: share of examples without any header.
        transposed: whether to move pieces by -5 to 6 semitones.
    """

    context: int = 512
    evenness: float = 0.5
    infill: float = 0.12
    harmonise: float = 0.15
    dropped: float = 0.2
    bare: float = 0.05
    transposed: bool = True


class Batches:
    """Draws batches of one split."""

    def __init__(
        self,
        corpus: Corpus,
        split: str,
        diet: Diet | None = None,
        *,
        genres: tuple[str, ...],
        origins: frozenset[str] | None = None,
        seed: int = 0,
    ) -> None:
        """Draw from one split, and only from the sets ``origins`` if given.

        Raises:
            DatasetError: the split is empty.
        """
        self.corpus, self.diet, self.genres, self.seed = corpus, diet or Diet(), genres, seed
        by_genre: dict[str | None, list[Piece]] = defaultdict(list)
        for piece in corpus.part(split):
            if origins is not None and piece.source.origin not in origins:
                continue
            by_genre[piece.controls.genre].append(piece)
        if not by_genre:
            raise DatasetError(f"{corpus.folder}: no pieces are left for the part '{split}'; add more music")
        self._pieces = list(by_genre.values())
        notes = np.asarray([sum(min(p.n_notes, 3000) for p in pieces) for pieces in self._pieces], float)
        shares = notes ** (1 - self.diet.evenness)
        self._genre_shares = shares / shares.sum()
        weights = [np.sqrt([min(p.n_notes, 3000) + 1.0 for p in pieces]) for pieces in self._pieces]
        self._piece_shares = [w / w.sum() for w in weights]

    def batch(self, step: int, size: int) -> NDArray[np.int64]:
        """Rows of `context` + 1 tokens, shape (size, context + 1); each packed with examples, the last one cut."""
        length = self.diet.context + 1
        out = np.zeros((size, length), np.int64)
        for k in range(size):
            rng = np.random.default_rng((self.seed, step, k))
            filled = 0
            while filled < length:
                example = self.example(self._draw(rng), rng)[: length - filled]
                out[k, filled : filled + len(example)] = example
                filled += len(example)
        return out

    def _draw(self, rng: np.random.Generator) -> Piece:
        genre = rng.choice(len(self._pieces), p=self._genre_shares)
        return self._pieces[genre][rng.choice(len(self._pieces[genre]), p=self._piece_shares[genre])]

    def example(self, piece: Piece, rng: np.random.Generator) -> NDArray[np.int64]:
        """One example of a piece."""
        first, stop = self._excerpt(piece, rng)
        shift = self._shift(piece, first, stop, rng) if self.diet.transposed else 0
        music = excerpt(self.corpus, piece, first, stop, shift=shift)
        layout = rng.random()
        melody = self.corpus.melody_of(piece, first, stop)
        if layout < self.diet.infill and stop - first >= 4:
            stop, parts = self._infilled(piece, first, stop, shift, rng)
            mode, music = INFILL, excerpt(self.corpus, piece, first, stop, shift=shift)
        elif layout < self.diet.infill + self.diet.harmonise and len(melody) > 2 * (stop - first):
            alone = excerpt(self.corpus, piece, first, stop, shift=shift, melody=True)
            mode, parts = HARMONISE, [alone, np.asarray([FILL]), music]
        else:
            mode, parts = PLAIN, [music]
        asked = self._dropped(self._controls(piece, music, first, stop, shift), rng)
        return np.concatenate([header(asked, mode, self.genres), *parts, [EOS]]).astype(np.int64)

    def _excerpt(self, piece: Piece, rng: np.random.Generator) -> tuple[int, int]:
        if rng.random() < 0.4:  # to the piece's own end
            first = 0 if rng.random() < 0.4 else int(rng.integers(piece.n_bars))
            return min(first, max(0, piece.n_bars - 4)), piece.n_bars
        bars = min(int(rng.choice(_EXCERPT_BARS)), piece.n_bars)
        first = 0 if rng.random() < 0.25 else int(rng.integers(piece.n_bars - bars + 1))
        if rng.random() < 0.5:
            first -= first % 4  # where phrases mostly begin
        return first, first + bars

    def _shift(self, piece: Piece, first: int, stop: int, rng: np.random.Generator) -> int:
        tokens = self.corpus.body(piece, first, stop)
        pitches = tokens[(tokens >= OFFSET["pitch"]) & (tokens < END_OF["pitch"])]
        if not len(pitches):
            return 0
        lowest, highest = int(pitches.min()) - OFFSET["pitch"], int(pitches.max()) - OFFSET["pitch"]
        down, up = min(5, max(0, lowest - _LOWEST)), min(6, max(0, _HIGHEST - highest))
        return int(rng.integers(-down, up + 1))

    def _infilled(
        self, piece: Piece, first: int, stop: int, shift: int, rng: np.random.Generator
    ) -> tuple[int, list[NDArray[np.uint16] | NDArray[np.int64]]]:
        """Where the excerpt stops now, and its parts."""
        stop = min(stop, first + int(rng.integers(6, 13)))
        gap = int(rng.integers(1, min(4, stop - first - 2) + 1))
        at = int(rng.integers(first + 1, stop - gap + 1))
        before = excerpt(self.corpus, piece, first, at, shift=shift, end=stop)
        after = excerpt(self.corpus, piece, at + gap, stop, shift=shift, end=stop)
        missing = excerpt(self.corpus, piece, at, at + gap, shift=shift)
        return stop, [before, np.asarray([GAP]), after, np.asarray([FILL]), missing]

    def _controls(self, piece: Piece, music: Tokens, first: int, stop: int, shift: int) -> Controls:
        """The piece's controls, but what an excerpt has of its own: length, metre, density, instruments."""
        all_of = piece.controls
        key = None if all_of.key is None else ((all_of.key[0] + shift) % 12, all_of.key[1])
        metre = self.corpus.metre_at(piece, first)
        wholes = max((stop - first) * bar_ticks(metre) / 48, 0.25)
        is_note = ((music >= OFFSET["length"]) & (music < END_OF["length"])) | (
            (music >= OFFSET["loudness"]) & (music < END_OF["loudness"])
        )
        programs = music[(music >= OFFSET["instrument"]) & (music < END_OF["instrument"])] - OFFSET["instrument"]
        return replace(
            all_of,
            key=key,
            metre=metre,
            bars=stop - first,
            density=density_level(int(is_note.sum()) / wholes),
            instruments=tuple(np.unique(programs).tolist()),
        )

    def _dropped(self, controls: Controls, rng: np.random.Generator) -> Controls:
        if rng.random() < self.diet.bare:
            return Controls()
        given = controls.given()
        kept = {name: value for name, value in given.items() if rng.random() >= self.diet.dropped}
        if "genre" in given and rng.random() < 0.5:  # the one that matters most is left out less often
            kept["genre"] = given["genre"]
        return Controls(**kept)


def excerpt(
    corpus: Corpus,
    piece: Piece,
    first: int,
    stop: int,
    *,
    shift: int = 0,
    end: int | None = None,
    melody: bool = False,
) -> Tokens:
    """Bars ``first`` to ``stop`` as if they were a piece that ends at bar ``end`` (by default ``stop``).

    The instrument of the first note is said even where it was said before; tones are moved by ``shift`` semitones.
    """
    bars, whole = (corpus.melody_bars, corpus.melody) if melody else (corpus.bars, corpus.tokens)
    edges = bars[piece.first_bar + first : piece.first_bar + stop + 1]
    tokens = np.array(whole[edges[0] : edges[-1]])
    is_bar = np.flatnonzero((tokens >= OFFSET["bar"]) & (tokens < END_OF["bar"]))
    end = stop if end is None else end
    # A melody may end before its piece: then there are fewer bars in its tokens.
    tokens[is_bar] = [bar_token(end - first - i) for i in range(len(is_bar))]
    is_pitch = (tokens >= OFFSET["pitch"]) & (tokens < END_OF["pitch"])
    tokens[is_pitch] = (tokens[is_pitch].astype(np.int64) + shift).astype(np.uint16)
    return _with_instrument(tokens, corpus.program_at(piece, first, melody=melody))


def _with_instrument(tokens: Tokens, program: int | None) -> Tokens:
    """Say ``program`` before the first note, unless an instrument is said there."""
    if program is None:
        return tokens
    positions = np.flatnonzero((tokens >= OFFSET["position"]) & (tokens < END_OF["position"]))
    if not len(positions):
        return tokens
    after = positions[0] + 1
    if OFFSET["instrument"] <= tokens[after] < END_OF["instrument"]:
        return tokens
    return np.insert(tokens, after, OFFSET["instrument"] + program)
