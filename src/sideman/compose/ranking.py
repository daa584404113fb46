"""Candidates heard by the genre classifier: which of them sounds most like what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sideman.compose.generate import Composition
from sideman.symbolic.render import render, write_audio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COPY, _WRONG_KEY = 1.0, 0.3  # what a failed check costs, in units of probability


@dataclass(frozen=True)
class Candidate:
    """A piece that was played and heard.

    Attributes:
        piece: the composition.
        samples: as rendered, shape (n, 2), 44.1 kHz.
        heard: the genre that the classifier names.
        probability: that it gives the asked genre; None where it does not know that genre.
        score: what candidates are ranked by: the probability, less what failed checks cost.
    """

    piece: Composition
    samples: NDArray[np.float32]
    heard: str
    probability: float | None
    score: float


def listen(piece: Composition, *, soundfont: str | Path | None = None) -> Candidate:
    """Render a piece and name its genre by ear."""
    from sideman.genre.predict import classify

    samples = render(piece.score, soundfont=soundfont)
    with TemporaryDirectory() as folder:
        path = Path(folder, "candidate.wav")
        write_audio(samples, path)
        heard = classify(path, tempo=False, key=False)
    probabilities = heard.probabilities
    asked = piece.controls.genre
    probability = probabilities.get(asked) if asked else None
    score = (probability or 0.0) - _COPY * piece.is_copy - _WRONG_KEY * (not piece.key_is_kept)
    return Candidate(piece, samples, heard.genre, probability, score)


def ranked(candidates: list[Candidate]) -> list[Candidate]:
    """The best first; of equals, the first made."""
    return sorted(candidates, key=lambda c: -c.score)
