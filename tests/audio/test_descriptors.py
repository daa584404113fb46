"""The 58-column table: librosa's values, one result however the signal is cut, defined on every signal."""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sideman.audio.decode import load
from sideman.audio.descriptors import DESCRIPTOR_COLUMNS, TABLE_COLUMNS, as_row, describe, describe_stream
from sideman.core.errors import AudioError
from tests.audio.signals import RATE_HZ, music, noise, signals

pytest.importorskip("librosa")
from tests.audio.gtzan_reference import deviations, librosa_table, published_rows

pytestmark = [pytest.mark.filterwarnings("ignore:n_fft"), pytest.mark.filterwarnings("ignore:Trying to estimate")]
TOLERANCE = 1e-3


def assert_parity(y: np.ndarray) -> None:
    ours, theirs = describe(y), librosa_table(y)
    assert ours["tempo"] == pytest.approx(theirs["tempo"], abs=1e-6)
    assert ours["length"] == theirs["length"]
    assert {name: value for name, value in deviations(ours, theirs).items() if value > TOLERANCE} == {}


def test_has_the_columns_of_the_published_table():
    assert len(DESCRIPTOR_COLUMNS) == 58
    assert TABLE_COLUMNS[:4] == ("filename", "length", "chroma_stft_mean", "chroma_stft_var")
    assert TABLE_COLUMNS[14:19] == ("harmony_mean", "harmony_var", "perceptr_mean", "perceptr_var", "tempo")
    assert TABLE_COLUMNS[-3:] == ("mfcc20_mean", "mfcc20_var", "label")
    assert tuple(describe(noise(3000))) == DESCRIPTOR_COLUMNS


@pytest.mark.parametrize("seconds", [1.0, 3.0, 8.3, 30.0])
def test_equals_librosa_on_made_music(seconds):
    assert_parity(music(seconds, seed=int(seconds)))


T = np.arange(4 * RATE_HZ) / RATE_HZ
MADE = {
    "silence": np.zeros(RATE_HZ, np.float32),
    "constant": np.full(RATE_HZ, 0.5, np.float32),
    "DC and noise": noise(RATE_HZ) + np.float32(0.4),
    "pure tone": np.sin(2 * np.pi * 440 * T).astype(np.float32),
    "high tone": (0.01 * np.sin(2 * np.pi * 9876 * T)).astype(np.float32),
    "sweep": np.sin(2 * np.pi * (50 * T + 1000 * T**2)).astype(np.float32),
    "white noise": noise(4 * RATE_HZ, level=0.3),
    "quiet noise": noise(4 * RATE_HZ, level=1e-5),
    "one click": np.eye(1, 3 * RATE_HZ, RATE_HZ, dtype=np.float32)[0],
    "clicks": (np.arange(6 * RATE_HZ) % 9000 == 0).astype(np.float32),
    "clipped": np.clip(5 * np.sin(2 * np.pi * 220 * T), -1, 1).astype(np.float32),
    "music, then silence": np.concatenate([music(2.0), np.zeros(2 * RATE_HZ, np.float32)]),
    "loud": 50 * music(2.0),
}


@pytest.mark.parametrize("name", MADE)
def test_equals_librosa_on_signals_made_to_be_difficult(name):
    assert_parity(MADE[name])


@settings(deadline=None, max_examples=25)
@given(y=signals(min_n=16384, max_n=60000))
def test_equals_librosa_on_random_signals(y):
    """But for the columns in which librosa itself turns on rounding: which of equal peaks, on which side of a sum."""
    assume(not 0 < np.abs(y).max() < 1e-15)  # 300 dB below full scale squares are no longer float32 numbers
    ours, theirs = describe(y), librosa_table(y)
    apart = deviations(ours, theirs)
    for name, value in apart.items():
        if name.startswith(("chroma", "rolloff", "tempo")):
            continue  # the signals hold pure tones over digital silence: ties in tuning, level of the float noise
        assert value <= 2 * TOLERANCE, (name, ours[name], theirs[name])


@settings(deadline=None, max_examples=25)
@given(
    y=signals(min_n=1, max_n=70000),
    tile_frames=st.integers(1, 60),
    block_n=st.integers(1, 30000),
)
def test_is_the_same_however_the_signal_is_cut(y, tile_frames, block_n):
    def blocks():
        return (y[start : start + block_n] for start in range(0, len(y), block_n))

    whole, cut = describe(y), describe_stream(blocks, tile_frames=tile_frames)
    assert cut["tempo"] == whole["tempo"]
    assert cut["length"] == whole["length"]
    assert max(deviations(cut, whole).values()) < 1e-4  # a tenth of the tolerance for parity


@pytest.mark.parametrize("extra_n", [0, 1, 511, 512, 1023, 1024])
def test_an_end_just_after_a_tile_is_seen_by_that_tile(extra_n):
    """The last samples of a tile miss the frames that a longer signal would have: their synthesis must know."""
    y = music(2.0)[: 20 * 512 + extra_n]
    whole, cut = describe(y), describe_stream(lambda: [y], tile_frames=20)
    assert max(deviations(cut, whole).values()) < 1e-4  # a tenth of the tolerance for parity


