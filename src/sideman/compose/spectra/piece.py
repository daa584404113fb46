"""From a wish to sound: a picture imagined, made audible, brought to a level and heard by the classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.audio.mel_picture import FORM
from sideman.compose.spectra.imagine import Wish, imagine
from sideman.compose.spectra.imaginers import Imaginer
from sideman.core.errors import AudioError

Floats = NDArray[np.float32]
_HEARD_S = 120.0  # of a long piece, what the classifier is given


@dataclass(frozen=True)
class Imagined:
    """A piece of imagined sound.

    Attributes:
        wish: what was asked for.
        imaginer: name of the generator.
        seed: that makes it again.
        mel: log-mel picture, (96, frames).
        samples: (n,), 22,050 Hz, -16 LUFS, peaks under -1 dBFS.
        heard: genre that the classifier names; None where it could not tell.
        probability: that it gives the asked genre; None where none was asked or it does not know it.
    """

    wish: Wish
    imaginer: str
    seed: int
    mel: Floats
    samples: Floats
    heard: str | None = None
    probability: float | None = None

    @property
    def duration_s(self) -> float:
        """Length of the sound."""
        return len(self.samples) / FORM.sample_rate_hz

    def facts(self) -> dict[str, Any]:
        """What there is to tell, as JSON."""
        row: dict[str, Any] = {"engine": "spectra", "model": self.imaginer, "genre": self.wish.genre}
        if self.wish.valence is not None:
            row |= {"valence": self.wish.valence, "arousal": self.wish.arousal}
        row |= {"seed": self.seed, "duration_s": round(self.duration_s, 3), "steps": self.wish.steps}
        row |= {"guidance": self.wish.guidance, "heard": self.heard, "genre_probability": self.probability}
        return row


def compose_sound(
    imaginer: Imaginer,
    wish: Wish | None = None,
    seconds: float = 10.0,
    *,
    seed: int = 0,
    method: str = "network",
    advance: Callable[[int], None] | None = None,
) -> Imagined:
    """Imagine a piece and make it audible.

    Args:
        imaginer: the generator.
        wish: what to imagine; None leaves all open.
        seconds: length, up to an hour.
        seed: same seed, same piece on one machine.
        method: how the picture becomes sound, as :func:`sideman.compose.vocoder.vocode`.
        advance: called with the number of frames that were imagined, as they are.

    Raises:
        UsageError: the wish, the length or the method cannot be.
        ModelError: weights are missing or damaged.
    """
    asked = wish or Wish()
    mel = imagine(imaginer, asked, seconds, seed=seed, advance=advance)
    samples = audible(mel, imaginer, round(seconds * FORM.sample_rate_hz), method=method, seed=seed)
    return Imagined(asked, imaginer.name, seed, mel, samples)


def audible(mel: Floats, imaginer: Imaginer, length: int, *, method: str = "network", seed: int = 0) -> Floats:
    """Sound of a picture, (length,), by the imaginer's own vocoder if it has one, at -16 LUFS."""
    from sideman.compose.vocoder import vocode_blocks
    from sideman.inference.sessions import session_of
    from sideman.symbolic.loudness import normalise
    from sideman.symbolic.render import CEILING_DB, TARGET_LUFS

    own = imaginer.vocoder
    session = session_of(own.path.with_suffix(".json")) if own is not None and method == "network" else None
    samples = np.empty(length, np.float32)
    done = 0
    for block in vocode_blocks(mel, method, length=length, seed=seed, session=session):
        samples[done : done + len(block)] = block
        done += len(block)
    normalise(samples[None], FORM.sample_rate_hz, TARGET_LUFS, CEILING_DB)
    return samples


def listened(piece: Imagined) -> Imagined:
    """The piece with the genre that the classifier hears in it."""
    from sideman.genre.predict import classify
    from sideman.symbolic.render import write_audio

    with TemporaryDirectory() as folder:
        path = Path(folder, "imagined.wav")
        write_audio(piece.samples[: round(_HEARD_S * FORM.sample_rate_hz)], path, FORM.sample_rate_hz)
        try:
            heard = classify(path, tempo=False, key=False)
        except AudioError:  # too short, or silent: there is no genre to name
            return piece
    probability = heard.probabilities.get(piece.wish.genre) if piece.wish.genre else None
    return replace(piece, heard=heard.genre, probability=probability)


def ranked(pieces: list[Imagined]) -> list[Imagined]:
    """Those that sound most like the asked genre first; of equals, the first made."""
    return sorted(pieces, key=lambda piece: -(piece.probability or 0.0))
