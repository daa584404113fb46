"""The camera suggests a mood: asked for, seen to be on, off at the first word; nothing of a face leaves the page."""

import json
import re

import numpy as np
import pytest

from tests.web.browser import faces, mood_stage
from tests.web.browser.harness import check_axe, check_fits, shot
from tests.web.browser.mood_stage import ENDED, LISTED, button, find, plane, record, sees, show, switch_on, word

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(scope="module")
def drawn():
    return mood_stage.pictures()


@pytest.fixture
def staged(open_page, drawn):
    """A page at the view whose camera is shown one of the pictures."""

    def start(name, **more):
        page = open_page("#/mood", **more)
        mood_stage.stage(page, drawn, name)
        return page

    return start


def test_a_camera_file_is_read_and_confirming_switches_it_off(open_page, launched, drawn, tmp_path):
    film = faces.write_y4m(tmp_path / "sad.y4m", [drawn["sad"]] * 5)
    page = open_page("#/mood", browser=launched(video=film))
    page.evaluate(LISTED)
    switch_on(page)
    sees(page, "Expression suggests: sad")
    share = page.get_by_role("row", name=re.compile("^sad")).inner_text()
    assert int(re.search(r"(\d+)%", share)[1]) > 60
    assert not page.evaluate(ENDED)
    check_axe(page)
    shot(page, "mood camera")
    button(page, "Use “sad” and switch the camera off").click()
    sees(page, "Set to sad. The camera is off.")
    assert page.evaluate(ENDED)
    assert float(plane(page).get_attribute("aria-valuenow")) < -0.4
    expect(word(page)).to_have_value(re.compile("sad|gloomy|tragic|lonely"))


def test_what_is_in_the_way_is_told_in_words(staged):
    page = staged("room")
    switch_on(page)
    sees(page, "No face is seen. Look into the camera.")
    for name, text in (
        ("night", "It is too dark to see a face."),
        ("two", "Several faces are seen. Only one can be read."),
        ("surprised", "Expression suggests: surprised"),
    ):
        show(page, name)
        sees(page, text)
    button(page, "Switch the camera off").click()
    assert page.evaluate(ENDED)


def test_a_suggestion_can_be_overruled(staged):
    page = staged("happy")
    switch_on(page)
    sees(page, "Expression suggests: happy")
    page.get_by_label("Take as mood").select_option("nostalgic")
    button(page, "Use “nostalgic” and switch the camera off").click()
    expect(word(page)).to_have_value("nostalgic")
    expect(word(page)).to_be_focused()
    assert page.evaluate(ENDED)


def test_a_refused_a_missing_and_a_taken_camera_are_told(open_page, launched):
    page = open_page("#/mood", browser=launched(allow=False))
    button(page, "Switch the camera on").click()
    expect(page.get_by_role("alert")).to_contain_text("The camera was refused")
    fails = "name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name) } }"
    for name, text in (("NotFoundError", "No camera was found"), ("NotReadableError", "another program may be")):
        page.evaluate(fails, name)
        button(page, "Switch the camera on").click()
        expect(page.get_by_role("alert")).to_contain_text(text)


def test_the_camera_goes_off_when_the_tab_is_hidden_or_the_view_is_left(staged):
    page = staged("room")
    switch_on(page)
    page.evaluate("() => Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert")).to_contain_text("this tab was hidden")
    assert page.evaluate(ENDED)
    page.evaluate("() => { delete document.hidden; streams.length = 0 }")
    switch_on(page)
    page.get_by_role("link", name="Lab").click()
    page.wait_for_function(ENDED)


def test_a_camera_that_comes_after_the_view_was_left_is_switched_off_at_once(staged):
    page = staged("room")
    page.evaluate(
        """() => {
          const given = navigator.mediaDevices.getUserMedia;
          const later = (done) => { window.allow = async () => done(await given()) };
          navigator.mediaDevices.getUserMedia = () => new Promise(later);
        }"""
    )
    button(page, "Switch the camera on").click()
    sees(page, "Your browser asks whether this page may use the camera.")
    page.get_by_role("link", name="Lab").click()
    expect(page.get_by_role("heading", name="Music for a mood")).to_have_count(0)
    page.evaluate("() => allow()")
    page.wait_for_function(ENDED)


def test_the_view_with_everything_open_fits_a_phone_and_is_accessible(staged):
    page = staged("surprised", width=360, dark=True, still=True)
    word(page).fill("sad")
    page.get_by_label("begin here and lift me").check()
    page.get_by_label("Minutes").fill("1")
    find(page)
    page.get_by_text("Your own expressions").click()
    switch_on(page)
    sees(page, "Expression suggests: surprised")
    check_fits(page)
    check_axe(page)
    shot(page, "mood phone")


def test_the_camera_is_switched_by_keyboard_alone(staged):
    page = staged("room")
    button(page, "Switch the camera on").press("Enter")
    expect(button(page, "Switch the camera off")).to_be_focused()
    page.keyboard.press("Enter")
    expect(button(page, "Switch the camera on")).to_be_focused()
    assert page.evaluate(ENDED)


