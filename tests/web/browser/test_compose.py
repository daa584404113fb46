"""Compose: from a sentence, controls or a piece of one's own to candidates that are seen, heard, changed and kept."""

import re

import pytest

from sideman.symbolic.midi import parse_midi, write_midi
from tests.compose.scores import tune
from tests.web.browser.harness import check_axe, check_fits, shot

COLOURS = """canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  return colours.size;
}"""
SENTENCE = "a fast jazz waltz for piano, bass and drums, 4 bars"


def opened(open_page, **how):
    page = open_page("#/compose", **how)
    page.get_by_role("form", name="What to compose").wait_for()
    return page


def field(page, name, kind="combobox", within="What to compose"):
    return page.get_by_role("form", name=within).get_by_role(kind, name=name, exact=True)


def few(page, n=1):
    """Ask for ``n`` candidates rather than four."""
    page.get_by_text("More", exact=True).click()
    field(page, "Candidates", "spinbutton").fill(str(n))


def go(page):
    page.get_by_role("button", name="Compose", exact=True).click()


def piece(page):
    """The opened piece, once it is there."""
    heading = page.get_by_role("heading", name=re.compile("^Candidate \\d"))
    heading.wait_for(timeout=60_000)
    return page.get_by_role("region", name=re.compile("^Candidate \\d"))


def small(page, *, n=1):
    """A short piece, composed."""
    page.get_by_label("Say it in a sentence").fill("piano and bass in 3/4, 200 bpm, 4 bars")
    few(page, n)
    go(page)
    return piece(page)


def text_of(shown):
    return shown.locator(".described").inner_text()


def described(page, part):
    """Wait until the opened piece is one that is described so."""
    found = "part => document.querySelector('.described')?.textContent.includes(part)"
    page.wait_for_function(found, arg=part, timeout=60_000)


@pytest.mark.parametrize("width, dark", [(1280, False), (360, True)])
def test_a_sentence_becomes_four_candidates_that_are_seen_and_heard(open_page, width, dark):
    page = opened(open_page, width=width, dark=dark)
    page.get_by_label("Say it in a sentence").fill(f"{SENTENCE} frobnicator")
    page.get_by_text("Not used: frobnicator").wait_for()
    understood = page.get_by_role("form").get_by_role("status").first.inner_text()
    assert "jazz" in understood
    assert "3/4" in understood
    assert "4 bars" in understood
    check_axe(page)
    check_fits(page)
    go(page)
    shown = piece(page)
    cards = page.get_by_role("listitem").filter(has=page.get_by_role("button", name=re.compile("^Play candidate")))
    assert cards.count() == 4
    for place in range(4):
        assert "Sounds like" in cards.nth(place).inner_text()
        assert re.search(r"jazz: \d+%", cards.nth(place).inner_text())
        cards.nth(place).locator("canvas").wait_for()
    shown.locator("canvas").wait_for()
    assert shown.locator("canvas").evaluate(COLOURS) > 3
    assert "with" in shown.get_by_role("img", name=re.compile("Piano roll of 4 bars")).get_attribute("aria-label")
    assert "same sound as in the downloads" in shown.inner_text()
    assert "Longest run shared with a learnt piece" in shown.inner_text()
    shot(page, f"compose-{width}")
    check_axe(page)
    check_fits(page)
    page.get_by_role("button", name="Play candidate 2").click()
    page.get_by_role("heading", name="Candidate 2").wait_for()
    page.wait_for_function("() => document.querySelector('main audio').currentTime > 0.3")
    assert page.evaluate("document.activeElement.textContent") == "Candidate 2"
    moved = "() => new DOMMatrix(getComputedStyle(document.querySelector('.piece .playhead')).transform).e > 3"
    page.wait_for_function(moved)


def test_the_notes_are_there_as_a_table_and_as_a_score(open_page):
    page = opened(open_page)
    shown = small(page)
    assert not [one for one in page.watch.requests if "opensheetmusicdisplay" in one.url]
    notes_n = int(re.search(r"Notes\s+(\d+)", shown.locator("dl").inner_text())[1])
    page.get_by_role("button", name="Notes as a table").click()
    table = shown.get_by_role("table")
    table.wait_for()
    assert table.get_by_role("row").count() == notes_n + 1
    assert re.search(r"[A-G][♯♭]?\d", table.inner_text())
    check_axe(page)
    page.get_by_role("button", name="Score", exact=True).click()
    page.locator(".paper svg").first.wait_for(timeout=30_000)
    assert page.locator(".paper .vf-stavenote").count() > 3
    assert [one for one in page.watch.requests if "opensheetmusicdisplay" in one.url]
    before = page.locator(".paper svg").first.bounding_box()["height"]
    page.get_by_role("button", name="Larger").click()
    assert page.locator(".paper svg").first.bounding_box()["height"] > before
    check_axe(page)
    check_fits(page)
    shot(page, "compose-score")


