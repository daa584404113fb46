"""Music for a mood: by word, on the plane, or suggested by the camera, which never leaves the browser."""

import base64
import json
import re

import numpy as np
import pytest

from tests.web.browser import faces
from tests.web.browser.harness import check_axe, check_fits, shot

expect = pytest.importorskip("playwright.sync_api").expect

# Networks run in software here, on a machine that has other things to do.
PATIENCE = 60_000
WISHED = {"mood", "valence", "arousal", "lift", "minutes", "query", "language", "artist"}

# Keeps every stream that the page was given, to see that it is ended.
LISTED = """
    window.streams = [];
    const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      const stream = await given(wanted);
      window.streams.push(stream);
      return stream;
    };
"""
# A camera whose picture a test changes: window.show("sad").
STAGE = """(pictures) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [320, 240];
  const context = canvas.getContext("2d");
  let shown = null;
  window.show = (name) => {
    const told = Uint8Array.from(atob(pictures[name]), (char) => char.charCodeAt(0));
    shown = new ImageData(320, 240);
    for (let at = 0, to = 0; at < told.length; at += 3, to += 4) {
      shown.data.set(told.subarray(at, at + 3), to);
      shown.data[to + 3] = 255;
    }
    context.putImageData(shown, 0, 0);
  };
  setInterval(() => shown && context.putImageData(shown, 0, 0), 100);
  window.streams = [];
  navigator.mediaDevices.getUserMedia = async () => {
    const stream = canvas.captureStream(10);
    window.streams.push(stream);
    return stream;
  };
}"""
ENDED = """() => streams.length > 0 && streams.every((one) => one.getTracks().every((track) => track.readyState === "ended"))"""


@pytest.fixture(scope="module")
def pictures():
    left, right = (faces.face(look, size=0.33)[:, 60:220] for look in (faces.NEUTRAL, faces.SAD))
    return {
        "neutral": faces.face(faces.NEUTRAL),
        "happy": faces.face(faces.HAPPY),
        "sad": faces.face(faces.SAD),
        "surprised": faces.face(faces.SURPRISED),
        "far": faces.face(faces.NEUTRAL, size=0.1),
        "two": np.concatenate([left, right], 1),
        "night": faces.face(faces.NEUTRAL, light=0.08),
        "room": faces.room(),
    }


@pytest.fixture
def staged(open_page, pictures):
    """A page at the view whose camera shows the pictures by name."""

    def start(name, **more):
        page = open_page("#/mood", **more)
        page.evaluate(STAGE, {key: base64.b64encode(one.tobytes()).decode() for key, one in pictures.items()})
        page.evaluate("name => show(name)", name)
        return page

    return start


def word(page):
    return page.get_by_label("Mood by name")


def plane(page):
    return page.get_by_role("slider", name="Mood plane")


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def find(page):
    button(page, "Find music").click()
    expect(page.get_by_role("heading", name="For you")).to_be_visible(timeout=PATIENCE)


def switch_on(page):
    button(page, "Switch the camera on").click()
    expect(page.get_by_text("The camera is on", exact=True)).to_be_visible()


def sees(page, text):
    expect(page.get_by_text(text, exact=True)).to_be_visible(timeout=PATIENCE)


def record(page, label, name):
    page.evaluate("name => show(name)", name)
    sees(page, "Expression suggests: sad" if name == "sad" else f"Expression suggests: {name}")
    page.get_by_label("Expression of").select_option(label)
    page.get_by_label("Frames").fill("3")
    button(page, "Record").click()
    expect(page.get_by_text(re.compile("Get ready: [123]"))).to_be_visible()
    sees(page, f"Kept as “{label}”.")


# By hand


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
    assert page.locator(".pad .stop").count() == len(wanted) == rows.count()
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


# The camera


