"""The Library view in a real browser: search, player, map, playlists, tags, figures."""

import json
import re
import shutil
import sqlite3
import urllib.parse

import pytest
from playwright.sync_api import expect

from tests.library.sounds import write
from tests.web.browser import harness
from tests.web.browser.harness import check_axe, check_fits, shot

expect.set_options(timeout=20_000)  # a busy machine takes its time
TABS = ("tracks", "map", "playlists", "tags", "insights")


def search(page, text):
    page.get_by_role("searchbox", name="Search the library").fill(text)
    page.get_by_role("button", name="Search", exact=True).click()


def rows(page):
    return page.locator("main table tbody th[scope=row] button")


def titles(page):
    return rows(page).all_inner_texts()


def column(page, n):
    return page.locator(f"main table tbody td:nth-of-type({n})").all_inner_texts()


def address(page):
    return urllib.parse.parse_qs(page.url.partition("?")[2])


def unfold(where, title):
    where.locator("summary", has_text=title).click()


def settled(page):
    page.get_by_role("heading", level=1, name="Library").wait_for()
    page.wait_for_load_state("networkidle")


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
        unfold(page, "How to ask")
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

    def test_fits_a_phone(self, open_page):
        page = open_page("#/library?query=disco", width=360, dark=True)
        page.get_by_role("button", name="Play disco nights").click()
        page.get_by_role("region", name="Player").wait_for()
        shot(page, "library-player-360")
        check_fits(page)
        check_axe(page)


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


class TestMap:
    def test_is_walked_by_keyboard_and_opens_details(self, open_page):
        page = open_page("#/library?tab=map")
        plane = page.get_by_role("application")
        plane.focus()
        page.keyboard.press("ArrowRight")
        chosen = page.locator("main table tr[aria-current=true] th")
        expect(chosen).to_have_count(1)
        met = {chosen.inner_text()}
        for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "ArrowLeft"):
            page.keyboard.press(key)
            met.add(chosen.inner_text())
        assert len(met) >= 3
        told = chosen.inner_text()
        expect(page.get_by_role("tabpanel").get_by_role("status").filter(has_text=told)).to_be_visible()
        shot(page, "library-map-chosen")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=2, name=told)).to_be_focused()

    def test_draws_every_kind_with_a_shape_and_the_legend_takes_kinds_off(self, open_page):
        page = open_page("#/library?tab=map")
        expect(page.get_by_role("application", name=re.compile("Map of 14 tracks"))).to_be_visible()
        drawn = """() => {
            const canvas = document.querySelector('[role=application] canvas');
            const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return pixels.filter((value, i) => i % 4 === 3 && value > 0).length;
        }"""
        before = page.evaluate(drawn)
        assert before > 100
        page.get_by_role("group", name="Kinds on the map").get_by_role("button", name="classical").press("Space")
        expect(page.get_by_role("application", name=re.compile("Map of 5 tracks"))).to_be_visible()
        assert page.evaluate(drawn) < before
        assert "classical" not in column(page, 1)
        page.get_by_role("button", name="Show all").click()
        page.get_by_role("combobox", name="Colour and shape by").select_option(label="Mood")
        expect(
            page.get_by_role("group", name="Kinds on the map").get_by_role("button", name="sad, tired")
        ).to_be_visible()

    def test_zooms_and_is_dragged(self, open_page):
        page = open_page("#/library?tab=map")
        plane = page.get_by_role("application")
        plane.wait_for()
        picture = "() => document.querySelector('[role=application] canvas').toDataURL()"
        whole = page.evaluate(picture)
        for _ in range(3):
            page.get_by_role("button", name="Zoom in").click()
        near = page.evaluate(picture)
        assert near != whole
        box = plane.bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 200)
        page.mouse.down()
        page.mouse.move(box["x"] + 120, box["y"] + 150, steps=4)
        page.mouse.up()
        assert page.evaluate(picture) != near
        page.get_by_role("button", name="Whole map").click()
        page.mouse.move(0, 0)
        assert page.evaluate(picture) == whole


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
        draw = made.get_by_role("spinbutton", name="Number of the draw")
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