def test_of_a_long_score_the_first_bars_are_engraved(open_page):
    page = opened(open_page)
    page.get_by_label("Say it in a sentence").fill("sparse piano, 2/4, 240 bpm, 66 bars")
    few(page)
    go(page)
    piece(page)
    page.get_by_role("button", name="Score", exact=True).click()
    page.get_by_text("The first 64 of 66 bars.").wait_for(timeout=30_000)
    bars = page.locator(".paper .vf-measure")
    some = bars.count()
    page.get_by_role("button", name="Show all, which takes a while").click()
    page.wait_for_function("some => document.querySelectorAll('.paper .vf-measure').length > some", arg=some)
    assert page.get_by_text("The first 64").count() == 0


def test_downloads_are_files_of_the_piece(open_page):
    page = opened(open_page)
    shown = small(page)
    begins = {"MIDI": b"MThd", "MusicXML": b"<?xml", "WAV": b"RIFF", "FLAC": b"fLaC", "Ogg": b"OggS"}
    for name, magic in begins.items():
        with page.expect_download() as waiting:
            shown.get_by_role("link", name=name, exact=True).click()
        path = waiting.value.path()
        assert path.read_bytes().startswith(magic)
        assert re.fullmatch(r"piece-\d+\.\w+", waiting.value.suggested_filename)


def test_a_piece_is_changed_rewritten_and_gone_on_with(open_page):
    page = opened(open_page)
    shown = small(page)
    first = text_of(shown)
    page.get_by_text("Change it", exact=True).click()
    check_axe(page)
    tempo = shown.get_by_role("spinbutton", name="Tempo, BPM")
    assert tempo.input_value() == "200"
    tempo.fill("120")
    shown.get_by_role("button", name="Compose again").click()
    described(page, "120 bpm")
    assert text_of(piece(page)) == first.replace("200 bpm", "120 bpm")
    page.wait_for_function("() => document.activeElement.textContent === 'Candidate 1'")

    page.get_by_text("Change it", exact=True).click()
    shown = piece(page)
    shown.get_by_role("spinbutton", name="From bar").fill("2")
    shown.get_by_role("spinbutton", name="to bar").fill("3")
    shown.get_by_role("button", name="Write them anew").click()
    page.get_by_role("option", name=re.compile("120 bpm")).nth(1).wait_for(state="attached", timeout=60_000)
    page.wait_for_function("() => !document.querySelector('main progress')")

    page.get_by_text("Change it", exact=True).click()
    shown = piece(page)
    shown.get_by_role("spinbutton", name="Keep the first").fill("4")
    shown.get_by_role("spinbutton", name="Bars in all").fill("6")
    shown.get_by_role("button", name="Go on", exact=True).click()
    described(page, "6 bars")

    takes = page.get_by_role("combobox", name="Composed so far")
    assert takes.locator("option").count() == 4
    takes.select_option(index=3)
    page.wait_for_function("text => document.querySelector('.described').textContent === text", arg=first)


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scores")
    write_midi(tune(0, 4), folder / "my tune.mid")
    (folder / "no tune.mid").write_text("no music")
    (folder / "large.mid").write_bytes(bytes(3 * 1024 * 1024))
    return folder


def test_a_piece_of_ones_own_is_continued(open_page, scores):
    page = opened(open_page)
    page.get_by_text("Start from a piece of yours").click()
    field(page, "What to do with it").select_option("continue")
    page.get_by_label("MIDI or MusicXML").set_input_files(scores / "large.mid")
    page.get_by_role("alert").filter(has_text="larger than 2 MB").wait_for()
    page.get_by_label("MIDI or MusicXML").set_input_files(scores / "my tune.mid")
    field(page, "Length", "spinbutton").fill("6")
    few(page)
    check_axe(page)
    go(page)
    shown = piece(page)
    with page.expect_download() as waiting:
        shown.get_by_role("link", name="MIDI", exact=True).click()
    programmes = {track.program for track in parse_midi(waiting.value.path().read_bytes()).tracks}
    assert programmes == {33, 73}  # the tune's own


def test_a_file_that_is_no_score_is_told_in_one_line(open_page, scores):
    page = opened(open_page)
    page.get_by_text("Start from a piece of yours").click()
    field(page, "What to do with it").select_option("harmonise")
    page.get_by_label("MIDI or MusicXML").set_input_files(scores / "no tune.mid")
    go(page)
    alert = page.get_by_role("alert").filter(has_text="no tune.mid")
    alert.wait_for(timeout=60_000)
    assert "\n" not in alert.inner_text()
    assert page.get_by_role("button", name="Compose", exact=True).get_attribute("aria-disabled") == "false"


