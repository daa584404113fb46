"""A picture of a classified recording: waveform, mel spectrogram, and genre over time (extra ``plot``)."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from sideman.genre.predict import Classification

PICTURE_SUFFIXES = (".png", ".pdf", ".svg")

Float32 = NDArray[np.float32]


def check_plotting() -> None:
    """Raise MissingExtraError unless matplotlib is there."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingExtraError("drawing pictures", "plot") from None


def overview(
    path: str | os.PathLike[str], *, start_s: float = 0.0, duration_s: float | None = None
) -> tuple[Float32, Float32, Float32, float]:
    """Waveform and mel spectrogram of a recording of any length, in bounded memory.

    Returns:
        lowest and highest sample of each column, each of shape (c,); mel power in dB, shape (128, c), at most 80 dB
        under the loudest; seconds covered by the c columns, 4096 at most.

    Raises:
        AudioError, MissingExtraError: as :func:`sideman.audio.decode.stream`.
    """
    from sideman.audio.decode import stream
    from sideman.audio.framing import ANALYSIS_RATE_HZ
    from sideman.audio.overview import Overview

    seen = Overview()
    for block in stream(path, sample_rate_hz=ANALYSIS_RATE_HZ, start_s=start_s, duration_s=duration_s):
        seen.update(block)
    pictures = seen.result()
    return pictures.low, pictures.high, pictures.mel_db, pictures.duration_s


def plot_classification(
    heard: Classification,
    picture: str | os.PathLike[str],
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> None:
    """Draw waveform, mel spectrogram and the band of genres over time; the file appears whole or not at all.

    Args:
        heard: a classification with its timeline.
        picture: .png, .pdf or .svg.
        start_s: what part was classified, as in :func:`sideman.genre.predict.classify`; the axis is in the file's time.
        duration_s: as ``start_s``.

    Raises:
        UsageError: no timeline, or an unknown kind of picture.
        MissingExtraError: matplotlib is missing.
        AudioError: the recording cannot be read (again).
        OutputError: the picture cannot be written.
    """
    from sideman.core.atomic import atomic_write

    suffix = Path(picture).suffix.lower()
    if suffix not in PICTURE_SUFFIXES:
        raise UsageError(f"{picture}: a picture's name must end in one of {', '.join(PICTURE_SUFFIXES)}")
    if not heard.timeline:
        raise UsageError(f"{heard.path}: a picture needs the genre over time: classify with timeline=True")
    check_plotting()
    lows, highs, mels, length_s = overview(heard.path, start_s=start_s, duration_s=duration_s)
    figure = _figure(heard, lows, highs, mels, start_s, length_s)
    with atomic_write(picture) as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # a title in a script the font lacks
        figure.savefig(file, format=suffix[1:])


def _figure(
    heard: Classification, lows: Float32, highs: Float32, mels: Float32, start_s: float, length_s: float
) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), dpi=100, layout="constrained")
    wave, mel, band = figure.subplots(3, 1, sharex=True, height_ratios=(1, 2, 1.4))
    figure.suptitle(_title(heard), parse_math=False)

    times_s = start_s + (np.arange(len(lows)) + 0.5) * length_s / len(lows)
    wave.fill_between(times_s, lows, highs, linewidth=0.3, color="#3b6ea5")
    wave.set(ylabel="amplitude", ylim=(-1.05, 1.05))

    mel.imshow(
        mels, origin="lower", aspect="auto", cmap="magma", extent=(start_s, start_s + length_s, 0, len(mels)),
        interpolation="antialiased",
    )  # fmt: skip
    ticks_hz = (250, 500, 1000, 2000, 4000, 8000)
    mel.set(ylabel="mel band", yticks=[_band_of(hz, len(mels)) for hz in ticks_hz])
    mel.set_yticklabels([f"{hz} Hz" if hz < 1000 else f"{hz // 1000} kHz" for hz in ticks_hz])

    _draw_genres(band, heard, start_s)
    band.set(ylabel="genre", xlabel="time in s", xlim=(start_s, start_s + length_s), ylim=(0, 1))
    return figure


def _draw_genres(axes: Any, heard: Classification, start_s: float) -> None:
    """Stacked probabilities per segment, the likeliest genre of the whole at the bottom."""
    segments = heard.timeline or ()
    genres = sorted(heard.probabilities, key=heard.probabilities.__getitem__, reverse=True)
    lefts = start_s + np.array([segment.start_s for segment in segments])
    widths = np.array([segment.end_s - segment.start_s for segment in segments])
    base = np.zeros(len(segments))
    # One colour per genre, the same in every picture: by name, not by rank.
    colours = {genre: f"C{index % 10}" for index, genre in enumerate(sorted(genres))}
    for rank, genre in enumerate(genres):
        shares = np.array([segment.probabilities[genre] for segment in segments])
        label = genre if rank < 6 else None
        axes.bar(lefts, shares, widths, bottom=base, align="edge", color=colours[genre], label=label, linewidth=0)
        base += shares
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _title(heard: Classification) -> str:
    name = Path(heard.path).name.encode("utf-8", "backslashreplace").decode("utf-8")
    best = max(heard.probabilities, key=heard.probabilities.__getitem__)
    told = [f"{'unsure, perhaps ' if heard.unsure else ''}{best} ({heard.probabilities[best]:.0%})"]
    if heard.tempo_bpm is not None:
        told.append(f"{heard.tempo_bpm:.0f} bpm")
    if heard.key is not None:
        told.append(heard.key)
    return f"{name}\n{', '.join(told)}"


def _band_of(frequency_hz: float, bands: int) -> float:
    from sideman.audio.framing import ANALYSIS_RATE_HZ
    from sideman.audio.mel import hz_to_mel

    return float(hz_to_mel(frequency_hz) / hz_to_mel(ANALYSIS_RATE_HZ / 2)) * bands
