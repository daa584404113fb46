"""Pools: thousands of augmented two-second windows with what the teachers say of them, kept on disk and resumable."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sideman.core.atomic import atomic_write
from sideman.genre.frontend import N_MELS, WINDOW_FRAMES, WINDOW_N, windows_of
from sideman.genre.recipe.teachers import N_TARGETS, Teachers
from sideman.training import augment
from sideman.training.negatives import negative

RATE_HZ = 22_050
N_GENRES = 10
_BATCH = 64
log = logging.getLogger(__name__)
Generator = np.random.Generator


@dataclass(frozen=True)
class Window:
    """One drawn window: samples (44100,), soft genre label (10,) (all 0: none), and the folds it has heard of."""

    samples: NDArray[np.float32]
    label: NDArray[np.float32]
    folds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Pool:
    """``mel`` (n, 96, 87) float16, ``targets`` (n, 2667) float16, ``labels`` (n, 10), ``folds`` (n, k) bool."""

    mel: NDArray[np.float16]
    targets: NDArray[np.float16]
    labels: NDArray[np.float32]
    folds: NDArray[np.bool_]

    def without(self, folds: tuple[int, ...]) -> Pool:
        """The windows that no clip of the given folds went into."""
        kept = ~self.folds[:, list(folds)].any(1)
        return Pool(self.mel[kept], self.targets[kept], self.labels[kept], self.folds[kept])


class MidiWindows:
    """Windows of rendered excerpts: alone, over drums, or mixed with a second excerpt."""

    def __init__(self, stems: NDArray[np.int16], is_drums: NDArray[np.bool_]) -> None:
        """Take excerpts (k, n) as 16-bit samples and which of them are drums alone (k,)."""
        self.stems, self._is_drums = stems, is_drums
        self._drums = np.flatnonzero(is_drums)

    def _one(self, rng: Generator, index: int) -> NDArray[np.float32]:
        return augment.cut_at_speed(rng, self.stems[index].astype(np.float32) / 32768, WINDOW_N, RATE_HZ)

    def mix(self, rng: Generator) -> NDArray[np.float32]:
        """A random mix before the production chain, about unit rms."""
        index = int(rng.integers(0, len(self.stems)))
        y = self._one(rng, index)
        if rng.random() < 0.22:
            y = _unit(augment.overdrive(rng, y))
        drums = bool(self._is_drums[index])
        if not drums and len(self._drums) and rng.random() < 0.5:
            y = y + self._one(rng, int(rng.choice(self._drums))) * np.float32(10 ** (rng.uniform(-10, 4) / 20))
        elif rng.random() < 0.35 or (drums and rng.random() < 0.8):
            second = self._one(rng, int(rng.integers(0, len(self.stems))))
            if rng.random() < 0.2:
                second = _unit(augment.overdrive(rng, second))
            y = y + second * np.float32(10 ** (rng.uniform(-10, 4) / 20))
        return y

    def draw(self, rng: Generator) -> Window:
        """A finished window without a genre label."""
        return Window(augment.finish(rng, self.mix(rng), RATE_HZ), np.zeros(N_GENRES, np.float32))


class ClipWindows:
    """Windows of labelled clips: alone, mixed with another clip of the same fold, or over a rendered excerpt."""

    def __init__(
        self,
        clips: list[NDArray[np.float32]],
        genres: NDArray[np.int_],
        folds: NDArray[np.int_],
        midi: MidiWindows | None = None,
    ) -> None:
        """Take clips at 22050 Hz with genre (k,) and fold (k,); every genre is drawn equally often."""
        self._clips, self._genres, self._folds, self._midi = clips, genres, folds, midi
        self._weights = 1 / np.bincount(genres)[genres]
        self._mates = {int(fold): np.flatnonzero(folds == fold) for fold in np.unique(folds)}

    def _one(self, rng: Generator, index: int) -> NDArray[np.float32]:
        return augment.cut_at_speed(rng, self._clips[index], WINDOW_N, RATE_HZ)

    def draw(self, rng: Generator) -> Window:
        """A finished window with its soft label."""
        first = int(rng.choice(len(self._clips), p=self._weights / self._weights.sum()))
        y = self._one(rng, first)
        label = np.zeros(N_GENRES, np.float32)
        label[self._genres[first]] = 1
        chance = rng.random()
        if chance < 0.45:
            mates = self._mates[int(self._folds[first])]
            second = int(rng.choice(mates, p=self._weights[mates] / self._weights[mates].sum()))
            gain = 10 ** (rng.uniform(-10, 0) / 20)
            y = y + self._one(rng, second) * np.float32(gain)
            label[:] = 0
            label[self._genres[first]] += 1 / (1 + gain)
            label[self._genres[second]] += gain / (1 + gain)
        elif chance < 0.6 and self._midi is not None:
            y = y + _unit(self._midi.mix(rng)) * np.float32(10 ** (rng.uniform(-15, -3) / 20))
        return Window(augment.finish(rng, y, RATE_HZ), label, (int(self._folds[first]),))


def draw_negative(rng: Generator) -> Window:
    """A window that is no music."""
    samples = augment.finish(rng, negative(rng, WINDOW_N, RATE_HZ), RATE_HZ)
    return Window(samples, np.zeros(N_GENRES, np.float32))


def make_pool(
    folder: Path, draw: Callable[[Generator], Window], count: int, teachers: Teachers, *, seed: int, n_folds: int
) -> Pool:
    """Draw ``count`` windows into ``folder``, or go on where an earlier run stopped.

    Window ``i`` depends on ``(seed, i)`` alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    progress = folder / "progress.npz"
    shapes: dict[str, tuple[tuple[int, ...], type]] = {
        "mel": ((count, N_MELS, WINDOW_FRAMES), np.float16),
        "targets": ((count, N_TARGETS), np.float16),
        "labels": ((count, N_GENRES), np.float32),
        "folds": ((count, n_folds), np.bool_),
    }
    fresh = not progress.exists()
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+" if fresh else "r+", dtype, shape)
        if fresh
        else np.load(folder / f"{name}.npy", mmap_mode="r+")
        for name, (shape, dtype) in shapes.items()
    }
    done = 0 if fresh else int(np.load(progress)["done"])
    while done < count:
        drawn = [draw(np.random.default_rng([seed, i])) for i in range(done, min(done + _BATCH, count))]
        rows = slice(done, done + len(drawn))
        samples = np.stack([window.samples for window in drawn])
        arrays["mel"][rows] = np.stack([windows_of(y)[0][0] for y in samples])
        arrays["targets"][rows] = teachers.targets(samples)
        arrays["labels"][rows] = [window.label for window in drawn]
        for row, window in zip(range(rows.start, rows.stop), drawn, strict=True):
            arrays["folds"][row] = np.isin(np.arange(n_folds), window.folds)
        for array in arrays.values():
            array.flush()
        done += len(drawn)
        with atomic_write(progress, "wb") as file:
            np.savez(file, done=done)
        if done // _BATCH % 20 == 0:
            log.info("%s: %d of %d windows", folder.name, done, count)
    return Pool(arrays["mel"], arrays["targets"], arrays["labels"], arrays["folds"])


def _unit(y: NDArray[np.float32]) -> NDArray[np.float32]:
    return y / np.float32(augment.rms(y))
