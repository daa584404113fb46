"""The page of an evaluation: well-formed, self-contained, with a table beside every plot, and loud about leaks."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from sideman.genre.compare import compare
from sideman.genre.evaluation import Curve
from sideman.genre.report import plots
from sideman.genre.report.page import render, render_comparison
from sideman.training.task import Epoch
from tests.genre.materials import evaluation, material

CURVES = tuple(
    Curve(f"fold {k}", 0, tuple(Epoch(e, 9, 2.0 / e, 0.1 * e, 0.5 * e) for e in range(1, 10))) for k in (1, 2)
)
_VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects tags, text and attributes, and holds every tag to be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def sections(text: str) -> dict[str, str]:
    """HTML of each section by its anchor."""
    found = re.split(r'<h2 id="(\w+)">', text)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_nothing_is_fetched() -> None:
    for text in (render(evaluation(curves=CURVES)), render_comparison(compare(evaluation(), evaluation()))):
        page = Page(text)
        assert not {"script", "link", "iframe", "object"} & set(page.tags)
        for name, value in page.attributes:
            if name in {"src", "href", "action", "data", "srcset"}:
                assert value.startswith("#")
        assert "http" not in re.sub(r'http-equiv="[^"]*"', "", text)
        assert "url(" not in text
        assert "@import" not in text
        assert "default-src 'none'" in text


def test_a_table_is_beside_every_plot() -> None:
    found = sections(render(evaluation(curves=CURVES)))
    plotted = {name for name, body in found.items() if "<svg" in body}
    assert plotted == {"genres", "confusion", "calibration", "risk", "training"}
    assert all("<table" in found[name] for name in plotted)


def test_the_main_figures_are_on_the_page() -> None:
    found = evaluation()
    told = found.figures()
    page = Page(render(found))
    for name in ("accuracy", "balanced_accuracy", "segment_accuracy", "macro_f1", "top_2"):
        assert f"{told[name]['mean']:.1%}" in page.text
    for seed in (0, 1, 2):
        assert f"seed {seed}" in page.text
    for word in ("logistic", "artists", "a, b", "1,234", "music", "multinomial logistic regression"):
        assert word in page.text


@pytest.mark.parametrize(
    ("protocol", "level", "headline"),
    [
        ("segments-random", "leaky", "these figures flatter"),
        ("tracks", "partly", "artists are not"),
        ("artists", "apart", "are kept apart"),
    ],
)
def test_the_band_says_how_far_to_believe_it(protocol: str, level: str, headline: str) -> None:
    found = evaluation(protocol=protocol)
    for text in (render(found), render_comparison(compare(found, found))):
        (band,) = re.findall(r'<div class="band (\w+)" role="note"><b>([^<]*)</b>', text)
        assert band[0] == level
        assert headline in band[1]
        for sentence in found.sentences():
            assert sentence in Page(text).text


def test_unknown_artists_get_no_green_band() -> None:
    text = render(evaluation(material(artists_of_two=False)))
    assert 'class="band partly"' in text
    assert "Artists are not known here" in text


def test_curves_are_drawn_only_where_there_are_any() -> None:
    assert "training" not in sections(render(evaluation()))
    drawn = sections(render(evaluation(curves=CURVES)))["training"]
    assert drawn.count("<polyline") == 4
    assert "fold 2" in drawn


def test_a_loss_that_ran_away_leaves_a_page() -> None:
    wild = Curve("fold 1", 0, (Epoch(1, 2, float("nan"), None, 0.1), Epoch(2, 2, float("inf"), None, 0.2)))
    assert "nan," not in render(evaluation(curves=(wild,)))


def test_hostile_names_are_only_text() -> None:
    genres = ("<script>alert(1)</script>", 'a"b & c', "🎷 very, very long name of a genre that goes on")
    for text in (
        render(evaluation(material(genres), notes=("<b>note</b>",), model="<i>m</i>")),
        render_comparison(compare(evaluation(material(genres)), evaluation(material(genres)))),
    ):
        page = Page(text)
        assert "script" not in page.tags
        assert "i" not in page.tags
        assert genres[0] in page.text
        assert genres[2] in page.text


def test_names_that_are_no_text_can_be_encoded() -> None:
    render(evaluation(material(("bad \udcff name", "good")), notes=("x \udcff",))).encode("utf-8")


@pytest.mark.parametrize("count", [2, 12, 13, 30])
def test_few_and_many_genres(count: int) -> None:
    found = evaluation(material([f"genre {i:02d}" for i in range(count)], per_genre=6, rows=2), seeds=(0,))
    confusion = sections(render(found))["confusion"]
    assert confusion.count('class="cell"') == count * count
    numbers = re.findall(r'<text class="(?:on|over)"[^>]*>([^<]+)</text>', confusion)
    assert sum(float(number) for number in numbers) == 6 * count


def test_a_comparison_lists_what_only_one_names_right() -> None:
    found = compare(evaluation(skill=0.3, model="knn"), evaluation(skill=3.0, noise=1, model="svm"))
    text = render_comparison(found)
    page = Page(text)
    assert found.verdict() in page.text
    second = sections(text)["second"]
    assert all(row.track in second for row in found.only_second)
    assert f"{100 * found.accuracy.difference:+.1f}" in page.text


# ---- plots


def test_short_names_fit_and_count_wide_characters_twice() -> None:
    assert plots.short("jazz") == "jazz"
    assert plots.short("x" * 18) == "x" * 18
    assert plots.short("x" * 19) == "x" * 17 + "…"
    assert plots.short("日本の音楽はとても長い名前").endswith("…")
    assert len(plots.short("日本の音楽はとても長い名前")) < len(plots.short("a" * 40))


def test_bars_end_where_their_share_is() -> None:
    drawn = plots.share_bars({"a": 0.5, "b": 1.0, "c": None}, [(0.4, 0.6), None, None], title="t")
    widths = [float(w) for w in re.findall(r'class="bar"[^>]*width="([\d.]+)"', drawn)]
    assert widths[0] * 2 == pytest.approx(widths[1])
    assert len(widths) == 2
    assert "none tested" in drawn


def test_confusion_colours_follow_the_rows_share() -> None:
    drawn = plots.confusion_map(np.array([[3.0, 1.0], [0.0, 0.0]]), ["a", "b"], title="t")
    depth = [float(d) for d in re.findall(r'fill-opacity="([\d.]+)"', drawn)]
    assert depth[0] > depth[1] > depth[2] == depth[3] == 0
    assert "a named b: 1 (25%)" in drawn
