"""The player, which is there in every view, and the playlists that it plays."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.web.browser.harness import check_axe, check_fits, shot
from tests.web.browser.library_page import settled, titles

expect.set_options(timeout=20_000)  # a busy machine takes its time


class TestPlayer:
    @pytest.fixture
    def playing(self, open_page):
        page = open_page("#/library?sort=path%2B")
        settled(page)
        page.get_by_role("button", name="Play blues shuffle in E").click()
        page.get_by_role("region", name="Player").wait_for()
        return page

    def test_plays_pauses_goes_on_and_back(self, playing):
        bar = playing.get_by_role("region", name="Player")
        expect(bar).to_contain_text("blues shuffle in E")
        position = bar.get_by_role("slider", name="Position")
        playing.wait_for_function("() => Number(document.querySelector('.player-bar input').value) > 0.3")
        bar.get_by_role("button", name="Pause").press("Enter")
        expect(bar.get_by_role("button", name="Play", exact=True)).to_be_visible()
        stopped = position.input_value()
        playing.wait_for_timeout(400)
        assert position.input_value() == stopped
        bar.get_by_role("button", name="Next track").press("Enter")
        expect(bar).to_contain_text("boom bap")
        bar.get_by_role("button", name="Previous track").click()
        expect(bar).to_contain_text("blues shuffle in E")

    def test_is_sought_and_turned_down_by_keyboard(self, playing):
        bar = playing.get_by_role("region", name="Player")
        playing.wait_for_function("() => Number(document.querySelector('.player-bar input').value) > 0.1")
        bar.get_by_role("button", name="Pause").click()
        position = bar.get_by_role("slider", name="Position")
        position.focus()
        for _ in range(5):
            playing.keyboard.press("ArrowRight")
        assert 4 <= float(position.input_value()) <= 8
        assert re.fullmatch(r"0:0\d of 0:15", position.get_attribute("aria-valuetext"))
        volume = bar.get_by_role("slider", name="Volume")
        volume.focus()
        playing.keyboard.press("Home")
        assert volume.get_attribute("aria-valuetext") == "0%"
        playing.keyboard.press("ArrowRight")
        assert volume.get_attribute("aria-valuetext") == "5%"

    def test_tells_the_system_what_plays_and_stays_over_the_views(self, playing):
        metadata = "() => navigator.mediaSession.metadata && navigator.mediaSession.metadata.title"
        assert playing.evaluate(metadata) == "blues shuffle in E"
        playing.get_by_role("link", name="Lab").click()
        playing.get_by_role("heading", level=1, name="Lab").wait_for()
        bar = playing.get_by_role("region", name="Player")
        expect(bar).to_contain_text("blues shuffle in E")
        check_axe(playing)
        bar.get_by_role("button", name="Close the player").click()
        expect(bar).to_have_count(0)

    def test_says_so_where_the_browser_cannot_play_a_format(self, open_page):
        page = open_page("#/library?query=format:aiff")
        page.get_by_role("button", name="Play song 4").click()
        bar = page.get_by_role("region", name="Player")
        expect(bar.get_by_role("alert")).to_contain_text("song 4: this browser cannot play")
        expect(bar.get_by_role("button", name="Play", exact=True)).to_be_visible()

    def test_fits_a_phone(self, open_page):
        page = open_page("#/library?query=disco", width=360, dark=True)
        page.get_by_role("button", name="Play disco nights").click()
        page.get_by_role("region", name="Player").wait_for()
        shot(page, "library-player-360")
        check_fits(page)
        check_axe(page)


class TestPlaylists:
    @pytest.fixture
    def made(self, open_page):
        page = open_page("#/library?tab=playlists")
        expect(page.get_by_role("button", name="Make it")).to_be_disabled()
        page.get_by_role("searchbox", name="From the tracks of this search").fill("song")
        page.get_by_role("radio", name="Songs").check()
        page.get_by_role("spinbutton", name="Songs", exact=True).fill("5")
        page.get_by_role("button", name="Make it").click()
        expect(page.locator("main table tbody th")).to_have_count(5)
        return page

    def test_rows_move_and_leave_by_keyboard(self, made):
        first, second, *rest = titles(made)
        made.get_by_role("button", name=f"Move {first} down").press("Enter")
        assert titles(made) == [second, first, *rest]
        expect(made.get_by_role("button", name=f"Move {first} down")).to_be_focused()
        expect(made.get_by_role("status").filter(has_text=f"{first} is now 2 of 5")).to_have_count(1)
        made.keyboard.press("Enter")
        assert titles(made) == [second, rest[0], first, *rest[1:]]
        made.get_by_role("button", name=f"Take {first} out").press("Enter")
        assert titles(made) == [second, *rest]
        shot(made, "library-playlist")
        check_axe(made)

    def test_is_saved_in_the_order_that_is_shown(self, made):
        made.get_by_role("textbox", name="Name").fill("An evening: out")
        last = titles(made)[-1]
        made.get_by_role("button", name=f"Move {last} up").click()
        order = titles(made)
        with made.expect_download() as download:
            made.get_by_role("button", name=".m3u8").click()
        assert download.value.suggested_filename == "An evening out.m3u8"
        lines = download.value.path().read_text("utf-8").splitlines()
        paths = [line for line in lines if line and not line.startswith("#")]
        assert [re.sub(r".*/|\.\w+$", "", path) for path in paths] == order
        with made.expect_download() as download:
            made.get_by_role("button", name=".nsp").click()
        rule = json.loads(download.value.path().read_text("utf-8"))
        assert rule["limit"] == 5

    def test_another_draw_and_playing_it(self, made):
        before = titles(made)
        draw = made.get_by_role("spinbutton", name="Seed")
        for _ in range(4):  # the draws are few: one may bring the same order
            made.get_by_role("button", name="Another one").click()
            expect(made.get_by_role("button", name="Another one")).to_be_enabled()
            if titles(made) != before:
                break
        assert titles(made) != before
        assert int(draw.input_value()) >= 1
        made.get_by_role("button", name="Play all").click()
        expect(made.get_by_role("region", name="Player")).to_contain_text(titles(made)[0])

    def test_goes_along_moods_from_a_track(self, open_page):
        page = open_page("#/library?tab=playlists")
        begin = page.get_by_role("group", name="Begin with")
        begin.get_by_role("searchbox").fill("one drop")
        expect(begin.get_by_role("combobox")).to_contain_text("one drop")
        page.get_by_role("combobox", name="Mood 1").select_option("calm")
        page.get_by_role("combobox", name="Mood 2").select_option("energetic")
        page.get_by_role("spinbutton", name="Minutes").fill("1")
        page.get_by_role("button", name="Make it").click()
        expect(page.get_by_role("textbox", name="Name")).to_have_value(re.compile("."))
        asked = next(one for one in page.watch.requests if one.url.endswith("/library/playlists"))
        assert json.loads(asked.post_data)["mood"] == "calm->energetic"
        assert titles(page)[0] == "one drop"
