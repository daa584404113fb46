"""The 256-d embedding of a recording: the contract on which similarity, mood and transfer learning build."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.genre.frontend import WindowMaker
from sideman.genre.predict import DEFAULT_MODEL, EMBEDDING_SIZE, listen, unit_mean
from sideman.inference.sessions import open_session

SIZE = EMBEDDING_SIZE


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
    return Embedding(unit_mean(heard.embeddings), session.card.sha256)


class EmbeddingTracker:
    """The embedding of a signal at 22,050 Hz that arrives in blocks of any length, one window in memory."""

    def __init__(self) -> None:
        """Open the default network; :class:`ModelError` where it is damaged."""
        self._session = open_session(DEFAULT_MODEL)
        self._maker = WindowMaker()
        self._sum = np.zeros(SIZE)

    def update(self, block: NDArray[np.float32]) -> None:
        """Take mono samples, shape (n,)."""
        self._take(*self._maker.update(block))

    def result(self) -> NDArray[np.float32]:
        """End the stream: (256,) of unit length, or even in all directions where nothing sounded."""
        self._take(*self._maker.finish())
        return unit_mean(self._sum[None])

    def _take(self, windows: NDArray[np.float32], silent: NDArray[np.bool_]) -> None:
        if not silent.all():
            embeddings = self._session.run(np.ascontiguousarray(windows[~silent]))["embedding"]
            self._sum += embeddings.sum(0, dtype=np.float64)
