"""How a visitor uses the Listen view."""

import base64

from tests.web.browser.conftest import EXAMPLES

DISCO = EXAMPLES / "disco nights.mp3"
REGGAE = EXAMPLES / "one drop.opus"


def chooser(page):
    return page.get_by_role("button", name="Choose recordings")


def choose(page, *paths):
    chooser(page).set_input_files([str(path) for path in paths])


def drop(page, *paths):
    chooser(page).wait_for()  # the view is there and takes what falls on it
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
