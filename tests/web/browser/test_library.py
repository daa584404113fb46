"""The Library view in a real browser: its tabs, searching, and one track."""

import re
import shutil
import sqlite3

import pytest
from playwright.sync_api import expect

from tests.web.browser import harness
from tests.web.browser.harness import check_axe, check_fits, shot
from tests.web.browser.library_page import address, column, rows, search, settled, titles, unfold

expect.set_options(timeout=20_000)  # a busy machine takes its time
TABS = ("tracks", "map", "playlists", "tags", "insights")


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize(("width", "dark"), [(360, True), (1280, False)])
def test_every_tab_fits_the_window_and_axe_finds_no_fault(open_page, tab, width, dark):
    page = open_page(f"#/library?tab={tab}", width=width, dark=dark)
    settled(page)
    shot(page, f"library-{tab}-{width}")
    check_fits(page)
    check_axe(page)


def test_an_empty_library_says_how_to_make_one(open_page, own_server):
    page = open_page("#/library", at=own_server(empty=True))
    page.watch.expect("404")
    expect(page.get_by_text("sideman scan FOLDER")).to_be_visible()
    check_axe(page)


class TestTabs:
    def test_arrows_move_enter_opens_and_the_address_keeps_it(self, open_page):
        page = open_page("#/library")
        page.get_by_role("tab", name="Tracks").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="Map")).to_be_focused()
        expect(page.get_by_role("tab", name="Tracks")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        expect(page.get_by_role("tabpanel", name="Insights")).to_be_visible()
        assert address(page)["tab"] == ["insights"]
        page.go_back()
        expect(page.get_by_role("tab", name="Tracks")).to_have_attribute("aria-selected", "true")

    def test_only_the_open_tab_is_a_stop_of_the_tab_key(self, open_page):
        page = open_page("#/library?tab=tags")
        stops = page.get_by_role("tab").evaluate_all("tabs => tabs.map(tab => tab.tabIndex)")
        assert sorted(stops) == [-1, -1, -1, -1, 0]


class TestSearching:
    def test_a_query_finds_is_counted_and_kept_in_the_address(self, open_page):
        page = open_page("#/library")
        expect(page.get_by_text("14 in all")).to_be_visible()
        search(page, "path:made song")
        expect(page.get_by_text("8 found")).to_be_visible()
        assert all(title.startswith("song") for title in titles(page))
        assert address(page)["query"] == ["path:made song"]
        page.go_back()
        expect(page.get_by_text("14 in all")).to_be_visible()

    def test_an_address_with_a_query_is_a_link_to_what_it_finds(self, open_page):
        page = open_page("#/library?query=disco%20nights")
        expect(page.get_by_role("searchbox", name="Search the library")).to_have_value("disco nights")
        expect(page.get_by_role("button", name="disco nights", exact=True)).to_be_visible()
        assert titles(page) == ["disco nights"]

    def test_what_is_wrong_with_a_query_is_told_in_the_servers_words(self, open_page):
        page = open_page("#/library")
        page.watch.expect("422")
        search(page, "bpm:fast")
        box = page.get_by_role("searchbox", name="Search the library")
        expect(page.get_by_role("alert")).to_contain_text("bpm:fast: is not a number")
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(box).to_have_accessible_description(re.compile("is not a number"))
        page.get_by_role("button", name="Clear").click()
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.get_by_text("14 in all")).to_be_visible()

    def test_a_term_of_the_help_is_added(self, open_page):
        page = open_page("#/library?query=song")
        unfold(page, "How to search")
        page.get_by_role("button", name="bpm:90..110").click()
        page.wait_for_url("**bpm**")
        assert address(page)["query"] == ["song bpm:90..110"]

    def test_headers_sort_and_say_which_way(self, open_page):
        page = open_page("#/library")
        settled(page)
        lengths = page.locator("main table tbody td:nth-of-type(8)")
        header = page.get_by_role("columnheader", name="Length")
        header.get_by_role("button").click()
        expect(header).to_have_attribute("aria-sort", "ascending")
        expect(lengths.last).to_have_text("0:15")
        rising = lengths.all_inner_texts()
        assert rising == sorted(rising)
        header.get_by_role("button").press("Enter")
        expect(header).to_have_attribute("aria-sort", "descending")
        expect(lengths.first).to_have_text("0:15")
        assert lengths.all_inner_texts() == rising[::-1]
        assert address(page)["sort"] == ["length-"]

    def test_filters_are_terms_of_the_query(self, open_page):
        page = open_page("#/library")
        unfold(page, "Filters")
        page.get_by_role("group", name="Genre").get_by_role("button", name="classical").press("Space")
        page.wait_for_url("**query=genre**")
        chip = page.get_by_role("group", name="Genre").get_by_role("button", name="classical")
        expect(chip).to_have_attribute("aria-pressed", "true")
        page.get_by_role("group", name="Genre").get_by_role("button", name="reggae").click()
        page.wait_for_url("**reggae**")
        assert address(page)["query"] == ["genre:classical|reggae"]
        expect(rows(page).get_by_text("disco nights")).to_have_count(0)
        expect(rows(page).get_by_text("one drop")).to_be_visible()  # the first chip's answer has been replaced
        assert {re.sub(r" .*", "", cell) for cell in column(page, 4)} == {"classical", "reggae"}
        chip.click()
        expect(page.get_by_role("searchbox", name="Search the library")).to_have_value("genre:reggae")
        expect(rows(page)).to_have_text(["one drop"])


