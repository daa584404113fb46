"""A library, a server and a browser for the tests of the page.

The sandboxed browser reaches the server and nothing else; every test fails at its end where the page asked another
address or the browser complained (console errors, violated policy). ``SIDEMAN_SHOTS=DIR`` keeps pictures.
"""

import json
import shutil

import pytest

from tests.library.sounds import collection
from tests.web.browser import harness

EVALUATION = {
    "format": 1, "sideman": "0.1.0", "model": "svm", "protocol": "tracks", "dataset": "folders", "settings": {},
    "input": {"kind": "table"}, "n_parameters": 0, "fit_seconds": 1.0, "notes": [], "genres": ["bells", "drums"],
    "tracks": ["a", "b", "c", "d"], "labels": [0, 0, 1, 1],
    "figures": {
        "protocol": "tracks", "leaky": False, "tracks": 4, "tested": 4.0, "chance": 0.5,
        "kept_apart": ["Kept apart: recordings, each with all its segments on one side."],
        "accuracy": {"mean": 0.75, "per_seed": [0.75], "interval": [0.3, 0.95]},
        "balanced_accuracy": {"mean": 0.75, "per_seed": [0.75], "interval": [0.3, 0.95]},
        "macro_f1": {"mean": 0.73, "per_seed": [0.73], "interval": [0.3, 0.95]},
        "per_class": [
            {"genre": "bells", "tested": 2.0, "precision": 1.0, "recall": 0.5, "f1": 0.67},
            {"genre": "drums", "tested": 2.0, "precision": 0.67, "recall": 1.0, "f1": 0.8},
        ],
        "confusion": [[1.0, 1.0], [0.0, 2.0]],
    },
}  # fmt: skip
EXAMPLES = harness.REPOSITORY / "examples"


def pytest_collection_modifyitems(items):
    if why := harness.lacking():
        for item in items:
            if "/web/browser/" in item.path.as_posix():
                item.add_marker(pytest.mark.skip(reason=why))


def make_music(folder):
    """Recordings to fill a library: the examples, and eight synthesised ones by two artists."""
    folder.mkdir(parents=True)
    for path in EXAMPLES.iterdir():
        if path.suffix in (".mp3", ".ogg", ".opus", ".flac"):
            shutil.copy(path, folder / path.name)
    collection(folder / "made", n=8)
    return folder


@pytest.fixture(scope="package")
def library(tmp_path_factory):
    """The database of a scanned library; tests of this package share it and must leave its files as they are."""
    folder = tmp_path_factory.mktemp("library")
    harness.sideman("scan", make_music(folder / "music"), "--database", folder / "library.db")
    return folder / "library.db"


@pytest.fixture(scope="package")
def lab_folder(tmp_path_factory):
    """A folder of the lab with one report and one evaluation."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "report.html").write_text(
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>A report</title>"
        "<style>h1 { color: teal }</style></head><body><h1>Balanced accuracy 0.7</h1></body></html>",
        encoding="utf-8",
    )
    (folder / "evaluation.json").write_text(json.dumps(EVALUATION), encoding="utf-8")
    return folder


@pytest.fixture(scope="package")
def server(tmp_path_factory, library, lab_folder):
    """A running server with the shared library; ``server.origin`` is its address."""
    running = harness.Server(tmp_path_factory.mktemp("server"), database=library, lab=lab_folder)
    yield running
    running.close()


@pytest.fixture
def own_server(tmp_path, library):
    """Starts servers whose library a test may change: ``own_server(token=..., empty=True, more=[...])``."""
    started = []

    def start(*, empty=False, token=None, more=()):
        folder = tmp_path / f"own {len(started)}"
        database = folder / "library.db"
        if empty:
            folder.mkdir()
        else:
            # scanned again rather than copied: rows hold the paths of the files
            harness.sideman("scan", make_music(folder / "music"), "--database", database)
        started.append(harness.Server(folder, database=database, token=token, more=more))
        return started[-1]

    yield start
    for running in started:
        running.close()


@pytest.fixture(scope="package")
def playwright():
    from playwright.sync_api import sync_playwright

    # not for the whole session: its event loop would be in the way of tests that run one of their own
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def launched(playwright):
    """Gives browsers by their fake devices: ``launched(audio=WAV, video=Y4M, allow=True)``; each is started once."""
    kept = {}

    def give(*, audio=None, video=None, allow=True):
        key = (str(audio), str(video), allow)
        if key not in kept:
            kept[key] = harness.launch(playwright, audio=audio, video=video, allow=allow)
        return kept[key]

    yield give
    for browser in kept.values():
        browser.close()


@pytest.fixture
def open_page(launched, server, own_server):  # pages are closed before the servers that they may still be asking
    """Opens pages that are watched: ``open_page("#/listen", width=360, dark=True, browser=..., server=...)``.

    ``page.watch`` is the :class:`harness.Watch` of its context.
    """
    opened = []

    def start(fragment="", *, width=1280, height=900, dark=False, still=False, browser=None, at=None, **more):
        origin = (at or server).origin
        context = (browser or launched()).new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if still else "no-preference", base_url=origin, locale="en-GB", **more,
        )  # fmt: skip
        context.set_default_timeout(15_000)
        watch = harness.Watch(context, origin)
        opened.append((context, watch))
        page = context.new_page()
        page.watch = watch
        page.goto(f"/{fragment}")
        return page

    yield start
    for context, _ in opened:
        context.close()
    for _, watch in opened:
        watch.check()


@pytest.fixture
def page(open_page):
    """One page at the first view, 1280 pixels wide, light."""
    return open_page()
