"""The recordings in examples/ are what examples/make_demo.py makes, and nothing else lies there."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

EXAMPLES = Path(__file__).parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))
spec = importlib.util.spec_from_file_location("make_demo", EXAMPLES / "make_demo.py")
assert spec is not None
assert spec.loader is not None
make_demo = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_demo)

RATE_HZ = 22050


def loudness(y: np.ndarray) -> np.ndarray:
    """Decibels in half-octave-like bands of 93 ms frames, (frames, bands): what survives any codec and its delay."""
    frames = y[: len(y) // 2048 * 2048].reshape(-1, 2048) * np.hanning(2048)
    power = np.abs(np.fft.rfft(frames)) ** 2
    edges = np.unique(np.geomspace(6, 700, 14).astype(int))  # 65 Hz - 7.5 kHz
    return 10 * np.log10(np.add.reduceat(power, edges, axis=1)[:, :-1] + 1e-3)


def committed(name: str) -> np.ndarray:
    y, rate_hz = soundfile.read(EXAMPLES / name, always_2d=True)
    return soxr.resample(y.mean(axis=1), rate_hz, RATE_HZ)


@pytest.mark.parametrize("name", sorted(make_demo.PIECES))
def test_the_recording_is_what_the_script_makes(name):
    made = soxr.resample(make_demo.render(name).mean(axis=1).astype(np.float64), 44100, RATE_HZ)
    kept = committed(name)
    assert abs(len(made) - len(kept)) < 0.1 * RATE_HZ
    n = min(len(made), len(kept))
    delays_n = range(0, 1300, 10) if name.endswith(".mp3") else [0]  # decoders differ in trimming the codec's delay
    differences = [np.abs(loudness(made[: n - 1300]) - loudness(kept[d : d + n - 1300])).mean() for d in delays_n]
    assert min(differences) < 1.5  # dB


def test_the_script_makes_the_same_samples_every_time():
    name = "iron gallop.ogg"
    assert np.array_equal(make_demo.render(name), make_demo.render(name))


def test_the_folder_holds_these_recordings_and_is_small():
    recordings = {path.name for path in EXAMPLES.iterdir() if path.suffix in {".mp3", ".ogg", ".opus", ".flac", ".wav"}}
    assert recordings == set(make_demo.PIECES)
    assert sum((EXAMPLES / name).stat().st_size for name in recordings) < 1_500_000
    assert any(not name.isascii() for name in recordings)


@pytest.mark.parametrize("name", sorted(make_demo.PIECES))
def test_a_recording_is_eight_to_fifteen_seconds_audible_and_not_clipped(name):
    y = committed(name)
    assert 8 <= len(y) / RATE_HZ <= 15
    assert 0.05 < np.sqrt(np.mean(y**2)) < 0.5
    assert np.mean(np.abs(y) > 0.999) < 1e-4
