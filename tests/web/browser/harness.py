"""A server in a process of its own, and a browser that may talk to nobody else."""

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
PAGE = REPOSITORY / "src/sideman/web/page/index.html"
AXE = REPOSITORY / "web/node_modules/axe-core/axe.min.js"
CHROMIUM = Path(os.environ.get("SIDEMAN_CHROMIUM", "/usr/bin/chromium"))
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


def lacking():
    """Why there can be no browser test here, or None."""
    if not CHROMIUM.exists():
        return f"needs a browser at {CHROMIUM}, or SIDEMAN_CHROMIUM"
    if not PAGE.exists():
        return "needs the built page: npm ci && npm run build in web/"
    return None


def sideman(*words, timeout=240):
    """Run a command of ours; returns its standard output."""
    command = [sys.executable, "-m", "sideman", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=timeout).stdout


class Server:
    """``sideman serve`` on a free port; ``origin`` is "http://127.0.0.1:PORT"."""

    def __init__(self, folder, *, database, lab=None, token=None, more=()):
        self.database, self.lab, self.token = database, lab, token
        command = [sys.executable, "-m", "sideman", "serve", "--port", "0", "--database", str(database), *more]
        if lab is not None:
            command += ["--lab", str(lab)]
        environment = dict(os.environ)
        environment.pop("SIDEMAN_TOKEN", None)
        if token is not None:
            environment["SIDEMAN_TOKEN"] = token
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        self.origin = self._listening()

    def _listening(self):
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            if found := re.search(r"listening on (http://127\.0\.0\.1:\d+)/", self.log.read_text()):
                return found[1]
            time.sleep(0.05)
        self.close()
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def launch(playwright, *, audio=None, video=None, allow=True):
    """A browser with a fake microphone and camera.

    Args:
        audio: a WAV that the microphone hears, once; None for beeps.
        video: a .y4m or .mjpeg that the camera sees, again and again; None for a test picture.
        allow: whether the user lets pages use them.
    """
    arguments = [
        *_QUIET,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream" + ("" if allow else "=deny"),
    ]
    if audio is not None:
        arguments.append(f"--use-file-for-fake-audio-capture={audio}%noloop")
    if video is not None:
        arguments.append(f"--use-file-for-fake-video-capture={video}")
    return playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)


class Watch:
    """What a browser context asked for and complained about.

    Attributes:
        requests: every request, with ``url``, ``method``, ``post_data_buffer``.
        left: addresses elsewhere that were asked for (and not had).
        complaints: errors in the console, violated policies, uncaught exceptions.
    """

    def __init__(self, context, origin):
        self.origin = origin
        self.requests, self.left, self.complaints = [], [], []
        self._expected = []
        context.on("request", self._asked)
        context.on("console", lambda said: self._said(said.type, f"{said.text} ({said.location.get('url', '')})"))
        context.on("weberror", lambda failed: self.complaints.append(str(failed.error)))
        context.route(lambda url: not self._ours(url), lambda route: route.abort())

    def _ours(self, url):
        return url.startswith((self.origin + "/", "data:", f"blob:{self.origin}/", "about:"))

    def _asked(self, request):
        self.requests.append(request)
        if not self._ours(request.url):
            self.left.append(request.url)

    def _said(self, kind, text):
        if kind == "error":
            self.complaints.append(text)

    def expect(self, pattern):
        """A complaint that belongs to the test, such as the 422 of an unusable file; a regular expression."""
        self._expected.append(re.compile(pattern))

    def check(self):
        unexpected = [line for line in self.complaints if not any(one.search(line) for one in self._expected)]
        assert not self.left, f"the page asked elsewhere: {self.left}"
        assert not unexpected, "the browser complained:\n" + "\n".join(unexpected)


def check_axe(page, *, without=()):
    """Fail on what axe finds wrong for people with disabilities.

    Args:
        without: names of rules that are not asked.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "without => axe.run(document, {rules: Object.fromEntries(without.map(id => [id, {enabled: false}]))})",
        list(without),
    )
    told = [
        f"{rule['id']}: {rule['help']}\n  " + "\n  ".join(f"{node['html'][:200]}" for node in rule["nodes"][:5])
        for rule in found["violations"]
    ]
    assert not told, "\n".join(told)


def check_fits(page):
    """Fail where the page must be scrolled sideways."""
    wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} px too wide"


def shot(page, name):
    """Save a picture for a human to look at, where SIDEMAN_SHOTS names a folder."""
    if folder := os.environ.get("SIDEMAN_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
