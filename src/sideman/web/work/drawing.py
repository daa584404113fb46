"""How what was heard is shown: pictures (PNG) without axes, and the outline of the sound."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sideman.audio.overview import Pictures
    from sideman.genre.explain_result import Explanation

_TOP_HZ = 11_025.0


def waveform(pictures: Pictures) -> dict[str, Any]:
    """{"duration_s", "low", "high"}: least and greatest sample per column, within -1..1."""
    return {
        "duration_s": round(pictures.duration_s, 3),
        "low": [round(float(value), 4) for value in pictures.low.clip(-1, 1)],
        "high": [round(float(value), 4) for value in pictures.high.clip(-1, 1)],
    }


def spectrogram(pictures: Pictures) -> dict[str, Any]:
    """The mel picture in text (base64), and which frequencies it shows."""
    return {"png": _text(mel_png(pictures.mel_db)), "low_hz": 0.0, "high_hz": _TOP_HZ, "scale": "mel"}


def chroma(pictures: Pictures) -> dict[str, Any]:
    """The picture of pitch classes in text (base64), and their names from below."""
    from sideman.audio.tonality import NAMES

    return {"png": _text(chroma_png(pictures.chroma)), "names": list(NAMES)}


def mel_png(decibel: NDArray[np.float32], width: int | None = None, height: int | None = None) -> bytes:
    """Decibels, (bands, columns), the lowest band first, down to 80 dB below the loudest; of so many pixels."""
    top = float(decibel.max())
    return _png(decibel, top - 80.0, top + 1e-3, width, height)


def chroma_png(strengths: NDArray[np.float32], width: int | None = None, height: int | None = None) -> bytes:
    """Strengths within 0..1, (12, columns), C first; of so many pixels."""
    return _png(strengths, 0.0, 1.0, width, height)


def _png(
    values: NDArray[np.float32], low: float, high: float, width: int | None = None, height: int | None = None
) -> bytes:
    import numpy as np

    from sideman.core.png import colourise, write_png

    rows, columns = values.shape
    down = np.arange(height or rows) * rows // (height or rows)
    along = np.arange(width or columns) * columns // (width or columns)
    return write_png(colourise(values[::-1][down][:, along], low, high))


def overlay(found: Explanation) -> dict[str, Any] | None:
    """What spoke for the genre in yellow, what spoke against it in blue, the more the less you see through it."""
    import numpy as np
    from scipy.ndimage import gaussian_filter

    from sideman.core.png import write_png

    if not found.importance.size or found.frequencies_hz is None:
        return None
    bands = len(found.importance)
    smooth = gaussian_filter(np.nan_to_num(found.importance), (0.01 * bands, 1.0))
    limit = max(float(np.quantile(np.abs(smooth), 0.995)), 1e-12)
    strength = np.clip(np.abs(smooth) / limit, 0, 1) ** 0.7
    pixels = np.zeros((*smooth.shape, 4), np.uint8)
    pixels[..., :3] = np.where((smooth > 0)[..., None], (255, 221, 51), (64, 156, 255))
    pixels[..., 3] = np.round(strength * 230)
    return {
        "png": _text(write_png(np.ascontiguousarray(pixels[::-1]))),
        "start_s": round(found.start_s, 3),
        "duration_s": round(found.duration_s, 3),
        "low_hz": 0.0,
        "high_hz": _highest_hz(found),
    }


def _highest_hz(found: Explanation) -> float:
    """Upper end of the map's frequencies: bands lie evenly in mel, the last centre a step below it."""
    from sideman.audio.mel import hz_to_mel, mel_to_hz

    assert found.frequencies_hz is not None
    last = float(hz_to_mel(found.frequencies_hz[-1]))
    return round(float(mel_to_hz(last * (len(found.frequencies_hz) + 1) / len(found.frequencies_hz))), 1)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
