"""The vocoder bench finds the faults that it looks for where they are put, and none where there are none."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench" / "vocoder_measures.py"
RATE_HZ = 22_050
N = 2 * RATE_HZ


@pytest.fixture(scope="module")
def measures():
    spec = importlib.util.spec_from_file_location("vocoder_measures", BENCH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chord() -> np.ndarray:
    t = np.arange(N) / RATE_HZ
    noise = 0.005 * np.random.default_rng(0).standard_normal(N)
    return (0.1 * sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 2217)) + noise).astype(np.float32)


def strokes() -> np.ndarray:
    """A drum of noise every quarter of a second, from silence."""
    sound = np.zeros(N, np.float32)
    fall = np.exp(-np.arange(3000) / 500) * np.random.default_rng(0).standard_normal(3000) * 0.2
    for start in range(2000, N - 3000, RATE_HZ // 4):
        sound[start : start + 3000] = fall
    return sound


def test_a_perfect_round_trip_has_no_distance_and_no_fault(measures):
    for sound in (chord(), strokes()):
        assert measures.log_mel_l1(sound, sound) == 0
        assert not any(measures.stft_distances(sound, sound).values())
        found = measures.artefacts(sound, sound)
        assert not any(found[name] for name in ("dc", "clipped", "clicks_per_minute"))
        assert found["pre_echo_db"] == 0 or np.isnan(found["pre_echo_db"])


def test_twice_the_sound_is_ln_2_away(measures):
    sound = chord()
    assert measures.log_mel_l1(sound, 2 * sound) == pytest.approx(np.log(2), rel=1e-3)
    found = measures.stft_distances(sound, 2 * sound)
    assert found["convergence"] == pytest.approx(1, rel=1e-3)
    assert found["log_magnitude"] == pytest.approx(np.log(2), rel=0.02)  # but for bins below the floor


def test_clicks_are_counted_and_drum_strokes_are_not(measures):
    for sound in (chord(), strokes()):
        broken = sound.copy()
        places = 2000 + 4000 + RATE_HZ // 4 * np.arange(7)  # between the strokes
        broken[places] += 0.6
        assert measures.clicks(sound, broken) == len(places)
        assert measures.clicks(broken, sound) == 0
        assert measures.clicks(broken, broken) == 0


def test_a_step_in_the_phase_of_a_tone_is_a_click(measures):
    t = np.arange(N) / RATE_HZ
    whole, rng = 0.3 * np.sin(2 * np.pi * 440 * t), np.random.default_rng(0)
    jumped = np.where(t < 1, whole, -0.3 * np.cos(2 * np.pi * 440 * t))
    hiss = 0.001 * rng.standard_normal(N)
    assert measures.clicks((whole + hiss).astype(np.float32), (jumped + hiss).astype(np.float32)) == 1


def test_noise_of_another_seed_has_no_clicks(measures):
    first, second = (0.1 * np.random.default_rng(i).standard_normal((2, 10 * RATE_HZ)) for i in range(2))
    assert measures.clicks(first[0], second[0]) == 0


def test_offset_and_clipping_are_seen(measures):
    sound = chord()
    level = float(np.sqrt((sound**2).mean()))
    found = measures.artefacts(sound, sound + np.float32(0.5 * level))
    assert found["dc"] == pytest.approx(0.5, rel=1e-3)
    loud = sound.copy()
    loud[:100] = 1.0
    assert measures.artefacts(sound, loud)["clipped"] == pytest.approx(100 / N)


def test_energy_before_strokes_is_pre_echo_and_after_them_is_not(measures):
    sound = strokes()
    assert len(measures.strong_onsets(sound)) == 8
    hiss = np.zeros(N, np.float32)
    rng = np.random.default_rng(1)
    early, late = hiss.copy(), hiss.copy()
    for start in range(2000, N - 3000, RATE_HZ // 4):
        early[start - 441 : start] = 0.02 * rng.standard_normal(441)
        late[start + 600 : start + 1041] = 0.02 * rng.standard_normal(441)
    assert measures.artefacts(sound, sound + early)["pre_echo_db"] > 20
    assert measures.artefacts(sound, sound + late)["pre_echo_db"] == pytest.approx(0, abs=0.5)
    assert np.isnan(measures.artefacts(chord(), chord())["pre_echo_db"])


def test_the_interval_holds_the_mean_and_leaves_out_what_is_missing(measures):
    mean, low, high = measures.mean_interval(np.array([1.0, 2.0, 3.0, np.nan]))
    assert mean == 2
    assert 1 <= low < mean < high <= 3