def test_a_contradiction_is_told_before_and_when_it_is_asked_for(open_page):
    page = opened(open_page)
    page.watch.expect("422")
    page.get_by_label("Say it in a sentence").fill("a fast march")
    field(page, "Tempo, BPM", "spinbutton").fill("40")
    page.get_by_role("form").get_by_text("ask for different things").wait_for()
    go(page)
    page.get_by_role("alert").filter(has_text="ask for different things").wait_for()


def test_sound_is_imagined_and_its_picture_shown(open_page):
    page = opened(open_page)
    page.get_by_label("Imagined sound").check()
    assert field(page, "Tempo, BPM", "spinbutton").count() == 0
    field(page, "Genre").select_option("reggae")
    field(page, "Length, seconds", "spinbutton").fill("2")
    few(page, 2)
    field(page, "Steps from noise", "spinbutton").fill("3")
    go(page)
    shown = piece(page)
    picture = shown.get_by_role("img", name=re.compile("imagined"))
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    assert "research" in page.get_by_role("region", name="Candidates", exact=True).inner_text()
    assert shown.get_by_role("link", name="MIDI", exact=True).count() == 0
    assert shown.get_by_role("link", name="WAV", exact=True).count() == 1
    shot(page, "compose-spectra")
    check_axe(page)
    check_fits(page)


def test_cancelling_stops_the_work(open_page, server):
    page = opened(open_page)
    page.get_by_label("Say it in a sentence").fill("piano, bass and drums, 200 bars, 120 bpm")
    go(page)
    page.get_by_text(re.compile("Piece 1 of 4: bar")).wait_for(timeout=60_000)
    check_axe(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("status").filter(has_text="Cancelled.").wait_for()
    assert page.get_by_role("progressbar").count() == 0
    unfinished = "jobs => jobs.filter(job => ['queued', 'running'].includes(job.state)).length"
    page.wait_for_function(f"() => fetch('/api/v1/jobs').then(r => r.json()).then({unfinished}).then(n => n === 0)")
    assert page.evaluate("document.activeElement.id") == "results-heading"


def test_all_is_done_with_the_keyboard(open_page):
    page = opened(open_page)
    page.get_by_label("Say it in a sentence").focus()
    page.keyboard.type("piano, 200 bpm, 2 bars")
    find = page.get_by_text("Any…")
    find.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("cello")
    page.get_by_role("checkbox", name="cello").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Leave out cello").wait_for()
    page.get_by_role("button", name="Leave out cello").focus()
    page.keyboard.press("Enter")
    page.get_by_text("More", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("1")
    page.get_by_role("button", name="Compose", exact=True).focus()
    page.keyboard.press("Enter")
    piece(page)
    assert page.evaluate("document.activeElement.textContent") == "Compose"  # the focus was left where it was
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName + ' ' + document.activeElement.textContent.trim()"))
    assert {"BUTTON Piano roll", "BUTTON Score", "BUTTON Notes as a table", "A MIDI"} <= reached
    assert any(name.startswith("AUDIO") for name in reached)


def test_a_mood_is_chosen_by_values(open_page):
    page = opened(open_page)
    field(page, "Mood").select_option(label="By values…")
    page.get_by_role("slider").first.wait_for()
    page.get_by_role("slider", name="Unpleasant to pleasant").fill("-0.75")
    page.get_by_role("slider", name="Calm to excited").fill("-0.4")
    page.get_by_text("Understood: sad (valence -0.75, arousal -0.4)").wait_for()
    check_axe(page)


def test_pieces_that_the_server_has_no_more_are_told(open_page):
    page = opened(open_page)
    page.watch.expect("404|ERR_FAILED")
    page.route("**/pieces/*.flac", lambda route: route.abort())
    small(page)
    page.get_by_role("alert").filter(has_text="The sound could not be loaded").wait_for()
    page.goto("/?again#/compose?job=0123456789abcdef0123456789abcdef")
    page.get_by_role("alert").filter(has_text="The pieces of this address are gone").wait_for()
    check_axe(page)


def test_the_page_can_be_loaded_again(open_page):
    page = opened(open_page)
    first = text_of(small(page))
    page.wait_for_function("() => location.hash.includes('job=')")
    page.get_by_role("link", name="Compose").click()
    page.wait_for_function("() => location.hash.includes('job=')")
    page.reload()
    assert text_of(piece(page)) == first
