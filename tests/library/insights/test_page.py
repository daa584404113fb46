"""The page is one safe file: nothing is fetched, nothing from a file runs, all is there without colour."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from sideman.library.insights.gather import gather
from sideman.library.insights.page import render
from sideman.library.schema import analyses, details, files
from tests.library.make import make_store

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028&\"'"


class Elements(HTMLParser):
    """All elements with their attributes, and the text of each script."""

    def __init__(self, text):
        super().__init__()
        self.found, self.scripts = [], []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data):
        if self._in_script:
            self.scripts[-1] += data


@pytest.fixture
def store(tmp_path):
    with make_store(tmp_path, n=60) as made:
        with made.write() as connection:
            evil = {"title": EVIL, "album": EVIL, "artist": EVIL, "tag_genre": EVIL + "; Jazz", "error": EVIL}
            connection.execute(files.update().where(files.c.id <= 20).values(tag_key="7A", tag_bpm=33.0, **evil))
            connection.execute(analyses.update().values(unsure=False))
        yield made


@pytest.fixture
def page(store):
    return render(gather(store, most_files=0), subtitle=EVIL)


def test_markup_in_tags_stays_text(page):
    elements = Elements(page)
    assert [tag for tag, _ in elements.found if tag in ("img", "iframe", "link", "object")] == []
    assert len(elements.scripts) == 2
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    shown = json.loads(elements.scripts[0])
    assert any("<script>" in title for title in shown["title"])  # there, whole, as text
    assert "<" not in elements.scripts[0]
    assert "\u2028" not in page.replace(EVIL, "").split("map-data")[1]


def test_only_our_script_may_run(page):
    elements = Elements(page)
    policy = next(a["content"] for _, a in elements.found if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(elements.scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy


def test_nothing_is_fetched(page):
    assert not re.search(r"https?://|url\(|@import|//[a-z]+\.", page)
    for _, attributes in Elements(page).found:
        assert not attributes.get("src")
        assert (attributes.get("href") or "#").startswith("#")


def test_the_script_never_sets_markup(page):
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", Elements(page).scripts[1])


def test_every_chart_has_its_numbers_and_a_name(page):
    elements = Elements(page).found
    charts = [a for tag, a in elements if tag == "svg"]
    assert len(charts) == 6
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)
    assert page.count("<summary>Numbers</summary>") == 6


def test_the_map_can_be_used_by_keyboard(page):
    elements = Elements(page).found
    plane = next(a for tag, a in elements if tag == "canvas")
    assert plane["tabindex"] == "0"
    assert plane["aria-label"]
    assert ":focus-visible" in page
    assert any(tag == "input" and a.get("type") == "search" for tag, a in elements)


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_and_marks_stand_out_in_light_and_dark(page):
    colours = [
        dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{[^}]*\}", page)
    ]
    light, dark = ({**colours[0], **colours[2]}, {**colours[1], **colours[3]})
    for theme in (light, dark):
        for text in ("ink", "soft", "hue", "warn"):
            for ground in ("paper", "panel"):
                assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground)
        assert contrast(theme["ink"], theme["hue-soft"]) >= 4.5
        for genre in range(10):
            assert contrast(theme[f"g{genre}"], theme["panel"]) >= 3, genre


def test_the_page_says_what_it_found(page):
    for words in ("Tags and ears disagree", "Equal audio", "Could not be read or heard: 20", "60</b>"):
        assert (words in page) is (words != "Equal audio")


def test_without_analyses_there_is_no_map_and_no_script(store):
    with store.write() as connection:
        connection.execute(analyses.delete())
        connection.execute(details.delete())
    assert Elements(render(gather(store))).scripts == []


@pytest.mark.slow
def test_ten_thousand_tracks_stay_below_5_mb(tmp_path):
    with make_store(tmp_path, n=10_000, artists=500) as store:
        with store.write() as connection:
            connection.execute(files.update().values(album="Ein langer Name für ein Album, wie er vorkommt " * 2))
        assert len(render(gather(store, most_files=0)).encode()) < 5e6