def test_a_hundred_thousand_tracks_are_paged(tmp_path, library, open_page):
    big = tmp_path / "library.db"
    shutil.copy(library, big)
    names = "size, mtime_ns, audio_hash, container, added_at, n_path"
    with sqlite3.connect(big) as database:
        database.execute(
            f"WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 7200) "
            f"INSERT INTO files (path, title, n_title, {names}) "
            f"SELECT path || '.' || n, 'copy ' || n, 'copy ' || n, {names} FROM files, k"
        )
    server = harness.Server(tmp_path / "server", database=big)
    try:
        page = open_page("#/library", at=server)
        expect(page.get_by_text("100,814 in all")).to_be_visible()
        assert len(titles(page)) == 50
        page.get_by_role("spinbutton", name="Page").fill("2017")
        page.keyboard.press("Enter")
        expect(page.get_by_role("table", name="Tracks, page 2017 of 2017")).to_be_visible()
        assert len(titles(page)) == 100_814 % 50
        expect(page.get_by_role("button", name="Next page")).to_be_disabled()
        search(page, "copy")
        expect(page.get_by_role("table", name="Tracks, page 1 of 2016")).to_be_visible()
    finally:
        server.close()


class TestDetails:
    def test_open_by_keyboard_and_give_the_focus_back(self, open_page):
        page = open_page("#/library")
        settled(page)
        opener = page.get_by_role("button", name="disco nights", exact=True)
        opener.press("Enter")
        expect(page.get_by_role("heading", level=2, name="disco nights")).to_be_focused()
        assert "track" in address(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", level=2, name="disco nights")).to_have_count(0)
        expect(opener).to_be_focused()

    def test_tell_tags_and_what_was_heard_and_what_sounds_like_it(self, open_page):
        page = open_page("#/library?query=disco")
        page.get_by_role("button", name="disco nights", exact=True).click()
        details = page.get_by_role("region", name="disco nights")
        expect(
            details.get_by_role("table", name="Genre probabilities").get_by_role("row", name=re.compile("disco"))
        ).to_be_visible()
        shares = details.get_by_role("table", name="Genre probabilities").locator("td").all_inner_texts()
        assert 99 <= sum(int(share.strip("%")) for share in shares) <= 101 + len(shares) // 2
        expect(details.get_by_role("definition").filter(has_text=re.compile(r"1[12]\d\.\d bpm"))).to_be_visible()
        expect(details.get_by_role("table", name="Sounds like it").get_by_role("row")).to_have_count(11)
        unfold(details, "Tags in the file")
        expect(details.get_by_text(re.compile(r"disco nights\.mp3"))).to_be_visible()
        expect(details.get_by_role("link", name="Look closely")).to_have_attribute(
            "href", re.compile(r"#/listen\?track=\d+")
        )
        shot(page, "library-details")
        check_axe(page)

    def test_find_a_path_to_another_track(self, open_page):
        page = open_page("#/library?query=disco")
        page.get_by_role("button", name="disco nights", exact=True).click()
        details = page.get_by_role("region", name="disco nights")
        unfold(details, "A path from here")
        to = details.get_by_role("group", name="To")
        to.get_by_role("searchbox").fill("one drop")
        expect(to.get_by_role("combobox")).to_contain_text("one drop")
        details.get_by_role("spinbutton", name="Tracks").fill("4")
        details.get_by_role("button", name="Find a path").click()
        path = details.get_by_role("table", name="The path").locator("tbody th")
        expect(path).to_have_count(4)
        assert path.first.inner_text().startswith("disco nights")
        assert path.last.inner_text().startswith("one drop")


def test_searching_once_more_asks_once_more_when_the_server_was_away(open_page):
    page = open_page("#/library")
    page.watch.expect("ERR_FAILED")
    settled(page)
    page.route("**/library/tracks?*", lambda route: route.abort())
    search(page, "bells")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    page.unroute("**/library/tracks?*")
    search(page, "bells")
    expect(page.get_by_text("No track answers this search")).to_be_visible()


@pytest.mark.parametrize(
    ("tab", "does", "made"),
    [("playlists", "Make it", "genre:classical"), ("tags", "Show changes", "What would change")],
)
def test_a_button_that_works_keeps_the_focus(open_page, tab, does, made):
    page = open_page(f"#/library?tab={tab}")
    page.get_by_role("searchbox", name=re.compile("of this search")).fill("genre:classical")
    button = page.get_by_role("button", name=does)
    button.press("Enter")
    expect(page.get_by_role("table", name=made)).to_be_visible()
    expect(page.get_by_role("button", name=does)).to_be_focused()
