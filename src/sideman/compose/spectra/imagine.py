"""Log-mel pictures of any length out of noise, by a trained generator, in NumPy and ONNX Runtime.

A flow's picture is one canvas seen through overlapping windows, whose answers are averaged at every step (O. Bar-Tal et
al., "MultiDiffusion", ICML 2023); a canvas goes on where the one before it ended. A DCGAN's picture is a row of
patches that fade into each other. Guidance as in J. Ho and T. Salimans, "Classifier-free diffusion guidance", 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sideman.audio.mel_picture import FORM
from sideman.compose.composers import check_genre
from sideman.compose.spectra.imaginers import Imaginer
from sideman.core.errors import ModelError, UsageError

LONGEST_S = 3600.0
STEPS, GUIDANCE = 24, 2.0
_MOST_STEPS = 500
_CANVAS_WINDOWS = 24  # on a canvas: 23 s
_FADE = 32  # frames over which patches of a DCGAN fade into each other
_KEPT = 0.6  # share of a DCGAN's noise that all patches of a piece have in common
_HIGHEST = 3.0  # in log-mel: 9 dB above what any sound within [-1, 1] can have
Floats = NDArray[np.float32]
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Wish:
    """What to imagine.

    Attributes:
        genre: one of the generator's; None leaves it open.
        valence, arousal: -1 to 1; both or neither. Only a flow hears them.
        steps: of a flow: more are slower and finer, 1 to 500.
        guidance: of a flow: 1 follows the genre as it learnt it, more exaggerates it, 0 ignores it; 0 to 20.
    """

    genre: str | None = None
    valence: float | None = None
    arousal: float | None = None
    steps: int = STEPS
    guidance: float = GUIDANCE

    def check(self, imaginer: Imaginer) -> None:
        """Raises :class:`UsageError` for what cannot be imagined."""
        if self.genre is not None and not imaginer.genres:
            raise UsageError(f"the generator '{imaginer.name}' was not told genres; leave out the genre")
        check_genre(self.genre, imaginer.genres, imaginer.name)
        if (self.valence is None) != (self.arousal is None):
            raise UsageError("a mood needs valence and arousal; give both or neither")
        for name, value in (("valence", self.valence), ("arousal", self.arousal)):
            if value is not None and not -1 <= value <= 1:
                raise UsageError(f"{name} {value:g}: must be from -1 to 1")
        if not 1 <= self.steps <= _MOST_STEPS:
            raise UsageError(f"{self.steps} steps: must be from 1 to {_MOST_STEPS}")
        if not 0 <= self.guidance <= 20:
            raise UsageError(f"guidance {self.guidance:g}: must be from 0 to 20")


def frames_of(seconds: float) -> int:
    """Frames of a picture that lasts so long.

    Raises:
        UsageError: it is not above 0, or longer than an hour.
    """
    if not 0 < seconds <= LONGEST_S:
        raise UsageError(f"{seconds:g} seconds: must be above 0 and at most {LONGEST_S:g}")
    return max(1, 1 + round(seconds * FORM.sample_rate_hz) // FORM.hop_length)


def imagine(
    imaginer: Imaginer,
    wish: Wish | None = None,
    seconds: float = 10.0,
    *,
    seed: int = 0,
    advance: Advance | None = None,
) -> Floats:
    """A log-mel picture, (96, frames), as :func:`imagine_blocks` gives it in pieces."""
    mel = np.empty((FORM.n_mels, frames_of(seconds)), np.float32)
    done = 0
    for block in imagine_blocks(imaginer, wish, seconds, seed=seed, advance=advance):
        mel[:, done : done + block.shape[1]] = block
        done += block.shape[1]
    return mel


def imagine_blocks(
    imaginer: Imaginer,
    wish: Wish | None = None,
    seconds: float = 10.0,
    *,
    seed: int = 0,
    advance: Advance | None = None,
) -> Iterator[Floats]:
    """Pictures (96, some frames) that continue each other, in memory that does not grow with the length.

    Args:
        imaginer: the generator.
        wish: what to imagine; None leaves all open.
        seconds: length of all together, up to an hour.
        seed: same seed, same picture.
        advance: called with numbers of frames as the work goes on; they add up to the frames of all pictures.

    Raises:
        UsageError: the wish or the length cannot be.
        ModelError: the network is damaged or gives no finite numbers.
    """
    asked = wish or Wish()
    asked.check(imaginer)
    n_frames = frames_of(seconds)
    make = _flowing if imaginer.kind == "flow" else _patches
    rng = np.random.default_rng(seed)
    for block in make(imaginer, asked, n_frames, rng, advance or (lambda _: None)):
        if not np.isfinite(block).all():
            raise ModelError(f"{imaginer.card.path}: gives no finite numbers; train it anew")
        yield np.clip(block, np.float32(FORM.lowest), np.float32(_HIGHEST))


def _flowing(imaginer: Imaginer, wish: Wish, n_frames: int, rng: Generator, advance: Advance) -> Iterator[Floats]:
    window = imaginer.window
    hop = window // 2
    known: Floats | None = None
    left = n_frames
    while left > 0:
        inside = left + (0 if known is None else hop)
        windows = min(_CANVAS_WINDOWS, max(1, -(-(inside - hop) // hop)))
        coming = min(left, hop * (windows + (known is None)))
        on_step = partial(_tell_step, advance, coming, wish.steps)
        canvas = _canvas(imaginer, wish, windows, known, rng, on_step)
        new = canvas if known is None else canvas[:, hop:]
        known = canvas[:, -hop:]
        yield new[:, :left] * imaginer.spread + imaginer.mean
        left -= new.shape[1]


def _tell_step(advance: Advance, n: int, steps: int, step: int) -> None:
    """Tell a step's share of ``n`` frames; all steps together tell ``n``."""
    advance(n * (step + 1) // steps - n * step // steps)


def _canvas(
    imaginer: Imaginer, wish: Wish, windows: int, known: Floats | None, rng: Generator, on_step: Callable[[int], None]
) -> Floats:
    """A canvas of so many windows as z-scores; ``known`` (96, half a window) is what it begins with."""
    window = imaginer.window
    hop = window // 2
    n = hop * (windows + 1)
    noise = rng.standard_normal((FORM.n_mels, n), np.float32)
    weight = np.minimum(np.arange(1, window + 1), np.arange(window, 0, -1)).astype(np.float32)
    total = np.zeros(n, np.float32)
    for i in range(windows):
        total[i * hop : i * hop + window] += weight
    x = noise.copy()
    for step in range(wish.steps):
        now, then = step / wish.steps, (step + 1) / wish.steps
        if known is not None:
            x[:, :hop] = (1 - now) * noise[:, :hop] + now * known
        seen = np.stack([x[:, i * hop : i * hop + window] for i in range(windows)])
        clean = _guided(imaginer, wish, seen, now)
        joined = np.zeros_like(x)
        for i in range(windows):
            joined[:, i * hop : i * hop + window] += weight * clean[i]
        joined /= total
        x = x + (then - now) / (1 - now) * (joined - x)
        on_step(step)
    if known is not None:
        x[:, :hop] = known
    return np.asarray(x, np.float32)


def _guided(imaginer: Imaginer, wish: Wish, noisy: Floats, time: float) -> Floats:
    """Clean windows (k, 96, window), what is told exaggerated by the wish's guidance."""
    k, none = len(noisy), len(imaginer.card.content["genres"])
    told_anything = wish.genre is not None or wish.valence is not None
    if not told_anything or wish.guidance == 0:
        return _clean(imaginer, noisy, time, np.full(k, none), np.zeros((k, 3)))
    genre = none if wish.genre is None else imaginer.genres.index(wish.genre)
    mood = (0.0, 0.0, 0.0) if wish.valence is None else (wish.valence, wish.arousal, 1.0)
    told = _clean(imaginer, noisy, time, np.full(k, genre), np.tile(np.asarray(mood, np.float32), (k, 1)))
    if wish.guidance == 1:
        return told
    untold = _clean(imaginer, noisy, time, np.full(k, none), np.zeros((k, 3)))
    return untold + np.float32(wish.guidance) * (told - untold)


def _clean(imaginer: Imaginer, noisy: Floats, time: float, genre: NDArray[Any], mood: NDArray[Any]) -> Floats:
    return imaginer.session.run_inputs(
        noisy=noisy,
        time=np.full(len(noisy), time, np.float32),
        genre=genre.astype(np.int64),
        mood=mood.astype(np.float32),
    )["clean"]


def _patches(imaginer: Imaginer, wish: Wish, n_frames: int, rng: Generator, advance: Advance) -> Iterator[Floats]:
    n_noise = int(imaginer.card.content["noise"])
    common = rng.standard_normal(n_noise)
    hop = imaginer.window - _FADE
    fade = np.linspace(0, 1, _FADE, dtype=np.float32)
    tail: Floats | None = None
    left = n_frames
    while left > 0:
        noise = np.sqrt(_KEPT) * common + np.sqrt(1 - _KEPT) * rng.standard_normal(n_noise)
        told: dict[str, NDArray[Any]] = {}
        if imaginer.genres:
            genre = rng.integers(len(imaginer.genres)) if wish.genre is None else imaginer.genres.index(wish.genre)
            told["genre"] = np.asarray([genre], np.int64)
        patch = imaginer.session.run_inputs(noise=noise[None].astype(np.float32), **told)["mel"][0]
        if tail is not None:
            patch = np.concatenate((tail * (1 - fade) + patch[:, :_FADE] * fade, patch[:, _FADE:]), 1)
        tail = patch[:, hop:]
        advance(min(hop, left))
        yield patch[:, : min(hop, left)]
        left -= hop
