"""What the Library view does with many tracks at once: the map, figures, tags, scans."""

import re

from playwright.sync_api import expect

from tests.library.sounds import write
from tests.web.browser.harness import check_axe, shot
from tests.web.browser.library_page import address, column, unfold

expect.set_options(timeout=20_000)  # a busy machine takes its time


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
    page.get_by_role("button", name="Scan for changes").dblclick()  # one scan, and no word about another
    expect(page.get_by_text("15 in all")).to_be_visible()
    expect(page.get_by_role("button", name="Scan for changes")).to_be_focused()
    expect(page.get_by_role("button", name="new one", exact=True)).to_be_visible()

    page.get_by_role("button", name="new one", exact=True).click()
    details = page.get_by_role("region", name="new one")
    details.get_by_role("button", name="Like").dblclick()
    expect(details.get_by_text("Kept: more like this.")).to_be_visible()
    details.get_by_role("button", name="Less of this").click()
    expect(details.get_by_text("Kept: less of this.")).to_be_visible()
    details.get_by_role("button", name="Take it back").click()
    expect(details.get_by_text("Forgotten.")).to_be_visible()
    details.get_by_role("button", name="Correct…").click()
    details.get_by_role("combobox", name="Genre").fill("jazz")
    details.get_by_role("combobox", name="Mood").select_option("calm")
    details.get_by_role("button", name="Save").click()
    expect(details.get_by_text("Kept: your word counts.")).to_be_visible()
    said = page.evaluate("async () => (await fetch('/api/v1/feedback')).json()")
    assert [one["kind"] for one in said] == ["like", "correct", "correct"]
