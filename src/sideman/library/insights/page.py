"""The report as one self-contained page: nothing is fetched, and no script runs but ours."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from sideman.datasets.pages import html_table, safe, tile_row
from sideman.library.insights import charts
from sideman.library.insights.disagreements import Disagreement
from sideman.library.insights.faults import FULL_SCALE_DB, QUIET_LUFS
from sideman.library.insights.gather import Insights
from sideman.library.insights.mapdata import map_json
from sideman.library.keys import camelot, parse_key
from sideman.library.track import Track
from sideman.mood.names import QUADRANT_WORDS

MOST_ROWS = 300
"""Rows of a table; `sideman insights --json` gives all."""
_HEADINGS = {"genre": "Genre", "tempo": "Tempo", "key": "Key"}


def render(found: Insights, *, subtitle: str = "") -> str:
    """Return the page.

    Args:
        found: what it tells.
        subtitle: below the heading, plain text, such as the query.
    """
    sections = [
        ("spread", "What there is", _spread(found)),
        ("map", "Map", _map(found)),
        ("disagreements", "Tags and ears disagree", _disagreements(found)),
        ("duplicates", "Duplicates", _duplicates(found)),
        ("faults", "Faults", _faults(found)),
    ]
    script = _resource("map.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    data = f'<script id="map-data" type="application/json">{map_json(found.map)}</script>'
    live = f"{data}<script>{script}</script>" if found.map.tracks else ""
    css = resources.files("sideman.datasets").joinpath("report.css").read_text(encoding="utf-8")
    links = "".join(f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name, _ in sections)
    bodies = "".join(f'<h2 id="{anchor}">{escape(name)}</h2>{body}' for anchor, name, body in sections)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Music library: insights</title><style>{css}{_resource('insights.css')}</style></head><body><main>"
        f'<h1>Your library</h1><p class="soft">{safe(subtitle)}</p>{_tiles(found)}<nav>{links}</nav>{bodies}'
        f"{live}</main></body></html>\n"
    )


def _tiles(found: Insights) -> str:
    totals = found.totals()
    shown = [
        (f"{totals['tracks']:,}", "tracks", False),
        (f"{totals['artists']:,}", "artists", False),
        (f"{totals['albums']:,}", "albums", False),
        (f"{totals['hours']:,.0f}" if totals["hours"] >= 10 else f"{totals['hours']:.1f}", "hours", False),
        (f"{sum(map(len, found.disagreements.values())):,}", "disagreements of tags and ears", False),
        (f"{len(found.faults.unreadable):,}", "files with errors", bool(found.faults.unreadable)),
    ]
    if found.missing:
        shown.append((f"{found.missing:,}", "files not found by the last scan", True))
    return tile_row(shown)


def _spread(found: Insights) -> str:
    of = found.distributions
    unsure = int(found.totals()["unsure"])
    note = f"The ear is unsure of {unsure:,} of them; they are counted by their likeliest genre." if unsure else ""
    words = {name: f"{name}: {word}" for name, word in QUADRANT_WORDS.items()}
    keys = {place: f"{place}, {parse_key(place)}" for place, _ in of["key"].counts}
    figures = [
        charts.figure(
            "Genre", charts.bars(of["genre"], "Tracks by genre"), charts.numbers(of["genre"], "genre", {}), note
        ),
        charts.figure(
            "Mood",
            charts.mood_plane(found.moods, of["quadrant"], "Tracks on the plane of valence and arousal"),
            charts.numbers(of["quadrant"], "quarter", words) + charts.numbers(of["mood"], "mood", {}),
            "Pleasant to the right, excited above. The area of a disc is the number of tracks at its place.",
        ),
        charts.figure(
            "Tempo",
            charts.histogram(of["tempo"], "Tracks by tempo", "bpm"),
            charts.numbers(of["tempo"], "bpm"),
            "A tempo may be heard at half or double what you would tap.",
        ),
        charts.figure(
            "Key",
            charts.wheel(of["key"], "Tracks by key on Camelot's wheel"),
            charts.numbers(of["key"], "key", keys),
            "Camelot's wheel: neighbours mix well. Stronger shade, more tracks.",
        ),
        charts.figure(
            "Decade", charts.histogram(of["decade"], "Tracks by decade", "year"), charts.numbers(of["decade"], "decade")
        ),
        charts.figure(
            "Loudness",
            charts.histogram(of["loudness"], "Tracks by integrated loudness", "LUFS"),
            charts.numbers(of["loudness"], "LUFS"),
            "Integrated loudness (EBU R128). Streaming services play at about -14, ReplayGain at -18.",
        ),
    ]
    return f'<div class="grid2">{"".join(figures)}</div>'


def _map(found: Insights) -> str:
    shown = found.map
    if not shown.tracks:
        return "<p>No track was analysed yet.</p>"
    sample = (
        f" A sample of {len(shown.tracks):,} of {shown.total:,} is shown." if shown.total > len(shown.tracks) else ""
    )
    kept, plane = shown.kept
    return (
        "<p>Each mark is a track; what lies close together sounds alike. Choose one with the mouse, in the table, or "
        "with the arrow keys once the map has the focus; + and - zoom, 0 shows the whole, Escape lets go."
        f"{sample}</p>"
        f'<p class="soft">Of the ten nearest in sound, {kept:.0%} are among the ten nearest here '
        f"({plane:.0%} on the plane of two principal components). Trust what is close, and not the distances between "
        "far groups.</p>"
        '<noscript><p class="note">The map needs JavaScript; everything else on this page does not.</p></noscript>'
        f'<div id="map-live" hidden>{_MAP_PARTS}</div>'
    )


_MAP_PARTS = (
    '<div class="legend" id="legend" role="group" aria-label="Genres shown"></div><div class="map"><div>'
    '<div class="plane"><canvas id="plane" tabindex="0" role="application" '
    'aria-label="Map of the library. Arrow keys move from track to track." aria-describedby="told"></canvas></div>'
    '<div class="tools"><button type="button" id="in">Zoom in</button><button type="button" id="out">Zoom out</button>'
    '<button type="button" id="whole">Whole map</button></div></div>'
    '<div><div class="told" id="told" aria-live="polite"></div>'
    '<div class="tools"><label>Search title, artist, album, genre, folder'
    '<input type="search" id="search" autocomplete="off"></label></div>'
    '<p class="soft" id="found" aria-live="polite"></p><div class="rows" id="table" tabindex="0" role="region" '
    'aria-label="Tracks on the map"><table><thead><tr><th>track</th><th>genre</th><th class="n">bpm</th><th>key</th>'
    '</tr></thead><tbody id="rows"></tbody></table></div>'
    '<button type="button" id="more" hidden>Show more</button></div></div>'
)


def _disagreements(found: Insights) -> str:
    if not any(found.disagreements.values()):
        return "<p>None: every tag that can be compared agrees with what is heard.</p>"
    parts = [
        "<p>The ear is not always right: the surest come first, and each is a question, not a verdict. A tempo agrees "
        "within 4 %, at half or at double; a genre where it names one of the ten that are known.</p>"
    ]
    for field, some in found.disagreements.items():
        if some:
            head = ("track", "tag", "heard", "confidence", "", "file")
            table = html_table(head, (_disagreement(d) for d in some[:MOST_ROWS]))
            parts.append(_folded(f"{_HEADINGS[field]}: {len(some):,}", table, len(some), is_open=len(some) <= 20))
    return "".join(parts)


def _disagreement(one: Disagreement) -> Sequence[object]:
    heard = f"{one.heard} ({camelot(one.heard)})" if one.field == "key" else one.heard
    return one.track.label, one.tagged, heard, f"{one.confidence:.0%}", one.note, one.track.path


def _duplicates(found: Insights) -> str:
    if not found.equal and not found.alike:
        return "<p>None were found.</p>"
    parts = []
    if found.equal:
        rows = ((g.label, str(len(group)), g.path) for group in found.equal for g in group)
        table = html_table(("track", "copies", "file"), list(rows)[:MOST_ROWS])
        files = sum(map(len, found.equal))
        parts.append(_folded(f"Equal audio: {len(found.equal):,} recordings in {files:,} files", table, files))
    if found.alike:
        said = {True: "the same recording", False: "another recording", None: "not compared"}
        rows2 = ((p.first.label, p.first.path, p.second.path, f"{p.cosine:.4f}", said[p.same]) for p in found.alike)
        table = html_table(("track", "one file", "other file", "cosine", "fingerprint"), list(rows2)[:MOST_ROWS])
        name = f"Sounds the same and is equally long: {len(found.alike):,} pairs"
        parts.append(_folded(name, table, len(found.alike)))
    return "".join(parts)


def _faults(found: Insights) -> str:
    faults = found.faults
    parts = []
    if faults.unreadable:
        table = html_table(("file", "what is wrong"), ((t.path, t.error) for t in faults.unreadable[:MOST_ROWS]))
        parts.append(_folded(f"Could not be read or heard: {len(faults.unreadable):,}", table, len(faults.unreadable)))
    for name, some in (
        ("Silent", faults.silent),
        (f"Very quiet, below {QUIET_LUFS:g} LUFS", faults.quiet),
        (f"Peak at full scale ({FULL_SCALE_DB:g} dBFS or more), may be clipped; loudest first", faults.full_scale),
    ):
        if some:
            parts.append(_folded(f"{name}: {len(some):,}", _levels(some), len(some), is_open=False))
    return "".join(parts) or "<p>None were found.</p>"


def _levels(some: Iterable[Track]) -> str:
    head = ("track", "loudness, LUFS", "peak, dBFS", "file")
    rows = ((t.label, _number(t.loudness_lufs), _number(t.peak_db), t.path) for t in some)
    return html_table(head, list(rows)[:MOST_ROWS])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _folded(name: str, table: str, rows: int, *, is_open: bool = True) -> str:
    more = f'<p class="soft">The first {MOST_ROWS} of {rows:,}; --json gives all.</p>' if rows > MOST_ROWS else ""
    shown = " open" if is_open and rows <= 20 else ""
    return f'<details class="wide"{shown}><summary>{safe(name)}</summary>{table}{more}</details>'


def _resource(name: str) -> str:
    return resources.files("sideman.library.insights").joinpath(name).read_text(encoding="utf-8")