def test_tags_are_shown_written_and_taken_back_scans_find_files_and_words_count(open_page, own_server):
    """One server and one visit: each step needs what the one before has left."""
    from sideman.library.tags.read import read_tags

    server = own_server()
    music = server.database.parent / "music"
    reggae = music / "one drop.opus"
    bytes_before = reggae.read_bytes()
    page = open_page("#/library?tab=tags", at=server)

    page.get_by_role("searchbox", name=re.compile("Of the tracks")).fill("genre:reggae")
    page.get_by_role("checkbox", name="Mood").uncheck()
    page.get_by_role("button", name="Show changes").click()
    plan = page.get_by_role("table", name="What would change")
    expect(plan.get_by_role("row", name=re.compile("one drop"))).to_contain_text("becomes Reggae")
    expect(plan.get_by_role("columnheader", name="Mood")).to_have_count(0)
    assert reggae.read_bytes() == bytes_before, "a plan writes nothing"
    shot(page, "library-tags-plan")
    check_axe(page)
    page.get_by_role("button", name="Write the tags").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert reggae.read_bytes() == bytes_before
    page.get_by_role("button", name="Write the tags").click()
    check_axe(page)
    page.get_by_role("dialog").get_by_role("button", name="Write the tags").click()
    expect(page.get_by_text("1 file written.")).to_be_visible()
    assert read_tags(reggae).fields["genre"] == ["Reggae"]
    history = page.get_by_role("table", name="Written so far")
    expect(history.get_by_role("row")).to_have_count(2)

    history.get_by_role("button", name="Undo 1…").click()
    undo = page.get_by_role("table", name="Undo of 1")
    expect(undo.get_by_role("row", name=re.compile("one drop"))).to_contain_text("was Reggae")
    page.get_by_role("button", name="Take them back").click()
    page.get_by_role("dialog").get_by_role("button", name="Take them back").click()
    expect(page.get_by_text("1 file restored.")).to_be_visible()
    assert not read_tags(reggae).fields.get("genre")
    expect(history.get_by_role("row")).to_have_count(3)
    shot(page, "library-tags-undone")
    check_axe(page)

    page.get_by_role("tab", name="Tracks").click()
    expect(page.get_by_text("14 in all")).to_be_visible()
    write(music / "new one.flac", seed=77)
    page.get_by_role("button", name="Scan for changes").click()
    expect(page.get_by_text("15 in all")).to_be_visible()
    expect(page.get_by_role("button", name="new one", exact=True)).to_be_visible()

    page.get_by_role("button", name="new one", exact=True).click()
    details = page.get_by_role("region", name="new one")
    details.get_by_role("button", name="Like").click()
    expect(details.get_by_text("Kept: more like this.")).to_be_visible()
    details.get_by_role("button", name="Correct…").click()
    details.get_by_role("combobox", name="Genre").fill("jazz")
    details.get_by_role("combobox", name="Mood").select_option("calm")
    details.get_by_role("button", name="Save").click()
    expect(details.get_by_text("Kept: your word counts.")).to_be_visible()
    said = page.evaluate("async () => (await fetch('/api/v1/feedback')).json()")
    assert {"like", "correct"} <= {re.search(r'"kind": ?"(\w+)"', json.dumps(one))[1] for one in said}


class TestInsights:
    def test_bars_are_tables_whose_names_lead_to_the_tracks(self, open_page):
        page = open_page("#/library?tab=insights&query=song")
        table = page.get_by_role("table", name="Genre", exact=True)
        count = int(table.get_by_role("row", name=re.compile("classical")).get_by_role("cell").inner_text())
        table.get_by_role("button", name="classical").click()
        expect(page.get_by_text(f"{count} found")).to_be_visible()
        assert address(page)["query"] == ["song genre:classical"]

    def test_tells_of_faults_and_twins(self, open_page):
        page = open_page("#/library?tab=insights")
        unfold(page, "At full scale")
        table = page.get_by_role("table", name="At full scale")
        table.get_by_role("button").first.click()
        expect(page.get_by_role("heading", level=2).first).to_be_focused()
