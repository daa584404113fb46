"""The judges of the spectra bench: they find what is hidden, and count recordings, not excerpts."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
BENCH = Path(__file__).parents[2] / "bench"
RATE_HZ = 22_050


@pytest.fixture(scope="module")
def judges():
    sys.path.insert(0, str(BENCH))
    try:
        yield importlib.import_module("spectra_judges")
    finally:
        sys.path.remove(str(BENCH))


@pytest.fixture(scope="module")
def sets(judges):
    return sys.modules["spectra_sets"]


def excerpts(sets, genres, bags):
    return sets.Excerpts(np.zeros((len(genres), 4), np.float32), np.array(genres), np.array(bags))


@pytest.mark.parametrize("bands", [1, 3])
def test_the_largest_correlation_is_numpys(judges, bands):
    rng = np.random.default_rng(0)
    music, parts = rng.standard_normal((bands, 700)), rng.standard_normal((4, bands, 50)) + 2
    expected = [
        max(abs(np.corrcoef(part.ravel(), music[:, i : i + 50].ravel())[0, 1]) for i in range(651)) for part in parts
    ]
    assert judges.max_correlation(parts, music, log2_block=7) == pytest.approx(expected, rel=1e-4)


def test_a_hidden_copy_is_found_at_any_place_level_and_sign(judges):
    rng = np.random.default_rng(1)
    music = rng.standard_normal((1, 3000))
    parts = np.stack([gain * music[:, at : at + 200] + 5 for at, gain in ((0, 1), (1333, 0.1), (2800, -3))])
    assert judges.max_correlation(parts, music, log2_block=9) == pytest.approx(1, abs=1e-4)


def test_silence_in_the_music_or_in_the_excerpt_is_like_nothing(judges):
    music = np.zeros((1, 2000))
    music[0, 1500:] = np.random.default_rng(0).standard_normal(500)
    parts = np.stack([np.zeros((1, 100)), np.random.default_rng(2).standard_normal((1, 100))])
    found = judges.max_correlation(parts, music, log2_block=8)
    assert found[0] == 0
    assert found[1] < 0.5


def test_copies_through_changed_phases_are_betrayed_by_their_pictures(judges, sets):
    rng = np.random.default_rng(0)
    clips = [
        np.repeat(rng.uniform(0.01, 0.3, 30), RATE_HZ // 10).astype(np.float32)
        * rng.standard_normal(3 * RATE_HZ).astype(np.float32)
        for _ in range(3)
    ]
    music = judges.TrainingMusic(np.eye(3), clips)
    turned = np.fft.rfft(clips[1][: 2 * RATE_HZ])
    turned *= np.exp(1j * np.repeat(rng.uniform(0, 6.28, len(turned) // 2205 + 1), 2205)[: len(turned)])
    copy = np.fft.irfft(turned, 2 * RATE_HZ).astype(np.float32)
    other = (0.1 * rng.standard_normal(2 * RATE_HZ)).astype(np.float32)
    both = sets.Excerpts(np.stack([copy, other]), np.array(["rock", "rock"]), np.array(["a", "b"]))
    near = music.nearest(both, np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]))
    assert near["mel"][0] > 0.8 > near["mel"][1] + 0.3
    assert near["embedding"] == pytest.approx([1, 2**-0.5])


def test_accuracy_counts_recordings(judges, sets):
    some = excerpts(sets, ["jazz"] * 3 + ["rock"] * 2, ["a", "a", "b", "c", "d"])
    found = judges.accuracy(np.array(["jazz", "rock", "jazz", "rock", "jazz"]), some)
    assert found["per_genre"] == {"jazz": 0.75, "rock": 0.5}
    assert found["balanced"] == 0.625
    assert found["all"] == pytest.approx(2.5 / 4)
    assert found["interval_95"][0] < found["all"] < found["interval_95"][1]


def test_one_sound_over_and_over_has_no_diversity(judges):
    found = judges.diversity(np.ones((4, 3)), np.array(["jazz", "jazz", "rock", "rock"]))
    assert found == pytest.approx({"pairs": 0, "pairs_within_genre": 0, "nearest": 0}, abs=1e-6)
    apart = judges.diversity(np.array([[0.0], [1.0], [10.0], [12.0]]), np.array(["jazz", "jazz", "rock", "rock"]))
    assert apart["pairs_within_genre"] == 1.5
    assert apart["nearest"] == 1.5


def test_excerpts_are_spread_levelled_and_named(sets):
    rng = np.random.default_rng(0)
    clips = [("short", "jazz", 1.5), ("three", "jazz", 3.0), ("long", "rock", 15.0)]
    found = sets.excerpts_of(((n, g, rng.standard_normal(int(s * RATE_HZ)).astype("f")) for n, g, s in clips), 4)
    assert Counter(found.bags.tolist()) == {"short": 1, "three": 1, "long": 4}
    assert np.sqrt((found.sounds**2).mean(1)) == pytest.approx(0.1, rel=1e-3)
    rows = found.matched(Counter({"jazz": 1, "rock": 3}))
    assert found.genres[rows].tolist() == ["jazz", "rock"]  # one of each recording, and no more than there are
    assert sets.levelled(np.zeros(5, np.float32)).tolist() == [0] * 5


def test_an_empty_folder_of_sounds_is_told_in_one_line(sets, tmp_path):
    from sideman.core.errors import DatasetError

    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DatasetError, match=r"no sounds to judge; put files named GENRE\.NNN\.wav"):
            sets.folder(path)
