"""Batches of log-mel pictures with what is known of them, for training generators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.audio.mel_picture import FORM
from sideman.compose.spectra.corpus import SPEEDS, Piece, SoundCorpus
from sideman.compose.spectra.crops import even_chances

Floats = NDArray[np.float32]
_GAIN = 0.23  # nepers, that is 2 dB


@dataclass(frozen=True)
class PictureBatch:
    """Pictures (batch, 96, frames), genres (batch,), n_genres for none; moods (batch, 3): both, and 1 if known."""

    mel: Floats
    genre: NDArray[np.int64]
    mood: Floats


class PictureBatches:
    """Random crops: every genre alike, within it every piece; played a little faster or slower, louder or softer."""

    def __init__(
        self,
        corpus: SoundCorpus,
        genres: Sequence[str],
        frames: int,
        batch: int,
        *,
        pieces: Sequence[Piece] | None = None,
        seed: int = 0,
    ) -> None:
        self._corpus, self._genres, self._frames, self._batch = corpus, tuple(genres), frames, batch
        self._pieces = list(corpus.pieces if pieces is None else pieces)
        self._chances = even_chances([p.recording.genre for p in self._pieces])
        self._seed = seed

    def __call__(self, step: int) -> PictureBatch:
        """The batch of step ``step``."""
        rng = np.random.default_rng((self._seed, step))
        chosen = [self._pieces[i] for i in rng.choice(len(self._pieces), self._batch, p=self._chances)]
        mels = np.stack([self._crop(piece, rng) for piece in chosen])
        none = len(self._genres)
        genre = [self._genres.index(g) if (g := p.recording.genre) in self._genres else none for p in chosen]
        mood = [(p.valence, p.arousal, 1.0) if p.valence is not None else (0.0, 0.0, 0.0) for p in chosen]
        return PictureBatch(mels, np.array(genre, np.int64), np.array(mood, np.float32))

    def _crop(self, piece: Piece, rng: np.random.Generator) -> Floats:
        picture = self._corpus.picture(piece, int(rng.integers(len(SPEEDS))))[:, 1:-1]  # its ends are half silence
        if picture.shape[1] < self._frames:
            picture = np.tile(picture, (1, 1 + self._frames // picture.shape[1]))
        start = int(rng.integers(picture.shape[1] - self._frames + 1))
        crop = picture[:, start : start + self._frames].astype(np.float32)
        crop += np.float32(rng.uniform(-_GAIN, _GAIN))
        return np.maximum(crop, np.float32(FORM.lowest), out=crop)

    def moments(self, batches: int = 40) -> tuple[Floats, Floats]:
        """Mean and deviation per band, (96,) each, over some batches."""
        mels = np.concatenate([self(10_000_000 + i).mel for i in range(batches)])
        return mels.mean((0, 2)), mels.std((0, 2)) + np.float32(0.1)
