"""Plots of evaluations as inline SVG, in the colours of the page; each is drawn beside a table with its figures."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from sideman.datasets.charts import WIDTH, nice_ticks, svg, svg_text
from sideman.datasets.track import printable

_LABEL_W, _VALUE_W, _ROW_H = 160, 60, 26
_SIDE = 420
_PAD_L, _PAD_B, _PAD_T = 60, 46, 10
Interval = Sequence[float] | None
Points = Sequence[tuple[float, float]]


def short(name: str, most: int = 18) -> str:
    """Return a name cut to ``most`` columns of text, wide characters counted as two."""
    name = printable(name)
    wide = [2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in name]
    if sum(wide) <= most:
        return name
    kept = int(np.searchsorted(np.cumsum(wide), most - 1, side="right"))
    return name[:kept].rstrip() + "…"


def _name(x: float, y: float, name: str, kind: str = "label", anchor: str = "end", most: int = 18) -> str:
    cut = short(name, most)
    return svg_text(x, y, cut, kind, anchor, printable(name) if cut != printable(name) else None)


def confusion_map(matrix: NDArray[np.float64], genres: Sequence[str], *, title: str) -> str:
    """Return the confusion matrix, true genre per row: numbers are recordings, colours the row's share."""
    k = len(genres)
    longest = max(len(short(genre)) for genre in genres)
    margin = min(max(20 + 7.2 * longest, 120), 170)
    cell = min(56.0, max(26.0, (1000 - margin) / k))
    font = max(9.0, min(14.0, cell / 2.6))
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1e-9)
    head = 26 + 0.72 * min(20 + 7.2 * longest, 170)
    parts = [svg_text(8, head - 14, "true ↓  named →", "tick")]
    for i, genre in enumerate(genres):
        middle = i * cell + cell / 2
        parts.append(_name(margin - 8, head + middle, genre))
        x, y = margin + middle, head - 8
        cut = short(genre)
        parts.append(
            f'<text class="label" transform="translate({x:.1f} {y:.1f}) rotate(-45)" dominant-baseline="central">'
            f"{escape(cut)}<title>{escape(printable(genre))}</title></text>"
        )
        for j, named in enumerate(genres):
            left, top = margin + j * cell, head + i * cell
            part, value = float(share[i, j]), float(matrix[i, j])
            tone = "hit" if i == j else "miss"
            hint = f"{printable(genre)} named {printable(named)}: {value:g} ({part:.0%})"
            parts.append(
                f'<rect class="cell" x="{left:.1f}" y="{top:.1f}" width="{cell:.1f}" height="{cell:.1f}"/>'
                f'<rect class="{tone}" x="{left:.1f}" y="{top:.1f}" width="{cell:.1f}" height="{cell:.1f}" '
                f'fill-opacity="{_depth(part, i == j):.2f}"><title>{escape(hint)}</title></rect>'
            )
            if value > 0:
                kind = "over" if _depth(part, i == j) > 0.55 else "on"
                parts.append(
                    f'<text class="{kind}" style="font-size:{font:.1f}px" x="{left + cell / 2:.1f}" '
                    f'y="{top + cell / 2:.1f}" text-anchor="middle" dominant-baseline="central">{_count(value)}</text>'
                )
    width = max(margin + k * cell + 90, WIDTH)  # room for the last slanted name
    return svg(parts, head + k * cell + 4, title, width)


def _depth(share: float, hit: bool) -> float:
    return 0.0 if share <= 0 else min(1.0, 0.08 + 0.92 * share) if hit else min(1.0, 0.10 + 1.8 * share)


def _count(value: float) -> str:
    return f"{value:.0f}" if abs(value - round(value)) < 0.05 or value >= 10 else f"{value:.1f}"


def share_bars(
    values: Mapping[str, float | None], intervals: Sequence[Interval], *, title: str, marker: float | None = None
) -> str:
    """Return horizontal bars of shares on a scale of 0 to 1, with whiskers; ``marker`` is a dashed line."""
    wide = WIDTH - _LABEL_W - _VALUE_W
    height = len(values) * _ROW_H
    parts = _grid(wide, height, [0, 0.25, 0.5, 0.75, 1.0], 0.0, 1.0, percent=True)
    for row, ((name, value), interval) in enumerate(zip(values.items(), intervals, strict=True)):
        middle = row * _ROW_H + _ROW_H / 2
        parts.append(_name(_LABEL_W - 8, middle, name))
        if value is None:
            parts.append(svg_text(_LABEL_W + 4, middle, "none tested", "tick"))
            continue
        width = wide * value
        parts.append(
            f'<rect class="bar" x="{_LABEL_W}" y="{row * _ROW_H + 5}" width="{width:.1f}" '
            f'height="{_ROW_H - 10}" rx="3"/>'
        )
        if interval is not None:
            parts.append(_whisker(_LABEL_W + wide * interval[0], _LABEL_W + wide * interval[1], middle))
        parts.append(svg_text(WIDTH - 4, middle, f"{value:.1%}", "value", "end"))
    if marker is not None:
        x = _LABEL_W + wide * marker
        parts.append(f'<line class="marker" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>')
    return svg(parts, height + 24, title)


