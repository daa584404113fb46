"""One of each: leaving out what is the same recording again from a list that a person is to see."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from sideman.library.pathtext import normal
from sideman.library.track import Track

SAME_COSINE = 0.995
SAME_DURATION_S = 1.0
_SIZE = 256


def same_music(a: Track, b: Track, cosine: float) -> bool:
    """Whether two tracks are one recording: equal sound, or nearly equal sound, length and title.

    Args:
        a: a track.
        b: another.
        cosine: of their embeddings.
    """
    if a.audio_hash and a.audio_hash == b.audio_hash:
        return True
    if cosine <= SAME_COSINE or a.duration_s is None or b.duration_s is None:
        return False
    return abs(a.duration_s - b.duration_s) <= SAME_DURATION_S and _title(a) == _title(b)


class Seen:
    """Remembers tracks, and tells whether another is one of them again."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._vectors = np.zeros((16, _SIZE), np.float32)  # rows in use: as many as tracks
        self._hashes: set[str] = set()

    def add(self, track: Track, vector: NDArray[np.float32]) -> None:
        """Remember a track and its embedding (256,)."""
        n = len(self._tracks)
        if n == len(self._vectors):
            self._vectors = np.vstack([self._vectors, np.zeros_like(self._vectors)])
        self._vectors[n] = vector
        self._tracks.append(track)
        if track.audio_hash:
            self._hashes.add(track.audio_hash)

    def has(self, track: Track, vector: NDArray[np.float32]) -> bool:
        """Whether the same recording was added before."""
        if track.audio_hash in self._hashes:
            return True
        if not self._tracks:
            return False
        cosines = self._vectors[: len(self._tracks)] @ vector
        return any(same_music(track, self._tracks[i], float(cosines[i])) for i in np.flatnonzero(cosines > SAME_COSINE))

    def take(self, track: Track, vector: NDArray[np.float32]) -> bool:
        """Remember a track unless it was there before; tells whether it is new."""
        if self.has(track, vector):
            return False
        self.add(track, vector)
        return True


def _title(track: Track) -> str:
    return normal(track.title or PurePath(track.path).stem)
