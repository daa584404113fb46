"""The sections of a comparison's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sideman.datasets.pages import html_table, safe, side_by_side, tile_row
from sideman.genre.report import plots

if TYPE_CHECKING:
    from sideman.genre.compare import Apiece, Comparison


def head(found: Comparison) -> str:
    """Return verdict, warnings and main figures."""
    warnings = "".join(f'<p class="note">{safe(warning)}</p>' for warning in found.warnings)
    tiles = tile_row(
        [
            (f"{found.accuracy.first:.1%}", f"accuracy of {plots.short(found.first, 40)}", False),
            (f"{found.accuracy.second:.1%}", f"accuracy of {plots.short(found.second, 40)}", False),
            (f"{100 * found.accuracy.difference:+.1f}", "points of difference", False),
            (f"{found.p:.2g}", "p, exact McNemar", False),
            (f"{found.tested:.0f}", "recordings tested", False),
        ]
    )
    return f'<p class="verdict"><b>{safe(found.verdict())}</b></p>{warnings}{tiles}'


def difference(found: Comparison) -> str:
    """Return figures of both with intervals, and the test per seed."""
    rows = [
        (
            title,
            f"{part.first:.1%}",
            f"{part.second:.1%}",
            f"{100 * part.difference:+.1f}",
            f"{100 * part.interval[0]:+.1f} to {100 * part.interval[1]:+.1f}",
        )
        for title, part in (("Accuracy", found.accuracy), ("Balanced accuracy", found.balanced_accuracy))
    ]
    tests = [
        (f"seed {seed}", test.only_first, test.only_second, f"{test.p:.3g}")
        for seed, test in zip(found.seeds, found.per_seed, strict=True)
    ]
    joint = found.all_seeds
    if len(tests) > 1:
        tests.append(("all seeds' mean answers", joint.only_first, joint.only_second, f"{joint.p:.3g}"))
    named = (f"Only {found.first} right", f"Only {found.second} right")
    said = (
        "Points are hundredths. Intervals are 95 %, from a bootstrap that draws whole groups of what belongs together. "
        "The exact McNemar test looks at recordings that only one of the two names right: were both equally good, each "
        "would be alone as often."
    )
    return (
        f"<p>{said}</p>{html_table(('Figure', found.first, found.second, 'Points', '95 % interval'), rows)}"
        f"<h3 style='margin-top:24px'>Exact McNemar test</h3>{html_table(('', *named, 'p'), tests)}"
    )


def genres(found: Comparison) -> str:
    """Return recall by genre of both."""
    chart = plots.dumbbells([(row.genre, row.first, row.second) for row in found.genres], title="Recall by genre")
    rows = [
        (
            row.genre,
            f"{row.tested:.0f}",
            "" if row.first is None else f"{row.first:.1%}",
            "" if row.second is None else f"{row.second:.1%}",
            "" if row.first is None or row.second is None else f"{100 * (row.second - row.first):+.1f}",
        )
        for row in found.genres
    ]
    table = html_table(("Genre", "Tested", found.first, found.second, "Points"), rows)
    keys = f'<span class="key first"></span>{safe(found.first)}<span class="key second"></span>{safe(found.second)}'
    return f"<p>Recall by genre: {keys}</p>{side_by_side(chart, table)}"


def apiece(found: Comparison, listed: Sequence[Apiece]) -> str:
    """Return the recordings that one alone names right."""
    rows = [(row.track, row.genre, row.first, row.second) for row in listed]
    table = html_table(("Recording", "Genre", found.first, found.second), rows)
    if not table:
        return "<p>None.</p>"
    return f"<details><summary>{len(rows):,} recordings, by the seeds' mean answers</summary>{table}</details>"