def test_own_expressions_are_recorded_trained_on_and_kept_in_this_browser(staged):
    page = staged("happy")
    page.get_by_text("Your own expressions").click()
    expect(page.get_by_text("Nothing is recorded yet.")).to_be_visible()
    expect(button(page, "Record")).to_be_disabled()
    switch_on(page)
    sees(page, "Expression suggests: happy")
    record(page, "triumphant")
    expect(page.get_by_text("Record at least two different expressions to train a model.")).to_be_visible()
    show(page, "sad")
    sees(page, "Expression suggests: sad")
    record(page, "gloomy")
    expect(page.get_by_text(re.compile(r"^Right for 6 of 6 frames .* this flatters"))).to_be_visible()
    page.get_by_label("Read my face by these").check()
    sees(page, "Expression suggests: gloomy")
    show(page, "happy")
    sees(page, "Expression suggests: triumphant")
    check_axe(page)
    shot(page, "mood own")
    button(page, "Use “triumphant” and switch the camera off").click()
    expect(word(page)).to_have_value("triumphant")

    page.reload()
    page.get_by_text("Your own expressions").click()
    table = page.get_by_role("table", name="Recorded expressions").locator("tbody tr")
    expect(table).to_have_count(2)
    button(page, "Delete the recording of “triumphant”").click()
    expect(table).to_have_count(1)
    button(page, "Delete all").click()
    expect(page.get_by_text("Nothing is recorded yet.")).to_be_visible()


def test_own_expressions_travel_as_a_file(page, tmp_path):
    def takes(*labels):
        return [
            {
                "id": f"take-{number}",
                "label": label,
                "at": f"2026-01-0{number + 1}T00:00:00.000Z",
                "vectors": (len(label) + np.random.default_rng(number).normal(0, 0.1, (3, 256)) ** len(label)).tolist(),
            }
            for number, label in enumerate(labels)
        ]

    def load(told):
        path = tmp_path / "some.json"
        path.write_text(told)
        page.get_by_label("Load from a file").set_input_files(path)

    page.goto("/#/mood")
    page.get_by_text("Your own expressions").click()
    whole = {"format": "sideman-expressions", "version": 1, "network": "face-api-1.7-expression"}
    whole["takes"] = takes("calm", "angry", "calm", "angry")
    load(json.dumps(whole))
    sees(page, "4 recordings were loaded.")
    expect(page.get_by_text("of 12 frames whose recording was left out of training.")).to_be_visible()
    with page.expect_download() as saved:
        button(page, "Save as a file").click()
    assert json.loads(saved.value.path().read_text()) == whole
    load("{}")
    expect(page.get_by_role("alert")).to_contain_text("This file holds no recorded expressions.")
    load(json.dumps(whole | {"network": "another"}))
    expect(page.get_by_role("alert")).to_contain_text("another network")
    expect(page.get_by_role("table", name="Recorded expressions").locator("tbody tr")).to_have_count(4)


def test_nothing_of_a_face_leaves_the_page(staged):
    """A whole session with a face that looks sad at rest: every request is a GET of our own, or the confirmed wish."""
    page = staged("sad")
    channels = []
    page.on("websocket", lambda socket: channels.append(socket.url))
    page.get_by_text("Your own expressions").click()
    switch_on(page)
    sees(page, "Expression suggests: sad")
    button(page, "Learn my neutral face").click()
    sees(page, "Expression suggests: neutral")
    record(page, "gloomy")
    show(page, "happy")
    sees(page, "Expression suggests: happy")
    button(page, "Use “happy” and switch the camera off").click()
    sees(page, "Set to happy. The camera is off.")
    find(page)

    sent = [one for one in page.watch.requests if one.method != "GET"]
    assert [one.url.removeprefix(page.watch.origin) for one in sent] == ["/api/v1/recommendations"]
    body = json.loads(sent[0].post_data_buffer)
    assert body == {"mood": "happy", "lift": False, "minutes": 30}  # the word that was confirmed, and no more
    fetched = [one for one in page.watch.requests if one.method == "GET"]
    assert not [one.url for one in fetched if one.post_data_buffer]
    paths = {one.url.removeprefix(page.watch.origin).partition("#")[0] for one in fetched}
    own = re.compile(r"/|/icon\.svg|/assets/[\w.-]+|/face/[\w.-]+|/api/v1/(moods|health)")
    assert [path for path in paths if not own.fullmatch(path)] == []
    assert any(path.startswith("/face/") for path in paths), "requests of the worker are not watched"
    assert channels == []
    assert page.watch.left == []

    kept = page.evaluate("""async () => {
      const opened = indexedDB.open("sideman-faces");
      await new Promise((done) => opened.onsuccess = done);
      const asked = opened.result.transaction("takes").objectStore("takes").getAll();
      await new Promise((done) => asked.onsuccess = done);
      opened.result.close();
      return {takes: asked.result, databases: (await indexedDB.databases()).map((one) => one.name),
              local: Object.keys(localStorage), cookies: document.cookie, caches: await caches.keys()};
    }""")
    assert kept["databases"] == ["sideman-faces"]
    assert [set(take) for take in kept["takes"]] == [{"id", "label", "at", "vectors"}]
    assert all(isinstance(value, (int, float)) for vector in kept["takes"][0]["vectors"] for value in vector)
    assert set(kept["local"]) <= {"theme", "volume", "levelled"}
    assert kept["cookies"] == ""
    assert kept["caches"] == []
