"""What the tests of the Library view do with its page."""

import urllib.parse


def search(page, text):
    page.get_by_role("searchbox", name="Search the library").fill(text)
    page.get_by_role("button", name="Search", exact=True).click()


def rows(page):
    return page.locator("main table tbody th[scope=row] button")


def titles(page):
    return rows(page).all_inner_texts()


def column(page, n):
    return page.locator(f"main table tbody td:nth-of-type({n})").all_inner_texts()


def address(page):
    return urllib.parse.parse_qs(page.url.partition("?")[2])


def unfold(where, title):
    where.locator("summary", has_text=title).click()


def settled(page):
    page.get_by_role("heading", level=1, name="Library").wait_for()
    page.wait_for_load_state("networkidle")