def dumbbells(rows: Sequence[tuple[str, float | None, float | None]], *, title: str) -> str:
    """Return two dots per row (name, first, second) on a scale of 0 to 1, joined by a line."""
    wide = WIDTH - _LABEL_W - _VALUE_W
    height = len(rows) * _ROW_H
    parts = _grid(wide, height, [0, 0.25, 0.5, 0.75, 1.0], 0.0, 1.0, percent=True)
    for row, (name, first, second) in enumerate(rows):
        middle = row * _ROW_H + _ROW_H / 2
        parts.append(_name(_LABEL_W - 8, middle, name))
        if first is None or second is None:
            parts.append(svg_text(_LABEL_W + 4, middle, "none tested", "tick"))
            continue
        a, b = _LABEL_W + wide * first, _LABEL_W + wide * second
        parts.append(f'<line class="join" x1="{a:.1f}" x2="{b:.1f}" y1="{middle}" y2="{middle}"/>')
        parts.append(f'<circle class="first" cx="{a:.1f}" cy="{middle}" r="6"/>')
        parts.append(f'<circle class="second" cx="{b:.1f}" cy="{middle}" r="6"/>')
        parts.append(svg_text(WIDTH - 4, middle, f"{100 * (second - first):+.1f}", "value", "end"))
    return svg(parts, height + 24, title)


def _grid(wide: float, height: float, ticks: Sequence[float], low: float, high: float, *, percent: bool) -> list[str]:
    parts = []
    for tick in ticks:
        x = _LABEL_W + wide * (tick - low) / (high - low)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>')
        shown = f"{tick:.0%}" if percent else f"{tick:g}"
        parts.append(svg_text(x, height + 13, shown, "tick", "middle"))
    return parts


def _whisker(left: float, right: float, y: float) -> str:
    return (
        f'<line class="error" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>'
        f'<line class="error" x1="{left:.1f}" x2="{left:.1f}" y1="{y - 4}" y2="{y + 4}"/>'
        f'<line class="error" x1="{right:.1f}" x2="{right:.1f}" y1="{y - 4}" y2="{y + 4}"/>'
    )


class _Axes:
    """A frame of x and y axes that starts at zero on the left and below."""

    def __init__(self, x_max: float, y_max: float, x_name: str, y_name: str, *, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.x_max, self.y_max = max(x_max, 1e-9), max(y_max, 1e-9)
        self.parts: list[str] = []
        bottom, right = height - _PAD_B, width - 14
        for tick in nice_ticks(0.0, self.y_max):
            y = self.y(tick)
            self.parts.append(f'<line class="grid" x1="{_PAD_L}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            self.parts.append(svg_text(_PAD_L - 8, y, f"{tick:g}", "tick", "end"))
        for tick in nice_ticks(0.0, self.x_max):
            self.parts.append(svg_text(self.x(tick), bottom + 14, f"{tick:g}", "tick", "middle"))
        self.parts.append(svg_text((_PAD_L + right) / 2, height - 10, x_name, "tick", "middle"))
        self.parts.append(
            f'<text class="tick" transform="translate(13 {(bottom + _PAD_T) / 2:.1f}) rotate(-90)" '
            f'text-anchor="middle" dominant-baseline="central">{escape(y_name)}</text>'
        )

    def x(self, value: float) -> float:
        return _PAD_L + (self.width - 14 - _PAD_L) * value / self.x_max

    def y(self, value: float) -> float:
        return _PAD_T + (self.height - _PAD_B - _PAD_T) * (1 - value / self.y_max)

    def line(self, points: Points, kind: str) -> None:
        """Draw a line; values above the frame stay on its edge."""
        drawn = " ".join(f"{self.x(x):.1f},{self.y(min(y, self.y_max)):.1f}" for x, y in points)
        self.parts.append(f'<polyline class="{kind}" points="{drawn}"/>')

    def drawing(self, title: str) -> str:
        return svg(self.parts, self.height, title, self.width)


def reliability_plot(bins: Sequence[Mapping[str, float | None]], *, title: str) -> str:
    """Return accuracy against confidence per bin (bars) beside the diagonal of perfect calibration."""
    axes = _Axes(1.0, 1.0, "confidence", "accuracy", width=_SIDE, height=_SIDE - 30)
    most = max([float(part["n"] or 0) for part in bins] or [1.0])
    for part in bins:
        if part["accuracy"] is None or part["confidence"] is None or part["low"] is None or part["high"] is None:
            continue
        left, right = axes.x(part["low"]), axes.x(part["high"])
        top, bottom = axes.y(part["accuracy"]), axes.y(0.0)
        axes.parts.append(
            f'<rect class="box" x="{left + 1:.1f}" y="{top:.1f}" width="{right - left - 2:.1f}" '
            f'height="{bottom - top:.1f}"/>'
        )
        radius = 3 + 6 * float(np.sqrt(float(part["n"] or 0) / most))
        axes.parts.append(
            f'<circle class="point" cx="{axes.x(part["confidence"]):.1f}" cy="{top:.1f}" r="{radius:.1f}"/>'
        )
    axes.line([(0.0, 0.0), (1.0, 1.0)], "marker")
    return axes.drawing(title)


def risk_plot(coverage: Sequence[float], risk: Sequence[float], *, title: str) -> str:
    """Return the error rate among the most confident answers against the share of recordings answered."""
    top = max([*risk, 0.05])
    axes = _Axes(1.0, float(min(1.0, 1.15 * top)), "share answered", "error rate", width=_SIDE, height=_SIDE - 90)
    axes.line(list(zip(coverage, risk, strict=True)), "curve")
    return axes.drawing(title)


def curve_plot(curves: Sequence[Points], *, y_name: str, title: str, y_max: float | None = None) -> str:
    """Return one faint line per fit over its epochs."""
    xs = [x for points in curves for x, _ in points]
    ys = [y for points in curves for _, y in points]
    top = y_max if y_max is not None else float(np.quantile(ys, 0.99)) * 1.05
    axes = _Axes(max(xs), top, "epoch", y_name, width=_SIDE, height=_SIDE - 110)
    for points in curves:
        axes.line(points, "curve thin" if len(curves) > 1 else "curve")
    return axes.drawing(title)
