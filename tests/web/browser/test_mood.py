"""Music for a mood that is chosen by hand: by word or on the plane."""

import re

import pytest

from tests.web.browser.harness import shot
from tests.web.browser.mood_stage import button, find, plane, word

expect = pytest.importorskip("playwright.sync_api").expect


def test_a_word_or_a_synonym_sets_the_point_and_an_unknown_word_is_told(page):
    page.goto("/#/mood")
    word(page).fill("calm")
    expect(plane(page)).to_have_attribute("aria-valuetext", "valence 0.50, arousal -0.70: near calm")
    word(page).fill("Feel-Good")
    word(page).press("Tab")
    expect(word(page)).to_have_value("happy")
    expect(plane(page)).to_have_attribute("aria-valuetext", "valence 0.80, arousal 0.50: near happy")
    word(page).fill("purple")
    word(page).press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("“purple” is no mood word")
    expect(plane(page)).to_have_attribute("aria-valuenow", "0.8")


def test_the_form_keeps_to_its_card_and_the_focus_to_its_button(page):
    page.watch.expect("422")
    page.set_viewport_size({"width": 1000, "height": 900})
    page.goto("/#/mood")
    query = page.get_by_label("Only from the library")
    query.fill("bpm:many")
    card = page.locator("form.card").bounding_box()
    for field in page.locator("form.card input").all():
        box = field.bounding_box()
        assert box["x"] + box["width"] <= card["x"] + card["width"] - 8
    find = page.get_by_role("button", name="Find music")
    find.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("bpm:many")
    expect(find).to_be_focused()


def test_the_plane_is_moved_by_keys_by_pointer_and_by_plain_sliders(page):
    page.goto("/#/mood")
    thumb = plane(page)
    thumb.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    expect(thumb).to_have_attribute("aria-valuetext", re.compile(r"^valence -0.15, arousal -0.05"))
    page.keyboard.press("Home")
    expect(thumb).to_have_attribute("aria-valuetext", "valence 0.00, arousal 0.00: near neutral")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowUp")
    expect(thumb).to_have_attribute("aria-valuetext", re.compile("arousal 1.00"))
    box = page.locator(".pad svg").bounding_box()
    page.mouse.click(box["x"] + box["width"] * (0.5 - 0.75 / 2.3), box["y"] + box["height"] * (0.5 + 0.4 / 2.3))
    expect(word(page)).to_have_value("sad")
    page.get_by_role("slider", name="Unpleasant to pleasant").fill("0.7")
    page.get_by_role("slider", name="Calm to excited").fill("-0.75")
    expect(word(page)).to_have_value("serene")


def test_own_music_comes_first_then_words_for_a_search_that_opens_only_on_click(page):
    page.goto("/#/mood")
    word(page).fill("melancholic")
    page.get_by_label("Minutes").fill("1")
    find(page)
    rows = page.get_by_role("table", name="Tracks from your library").locator("tbody tr")
    assert rows.count() >= 2
    expect(page.get_by_text("melancholic songs", exact=True)).to_be_visible()
    link = page.get_by_role("link", name="Search on YouTube")
    assert link.get_attribute("href") == "https://www.youtube.com/results?search_query=melancholic+songs"
    assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener noreferrer")
    assert page.watch.left == []
    with page.context.expect_page():
        link.click()
    page.wait_for_timeout(200)
    assert page.watch.left == ["https://www.youtube.com/results?search_query=melancholic+songs"]
    page.watch.left.clear()
    page.watch.expect("ERR_FAILED")


def test_lifting_is_a_way_that_is_drawn_and_told(page):
    page.goto("/#/mood?mood=sad")
    expect(word(page)).to_have_value("sad")
    page.get_by_label("begin here and lift me").check()
    page.get_by_label("Minutes").fill("1")
    find(page)
    rows = page.get_by_role("table", name="Tracks from your library").locator("tbody tr")
    wanted = [tuple(map(float, text.split(", "))) for text in rows.locator("td:last-child").all_inner_texts()]
    assert wanted[0] == (-0.75, -0.4)
    assert wanted[-1][0] > 0.5, "it does not end happy"
    drawn = [int(number) for number in page.locator(".pad .number").all_text_contents()]
    assert drawn[0] == 1
    assert drawn == sorted(set(drawn))
    assert 4 <= len(drawn) <= len(wanted) == rows.count()
    expect(page.get_by_text(re.compile("on the way from sad"))).to_be_visible()
    shot(page, "mood lifted")


def test_language_and_artist_are_searched_for_where_the_library_has_nothing(page):
    page.goto("/#/mood?mood=tender")
    page.get_by_label("Artist").fill("Beyoncé & Jay-Z")
    page.get_by_label("Language").fill("português")
    find(page)
    expect(page.get_by_role("table")).to_have_count(0)
    href = page.get_by_role("link", name="Search on YouTube").get_attribute("href")
    assert href.endswith("portugu%C3%AAs+tender+songs+Beyonc%C3%A9+%26+Jay-Z")


def test_without_a_library_there_is_still_the_search(open_page, own_server):
    page = open_page("#/mood?mood=happy", at=own_server(empty=True))
    find(page)
    section = page.get_by_role("region", name="For you")
    expect(section.get_by_role("status")).to_contain_text("scan")
    expect(section.get_by_role("link", name="Search on YouTube")).to_be_visible()


def test_a_wrong_query_is_told_in_a_line(page):
    page.goto("/#/mood")
    page.get_by_label("Only from the library").fill("bpm:fast")
    page.watch.expect("422")
    button(page, "Find music").click()
    expect(page.get_by_role("alert")).to_contain_text("bpm")


def test_the_camera_is_off_until_it_is_asked_for_and_explained_before(page):
    page.goto("/#/mood")
    page.evaluate("() => { window.asked = 0; navigator.mediaDevices.getUserMedia = async () => { asked++ } }")
    expect(page.get_by_text("Pictures are looked at in this page and forgotten at once")).to_be_visible()
    expect(page.get_by_text("The camera is on", exact=True)).to_have_count(0)
    word(page).fill("happy")
    find(page)
    assert page.evaluate("asked") == 0
    assert not [one.url for one in page.watch.requests if "/face/" in one.url or "worker" in one.url]
