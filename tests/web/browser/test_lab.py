"""Lab: the scoreboard with its caution, and reports that exist on disk."""

import pytest

from tests.web.browser.harness import check_axe, check_fits, shot


@pytest.fixture
def lab(open_page):
    page = open_page("#/lab")
    page.get_by_role("heading", name="Scoreboard").wait_for()
    return page


def board_of(page):
    return page.get_by_role("table", name="in percent")


def column(page, name):
    """Numbers of a column from above to below."""
    heads = board_of(page).get_by_role("columnheader").all_inner_texts()
    at = next(i for i, head in enumerate(heads) if head.startswith(name))
    cells = page.locator(f"table:has(caption:has-text('in percent')) tbody tr > :nth-child({at + 1})").all_inner_texts()
    return [float(cell) for cell in cells if cell.replace(".", "").strip().isdigit()]


def test_the_scoreboard_is_sorted_by_the_honest_split_at_first(lab):
    figures = column(lab, "artists")
    assert len(figures) > 5
    assert figures == sorted(figures, reverse=True)


def test_a_header_sorts_and_sorts_the_other_way(lab):
    board = board_of(lab)
    head = board.get_by_role("columnheader", name="segments-random")
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert column(lab, "segments-random") == sorted(column(lab, "segments-random"), reverse=True)
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(lab, "segments-random") == sorted(column(lab, "segments-random"))


def test_flattering_figures_are_called_so(lab):
    heads = board_of(lab).get_by_role("columnheader")
    assert "flattering" in heads.filter(has_text="segments-random").inner_text()
    assert "honest" in heads.filter(has_text="artists").first.inner_text()
    lab.get_by_text("How to read it").click()
    assert "neighbours from one recording" in lab.locator("main").inner_text()


def test_another_part_has_other_models(lab):
    lab.get_by_label("Trained on").select_option("segments")
    assert lab.get_by_role("rowheader", name="lstm-58").count() == 1
    assert max(column(lab, "segments-random")) > 90


def test_a_report_opens_in_a_tab_of_its_own_without_scripts(lab):
    with lab.context.expect_page() as opened:
        lab.get_by_role("link", name="A report").click()
    report = opened.value
    report.get_by_role("heading", name="Balanced accuracy 0.7").wait_for()
    assert report.evaluate("() => getComputedStyle(document.querySelector('h1')).color") == "rgb(0, 128, 128)"
    answer = lab.request.get(report.url)
    assert "sandbox" in answer.headers["content-security-policy"]


def test_an_evaluation_shows_its_figures_genre_by_genre(lab):
    lab.get_by_role("button", name="evaluation").press("Enter")
    genres = lab.get_by_role("table", name="Genre by genre")
    assert genres.get_by_role("row", name="bells").inner_text().split() == ["bells", "2", "50%", "100%", "67%"]
    assert "30% to 95%" in lab.locator("main").inner_text()
    assert lab.get_by_role("table", name="was taken for what").get_by_role("row").count() == 3


def test_the_lab_fits_a_phone_and_axe_finds_no_fault(lab):
    for summary in lab.locator("summary").all():
        summary.click()
    lab.get_by_role("button", name="evaluation").click()
    lab.get_by_role("table", name="Genre by genre").wait_for()
    for width, theme in ((1280, "light"), (360, "dark")):
        lab.set_viewport_size({"width": width, "height": 900})
        lab.emulate_media(color_scheme=theme)
        check_fits(lab)
        check_axe(lab)
        shot(lab, f"lab-{width}")