@pytest.mark.parametrize("tile_frames", [100, 2048])
def test_music_of_more_than_a_tile_is_the_same(tile_frames):
    y = music(55.0)
    whole = describe_stream(lambda: [y], tile_frames=10**6)
    cut = describe_stream(lambda: np.array_split(y, 7), tile_frames=tile_frames)
    assert max(deviations(cut, whole).values()) < 1e-4
    assert cut["tempo"] == whole["tempo"]


def test_an_endless_recording_needs_the_memory_of_a_few_tiles():
    import tracemalloc

    block = noise(30 * RATE_HZ)
    tracemalloc.start()
    values = describe_stream(lambda: itertools.repeat(block, 24))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert values["length"] == 24 * len(block)
    assert peak < 100e6


@pytest.mark.parametrize("n", [1, 2, 5, 256, 511, 512, 513, 1023, 1024, 1025, 2047, 2048, 2049, 4096, 9000])
@pytest.mark.parametrize("made", ["noise", "zeros", "ones"])
def test_every_signal_has_finite_values(n, made):
    y = {"noise": noise(n, n), "zeros": np.zeros(n, np.float32), "ones": np.ones(n, np.float32)}[made]
    values = describe(y)
    assert all(np.isfinite(value) for value in values.values())
    assert all(value >= 0 for name, value in values.items() if name.endswith("_var"))
    # scipy's median filter reads uninitialised memory on spectra of two or three frames, so librosa has no reference.
    if n >= 1536 or n < 512:
        theirs = librosa_table(y)
        assert {name: v for name, v in deviations(values, theirs).items() if v > TOLERANCE} == {}


@settings(deadline=None, max_examples=20)
@given(gain=st.floats(0.05, 20.0))
def test_gain_moves_only_the_columns_of_level(gain):
    y = music(2.0)
    plain, louder = describe(y), describe(y * np.float32(gain))
    for name in DESCRIPTOR_COLUMNS:
        if name.startswith(("rms", "harmony", "perceptr")):
            factor = gain**2 if name.endswith("var") else gain
            assert louder[name] == pytest.approx(plain[name] * factor, rel=1e-3, abs=1e-7)
        elif name not in ("mfcc1_mean", "length"):
            assert louder[name] == pytest.approx(plain[name], rel=2e-3, abs=2e-3), name
    shift_db = np.sqrt(128) * 20 * np.log10(gain)
    assert louder["mfcc1_mean"] - plain["mfcc1_mean"] == pytest.approx(shift_db, abs=0.5)


def test_turning_the_polarity_moves_only_what_has_a_sign():
    y = music(2.0)
    plain, turned = describe(y), describe(-y)
    for name in DESCRIPTOR_COLUMNS:
        sign = -1 if name in ("harmony_mean", "perceptr_mean") else 1
        tolerance = 1e-2 if name.startswith("zero_crossing") else 1e-4  # exact zeros count as positive
        assert turned[name] == pytest.approx(sign * plain[name], rel=tolerance, abs=1e-7), name


@pytest.mark.parametrize("y", [np.zeros(0), np.array([0.1, np.nan]), np.zeros((2, 9))])
def test_refuses_what_is_no_signal(y):
    with pytest.raises(AudioError) as caught:
        describe(y)
    assert "\n" not in str(caught.value)


def test_as_row_follows_the_columns():
    values = describe(noise(5000))
    assert as_row(values).tolist() == [values[name] for name in DESCRIPTOR_COLUMNS]


def _clips() -> list[Path]:
    root = os.environ.get("SIDEMAN_DATA")
    if not root:
        return []
    by_genre = [sorted(folder.glob("*.flac")) for folder in sorted((Path(root) / "audio").iterdir()) if folder.is_dir()]
    # From each genre the first, which last 15-30 s in most, and the last, which last 2-3 s.
    return [clip for clips in by_genre for clip in (*clips[:2], *clips[-2:])]


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("SIDEMAN_DATA"), reason="SIDEMAN_DATA names no data set")
@pytest.mark.parametrize("clip", _clips(), ids=lambda clip: clip.stem)
def test_equals_librosa_on_real_clips(clip):
    y, rate = load(clip)
    assert rate == RATE_HZ
    assert_parity(y)


MOVED_SINCE_PUBLICATION = {"rms_var", "harmony_mean", "perceptr_mean"}
"""Columns in which librosa 0.11 no longer gives the published values; docs/features.md tells why."""


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("SIDEMAN_DATA"), reason="SIDEMAN_DATA names no data set")
def test_the_one_whole_clip_has_its_published_row():
    root = Path(os.environ["SIDEMAN_DATA"])
    y, _ = load(root / "audio/country/country.00000.flac")
    published = {name: float(published_rows(root)["country.00000"][name]) for name in DESCRIPTOR_COLUMNS}
    apart = deviations(describe(y), published)
    assert {name for name, value in apart.items() if value > TOLERANCE} <= MOVED_SINCE_PUBLICATION
