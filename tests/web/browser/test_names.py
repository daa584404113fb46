"""Names as they are: without end, without a blank, right to left, in pictures; all beside them stays readable."""

import re
import shutil

import mutagen
import pytest

from tests.library.sounds import write
from tests.web.browser import harness
from tests.web.browser.conftest import EXAMPLES
from tests.web.browser.harness import check_fits, shot
from tests.web.browser.library_page import rows, settled
from tests.web.browser.listen_page import choose, heard

NAMES = [
    ("The Title of a Piece that Never Comes to an End, " * 6, "The Orchestra and Choir of All Provinces " * 5),
    ("Betriebswerkbau" * 15, "A" * 150),
    ("أغنية الليل الطويل في المدينة القديمة", "فرقة الموسيقى العربية"),
    ("🎷🔥 Sax 👩🏽‍🎤 & 🥁", "<b>🎺</b>"),
]
LINES = """of => {
  const all = document.createRange();
  all.selectNodeContents(of);
  return Math.round(all.getBoundingClientRect().height / parseFloat(getComputedStyle(of).lineHeight));
}"""
CUT_OFF = "() => [...document.querySelectorAll('.frame')].filter(one => one.scrollWidth > one.clientWidth + 1).length"


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A server with a library of such names."""
    folder = tmp_path_factory.mktemp("names")
    for i, (title, artist) in enumerate(NAMES):
        tags = mutagen.File(write(folder / "music" / f"{i}.flac", seed=i, duration_s=2.0))
        tags.update(title=title, artist=artist)
        tags.save()
    harness.sideman("scan", folder / "music", "--database", folder / "library.db")
    running = harness.Server(folder, database=folder / "library.db")
    yield running
    running.close()


@pytest.mark.parametrize("width", [1280, 1000, 360])
def test_the_list_of_tracks_has_room_for_all_its_columns(open_page, named, width):
    page = open_page("#/library?track=1", at=named, width=width)
    settled(page)
    rows(page).first.wait_for()
    check_fits(page)
    assert page.evaluate(CUT_OFF) == 0
    assert all(box["height"] < 90 for box in (one.bounding_box() for one in rows(page).all()))
    genres = page.get_by_role("table", name="Tracks").locator("tbody td:nth-of-type(4)")
    assert max(one.evaluate(LINES) for one in genres.all()) <= 3  # the genre, how likely, "unsure"
    assert page.get_by_role("heading", level=2).first.inner_text() == NAMES[0][0].strip()
    shot(page, f"names-{width}")


@pytest.mark.parametrize("width", [1280, 360])
def test_words_beside_names_on_the_map_are_not_broken(open_page, named, width):
    page = open_page("#/library?tab=map", at=named, width=width)
    cells = page.get_by_role("table", name="tracks on the map").locator("tbody td")
    cells.first.wait_for()
    assert {one.evaluate(LINES) for one in cells.all() if one.inner_text()} == {1}
    check_fits(page)


def test_a_plan_of_tags_fits_a_phone(open_page, named):
    page = open_page("#/library?tab=tags", at=named, width=360)
    page.get_by_label("Replace what is there").check()
    page.get_by_label("Heard with at least").select_option("0%")
    page.get_by_role("button", name="Show changes").click()
    page.get_by_role("table", name="What would change").wait_for()
    check_fits(page)


def test_a_name_of_another_direction_keeps_to_itself(open_page, named):
    page = open_page("#/library", at=named)
    title = rows(page).filter(has_text="أغنية")
    title.wait_for()
    assert title.locator("bdi").count() == 1


def test_a_failed_recording_is_told_once_by_its_name(page, tmp_path):
    page.watch.expect("422")
    long = tmp_path / f"{'a very long name ' * 8}.mp3"
    shutil.copy(EXAMPLES / "disco nights.mp3", long)
    broken = tmp_path / "no music.mp3"
    broken.write_bytes(b"no music at all " * 100)
    page.set_viewport_size({"width": 360, "height": 800})
    choose(page, broken, long)
    failed = page.get_by_role("listitem").filter(has_text="no music.mp3")
    failed.get_by_text("its content is text").wait_for()
    assert failed.inner_text().count("no music.mp3") == 1
    page.get_by_role("button", name=re.compile("^Show a very long")).click()
    heard(page, page.get_by_role("heading", level=2).nth(1).inner_text())
    check_fits(page)
