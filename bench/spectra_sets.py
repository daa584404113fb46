"""The sets of two-second excerpts that `bench/spectra.py` judges: real, through a picture and back, and generated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sideman.audio.decode import load
from sideman.audio.mel_picture import FORM, log_mel_picture
from sideman.compose.composers import choose
from sideman.compose.controls import Controls
from sideman.compose.generate import compose
from sideman.compose.spectra.imagine import Wish, imagine
from sideman.compose.spectra.imaginers import open_imaginer
from sideman.compose.vocoder import vocode
from sideman.core.errors import DatasetError
from sideman.core.progress import progress
from sideman.datasets import gtzan
from sideman.datasets.splits import FoldRow, read_folds
from sideman.inference.sessions import session_of
from sideman.symbolic.render import render

FOLDS = Path(__file__).parent / "folds" / "gtzan-artists-5.csv"
JUDGED_FOLD = 1
RATE_HZ = FORM.sample_rate_hz
EXCERPT_N = 2 * RATE_HZ
LEVEL = 0.1
Maker = Callable[[str, float, int], np.ndarray]
"""From genre, seconds and seed to samples (n,)."""


@dataclass(frozen=True)
class Excerpts:
    """A set of sounds.

    ``sounds`` (k, 44100), each at rms 0.1 so that no judge goes by loudness; ``genres`` (k,), asked or labelled;
    ``bags`` (k,), the recording or piece that each is cut from.
    """

    sounds: np.ndarray
    genres: np.ndarray
    bags: np.ndarray

    def __len__(self) -> int:
        return len(self.sounds)

    def take(self, rows: np.ndarray) -> Excerpts:
        """Only some rows."""
        return Excerpts(self.sounds[rows], self.genres[rows], self.bags[rows])

    def matched(self, counts: Counter[str], seed: int = 0) -> np.ndarray:
        """Rows with one excerpt of each of as many recordings per genre as asked, or as there are."""
        rng = np.random.default_rng(seed)
        _, first = np.unique(self.bags, return_index=True)
        first = rng.permutation(first)
        chosen = [first[self.genres[first] == genre][: counts[genre]] for genre in sorted(counts)]
        return np.concatenate(chosen)


def excerpts_of(clips: Iterable[tuple[str, str, np.ndarray]], most: int) -> Excerpts:
    """Cut (name, genre, samples) into up to ``most`` excerpts each, spread evenly and not overlapping."""
    sounds, genres, bags = [], [], []
    for name, genre, samples in clips:
        if len(samples) < EXCERPT_N:
            samples = np.resize(samples, EXCERPT_N)
        count = min(most, len(samples) // EXCERPT_N)
        starts = (
            np.linspace(0, len(samples) - EXCERPT_N, count).astype(int)
            if count > 1
            else [(len(samples) - EXCERPT_N) // 2]
        )
        sounds += [levelled(samples[s : s + EXCERPT_N]) for s in starts]
        genres += [genre] * len(starts)
        bags += [name] * len(starts)
    if not sounds:
        raise DatasetError("a set of excerpts is empty")
    return Excerpts(np.stack(sounds), np.array(genres), np.array(bags))


def levelled(samples: np.ndarray) -> np.ndarray:
    """Samples at rms 0.1; silence stays silent."""
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return (samples * np.float32(LEVEL / max(level, 1e-6))).astype(np.float32)


def real_clips(data: Path, *, held_out: bool) -> list[tuple[FoldRow, np.ndarray]]:
    """Whole clips of the judged fold, or of the others."""
    by_id = gtzan.load(data).by_id()
    rows = [row for row in read_folds(FOLDS) if (row.fold == JUDGED_FOLD) == held_out]
    return [(row, load(by_id[row.track].path, sample_rate_hz=RATE_HZ)[0]) for row in rows]


def through(held_out: Excerpts, way: Callable[[np.ndarray, int], np.ndarray]) -> Excerpts:
    """Every excerpt as a picture and back: ``way`` takes a picture (96, t) and the number of samples."""
    sounds = []
    with progress("round trips", len(held_out)) as advance:
        for sound in held_out.sounds:
            sounds.append(levelled(way(log_mel_picture(sound), EXCERPT_N)))
            advance(1)
    return Excerpts(np.stack(sounds), held_out.genres, held_out.bags)


def generated(make: Maker, counts: Counter[str], name: str, seed: int = 0) -> Excerpts:
    """As many excerpts per genre as asked, each from a seed of its own."""
    jobs = [(genre, i) for genre in sorted(counts) for i in range(counts[genre])]
    clips = []
    with progress(name, len(jobs)) as advance:
        for number, (genre, i) in enumerate(jobs):  # genres with one seed would share their noise
            clips.append((f"{genre}.{i:03}", genre, make(genre, 2.0, seed + number)))
            advance(1)
    return excerpts_of(clips, 1)


def folder(path: Path, most: int = 1) -> Excerpts:
    """Sounds named GENRE.NNN.wav (or .flac) in a folder.

    Raises:
        DatasetError: there are none.
    """
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in {".wav", ".flac"}) if path.is_dir() else []
    if not files:
        raise DatasetError(f"{path}: no sounds to judge; put files named GENRE.NNN.wav there")
    return excerpts_of(((p.stem, p.stem.split(".")[0], load(p, sample_rate_hz=RATE_HZ)[0]) for p in files), most)


def score_and_soundfont(genre: str, seconds: float, seed: int) -> np.ndarray:
    """`sideman compose`'s first engine: the middle of a piece of 8 bars, or of enough to last that long."""
    composer, _ = choose(genre)
    for bars in (8, 16, 32):
        piece = compose(Controls(genre=genre, bars=bars), composer, seed=seed)
        if piece.score.duration_s >= seconds + 1:
            break
    sound = render(piece.score, sample_rate_hz=RATE_HZ).mean(axis=1)
    wanted = int(seconds * RATE_HZ)
    start = max(0, (len(sound) - wanted) // 2)
    return np.ascontiguousarray(sound[start : start + wanted], np.float32)


def imagined(generator: str | Path, *, method: str = "network", **wish: float) -> Maker:
    """A generator's pictures, made sound; a generator that was not told genres is asked for none.

    Raises:
        ModelError: there is no such generator.
    """
    imaginer = open_imaginer(generator)
    vocoder = session_of(imaginer.vocoder.path.with_suffix(".json")) if imaginer.vocoder else None

    def make(genre: str, seconds: float, seed: int) -> np.ndarray:
        asked = Wish(genre=genre if imaginer.genres else None, **wish)
        mel = imagine(imaginer, asked, seconds, seed=seed)
        return vocode(mel, method, length=int(seconds * RATE_HZ), session=vocoder)

    return make
