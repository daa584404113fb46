"""The mood view with a camera that looks at drawn faces, for the tests of it."""

import base64
import re

import numpy as np
import pytest

from tests.web.browser import faces

expect = pytest.importorskip("playwright.sync_api").expect

# Networks run in software here, on a machine that has other things to do.
PATIENCE = 60_000

# Keeps every stream that the page was given, to see that it is ended.
LISTED = """() => {
  window.streams = [];
  const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await given(wanted);
    window.streams.push(stream);
    return stream;
  };
}"""
ENDED = """() => streams.length > 0 &&
  streams.every((one) => one.getTracks().every((track) => track.readyState === "ended"))"""
_STAGE = """(pictures) => {
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


def pictures():
    """What the camera may be shown, by name."""
    left, right = (faces.face(look, size=0.33)[:, 60:220] for look in (faces.NEUTRAL, faces.SAD))
    return {
        "happy": faces.face(faces.HAPPY),
        "sad": faces.face(faces.SAD),
        "surprised": faces.face(faces.SURPRISED),
        "two": np.concatenate([left, right], 1),
        "night": faces.face(faces.NEUTRAL, light=0.08),
        "room": faces.room(),
    }


def stage(page, drawn, name):
    """Give a page a camera whose picture a test changes: ``show(page, "sad")``."""
    page.evaluate(_STAGE, {key: base64.b64encode(one.tobytes()).decode() for key, one in drawn.items()})
    show(page, name)


def show(page, name):
    page.evaluate("name => show(name)", name)


def word(page):
    return page.get_by_label("Mood by name")


def plane(page):
    return page.get_by_role("slider", name="Mood plane")


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def find(page):
    """Ask for music and wait for the answer."""
    button(page, "Find music").click()
    expect(page.get_by_role("heading", name="For you")).to_be_visible(timeout=PATIENCE)


def switch_on(page):
    button(page, "Switch the camera on").click()
    expect(page.get_by_text("The camera is on", exact=True)).to_be_visible()


def sees(page, text):
    """Wait until the page says just this."""
    expect(page.get_by_text(text, exact=True)).to_be_visible(timeout=PATIENCE)


def record(page, label):
    """Record three frames of what the camera is shown."""
    page.get_by_label("Expression of").select_option(label)
    page.get_by_label("Frames").fill("3")
    button(page, "Record").click()
    expect(page.get_by_text(re.compile("Get ready: [123]"))).to_be_visible()
    sees(page, f"Kept as “{label}”.")
