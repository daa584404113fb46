"""Listen: recordings dropped, chosen, recorded or from the library, and all that is shown of them."""

import base64
import json

import numpy as np
import pytest
import soundfile

from tests.web.browser.conftest import EXAMPLES
from tests.web.browser.harness import check_axe, check_fits, shot

DISCO = EXAMPLES / "disco nights.mp3"
REGGAE = EXAMPLES / "one drop.opus"
DRAWN = """canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3]) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  return colours.size;
}"""


def choose(page, *paths):
    page.get_by_role("button", name="Choose recordings").set_input_files([str(path) for path in paths])


def drop(page, *paths):
    files = [(path.name, base64.b64encode(path.read_bytes()).decode()) for path in paths]
    page.evaluate(
        """files => {
          const data = new DataTransfer();
          for (const [name, text] of files)
            data.items.add(new File([Uint8Array.from(atob(text), letter => letter.charCodeAt(0))], name));
          for (const kind of ["dragover", "drop"])
            window.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        files,
    )


def heard(page, name):
    """Wait until a recording is heard; returns its section."""
    page.get_by_role("heading", level=2, name=name, exact=True).wait_for(timeout=60_000)
    return page.get_by_role("region", name=name, exact=True)


def place(page):
    return page.get_by_role("slider", name="Place in the recording")


def played_to(page):
    return page.locator("main audio").evaluate("audio => audio.currentTime")


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


def test_several_dropped_files_are_heard_and_one_is_shown(page):
    drop(page, DISCO, REGGAE)
    listed = page.get_by_role("region", name="Recordings", exact=True)
    heard(page, DISCO.name)
    listed.get_by_text("reggae 7").wait_for(timeout=60_000)
    listed.get_by_role("button", name=f"Show {REGGAE.name}").click()
    heard(page, REGGAE.name)
    listed.get_by_role("button", name=f"Remove {REGGAE.name}").click()
    heard(page, DISCO.name)


def test_a_file_that_is_no_recording_is_refused_in_one_line(page, tmp_path):
    page.watch.expect("422")
    text = tmp_path / "notes.mp3"
    text.write_text("no music " * 100)
    choose(page, text)
    told = page.get_by_role("alert")
    told.wait_for()
    assert "notes.mp3" in told.inner_text()
    assert "\n" not in told.inner_text().strip()
    assert str(tmp_path) not in page.content()
    page.get_by_role("button", name="Try again").wait_for()


def test_a_file_that_has_gone_is_told(page, tmp_path):
    gone = tmp_path / "gone.mp3"
    gone.write_bytes(DISCO.read_bytes())
    page.evaluate(
        "() => addEventListener('change', event => event.stopImmediatePropagation(), {capture: true, once: true})"
    )
    choose(page, gone)  # not taken yet: as if it waited behind others
    gone.unlink()
    page.get_by_role("button", name="Choose recordings").dispatch_event("change")
    assert "the browser cannot read it" in page.get_by_role("alert").inner_text()


def test_a_file_larger_than_the_server_takes_is_refused_in_one_line(open_page, own_server, tmp_path):
    page = open_page("#/listen", at=own_server(empty=True, more=["--max-upload", "1"]))
    page.watch.expect("413|ERR_")
    path = tmp_path / "large.wav"
    soundfile.write(path, np.zeros(22050 * 100, dtype=np.float32), 22050, subtype="PCM_16")
    choose(page, path)
    told = page.get_by_role("alert")
    told.wait_for()
    print(told.inner_text())
    assert "MB" in told.inner_text()


def test_a_server_that_has_gone_is_told(open_page, own_server):
    gone = own_server(empty=True)
    page = open_page("#/listen", at=gone)
    page.watch.expect("ERR_CONNECTION")
    page.wait_for_load_state("networkidle")
    gone.close()
    choose(page, REGGAE)
    page.get_by_text("Is `sideman serve` still running?").wait_for()


def test_hearing_can_be_cancelled_and_begun_again(page, tmp_path):
    path = tmp_path / "long.wav"
    noise = np.random.default_rng(0).normal(size=8000 * 60).astype(np.float32)
    soundfile.write(path, np.tile(0.1 * noise, 40), 8000, subtype="PCM_U8")
    choose(page, path)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled.").wait_for()
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("progressbar", name="Listening to long.wav").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled.").wait_for()


def test_the_microphone_records_what_is_then_heard(open_page, launched, tmp_path):
    sound, rate_hz = soundfile.read(REGGAE, always_2d=True)
    soundfile.write(tmp_path / "room.wav", sound, rate_hz, subtype="PCM_16")
    page = open_page("#/listen", browser=launched(audio=tmp_path / "room.wav"))
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("Recording: 0:05").wait_for(timeout=20_000)
    page.get_by_role("button", name="Stop and hear it").click()
    page.get_by_role("heading", level=2, name="recording").wait_for(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON").click()
    told = json.loads(download.value.path().read_text())
    assert 4 < told["duration_s"] < 9
    assert told["not_music"] < 0.5
    assert page.get_by_role("button", name="Record", exact=True).count() == 1


def test_a_refused_microphone_is_told_in_words(open_page, launched):
    page = open_page("#/listen", browser=launched(allow=False))
    page.get_by_role("button", name="Record", exact=True).click()
    assert "The microphone was refused" in page.get_by_role("alert").inner_text()


def test_leaving_the_view_lets_go_of_the_microphone(page):
    page.evaluate(
        """() => {
          const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async wish => (window.opened = await ask(wish));
        }"""
    )
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("Recording: 0:01").wait_for()
    assert page.evaluate("() => window.opened.active")
    page.get_by_role("link", name="Lab").click()
    page.wait_for_function("() => !window.opened.active")


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


def test_a_track_of_the_library_is_heard_and_played_from_there(open_page):
    page = open_page("#/listen?track=1")
    page.get_by_role("table", name="Genres").wait_for(timeout=60_000)
    page.wait_for_function("() => document.querySelector('main audio').readyState > 0")
    asked = [request.url for request in page.watch.requests]
    assert any(address.endswith("/library/tracks/1/audio") for address in asked)
    similar = page.get_by_role("table", name="Similar in your library")
    assert similar.get_by_role("row").count() == 1 + 5


def test_a_track_that_is_not_there_is_told(open_page):
    page = open_page("#/listen?track=987654")
    page.watch.expect("404")
    page.get_by_role("alert").wait_for()


def test_the_json_is_what_the_page_shows(page):
    choose(page, REGGAE)
    told = heard(page, REGGAE.name)
    with page.expect_download() as download:
        told.get_by_role("button", name="Download JSON").click()
    assert download.value.suggested_filename == f"{REGGAE.name}.json"
    found = json.loads(download.value.path().read_text())
    assert found["genre"] == "reggae"
    assert "reggae" in told.get_by_role("heading", level=3).first.inner_text()


def test_the_keyboard_alone_chooses_a_file(page):
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.type === 'file'"):
            break
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(str(REGGAE))
    heard(page, REGGAE.name)


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
