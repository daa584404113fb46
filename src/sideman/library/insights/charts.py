"""Charts of the report as inline SVG, narrow enough for a telephone; each comes with its numbers as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sideman.datasets.charts import nice_ticks, svg, svg_text
from sideman.datasets.pages import html_table, safe
from sideman.library.insights.distributions import MOOD_CELLS, WHEEL, Distribution
from sideman.library.keys import parse_key

WIDTH = 400
_ROW_H, _LABEL_W, _VALUE_W = 24, 92, 52
_PLOT_H, _AXIS_W, _AXIS_H = 170, 40, 34
_MOST_COLUMNS = 24  # of a histogram; what lies beyond is drawn into the last and the first
_FAINT, _STRONG = 0.06, 0.40  # opacity of few and of many: text on both keeps its contrast


def figure(title: str, chart: str, table: str, note: str = "") -> str:
    """A chart under its name, what is to be said of it, and its numbers folded away."""
    said = f'<p class="soft">{safe(note)}</p>' if note else ""
    numbers = f"<details><summary>Numbers</summary>{table}</details>" if table else ""
    return f"<figure><figcaption><h3>{safe(title)}</h3></figcaption>{chart}{said}{numbers}</figure>"


def numbers(found: Distribution, head: str, names: Mapping[str, str] | None = None) -> str:
    """A distribution as a table, shares beside counts."""
    total = max(found.total, 1)
    rows: list[tuple[object, ...]] = [
        (_range(found, value) if names is None else names.get(value, value), f"{n:,}", f"{n / total:.1%}")
        for value, n in found.counts
    ]
    if found.unknown:
        rows.append(("not known", f"{found.unknown:,}", ""))
    return html_table((head, "tracks", "share"), rows)


def bars(found: Distribution, title: str, names: Mapping[str, str] | None = None, most: int = 14) -> str:
    """Horizontal bars, count and share behind each."""
    shown = found.counts[:most]
    top = max((n for _, n in shown), default=1) or 1
    plot = WIDTH - _LABEL_W - _VALUE_W - 40
    parts = []
    for row, (value, n) in enumerate(shown):
        y, width = row * _ROW_H, plot * n / top
        label = (names or {}).get(value, value)
        short = label if len(label) <= 13 else label[:12] + "…"
        parts.append(svg_text(_LABEL_W - 8, y + _ROW_H / 2, short, "label", "end", label if short != label else None))
        parts.append(f'<rect class="bar" x="{_LABEL_W}" y="{y + 4}" width="{width:.1f}" height="{_ROW_H - 8}" rx="3"/>')
        share = f"{n:,} ({n / max(found.total, 1):.0%})"
        parts.append(svg_text(_LABEL_W + width + 6, y + _ROW_H / 2, share, "value"))
    return svg(parts, max(len(shown), 1) * _ROW_H, title, WIDTH)


def histogram(found: Distribution, title: str, unit: str) -> str:
    """Columns over ranges of equal width; what lies far out is gathered in the outermost columns."""
    counts = _gathered(found)
    if not counts:
        return '<p class="soft">Nothing is known yet.</p>'
    top = max(n for _, n in counts) or 1
    ticks = [t for t in nice_ticks(0, top, 4) if t == int(t)]
    width = (WIDTH - _AXIS_W - 8) / len(counts)

    def y(n: float) -> float:
        return 12 + (_PLOT_H - 12) * (1 - n / top)

    parts = [f'<line class="grid" x1="{_AXIS_W}" x2="{WIDTH - 8}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>' for t in ticks]
    parts += [svg_text(_AXIS_W - 6, y(t), f"{t:,.0f}", "tick", "end") for t in ticks]
    every = max(1, math.ceil(len(counts) / 8))
    for i, (edge, n) in enumerate(counts):
        x = _AXIS_W + i * width
        told = f"{edge} to {edge + (found.step or 1)} {unit}: {n:,}"
        parts.append(
            f'<rect class="bar" x="{x + 0.5:.1f}" y="{y(n):.1f}" width="{max(width - 1, 0.5):.1f}" '
            f'height="{_PLOT_H - y(n):.1f}"><title>{safe(told)}</title></rect>'
        )
        if i % every == 0:
            shown = f"…{edge}" if i == 0 and edge > int(found.counts[0][0]) else str(edge)
            parts.append(svg_text(x, _PLOT_H + 12, shown, "tick", "middle"))
    parts.append(svg_text(_AXIS_W + (WIDTH - _AXIS_W) / 2, _PLOT_H + 28, unit, "tick", "middle"))
    return svg(parts, _PLOT_H + _AXIS_H + 4, title, WIDTH)


def wheel(found: Distribution, title: str) -> str:
    """Camelot's wheel: minor keys inside, major ones outside, the count in each place and a stronger shade for more."""
    counts = dict(found.counts)
    top = max([*counts.values(), 1])
    middle, parts = WIDTH / 2, []
    for place in WHEEL:
        number, ring = int(place[:-1]), place[-1]
        inner, outer = (72, 130) if ring == "A" else (130, 192)
        begin = math.radians(30 * number - 90 - 15)
        end = begin + math.radians(30)
        n = counts.get(place, 0)
        opacity = _FAINT + (_STRONG - _FAINT) * n / top
        key = parse_key(place)
        parts.append(
            f'<path class="place" fill-opacity="{opacity:.2f}" d="{_sector(middle, inner, outer, begin, end)}">'
            f"<title>{place}, {safe(key)}: {n:,}</title></path>"
        )
        angle, radius = (begin + end) / 2, (inner + outer) / 2
        x, y = middle + radius * math.cos(angle), middle + radius * math.sin(angle)
        parts.append(svg_text(x, y - 8, place, "tick", "middle"))
        parts.append(svg_text(x, y + 8, f"{n:,}", "count", "middle"))
    parts.append(svg_text(middle, middle - 9, "inner: minor", "tick", "middle"))
    parts.append(svg_text(middle, middle + 9, "outer: major", "tick", "middle"))
    return svg(parts, WIDTH, title, WIDTH)


