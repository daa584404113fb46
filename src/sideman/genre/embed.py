"""The 256-d embedding of a recording: the contract on which similarity, mood and transfer learning build."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.genre.predict import DEFAULT_MODEL, listen
from sideman.inference.sessions import open_session

SIZE = 256


@dataclass(frozen=True)
class Embedding:
    """A recording as a point.

    Attributes:
        vector: (256,) float32 of unit length, non-negative; cosine similarity is the dot product.
        model_sha256: checksum of the weights that made it; only embeddings with the same one are comparable.
    """

    vector: NDArray[np.float32]
    model_sha256: str


def embed(path: str | os.PathLike[str], *, start_s: float = 0.0, duration_s: float | None = None) -> Embedding:
    """Embed a recording: the mean over its two-second windows, scaled to unit length.

    Raises:
        AudioError: the file cannot be read, is shorter than 0.25 s, or is silent throughout.
        ModelError: the installed weights are damaged.
    """
    session = open_session(DEFAULT_MODEL)
    heard = listen(path, session, start_s=start_s, duration_s=duration_s)
    mean = heard.embeddings.mean(0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    vector = (mean / length if length > 0 else np.full(SIZE, SIZE**-0.5)).astype(np.float32)
    return Embedding(vector, session.card.sha256)
