"""Listen: all that is shown of a recording."""

import json

import pytest

from tests.web.browser.harness import check_axe, check_fits, shot
from tests.web.browser.listen_page import DISCO, REGGAE, choose, heard, place, played_to

DRAWN = """canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3]) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  return colours.size;
}"""


def test_a_chosen_recording_is_heard_and_all_is_shown(page):
    choose(page, DISCO)
    told = heard(page, DISCO.name)
    genres = told.get_by_role("table", name="Genres")
    shares = [int(cell.rstrip("%")) for cell in genres.locator(".share").all_inner_texts()]
    assert len(shares) == 5
    assert shares == sorted(shares, reverse=True)
    page.get_by_label("All genres").check()
    assert 97 <= sum(int(cell.rstrip("%")) for cell in genres.locator(".share").all_inner_texts()) <= 103
    assert "120 BPM" in told.inner_text()
    assert "C major" in told.inner_text()
    assert told.get_by_role("img", name="valence").count() == 1
    canvases = told.locator("canvas")
    page.wait_for_function("() => document.querySelectorAll('main canvas').length === 4")
    assert all(canvases.nth(i).evaluate(DRAWN) > at_least for i, at_least in enumerate((2, 2, 50, 20)))


def test_an_unsure_answer_says_why(page):
    choose(page, DISCO)
    told = heard(page, DISCO.name)
    assert told.get_by_role("heading", name="unsure, perhaps disco").count() == 1
    assert "No genre is likely enough" in told.inner_text()


def test_pointer_and_keys_move_the_place_in_all_lanes_and_the_player(page):
    choose(page, DISCO)
    heard(page, DISCO.name)
    page.wait_for_function("() => document.querySelector('main audio').readyState > 0")
    box = place(page).bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 20)
    assert played_to(page) == pytest.approx(6.0, abs=0.2)
    place(page).press("Home")
    assert played_to(page) == 0
    place(page).press("PageUp")
    page.keyboard.press("ArrowRight")
    assert played_to(page) == pytest.approx(5.5, abs=0.1)
    assert "of 0:12, disco" in place(page).get_attribute("aria-valuetext")
    canvas_widths = page.locator("main canvas").evaluate_all("all => all.map(canvas => canvas.clientWidth)")
    assert len(set(canvas_widths)) == 1


def test_keys_wheel_and_buttons_zoom_all_lanes_alike(page):
    choose(page, DISCO)
    heard(page, DISCO.name)
    page.wait_for_function("() => document.querySelectorAll('main canvas').length === 4")
    page.wait_for_function("() => document.querySelector('main audio').readyState > 0")
    pictures = "() => [...document.querySelectorAll('main canvas')].map(canvas => canvas.toDataURL())"
    whole = page.evaluate(pictures)
    shown = page.get_by_role("group", name="Part shown")
    place(page).press("+")
    shown.get_by_text("0:00 to 0:06 of 0:12").wait_for()
    assert all(now != before for now, before in zip(page.evaluate(pictures), whole, strict=True))
    box = place(page).bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 20)
    assert played_to(page) == pytest.approx(3.0, abs=0.1)
    place(page).press("End")
    shown.get_by_text("0:06 to 0:12 of 0:12").wait_for()  # the place is never lost
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    shown.get_by_text("0:07.5 to 0:10.5 of 0:12").wait_for()
    shown.get_by_role("slider", name="Part shown").press("Home")
    shown.get_by_text("0:00 to 0:03 of 0:12").wait_for()
    check_axe(page)
    check_fits(page)
    shown.get_by_role("button", name="Zoom out").click()
    shown.get_by_role("button", name="Whole recording").click()
    assert page.evaluate(pictures) == whole


def test_the_place_follows_the_sound(page):
    choose(page, DISCO)
    heard(page, DISCO.name)
    page.locator("main audio").evaluate("audio => audio.play()")
    page.wait_for_function("() => Number(document.querySelector('.place').getAttribute('aria-valuenow')) > 0.4")
    assert page.locator("main audio").evaluate("audio => !audio.paused")


def test_pictures_follow_the_window_and_the_colours(page):
    choose(page, DISCO)
    heard(page, DISCO.name)
    wave = page.locator("main canvas").first
    middle = """canvas => {
      const {data} = canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1);
      return [...data].join();
    }"""
    light = wave.evaluate(middle)
    page.get_by_label("Colours").select_option("dark")
    page.wait_for_function(
        f"before => ({middle})(document.querySelector('main canvas')) !== before", arg=light, timeout=5000
    )
    page.set_viewport_size({"width": 360, "height": 900})
    page.wait_for_function(
        "() => [...document.querySelectorAll('main canvas')].every(canvas => canvas.width === canvas.clientWidth)"
    )


def test_one_sound_at_a_time(page):
    choose(page, REGGAE)
    told = heard(page, REGGAE.name)
    page.locator("main audio").evaluate("audio => audio.play()")
    told.get_by_role("table", name="Similar").get_by_role("button", name="Play").first.click()
    page.wait_for_function("() => document.querySelector('main audio').paused")
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    page.locator("main audio").evaluate("audio => audio.play()")
    page.get_by_role("region", name="Player", exact=True).get_by_role("button", name="Play", exact=True).wait_for()


def test_charts_have_tables_beside_them(page):
    choose(page, DISCO)
    told = heard(page, DISCO.name)
    told.locator("summary", has_text="Genre over time").click()
    rows = told.get_by_role("table", name="Genre over time, as a table").get_by_role("row")
    assert rows.count() == 1 + 6
    assert "disco" in rows.nth(1).inner_text()


def test_what_the_model_heard_is_drawn_and_told(page):
    choose(page, DISCO)
    told = heard(page, DISCO.name)
    told.get_by_role("button", name="Show it").click()
    table = told.get_by_role("table", name="What spoke for disco most")
    table.wait_for(timeout=90_000)
    assert table.get_by_role("row").count() > 2
    told.get_by_role("img", name="with what spoke for the genre").wait_for()
    shot(page, "listen-explained")
    told.get_by_role("button", name="Take the overlay off").click()
    told.get_by_role("img", name="Mel spectrogram from").wait_for()


def test_the_json_is_what_the_page_shows(page):
    choose(page, REGGAE)
    told = heard(page, REGGAE.name)
    with page.expect_download() as download:
        told.get_by_role("button", name="Download JSON").click()
    assert download.value.suggested_filename == f"{REGGAE.name}.json"
    found = json.loads(download.value.path().read_text())
    assert found["genre"] == "reggae"
    assert "reggae" in told.get_by_role("heading", level=3).first.inner_text()


def test_a_result_fits_a_phone_and_axe_finds_no_fault(page):
    choose(page, REGGAE)
    heard(page, REGGAE.name)
    page.wait_for_function("() => document.querySelectorAll('main canvas').length === 4")
    for summary in page.locator("summary").all():
        summary.click()
    for width, theme in ((1280, "light"), (360, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        check_fits(page)
        check_axe(page)
        shot(page, f"listen-{width}")
