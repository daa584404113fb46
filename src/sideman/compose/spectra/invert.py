"""A picture or a recording as a sound file: what ``sideman spectra invert`` does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sideman.audio.mel_picture import FORM
from sideman.audio.spectrum import Float32
from sideman.compose.spectra.files import pictures_of, read_picture
from sideman.compose.spectra.sound_files import CEILING, KeptSound, check_sound_name, write_sound
from sideman.compose.vocoder import ITERATIONS, vocode_blocks
from sideman.core.progress import Advance

if TYPE_CHECKING:
    from sideman.inference.sessions import Session


@dataclass(frozen=True)
class Inversion:
    """What became of a picture.

    Attributes:
        path, out: files read and written.
        method: one of `sideman.compose.vocoder.METHODS`.
        frames: of the picture.
        duration_s: of the sound.
        seconds: that it took from the picture to the samples.
        peak: largest absolute sample before scaling.
        gain: factor that brought the peak below 1; 1 where it was.
        log_mel_l1: mean absolute difference between the picture and that of the sound, in natural log; before scaling.
    """

    path: str
    out: str
    method: str
    frames: int
    duration_s: float
    seconds: float
    peak: float
    gain: float
    log_mel_l1: float

    def to_dict(self) -> dict[str, Any]:
        """All attributes, as a line of ``--json`` has them."""
        return asdict(self)


def invert(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    method: str = "network",
    *,
    iterations: int = ITERATIONS,
    corrections: int | None = None,
    seed: int = 0,
    session: Session | None = None,
    bar: Callable[[int], AbstractContextManager[Advance]] | None = None,
) -> Inversion:
    """Write the sound of a picture, or of a recording's picture; an existing file is replaced.

    Args:
        path: an .npz, .npy or .png, or a recording.
        out: .wav, .flac, .ogg, .opus or .mp3.
        method, iterations, corrections, seed, session: as `sideman.compose.vocoder.vocode`.
        bar: called with the number of frames, opens a progress bar.

    Raises:
        AudioError: the file is no picture and no recording.
        OutputError: the sound cannot be written.
        UsageError, ModelError: as `sideman.compose.vocoder.vocode`.
    """
    import scipy.fft  # noqa: F401 - loaded before the clock starts

    out = Path(out)
    check_sound_name(out)
    picture = read_picture(path)
    began = time.perf_counter()
    blocks = vocode_blocks(
        picture, method, iterations=iterations, corrections=corrections, seed=seed, session=session
    )  # fmt: skip
    with KeptSound(out.parent) as kept:
        with nullcontext(lambda _: None) if bar is None else bar(picture.shape[1]) as advance:
            for block in blocks:
                kept.add(block)
                advance(len(block) // FORM.hop_length)
        seconds = time.perf_counter() - began
        gain = min(1.0, CEILING / kept.peak) if kept.peak else 1.0
        write_sound(kept.blocks(), out, FORM.sample_rate_hz, gain=gain)
        return Inversion(
            path=os.fspath(path),
            out=str(out),
            method=method,
            frames=picture.shape[1],
            duration_s=kept.samples_n / FORM.sample_rate_hz,
            seconds=seconds,
            peak=kept.peak,
            gain=gain,
            log_mel_l1=_distance(picture, kept),
        )


def _distance(picture: Float32, kept: KeptSound) -> float:
    """Mean absolute difference between a picture and that of a sound of as many frames."""
    missed, first = 0.0, 0
    for part in pictures_of(kept.blocks()):
        wanted = picture[:, first : first + part.shape[1]]
        missed += float(np.abs(part - wanted).sum(dtype=np.float64))
        first += part.shape[1]
    return missed / picture.size
