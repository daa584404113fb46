"""Waveform, mel spectrogram and chromagram of a clip, small enough to stand in a page."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.core.png import colourise, write_png

SHOWN_S = 8.0
"""Seconds from the middle of a clip that are shown; shorter clips are shown whole."""

_WAVE_COLUMNS = 300


@dataclass(frozen=True, slots=True)
class Picture:
    """What a page shows of a clip.

    Attributes:
        start_s, duration_s: the part that is shown.
        low, high: least and largest sample per column of the waveform, up to 300 columns.
        mel, chroma: PNG images as data URIs; low frequencies and C at the bottom, time to the right.
    """

    start_s: float
    duration_s: float
    low: tuple[float, ...]
    high: tuple[float, ...]
    mel: str
    chroma: str


def draw(path: str | os.PathLike[str]) -> Picture:
    """Draw a clip.

    Raises:
        AudioError: the file cannot be decoded.
    """
    from sideman.audio import decode
    from sideman.audio.chroma import chroma_stft
    from sideman.audio.mel import log_mel
    from sideman.audio.spectrum import Spectrum

    whole_s = decode.probe(path).duration_s or 0.0
    start_s = max(0.0, (whole_s - SHOWN_S) / 2)
    y, rate_hz = decode.load(path, start_s=start_s, duration_s=SHOWN_S)
    columns = np.array_split(y, min(_WAVE_COLUMNS, len(y)))
    spectrum = Spectrum.of(y, rate_hz)
    mel = log_mel(spectrum)
    return Picture(
        start_s=start_s,
        duration_s=len(y) / rate_hz,
        low=tuple(float(c.min()) for c in columns),
        high=tuple(float(c.max()) for c in columns),
        mel=_uri(colourise(mel[::-1], float(mel.max()) - 70.0, float(mel.max()) + 1e-3)),
        chroma=_uri(colourise(chroma_stft(spectrum)[::-1], 0.0, 1.0)),
    )


def _uri(pixels: NDArray[np.uint8]) -> str:
    return "data:image/png;base64," + base64.b64encode(write_png(pixels)).decode("ascii")
