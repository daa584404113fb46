import struct
import sys

import numpy as np
import pytest

from sideman.core.errors import MissingExtraError, ScoreError, UsageError
from sideman.symbolic.pianoroll import describe, write_pianoroll
from sideman.symbolic.score import Score
from tests.symbolic.pieces import band, track


def size(path):
    return struct.unpack(">II", path.read_bytes()[16:24])


def test_a_band_becomes_a_picture(tmp_path):
    image = pytest.importorskip("matplotlib.image")
    write_pianoroll(band(), tmp_path / "a.png", "A title")
    assert size(tmp_path / "a.png") == (1600, 900)
    pixels = image.imread(tmp_path / "a.png")[:, :, :3]
    colours = np.unique((pixels.reshape(-1, 3) * 15).round(), axis=0)
    assert len(colours) > 20


@pytest.mark.parametrize("program", [0, 128])
def test_tones_or_drums_alone_are_drawn(tmp_path, program):
    pytest.importorskip("matplotlib")
    write_pianoroll(Score((track(program, [(0, 12, 40, 90)]),)), tmp_path / "a.png")
    assert size(tmp_path / "a.png") == (1600, 900)


def test_the_line_under_the_title_tells_tempo_key_metre_and_length():
    assert describe(band()) == "110 bpm, C major, 4/4, 4 bars, 0:09"


def test_what_cannot_be_drawn_is_refused_in_a_line(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"\.png"):
        write_pianoroll(band(), tmp_path / "a.gif")
    with pytest.raises(ScoreError, match="no notes"):
        write_pianoroll(Score(()), tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"sideman\[plot\]"):
        write_pianoroll(band(), tmp_path / "a.png")
