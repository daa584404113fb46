"""How soon the page can be used, and how much script its views load.

    python bench/page.py [--tries 15] [--json]

Protocol: `sideman serve` on loopback without a library, Debian's chromium through Playwright, an empty cache each time.
"Shown" is the time from asking for the address until the first view's heading is there, "ready" until the main thread
was idle after it. Scripts are counted uncompressed, as the server sends them, after each of the five views was visited;
the networks that read faces and the renderer of scores load only when they are asked for, and are not among them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

VIEWS = ("listen", "library", "compose", "mood", "lab")
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_CLOCK = """() => {
  new MutationObserver((_, observer) => {
    if (!document.querySelector("main h1")) return;
    window.shownAt = performance.now();
    observer.disconnect();
  }).observe(document, {childList: true, subtree: true});
}"""
_IDLE = "() => new Promise((done) => requestIdleCallback(() => done(performance.now())))"


def measure(origin: str, tries: int) -> dict[str, Any]:
    """Times in ms and sizes in bytes."""
    from playwright.sync_api import sync_playwright

    shown, ready, sizes = [], [], {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for _ in range(tries):
            context = browser.new_context()
            context.add_init_script(f"({_CLOCK})()")
            page = context.new_page()
            page.goto(origin)
            page.wait_for_function("() => window.shownAt")
            shown.append(page.evaluate("() => window.shownAt"))
            ready.append(page.evaluate(_IDLE))
            context.close()
        page = browser.new_page()
        page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))
        for view in VIEWS:
            page.goto(f"{origin}#/{view}")
            page.wait_for_selector("main h1")
            page.wait_for_load_state("networkidle")
        browser.close()
    scripts = {url: size for url, size in sizes.items() if url.endswith(".js")}
    return {
        "shown_ms": [round(value) for value in sorted(shown)],
        "ready_ms": [round(value) for value in sorted(ready)],
        "script_bytes": sum(scripts.values()),
        "scripts": len(scripts),
        "requests_elsewhere": sum(not url.startswith(origin) for url in sizes if not url.startswith("data:")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="How soon the page can be used.")
    parser.add_argument("--tries", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "sideman", "serve", "--port", "0", "--database", str(Path(folder, "none.db"))],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stderr is not None
        try:
            line = server.stderr.readline()
            if "API only" in line:
                sys.exit("the page was not built; install Node.js 20 or newer and run `pip install .` again")
            found = measure(line.split("listening on ")[1].split()[0], options.tries)
        finally:
            server.terminate()
            server.wait()
    if options.json:
        print(json.dumps(found))
        return
    for name in ("shown_ms", "ready_ms"):
        times = found[name]
        print(f"{name[:-3]}: median {statistics.median(times):.0f} ms, worst of {len(times)}: {times[-1]} ms")
    print(f"scripts of all views: {found['script_bytes'] / 1e6:.2f} MB in {found['scripts']} files")
    print(f"requests elsewhere: {found['requests_elsewhere']}")


if __name__ == "__main__":
    main()