def test_the_camera_is_off_until_it_is_asked_for_and_explained_before(page):
    page.goto("/#/mood")
    page.evaluate("() => { window.asked = 0; navigator.mediaDevices.getUserMedia = () => { asked++; throw new DOMException('', 'NotAllowedError') } }")
    expect(page.get_by_text("Pictures are looked at in this page and forgotten at once")).to_be_visible()
    expect(page.get_by_text("The camera is on", exact=True)).to_have_count(0)
    word(page).fill("happy")
    find(page)
    assert page.evaluate("asked") == 0
    assert not [one.url for one in page.watch.requests if "/face/" in one.url or "worker" in one.url]


def test_a_camera_file_is_read_and_confirming_switches_it_off(open_page, launched, pictures, tmp_path):
    film = faces.write_y4m(tmp_path / "sad.y4m", [pictures["sad"]] * 5)
    page = open_page("#/mood", browser=launched(video=film))
    page.evaluate("() => {" + LISTED + "}")
    switch_on(page)
    sees(page, "Expression suggests: sad")
    share = page.get_by_role("row", name=re.compile("^sad")).inner_text()
    assert int(re.search(r"(\d+)%", share)[1]) > 60
    assert not page.evaluate(ENDED)
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
        page.evaluate("name => show(name)", name)
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
    assert page.evaluate(ENDED)


def test_a_resting_face_that_looks_sad_is_neutral_once_it_is_learnt(staged):
    page = staged("sad")
    switch_on(page)
    sees(page, "Expression suggests: sad")
    button(page, "Learn my neutral face").click()
    sees(page, "Your neutral face is known until the camera goes off.")
    sees(page, "Expression suggests: neutral")
    page.evaluate("() => show('happy')")
    sees(page, "Expression suggests: happy")


def test_a_refused_a_missing_and_a_taken_camera_are_told(open_page, launched):
    page = open_page("#/mood", browser=launched(allow=False))
    button(page, "Switch the camera on").click()
    expect(page.get_by_role("alert")).to_contain_text("The camera was refused")
    for name, text in (("NotFoundError", "No camera was found"), ("NotReadableError", "another program may be using it")):
        page.evaluate("name => navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name) }", name)
        button(page, "Switch the camera on").click()
        expect(page.get_by_role("alert")).to_contain_text(text)


def test_the_camera_goes_off_when_the_tab_is_hidden_or_the_view_is_left(staged):
    page = staged("room")
    switch_on(page)
    page.evaluate("() => { Object.defineProperty(document, 'hidden', {value: true, configurable: true}); document.dispatchEvent(new Event('visibilitychange')) }")
    expect(page.get_by_role("alert")).to_contain_text("this tab was hidden")
    assert page.evaluate(ENDED)
    page.evaluate("() => { delete document.hidden; streams.length = 0 }")
    switch_on(page)
    page.get_by_role("link", name="Lab").click()
    page.wait_for_function(ENDED)


def test_a_camera_that_comes_after_the_view_was_left_is_switched_off_at_once(staged):
    page = staged("room")
    page.evaluate(
        "() => { const given = navigator.mediaDevices.getUserMedia;"
        " navigator.mediaDevices.getUserMedia = () => new Promise((done) => { window.allow = async () => done(await given()) }) }"
    )
    button(page, "Switch the camera on").click()
    sees(page, "Your browser asks whether this page may use the camera.")
    page.get_by_role("link", name="Lab").click()
    expect(page.get_by_role("heading", name="Lab", exact=True)).to_be_visible()
    page.evaluate("() => allow()")
    page.wait_for_function(ENDED)


