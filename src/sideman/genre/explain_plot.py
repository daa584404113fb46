"""A picture of an explanation: what the model sees, what spoke for and against its answer, when (extra ``plot``)."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sideman.core.errors import UsageError
from sideman.genre.explain_pieces import HOP_N, Floats
from sideman.genre.explain_result import Explanation
from sideman.genre.inputs import SAMPLE_RATE_HZ
from sideman.genre.plot import PICTURE_SUFFIXES, check_plotting

_TICKS_HZ = (250, 500, 1000, 2000, 4000, 8000)
_MOST_COLUMNS = 20
_FOR, _AGAINST = "#c0392b", "#2f6fad"


def draw(explained: Explanation, picture: str | os.PathLike[str]) -> None:
    """Draw an explanation; the file appears whole or not at all.

    Raises:
        UsageError: an unknown kind of picture.
        MissingExtraError: matplotlib is missing.
        OutputError: the picture cannot be written.
    """
    from sideman.core.atomic import atomic_write

    suffix = Path(picture).suffix.lower()
    if suffix not in PICTURE_SUFFIXES:
        raise UsageError(f"{picture}: a picture's name must end in one of {', '.join(PICTURE_SUFFIXES)}")
    check_plotting()
    figure = _of_columns(explained) if explained.columns else _of_map(explained)
    with atomic_write(picture) as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # a title in a script the font lacks
        figure.savefig(file, format=suffix[1:])


def title_of(explained: Explanation) -> str:
    """Two lines: the recording, and what is explained of it."""
    name = Path(explained.path).name.encode("utf-8", "backslashreplace").decode("utf-8")
    asked = "" if explained.genre == explained.answer else f" (the model's answer is {explained.answer})"
    told = [f"what speaks for {explained.genre}, probability {explained.probability:.0%}{asked}", explained.note]
    return f"{name}\n{'; '.join(part for part in told if part)}"


def _of_map(explained: Explanation) -> Any:
    from matplotlib.figure import Figure
    from scipy.ndimage import gaussian_filter

    figure = Figure(figsize=(12, 8), dpi=100, layout="constrained")
    seen, over, line = figure.subplots(3, 1, sharex=True, height_ratios=(2, 2, 1))
    figure.suptitle(title_of(explained), parse_math=False)
    start_s, end_s = explained.start_s, explained.start_s + explained.duration_s
    bands = len(explained.importance)
    place: dict[str, Any] = {"origin": "lower", "aspect": "auto", "extent": (start_s, end_s, 0, bands)}

    seen.imshow(explained.picture, cmap="magma", interpolation="antialiased", **place)
    seen.set_title("what the model sees", fontsize=10)

    smooth = gaussian_filter(np.nan_to_num(explained.importance), (0.01 * bands, 1.0))
    limit = max(float(np.quantile(np.abs(smooth), 0.995)), 1e-12)
    over.imshow(explained.picture, cmap="gray", interpolation="antialiased", alpha=0.55, **place)
    strength = np.clip(np.abs(smooth) / limit, 0, 1) ** 0.7
    shown = over.imshow(smooth, cmap="RdBu_r", vmin=-limit, vmax=limit, alpha=strength, **place)
    bar = figure.colorbar(shown, ax=over, pad=0.01, ticks=(-limit, 0, limit))
    bar.ax.set_yticklabels(["against", "0", "for"])
    over.set_title(
        f"what spoke for and against {explained.genre}, by {explained.method}{_checked(explained)}", fontsize=10
    )
    for axes in (seen, over):
        _name_bands(axes, explained.frequencies_hz, bands)

    _draw_time(line, explained)
    line.set(xlabel="time in s", xlim=(start_s, end_s))
    return figure


def _draw_time(axes: Any, explained: Explanation) -> None:
    """What spoke for and against over time, and the log-odds of every piece."""
    importance = np.nan_to_num(explained.importance)
    times_s = explained.start_s + np.arange(importance.shape[1]) * HOP_N / SAMPLE_RATE_HZ
    near = np.ones(5) / 5
    for sign, colour in ((1, _FOR), (-1, _AGAINST)):
        curve = sign * np.convolve(np.maximum(sign * importance, 0).sum(0), near, "same")
        axes.fill_between(times_s, curve, color=colour, alpha=0.6, linewidth=0)
    axes.axhline(0, color="black", linewidth=0.7)
    axes.set(ylabel="importance", yticks=())
    axes.set_title(f"for and against {explained.genre} over time; line: its log-odds, piece by piece", fontsize=10)
    odds = axes.twinx()
    starts = [moment.start_s for moment in explained.moments]
    # The last piece may overlap the one before it: a line goes no further than the next one's start.
    ends = [
        min(moment.end_s, after) for moment, after in zip(explained.moments, [*starts[1:], float("inf")], strict=True)
    ]
    edges = np.stack([starts, ends], axis=1).ravel()
    odds.plot(edges, np.repeat([moment.log_odds for moment in explained.moments], 2), color="black", linewidth=1.2)
    odds.set(ylabel="log-odds")


def _checked(explained: Explanation) -> str:
    if explained.deletion is None:
        return ""
    found = explained.deletion
    return (
        f"\nwithout the {found.share:.0%} that matter most the log-odds fall by {found.most:.2f}, "
        f"without as much at random by {found.random:.2f}, without what matters least by {found.least:.2f}"
    )


def _name_bands(axes: Any, frequencies: Floats | None, bands: int) -> None:
    if frequencies is None:
        axes.set(ylabel="coefficient")
        return
    ticks = [hz for hz in _TICKS_HZ if frequencies[0] < hz <= frequencies[-1] * 1.02]
    axes.set(yticks=np.interp(ticks, frequencies, np.arange(bands) + 0.5))
    axes.set_yticklabels([f"{hz} Hz" if hz < 1000 else f"{hz // 1000} kHz" for hz in ticks])


def _of_columns(explained: Explanation) -> Any:
    from matplotlib.figure import Figure

    most = sorted(explained.columns, key=lambda column: -abs(column.fall))[:_MOST_COLUMNS]
    most.sort(key=lambda column: column.fall)
    figure = Figure(figsize=(9, 1.5 + 0.3 * len(most)), dpi=100, layout="constrained")
    axes = figure.subplots()
    figure.suptitle(title_of(explained), parse_math=False)
    falls = [column.fall for column in most]
    axes.barh([column.column for column in most], falls, color=[_FOR if f > 0 else _AGAINST for f in falls])
    axes.axvline(0, color="black", linewidth=0.7)
    axes.set(xlabel=f"fall of the log-odds of {explained.genre} when the column is made average")
    return figure
