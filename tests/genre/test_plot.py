import sys

import numpy as np
import pytest
import soundfile

from sideman.core.errors import AudioError, MissingExtraError, OutputError, UsageError
from sideman.genre import plot
from tests.cli.heard import TIMELINE, heard

RATE_HZ = 22050


@pytest.fixture
def recording(tmp_path):
    """Three seconds: silence, a loud 1 kHz tone, silence."""
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    y = 0.8 * np.sin(2 * np.pi * 1000 * t) * ((t >= 1) & (t < 2))
    path = tmp_path / "tone.wav"
    soundfile.write(path, y, RATE_HZ)
    return path


def test_the_overview_shows_the_tone_where_and_how_it_is(recording):
    lows, highs, mels, length_s = plot.overview(recording)
    assert length_s == pytest.approx(3)
    columns = len(lows)
    assert (lows.shape, highs.shape, mels.shape) == ((columns,), (columns,), (128, columns))
    third = columns // 3
    assert highs[third + 3 : 2 * third - 3].min() > 0.7
    assert lows[third + 3 : 2 * third - 3].max() < -0.7
    assert np.abs(highs[: third - 3]).max() < 0.01
    assert mels[:, columns // 2].argmax() == pytest.approx(plot._band_of(1000, 128), abs=2)
    assert mels.max() - mels.min() <= 80.001


def test_a_long_recording_is_overseen_in_few_columns_with_its_extremes(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.uniform(-0.1, 0.1, 120 * RATE_HZ)
    y[70 * RATE_HZ], y[90 * RATE_HZ] = 0.9, -0.9
    soundfile.write(tmp_path / "long.wav", y, RATE_HZ, subtype="FLOAT")
    lows, highs, mels, length_s = plot.overview(tmp_path / "long.wav")
    assert length_s == pytest.approx(120)
    assert 2048 <= len(lows) <= 4096  # 120 s are 5168 hops
    assert mels.shape == (128, len(lows))
    assert highs.argmax() / len(highs) == pytest.approx(70 / 120, abs=0.02)
    assert lows.argmin() / len(lows) == pytest.approx(90 / 120, abs=0.02)


def test_a_part_is_drawn_where_a_part_was_heard(recording):
    *_, length_s = plot.overview(recording, start_s=1, duration_s=0.5)
    assert length_s == pytest.approx(0.5, abs=0.01)


def test_the_picture_holds_three_panels(recording, tmp_path):
    figure = plot._figure(heard(str(recording), timeline=TIMELINE), *plot.overview(recording)[:3], 0.0, 3.0)
    assert [axes.get_ylabel() for axes in figure.axes] == ["amplitude", "mel band", "genre"]
    band = figure.axes[2]
    heights = {}
    for bar in band.patches:
        heights[bar.get_x()] = heights.get(bar.get_x(), 0) + bar.get_height()
    assert heights == pytest.approx({segment.start_s: 1.0 for segment in TIMELINE})


@pytest.mark.parametrize("name", ["a $b_{c}$.wav", "日本語.wav", "caf\udce9.wav"])
def test_any_name_makes_a_title_without_a_warning(recording, tmp_path, name, recwarn):
    odd = tmp_path / name
    odd.write_bytes(recording.read_bytes())
    plot.plot_classification(heard(str(odd), timeline=TIMELINE), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [str(warning.message) for warning in recwarn] == []


def test_what_cannot_be_drawn_is_refused(recording, tmp_path, monkeypatch):
    known = heard(str(recording), timeline=TIMELINE)
    with pytest.raises(UsageError, match=r"\.png"):
        plot.plot_classification(known, tmp_path / "a.txt")
    with pytest.raises(UsageError, match="timeline=True"):
        plot.plot_classification(heard(str(recording)), tmp_path / "a.png")
    with pytest.raises(AudioError):
        plot.plot_classification(heard(str(tmp_path / "none.wav"), timeline=TIMELINE), tmp_path / "a.png")
    with pytest.raises(OutputError):
        plot.plot_classification(known, tmp_path / "none" / "a.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"sideman\[plot\]"):
        plot.plot_classification(known, tmp_path / "a.png")
    assert {path.name for path in tmp_path.iterdir()} == {"tone.wav"}