def mood_plane(cells: Mapping[tuple[int, int], int], quadrants: Distribution, title: str) -> str:
    """Valence to the right, arousal upwards; the area of a disc is the number of tracks in its cell."""
    edge, size = 26, WIDTH - 52
    step = size / MOOD_CELLS
    top = max([*cells.values(), 1])
    middle = edge + size / 2
    parts = [
        f'<rect class="cell" x="{edge}" y="{edge}" width="{size}" height="{size}"/>',
        f'<line class="grid" x1="{middle}" x2="{middle}" y1="{edge}" y2="{edge + size}"/>',
        f'<line class="grid" x1="{edge}" x2="{edge + size}" y1="{middle}" y2="{middle}"/>',
    ]
    for (valence, arousal), n in sorted(cells.items()):
        x, y = edge + (valence + 0.5) * step, edge + size - (arousal + 0.5) * step
        radius = max(1.5, 0.5 * step * math.sqrt(n / top))
        parts.append(f'<circle class="disc" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>{n:,}</title></circle>')
    total = max(quadrants.total, 1)
    share = {name: f"{n / total:.0%}" for name, n in quadrants.counts}
    corners = (("Q1", 1, 0, "excited"), ("Q2", 0, 0, "tense"), ("Q3", 0, 1, "sad"), ("Q4", 1, 1, "calm"))
    for name, right, below, word in corners:
        x = edge + size if right else edge
        y = WIDTH - 12 if below else 12
        parts.append(svg_text(x, y, f"{word} {share.get(name, '')}", "corner", "end" if right else "start"))
    parts.append(svg_text(middle, 12, "high arousal", "tick", "middle"))
    parts.append(svg_text(middle, WIDTH - 12, "low arousal", "tick", "middle"))
    return svg(parts, WIDTH, title, WIDTH)


def _range(found: Distribution, value: str) -> str:
    if found.step is None:
        return value
    return f"{value} to {int(value) + found.step}" if found.name != "decade" else f"{value}s"


def _gathered(found: Distribution) -> list[tuple[int, int]]:
    counts = [(int(value), n) for value, n in found.counts]
    if len(counts) <= _MOST_COLUMNS:
        return counts
    middle = _median_place(counts)
    first = max(0, min(middle - _MOST_COLUMNS // 2, len(counts) - _MOST_COLUMNS))
    shown = counts[first : first + _MOST_COLUMNS]
    before, after = counts[:first], counts[first + _MOST_COLUMNS :]
    shown[0] = (shown[0][0], shown[0][1] + sum(n for _, n in before))
    shown[-1] = (shown[-1][0], shown[-1][1] + sum(n for _, n in after))
    return shown


def _median_place(counts: list[tuple[int, int]]) -> int:
    left = sum(n for _, n in counts) / 2
    for place, (_, n) in enumerate(counts):
        left -= n
        if left <= 0:
            return place
    return 0


def _sector(middle: float, inner: float, outer: float, begin: float, end: float) -> str:
    def at(radius: float, angle: float) -> str:
        return f"{middle + radius * math.cos(angle):.1f} {middle + radius * math.sin(angle):.1f}"

    return (
        f"M{at(inner, begin)} L{at(outer, begin)} A{outer} {outer} 0 0 1 {at(outer, end)} "
        f"L{at(inner, end)} A{inner} {inner} 0 0 0 {at(inner, begin)} Z"
    )