def test_own_expressions_are_recorded_trained_on_and_kept_in_this_browser(staged, tmp_path):
    page = staged("happy")
    page.get_by_text("Your own expressions").click()
    expect(page.get_by_text("Nothing is recorded yet.")).to_be_visible()
    expect(button(page, "Record")).to_be_disabled()
    switch_on(page)
    record(page, "triumphant", "happy")
    expect(page.get_by_text("Record at least two different expressions to train a model.")).to_be_visible()
    record(page, "gloomy", "sad")
    expect(page.get_by_text(re.compile(r"^Right for \d of 6 frames .* this flatters"))).to_be_visible()
    record(page, "triumphant", "happy")
    record(page, "gloomy", "sad")
    expect(page.get_by_text("Right for 12 of 12 frames whose recording was left out of training.")).to_be_visible()
    page.get_by_label("Read my face by these").check()
    sees(page, "Expression suggests: gloomy")
    page.evaluate("() => show('happy')")
    sees(page, "Expression suggests: triumphant")
    check_axe(page)
    shot(page, "mood own")
    button(page, "Use “triumphant” and switch the camera off").click()
    expect(word(page)).to_have_value("triumphant")

    with page.expect_download() as saved:
        button(page, "Save as a file").click()
    path = tmp_path / "mine.json"
    saved.value.save_as(path)
    told = json.loads(path.read_text())
    assert [take["label"] for take in told["takes"]] == ["triumphant", "gloomy"] * 2
    assert {key for take in told["takes"] for key in take} == {"id", "label", "at", "vectors"}

    page.reload()
    page.get_by_text("Your own expressions").click()
    table = page.get_by_role("table", name="Recorded expressions").locator("tbody tr")
    expect(table).to_have_count(4)
    button(page, "Delete the recording of “triumphant”").first.click()
    expect(table).to_have_count(3)
    button(page, "Delete all").click()
    expect(page.get_by_text("Nothing is recorded yet.")).to_be_visible()
    page.get_by_label("Load from a file").set_input_files(path)
    sees(page, "4 recordings were loaded.")
    expect(table).to_have_count(4)
    path.write_text("{}")
    page.get_by_label("Load from a file").set_input_files(path)
    expect(page.get_by_role("alert")).to_contain_text("This file holds no recorded expressions.")


def test_nothing_of_a_face_leaves_the_page(staged):
    """A whole session: every request of it is a GET of our own, or the wish that was confirmed."""
    page = staged("sad")
    channels = []
    page.on("websocket", lambda socket: channels.append(socket.url))
    page.get_by_text("Your own expressions").click()
    switch_on(page)
    sees(page, "Expression suggests: sad")
    button(page, "Learn my neutral face").click()
    sees(page, "Expression suggests: neutral")
    record_any(page, "gloomy")
    page.evaluate("() => show('happy')")
    sees(page, "Expression suggests: happy")
    button(page, "Use “happy” and switch the camera off").click()
    sees(page, "Set to happy. The camera is off.")
    find(page)

    sent = [one for one in page.watch.requests if one.method != "GET"]
    assert [one.url.removeprefix(page.watch.origin) for one in sent] == ["/api/v1/recommendations"]
    body = json.loads(sent[0].post_data_buffer)
    assert set(body) <= WISHED
    assert all(isinstance(value, (bool, float, int)) for value in body.values()), body
    assert len(sent[0].post_data_buffer) < 120
    fetched = [one for one in page.watch.requests if one.method == "GET"]
    assert not [one.url for one in fetched if one.post_data_buffer]
    paths = {one.url.removeprefix(page.watch.origin).partition("#")[0] for one in fetched}
    strange = [path for path in paths if not re.fullmatch(r"/|/icon\.svg|/assets/[\w.-]+|/face/[\w.-]+|/api/v1/moods", path)]
    assert strange == []
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


def record_any(page, label):
    page.get_by_label("Expression of").select_option(label)
    page.get_by_label("Frames").fill("3")
    button(page, "Record").click()
    sees(page, f"Kept as “{label}”.")


# For everybody


@pytest.mark.parametrize(("width", "dark"), [(360, True), (1280, False)])
def test_the_view_fits_and_is_accessible(staged, width, dark):
    page = staged("surprised", width=width, dark=dark, still=True)
    word(page).fill("sad")
    page.get_by_label("begin here and lift me").check()
    page.get_by_label("Minutes").fill("1")
    find(page)
    page.get_by_text("Your own expressions").click()
    switch_on(page)
    sees(page, "Expression suggests: surprised")
    check_fits(page)
    check_axe(page)
    shot(page, f"mood {width} {'dark' if dark else 'light'}")
    # the way by keyboard: from the word over the plane to the answer
    word(page).focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.type") in ("range", "Mood plane")
    button(page, "Switch the camera off").press("Enter")
    page.wait_for_function(ENDED)
