"""Listen: where recordings come from, and what is told where one cannot be heard."""

import json

import numpy as np
import soundfile

from tests.web.browser.harness import check_fits, shot
from tests.web.browser.listen_page import DISCO, REGGAE, choose, chooser, drop, heard


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
    assert "MB" in told.inner_text()


def test_a_server_that_has_gone_is_told(open_page, own_server):
    gone = own_server(empty=True)
    page = open_page("#/listen", at=gone)
    page.watch.expect("ERR_CONNECTION")
    page.wait_for_load_state("networkidle")
    gone.close()
    choose(page, REGGAE)
    page.get_by_text("Is sideman serve still running?").wait_for()


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
    page = open_page("#/listen", width=360, browser=launched(audio=tmp_path / "room.wav"))
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("Recording: 0:05").wait_for(timeout=20_000)
    check_fits(page)
    shot(page, "listen-recording")
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


def test_the_keyboard_alone_chooses_a_file(page):
    page.on(
        "filechooser", lambda asked: None
    )  # or the browser might not know yet, when asked, that it will be answered
    chooser(page).wait_for()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.type === 'file'"):
            break
    with page.expect_file_chooser() as asked:
        page.keyboard.press("Space")
    asked.value.set_files(str(REGGAE))
    heard(page, REGGAE.name)


def test_a_browser_whose_sound_does_not_begin_is_told_and_waiting_can_be_given_up(page):
    page.add_init_script("AudioContext.prototype.resume = () => new Promise(() => {})")
    page.clock.install()
    page.goto("/?again")
    record = page.get_by_role("button", name="Record", exact=True)
    record.click()
    page.get_by_text("Waiting for leave").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_function("() => document.activeElement.textContent === 'Record'")
    assert page.get_by_text("Waiting for leave").count() == 0
    record.press("Enter")
    page.get_by_text("Waiting for leave").wait_for()
    while not page.get_by_role("alert").count():  # the time runs once the microphone is open
        page.clock.fast_forward(1000)
        page.get_by_role("alert").or_(page.get_by_text("Waiting for leave")).wait_for()
    assert "sound does not begin" in page.get_by_role("alert").inner_text()
    assert page.evaluate("() => document.activeElement.textContent") == "Record"
