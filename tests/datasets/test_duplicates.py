"""The same recording is found again however it was recompressed, scaled or cut; other music is not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sideman.datasets import duplicates, gtzan
from sideman.datasets.duplicates import (
    HOP_N,
    SAMPLE_RATE_HZ,
    Match,
    find_matches,
    fingerprint,
    fingerprint_file,
    near_duplicates,
)
from tests.datasets.music import RATE_HZ, recompressed, tune, write


def words(y: np.ndarray, rate_hz: int = RATE_HZ) -> np.ndarray:
    return fingerprint(soxr.resample(y, rate_hz, SAMPLE_RATE_HZ).astype(np.float32))


@pytest.fixture(scope="module")
def crowd() -> dict[str, np.ndarray]:
    return {f"tune {seed}": words(tune(seed)) for seed in range(40)}


def test_different_tunes_do_not_match(crowd: dict[str, np.ndarray]) -> None:
    assert find_matches(crowd) == ()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda y: y, id="same"),
        pytest.param(lambda y: y * np.float32(0.05), id="-26 dB"),
        pytest.param(lambda y: -y, id="inverted"),
        pytest.param(lambda y: recompressed(y, level=0.9), id="mp3"),
        pytest.param(lambda y: recompressed(recompressed(y, level=0.6), level=0.95), id="mp3 twice"),
        pytest.param(lambda y: np.clip(y * 3, -1, 1), id="clipped"),
        pytest.param(lambda y: y + np.random.default_rng(0).normal(size=len(y), scale=0.01).astype("f"), id="noisy"),
        pytest.param(lambda y: np.concatenate([np.zeros(30000, "f"), y]), id="with silence before it"),
    ],
)
def test_a_changed_copy_is_found(crowd: dict[str, np.ndarray], change) -> None:
    matches = find_matches({**crowd, "zz copy": words(change(tune(7)))})
    assert [(m.first, m.second) for m in matches] == [("tune 7", "zz copy")]
    assert matches[0].overlap_s > 5.0
    assert matches[0].bit_error_rate < 0.25


@given(st.integers(0, 39), st.floats(0.0, 3.8), st.floats(2.05, 2.2), st.booleans())
@settings(max_examples=25, deadline=None)
def test_two_seconds_of_a_recording_are_enough_wherever_they_are_cut(
    crowd: dict[str, np.ndarray], seed: int, start_s: float, length_s: float, compress: bool
) -> None:
    cut = tune(seed)[int(start_s * RATE_HZ) : int((start_s + length_s) * RATE_HZ)]
    matches = find_matches({**crowd, "zz cut": words(recompressed(cut) if compress else cut)})
    assert [(m.first, m.second) for m in matches] == [(f"tune {seed}", "zz cut")]


def test_the_offset_says_how_much_later_the_passage_begins(crowd: dict[str, np.ndarray]) -> None:
    late = np.concatenate([tune(100, 1.5), tune(3)])
    (match,) = find_matches({"tune 3": crowd["tune 3"], "zz late": words(late)})
    assert match.offset_s == pytest.approx(1.5, abs=0.02)
    assert match.overlap_s == pytest.approx(6.0, abs=0.3)
    (mirror,) = find_matches({"zz tune 3": crowd["tune 3"], "late": words(late)})
    assert mirror.offset_s == pytest.approx(-1.5, abs=0.02)


def test_a_passage_inside_other_music_is_found(crowd: dict[str, np.ndarray]) -> None:
    medley = np.concatenate([tune(200, 4), tune(5)[RATE_HZ : 4 * RATE_HZ], tune(201, 4)])
    (match,) = find_matches({**crowd, "zz medley": words(medley)})
    assert (match.first, match.overlap_s) == ("tune 5", pytest.approx(3.0, abs=1.0))


def test_silence_noise_and_tones_match_nothing() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(6 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    sounds = {f"silence {i}": np.zeros(len(t), np.float32) for i in range(3)}
    sounds |= {f"noise {i}": rng.normal(size=len(t)).astype(np.float32) for i in range(10)}
    sounds |= {f"tone {f}": np.sin(2 * np.pi * f * t).astype(np.float32) for f in (440, 660, 990)}
    assert find_matches({name: fingerprint(y) for name, y in sounds.items()}) == ()


def test_many_copies_are_all_found(crowd: dict[str, np.ndarray]) -> None:
    copies = {f"zz {i}": words(recompressed(tune(9), level=0.5 + i / 30)) for i in range(12)}
    matches = find_matches({**crowd, **copies})
    assert len(matches) == 13 * 12 // 2
    assert len(near_duplicates(matches)) == len(matches)


def test_matches_become_relations() -> None:
    (relation,) = near_duplicates([Match("a", "b", 0.0, 3.0, 0.1)])
    assert (relation.kind, relation.members) == ("near-duplicate", ("a", "b"))


@given(npst.arrays(np.float32, st.integers(0, 6000), elements=st.floats(-1, 1, width=32)), st.floats(0.01, 100))
@settings(deadline=None, max_examples=50)
def test_the_length_is_as_documented_and_gain_does_not_count(y: np.ndarray, gain: float) -> None:
    y[np.abs(y) < 1e-12] = 0  # below that, squares leave the normal range of float32
    found = fingerprint(y)
    assert found.shape == (max(0, (len(y) - 2048) // HOP_N),)
    assert found.dtype == np.uint32
    power = np.float32(2.0 ** round(np.log2(gain)))  # a power of two is exact in floating point
    assert np.array_equal(fingerprint(y * power), found)


def test_a_file_read_in_blocks_gives_the_same_words(tmp_path: Path) -> None:
    y = np.concatenate([tune(seed, 7.3) for seed in range(10)])
    whole = soxr.resample(y, RATE_HZ, SAMPLE_RATE_HZ).astype(np.float32)
    write(tmp_path / "long.wav", whole, SAMPLE_RATE_HZ, subtype="FLOAT")
    assert np.array_equal(fingerprint_file(tmp_path / "long.wav"), fingerprint(whole))


def test_large_collections_are_searched_in_parts_with_the_same_result(
    crowd: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = {**crowd, "zz copy": words(recompressed(tune(7))), "zz cut": words(tune(8)[: 3 * RATE_HZ])}
    at_once = find_matches(everything)
    monkeypatch.setattr(duplicates, "_SHARD_FRAMES", 1000)
    assert find_matches(everything) == at_once
    assert len(at_once) == 2


def test_nothing_and_too_little_match_nothing() -> None:
    assert find_matches({}) == ()
    assert find_matches({"a": np.zeros(0, np.uint32), "b": np.arange(5, dtype=np.uint32)}) == ()
    assert find_matches({"a": words(tune(1))}) == ()


@pytest.mark.data
@pytest.mark.skipif("SIDEMAN_DATA" not in os.environ, reason="SIDEMAN_DATA names no data set")
def test_real_clips_are_found_recompressed_and_cut_and_do_not_match_each_other() -> None:
    from sideman.audio import decode

    tracks = gtzan.load().tracks[::9]
    prints, copies = {}, {}
    for track in tracks:
        y, rate_hz = decode.load(track.path)
        prints[track.track_id] = words(y, rate_hz)
        start = max(0, len(y) - round(2.05 * rate_hz)) // 2
        cut = recompressed(y[start : start + round(2.05 * rate_hz)] * np.float32(0.3), rate_hz)
        copies["zz " + track.track_id] = words(cut, rate_hz)
    assert [(m.first, m.second) for m in find_matches({**prints, **copies})] == [(k, "zz " + k) for k in sorted(prints)]
