"""Charts as inline SVG: they take their colours from the page, scale with it, and need no library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

WIDTH = 640
_LABEL_W, _VALUE_W, _ROW_H, _AXIS_H = 120, 64, 24, 26
_PLOT_W = WIDTH - _LABEL_W - _VALUE_W


def bars(values: Mapping[str, float], *, title: str, unit: str = "", marker: float | None = None) -> str:
    """Return a chart of horizontal bars.

    Args:
        values: length of each bar by its label, 0 or more.
        title: what is shown, for screen readers.
        unit: written after each value ("%": values are shares and are shown in percent).
        marker: a value to mark by a dashed line.
    """
    top = max([*values.values(), marker or 0.0, 1e-12])
    parts = []
    for row, (label, value) in enumerate(values.items()):
        y = row * _ROW_H
        shown = f"{value:.0%}" if unit == "%" else f"{value:,.0f}{unit}"
        width = _PLOT_W * value / top
        parts.append(row_label(label, y))
        parts.append(f'<rect class="bar" x="{_LABEL_W}" y="{y + 4}" width="{width:.1f}" height="{_ROW_H - 8}" rx="3"/>')
        parts.append(svg_text(_LABEL_W + width + 6, y + _ROW_H / 2, shown, "value"))
    height = len(values) * _ROW_H
    if marker is not None:
        x = _LABEL_W + _PLOT_W * marker / top
        parts.append(f'<line class="marker" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>')
    return svg(parts, height, title)


def box_plots(groups: Mapping[str, Sequence[float]], *, title: str, unit: str = "") -> str:
    """Return one horizontal box plot per group on a common axis.

    The box spans the quartiles, its line is the median, whiskers reach the last values within 1.5 interquartile ranges
    of it (Tukey), dots are the values beyond.
    """
    everything = np.concatenate([np.asarray(v, float) for v in groups.values() if len(v)] or [np.zeros(1)])
    low, high = float(everything.min()), float(everything.max())
    if high <= low:
        low, high = low - 0.5, high + 0.5
    ticks = nice_ticks(low, high)
    plot_w = WIDTH - _LABEL_W - 24

    def x(value: float) -> float:
        return _LABEL_W + plot_w * (value - low) / (high - low)

    height = len(groups) * _ROW_H
    parts = [f'<line class="grid" x1="{x(t):.1f}" x2="{x(t):.1f}" y1="0" y2="{height}"/>' for t in ticks]
    for row, (label, values) in enumerate(groups.items()):
        y, middle = row * _ROW_H, row * _ROW_H + _ROW_H / 2
        parts.append(row_label(label, y))
        if not len(values):
            continue
        q1, median, q3, least, most, beyond = five_numbers(values)
        parts.append(f'<line class="whisker" x1="{x(least):.1f}" x2="{x(most):.1f}" y1="{middle}" y2="{middle}"/>')
        width = max(x(q3) - x(q1), 1.0)
        parts.append(
            f'<rect class="box" x="{x(q1):.1f}" y="{y + 5}" width="{width:.1f}" height="{_ROW_H - 10}" rx="2"/>'
        )
        parts.append(
            f'<line class="median" x1="{x(median):.1f}" x2="{x(median):.1f}" y1="{y + 4}" y2="{y + _ROW_H - 4}"/>'
        )
        parts += [f'<circle class="dot" cx="{x(v):.1f}" cy="{middle}" r="2"/>' for v in beyond]
    for tick in ticks:
        parts.append(svg_text(x(tick), height + 14, f"{tick:g}", "tick", "middle"))
    if unit:
        parts.append(svg_text(_LABEL_W - 8, height + 14, unit, "tick", "end"))
    return svg(parts, height + _AXIS_H, title)


def five_numbers(values: Sequence[float]) -> tuple[float, float, float, float, float, list[float]]:
    """Return quartile 1, median, quartile 3, lower and upper whisker (Tukey), and the values beyond the whiskers."""
    v = np.sort(np.asarray(values, float))
    q1, median, q3 = (float(q) for q in np.quantile(v, [0.25, 0.5, 0.75]))
    reach = 1.5 * (q3 - q1)
    inside = v[(v >= q1 - reach) & (v <= q3 + reach)]
    beyond = v[(v < q1 - reach) | (v > q3 + reach)]
    return q1, median, q3, float(inside[0]), float(inside[-1]), [float(b) for b in beyond]


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about ``count`` round numbers in [low, high], ``low`` < ``high``, in steps of 1, 2 or 5 times 10^n."""
    rough = (high - low) / count
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(s - rough)))
    first = int(np.ceil(low / step - 1e-9))
    last = int(np.floor(high / step + 1e-9))
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def waveform(low: Sequence[float], high: Sequence[float], *, title: str, width: int = 300, height: int = 48) -> str:
    """Return an outline of a waveform from its least and largest sample per column, each in [-1, 1]."""
    middle = height / 2
    step = width / max(len(high), 1)
    upper = [f"{i * step:.1f},{middle - min(v, 1.0) * middle:.1f}" for i, v in enumerate(high)]
    lower = [f"{i * step:.1f},{middle - max(v, -1.0) * middle:.1f}" for i, v in enumerate(low)]
    points = " ".join([*upper, *reversed(lower)])
    return (
        f'<svg class="wave" viewBox="0 0 {width} {height}" role="img" preserveAspectRatio="none" '
        f'aria-label="{escape(title)}"><polygon points="{points}"/></svg>'
    )


def row_label(text: str, y: float) -> str:
    """Return a row's name in the left margin, shortened to 17 characters with its full text as a hint."""
    short = text if len(text) <= 17 else text[:16] + "…"
    return svg_text(_LABEL_W - 8, y + _ROW_H / 2, short, "label", "end", text if short != text else None)


def svg_text(x: float, y: float, text: str, kind: str, anchor: str = "start", full: str | None = None) -> str:
    """Return text of the class ``kind``, centred on ``y``; ``full`` is shown as a hint."""
    hint = f"<title>{escape(full)}</title>" if full else ""
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" dominant-baseline="central">'
        f"{escape(text)}{hint}</text>"
    )


def svg(parts: Sequence[str], height: float, title: str, width: float = WIDTH) -> str:
    """Return a drawing that scales with the page; ``title`` is for screen readers."""
    return (
        f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
