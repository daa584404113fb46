"""Parts of Sideman's self-contained HTML pages: nothing is fetched, the colours follow the reader's light or dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from sideman.datasets.track import printable

_MOST_ROWS = 200
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(
    heading: str, title: str, subtitle: str, head: str, sections: Sequence[tuple[str, str, str]], *, style: str = ""
) -> str:
    """Return a page.

    Args:
        heading: above everything, plain text.
        title: of the browser's tab, plain text.
        subtitle: below the heading, plain text.
        head: HTML before the list of sections.
        sections: anchor, plain name and HTML of each; those without HTML are left out.
        style: more CSS.
    """
    css = resources.files("sideman.datasets").joinpath("report.css").read_text(encoding="utf-8") + style
    links = "".join(f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name, body in sections if body)
    bodies = "".join(f'<h2 id="{a}">{escape(name)}</h2>{body}' for a, name, body in sections if body)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe(title)}</title><style>{css}</style></head><body><main>"
        f'<h1>{safe(heading)}</h1><p class="soft">{safe(subtitle)}</p>'
        f"{head}<nav>{links}</nav>{bodies}</main></body></html>\n"
    )


def tile_row(tiles: Iterable[tuple[str, str, bool]]) -> str:
    """Return figures as tiles: value, what it is, whether it is a warning."""
    cells = "".join(
        f'<div class="tile{" warn" if warn else ""}"><b>{safe(value)}</b><span>{safe(name)}</span></div>'
        for value, name, warn in tiles
    )
    return f'<div class="tiles">{cells}</div>'


def side_by_side(chart: str, table: str) -> str:
    """Return a chart with its table beside it, below it on narrow screens."""
    return f'<div class="pair"><div>{chart}</div><div>{table}</div></div>'


def safe(text: object) -> str:
    """Return plain text as HTML, printable whatever bytes it came from."""
    return escape(printable(text))


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table, numbers to the right; empty for no rows, folded away beyond 200 rows."""
    listed = [[safe(cell) for cell in row] for row in rows]
    if not listed:
        return ""
    numeric = [all(_is_number(row[c]) for row in listed) for c in range(len(head))]
    kind = ['class="n"' if n else 'class="wrap"' for n in numeric]
    top = "".join(f"<th {k}>{safe(name)}</th>" for k, name in zip(kind, head, strict=True))
    body = ["".join(f"<td {k}>{cell}</td>" for k, cell in zip(kind, row, strict=True)) for row in listed]
    table = f'<div class="scroll"><table><tr>{top}</tr>{"".join(f"<tr>{row}</tr>" for row in body)}</table></div>'
    return table if len(listed) <= _MOST_ROWS else f"<details><summary>{len(listed):,} rows</summary>{table}</details>"


def _is_number(cell: str) -> bool:
    return not cell or cell.lstrip("+-").replace(".", "", 1).replace(",", "").rstrip("%").replace("e-", "").isdecimal()
