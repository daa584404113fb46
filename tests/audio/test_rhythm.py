"""Tempo and beats: what is heard in clicks, drums, silence and noise, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.audio import tempogram
from sideman.audio.beats import track_beats
from sideman.audio.rhythm import SEGMENT_FRAMES, TempoTracker, estimate_tempo
from sideman.core.errors import AudioError, UsageError

RATE = 22050


def burst(rng: np.random.Generator, *, low_hz: float, high_hz: float, decay_s: float) -> np.ndarray:
    """A short decaying tone with noise between two frequencies: a drum by its spectrum."""
    n = int(RATE * 6 * decay_s)
    t = np.arange(n) / RATE
    sweep = np.sin(2 * np.pi * np.cumsum(low_hz + (high_hz - low_hz) * rng.random(n)) / RATE)
    return (sweep * np.exp(-t / decay_s)).astype(np.float32)


def place(hits_s: np.ndarray, sound: np.ndarray, duration_s: float, gain: float = 1.0) -> np.ndarray:
    out = np.zeros(int(duration_s * RATE) + len(sound), np.float32)
    for at in hits_s[hits_s < duration_s]:
        start = round(at * RATE)
        out[start : start + len(sound)] += gain * sound
    return out[: int(duration_s * RATE)]


def clicks(tempo_bpm: float, duration_s: float = 15.0, offset_s: float = 0.1) -> np.ndarray:
    sound = burst(np.random.default_rng(1), low_hz=900, high_hz=1100, decay_s=0.01)
    return place(np.arange(offset_s, duration_s, 60 / tempo_bpm), sound, duration_s, 0.8)


def rock(tempo_bpm: float, duration_s: float = 16.0, swing: float = 0.5, seed: int = 2) -> np.ndarray:
    """Kick on one and three, snare on two and four, hi-hat in eighths whose first lasts `swing` of a beat."""
    rng = np.random.default_rng(seed)
    beat = 60 / tempo_bpm
    beats = np.arange(0, duration_s, beat)
    kick = place(beats[::2], burst(rng, low_hz=50, high_hz=70, decay_s=0.06), duration_s)
    snare = place(beats[1::2], burst(rng, low_hz=200, high_hz=5000, decay_s=0.05), duration_s, 0.7)
    hat = burst(rng, low_hz=6000, high_hz=10000, decay_s=0.015)
    hats = place(beats, hat, duration_s, 0.3) + place(beats + swing * beat, hat, duration_s, 0.2)
    return 0.5 * (kick + snare + hats)


def same_pulse(heard_bpm: float, true_bpm: float, tolerance: float = 0.04) -> bool:
    return any(abs(heard_bpm / (true_bpm * m) - 1) <= tolerance for m in (1, 2, 3, 1 / 2, 1 / 3))


@settings(max_examples=15, deadline=None)
@given(tempo_bpm=st.floats(60.0, 200.0))
def test_a_click_track_is_heard_at_its_tempo_or_a_simple_multiple(tempo_bpm: float) -> None:
    found = estimate_tempo(clicks(tempo_bpm), RATE)
    assert found.tempo_bpm is not None
    assert same_pulse(found.tempo_bpm, tempo_bpm, 0.02)
    ratios = [bpm / tempo_bpm for bpm in (found.tempo_bpm, *found.alternatives_bpm)]
    assert min(abs(ratio - 1) for ratio in ratios) < 0.02


@pytest.mark.parametrize("tempo_bpm", [72.0, 84.0, 100.0, 110.0, 120.0, 132.0, 150.0])
def test_a_rock_pattern_is_heard_at_the_beat_and_not_its_half_or_double(tempo_bpm: float) -> None:
    found = estimate_tempo(rock(tempo_bpm), RATE)
    assert found.tempo_bpm == pytest.approx(tempo_bpm, rel=0.015)


@pytest.mark.parametrize("tempo_bpm", [96.0, 125.0, 140.0])
def test_swung_eighths_keep_the_tempo(tempo_bpm: float) -> None:
    found = estimate_tempo(rock(tempo_bpm, swing=0.66), RATE)
    assert found.tempo_bpm is not None
    assert same_pulse(found.tempo_bpm, tempo_bpm, 0.02)


@pytest.mark.parametrize("tempo_bpm", [80.0, 118.0, 160.0])
def test_beats_fall_on_the_clicks(tempo_bpm: float) -> None:
    found = estimate_tempo(clicks(tempo_bpm, offset_s=0.25), RATE)
    truth = np.arange(0.25, 15.0, 60 / tempo_bpm)
    distance = np.abs(found.beats_s[:, None] - truth).min(axis=1)
    # At half or double tempo a beat may also fall between two clicks.
    step = 60 / tempo_bpm / 2
    on_grid = np.abs((found.beats_s - 0.25 + step / 2) % step - step / 2)
    assert np.median(distance) < 0.02 or np.median(on_grid) < 0.02
    assert np.all(np.diff(found.beats_s) > 0)
    assert found.beats_s[0] >= 0
    assert found.beats_s[-1] <= 15.0


def test_beats_are_spaced_by_the_tempo() -> None:
    found = estimate_tempo(rock(120.0), RATE)
    assert found.tempo_bpm is not None
    assert np.median(np.diff(found.beats_s)) == pytest.approx(60 / found.tempo_bpm, abs=0.012)


@settings(max_examples=10, deadline=None)
@given(gain_db=st.floats(-40.0, 40.0))
def test_gain_changes_nothing(gain_db: float) -> None:
    y = rock(112.0)
    plain, scaled = estimate_tempo(y, RATE), estimate_tempo((y * 10 ** (gain_db / 20)).astype(np.float32), RATE)
    assert scaled.tempo_bpm == pytest.approx(plain.tempo_bpm, rel=0.002)
    assert scaled.confidence == pytest.approx(plain.confidence, abs=0.02)


@pytest.mark.parametrize("sample_rate_hz", [8000, 16000, 44100, 48000])
def test_the_sample_rate_hardly_matters(sample_rate_hz: int) -> None:
    y = rock(126.0)
    other = estimate_tempo(soxr.resample(y, RATE, sample_rate_hz), sample_rate_hz)
    assert other.tempo_bpm == pytest.approx(estimate_tempo(y, RATE).tempo_bpm, rel=0.01)


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 16 * RATE), max_size=6), sample_rate_hz=st.sampled_from([RATE, 16000]))
def test_streaming_equals_one_shot_however_the_blocks_are_cut(cuts: list[int], sample_rate_hz: int) -> None:
    y = rock(98.0)
    tracker = TempoTracker(sample_rate_hz)
    for block in np.split(y, sorted(cuts)):
        tracker.update(block)
    streamed, whole = tracker.result(), estimate_tempo(y, sample_rate_hz)
    assert streamed.tempo_bpm == pytest.approx(whole.tempo_bpm, rel=1e-6)
    assert streamed.confidence == pytest.approx(whole.confidence, abs=1e-4)
    np.testing.assert_allclose(streamed.beats_s, whole.beats_s, atol=1e-3)


def test_a_long_stream_keeps_little_and_still_counts_every_beat() -> None:
    minute = rock(120.0, duration_s=60.0)
    tracker = TempoTracker(RATE)
    for _ in range(4):
        tracker.update(minute)
    held = sum(len(block) for block in tracker._waiting)
    assert held <= 3 * SEGMENT_FRAMES // 2
    found = tracker.result()
    assert found.tempo_bpm == pytest.approx(120.0, rel=0.01)
    assert len(found.beats_s) == pytest.approx(480, abs=6)


@pytest.mark.parametrize(
    "y",
    [
        np.zeros(0, np.float32),
        np.zeros(1, np.float32),
        np.zeros(10 * RATE, np.float32),
        clicks(120.0, duration_s=1.5),
        np.full(10 * RATE, 0.5, np.float32),
        (0.3 * np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE)).astype(np.float32),
    ],
    ids=["empty", "one sample", "silence", "too short", "constant", "steady tone"],
)
def test_where_there_is_no_pulse_there_is_no_tempo(y: np.ndarray) -> None:
    found = estimate_tempo(y, RATE)
    assert found.tempo_bpm is None
    assert found.confidence == 0.0
    assert found.alternatives_bpm == ()
    assert len(found.beats_s) == 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("duration_s", [5, 15, 30])
def test_noise_has_no_tempo(seed: int, duration_s: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.2, duration_s * RATE).astype(np.float32)
    found = estimate_tempo(noise, RATE)
    assert found.tempo_bpm is None
    assert found.confidence == 0.0


def test_confidence_is_a_probability_and_falls_when_noise_covers_the_beat() -> None:
    y = rock(120.0)
    noise = np.random.default_rng(5).normal(0, 1.0, len(y)).astype(np.float32)
    clear, buried = estimate_tempo(y, RATE), estimate_tempo(y * 0.1 + noise, RATE)
    assert 0.0 <= buried.confidence < clear.confidence <= 1.0


def test_alternatives_are_related_tempos_with_the_half_and_double_among_them() -> None:
    found = estimate_tempo(rock(100.0), RATE)
    assert found.tempo_bpm is not None
    ratios = sorted(round(bpm / found.tempo_bpm, 3) for bpm in found.alternatives_bpm)
    assert set(ratios) <= {0.333, 0.5, 0.667, 1.5, 2.0, 3.0}
    assert {0.5, 2.0} <= set(ratios)
    assert all(30 <= bpm <= 300 for bpm in found.alternatives_bpm)


def test_bad_input_is_refused_in_one_line() -> None:
    with pytest.raises(AudioError, match="NaN"):
        estimate_tempo(np.array([0.0, np.nan], np.float32), RATE)
    with pytest.raises(AudioError, match="mono"):
        estimate_tempo(np.zeros((2, RATE), np.float32), RATE)
    with pytest.raises(UsageError, match="sample rate"):
        estimate_tempo(np.zeros(RATE, np.float32), 0)


def test_a_finished_tracker_takes_no_more_blocks_and_repeats_its_result() -> None:
    tracker = TempoTracker(RATE)
    tracker.update(rock(120.0, duration_s=5.0))
    first = tracker.result()
    assert tracker.result() is first
    with pytest.raises(RuntimeError, match="new one"):
        tracker.update(np.zeros(10, np.float32))


def test_onset_strength_does_not_depend_on_gain_or_a_fixed_equaliser() -> None:
    mels = np.random.default_rng(3).gamma(0.3, 1.0, (800, tempogram.N_MELS)).astype(np.float32)
    tilt = np.geomspace(0.2, 5.0, tempogram.N_MELS).astype(np.float32)
    np.testing.assert_allclose(tempogram.onset_strength(mels * tilt * 7), tempogram.onset_strength(mels), atol=1e-3)


def test_the_autocorrelation_of_a_pulse_train_peaks_at_its_period() -> None:
    strength = np.zeros((1300, tempogram.STREAMS), np.float32)
    strength[::43] = 1.0
    acf, _ = tempogram.periodicity(strength - strength.mean())
    assert acf[20:60, 0].argmax() + 20 == 43
    assert acf[0, 0] == pytest.approx(1.0)


def test_dynamic_programming_keeps_the_beat_through_a_gap() -> None:
    strength = np.zeros(1200)
    onsets = np.arange(20, 1200, 40)
    strength[onsets] = 1.0
    strength[400:560] = 0.0
    beats = track_beats(strength, 40.0, 1.0)
    np.testing.assert_allclose(beats, onsets, atol=1.0)


def test_beats_follow_a_change_of_tempo_that_the_periods_tell() -> None:
    first, second = np.arange(10, 600, 40), np.arange(610, 1200, 30)
    strength = np.zeros(1200)
    strength[np.concatenate([first, second])] = 1.0
    beats = track_beats(strength, np.where(np.arange(1200) < 605, 40.0, 30.0), 1.0)
    np.testing.assert_allclose(beats, np.concatenate([first, second]), atol=1.0)


def test_no_onsets_give_no_beats() -> None:
    assert len(track_beats(np.zeros(500), 40.0, 86.0)) == 0
    assert len(track_beats(np.zeros(0), 40.0, 86.0)) == 0
