"""Generators without weights of their own, for tests of what holds for any generator."""

from pathlib import Path

import numpy as np

from sideman.audio.mel_picture import FORM
from sideman.compose.spectra.imaginers import Imaginer
from sideman.inference.cards import Card

GENRES = ("jazz", "reggae")


class FlowSession:
    """Answers a flat picture at the genre's level (0.5 for none), which a flow must reach exactly; keeps its calls."""

    def __init__(self):
        self.calls = []

    def run_inputs(self, *, noisy, time, genre, mood):
        self.calls.append((noisy, time, genre, mood))
        level = np.where(genre == len(GENRES), 0.5, genre.astype(np.float32))[:, None, None]
        return {"clean": np.broadcast_to(level, noisy.shape).astype(np.float32)}


class PatchSession:
    """Answers patches at the level of the noise's first number."""

    def __init__(self):
        self.calls = []

    def run_inputs(self, *, noise, **told):
        self.calls.append((noise, told))
        return {"mel": np.full((1, FORM.n_mels, 128), noise[0, 0], np.float32)}


def imaginer_of(kind="flow", session=None, *, conditional=True):
    """An imaginer around a session of one's own; pictures are z-scores with mean -4 and deviation 2."""
    content = {
        "kind": kind, "genres": list(GENRES), "window": 160 if kind == "flow" else 128, "noise": 100,
        "mean": [-4.0] * FORM.n_mels, "spread": [2.0] * FORM.n_mels, "conditional": conditional,
    }  # fmt: skip
    made = Imaginer("mine", Card("mine", Path("mine.onnx"), "", content))
    made.__dict__["session"] = session or (FlowSession() if kind == "flow" else PatchSession())
    return made
