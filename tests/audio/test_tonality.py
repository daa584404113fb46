"""Key and tuning: cadences in all 24 keys, detuned, transposed, cut into blocks, and sounds that have no key."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.audio import pitch_class
from sideman.audio.framing import FrameStream
from sideman.audio.key_profiles import PROFILES, key_correlations
from sideman.audio.tonality import NAMES, SEGMENT_FRAMES, KeyTracker, estimate_key
from sideman.core.errors import AudioError, UsageError

RATE = 22050
MAJOR_CADENCE = [(0, (0, 4, 7)), (5, (0, 4, 7)), (7, (0, 4, 7)), (0, (0, 4, 7))]
MINOR_CADENCE = [(0, (0, 3, 7)), (5, (0, 3, 7)), (7, (0, 4, 7)), (0, (0, 3, 7))]


def tone(pitch: float, duration_s: float) -> np.ndarray:
    """Six harmonics falling by 0.6, plucked."""
    t = np.arange(int(duration_s * RATE)) / RATE
    f = 440.0 * 2 ** ((pitch - 69) / 12)
    wave = sum(0.6**h * np.sin(2 * np.pi * f * (h + 1) * t) for h in range(6) if f * (h + 1) < RATE / 2)
    return wave * np.exp(-1.5 * t)


def cadence(tonic: int, mode: str, *, cents: float = 0.0, repeats: int = 3) -> np.ndarray:
    """I IV V I over its roots, one second a chord, as chords around middle C with a bass."""
    chords = []
    for root, shape in MAJOR_CADENCE if mode == "major" else MINOR_CADENCE:
        pitches = [36 + (tonic + root) % 12, *(60 + (tonic + root + degree) % 12 for degree in shape)]
        chords.append(np.sum([tone(pitch + cents / 100, 1.0) for pitch in pitches], axis=0))
    return (0.1 * np.tile(np.concatenate(chords), repeats)).astype(np.float32)


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_a_cadence_tells_its_key(tonic: int, mode: str) -> None:
    found = estimate_key(cadence(tonic, mode), RATE)
    assert found.key == f"{NAMES[tonic]} {mode}"
    assert (found.tonic, found.mode) == (tonic, mode)
    assert found.confidence > 0.3


@pytest.mark.parametrize("cents", [-40.0, -25.0, -10.0, 10.0, 25.0, 40.0])
def test_a_detuned_cadence_keeps_its_key_and_tells_its_tuning(cents: float) -> None:
    found = estimate_key(cadence(3, "minor", cents=cents), RATE)
    assert found.key == "D# minor"
    assert found.tuning_cents == pytest.approx(cents, abs=4.0)


@settings(max_examples=12, deadline=None)
@given(tonic=st.integers(0, 11), mode=st.sampled_from(["major", "minor"]), cents=st.floats(-40.0, 40.0))
def test_transposing_the_music_transposes_the_key(tonic: int, mode: str, cents: float) -> None:
    found, reference = estimate_key(cadence(tonic, mode, cents=cents), RATE), estimate_key(cadence(0, mode), RATE)
    assert found.tonic is not None
    assert reference.tonic is not None
    assert ((found.tonic - reference.tonic) % 12, found.mode) == (tonic, reference.mode)


@given(steps=st.integers(0, 11), seed=st.integers(0, 99))
def test_rotating_the_profile_rotates_its_correlations(steps: int, seed: int) -> None:
    values = np.random.default_rng(seed).random(12)
    turned = key_correlations(np.roll(values, steps))
    np.testing.assert_allclose(turned, np.roll(key_correlations(values), 2 * steps), atol=1e-12)


@given(scale=st.floats(1e-3, 1e3), offset=st.floats(-10.0, 10.0))
def test_correlations_ignore_scale_and_floor(scale: float, offset: float) -> None:
    values = np.random.default_rng(0).random(12)
    np.testing.assert_allclose(key_correlations(scale * values + offset), key_correlations(values), atol=1e-6)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("mode", [0, 1])
def test_each_published_profile_is_heard_as_its_own_key(name: str, mode: int) -> None:
    degrees = np.array(PROFILES[name][mode])
    assert degrees.argmax() in (0, 7)
    assert key_correlations(degrees).argmax() == mode


def test_a_flat_profile_correlates_with_nothing() -> None:
    np.testing.assert_array_equal(key_correlations(np.full(12, 0.25)), np.zeros(24))


@settings(max_examples=8, deadline=None)
@given(gain_db=st.floats(-40.0, 30.0))
def test_gain_changes_nothing(gain_db: float) -> None:
    y = cadence(8, "major")
    plain, scaled = estimate_key(y, RATE), estimate_key((y * 10 ** (gain_db / 20)).astype(np.float32), RATE)
    assert scaled.key == plain.key
    assert scaled.confidence == pytest.approx(plain.confidence, abs=0.02)


@pytest.mark.parametrize("sample_rate_hz", [8000, 16000, 44100, 48000])
def test_the_sample_rate_hardly_matters(sample_rate_hz: int) -> None:
    found = estimate_key(soxr.resample(cadence(6, "minor"), RATE, sample_rate_hz), sample_rate_hz)
    assert found.key == "F# minor"


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 12 * RATE), max_size=6), sample_rate_hz=st.sampled_from([RATE, 16000]))
def test_streaming_equals_one_shot_however_the_blocks_are_cut(cuts: list[int], sample_rate_hz: int) -> None:
    y = cadence(10, "major")
    tracker = KeyTracker(sample_rate_hz)
    for block in np.split(y, sorted(cuts)):
        tracker.update(block)
    streamed, whole = tracker.result(), estimate_key(y, sample_rate_hz)
    assert streamed.key == whole.key
    assert streamed.alternatives == whole.alternatives
    assert streamed.confidence == pytest.approx(whole.confidence, abs=1e-4)
    assert streamed.tuning_cents == pytest.approx(whole.tuning_cents, abs=0.01)


def test_a_long_stream_holds_less_than_a_minute_of_frames() -> None:
    y = cadence(2, "major", repeats=10)
    tracker = KeyTracker(RATE)
    for _ in range(4):
        tracker.update(y)
        assert sum(len(block) for block in tracker._waiting) <= 3 * SEGMENT_FRAMES // 2
    assert tracker.result().key == "D major"


NOISE = np.random.default_rng(1).normal(0, 0.2, 15 * RATE).astype(np.float32)


@pytest.mark.parametrize(
    "y",
    [
        np.zeros(0, np.float32),
        np.zeros(1, np.float32),
        np.zeros(5 * RATE, np.float32),
        np.full(5 * RATE, 0.3, np.float32),
        cadence(0, "major")[: RATE // 2],
        NOISE,
        NOISE[: 4 * RATE],
        np.cumsum(NOISE).astype(np.float32) / 500,
    ],
    ids=["empty", "one sample", "silence", "constant", "too short", "white noise", "short noise", "brown noise"],
)
def test_where_nothing_is_tonal_there_is_no_key(y: np.ndarray) -> None:
    found = estimate_key(y, RATE)
    assert (found.key, found.tonic, found.mode) == (None, None, None)
    assert found.confidence == 0.0
    assert found.alternatives == ()
    assert found.tuning_cents == 0.0


def test_alternatives_are_three_other_keys() -> None:
    found = estimate_key(cadence(0, "major"), RATE)
    assert len(set(found.alternatives) - {found.key}) == 3


def test_loud_noise_lowers_the_confidence() -> None:
    y = cadence(0, "major")
    noise = np.random.default_rng(4).normal(0, 0.25, len(y)).astype(np.float32)
    assert estimate_key(y + noise, RATE).confidence < estimate_key(y, RATE).confidence


def test_bad_input_is_refused_in_one_line() -> None:
    with pytest.raises(AudioError, match="NaN"):
        estimate_key(np.array([0.0, np.inf], np.float32), RATE)
    with pytest.raises(AudioError, match="mono"):
        estimate_key(np.zeros((2, RATE), np.float32), RATE)
    with pytest.raises(UsageError, match="sample rate"):
        estimate_key(np.zeros(RATE, np.float32), 2e6)


@given(cents=st.floats(-49.0, 49.0))
def test_tuning_is_the_circular_mean_of_the_deviations(cents: float) -> None:
    pitch = np.array([60.0, 64.0, 67.0, 72.0]) + cents / 100
    assert pitch_class.tuning_of(pitch, np.ones(4)) == pytest.approx(cents / 100, abs=1e-9)


def profile_of(y: np.ndarray) -> tuple[np.ndarray, float, float, float]:
    spectra = FrameStream(pitch_class.N_FFT, pitch_class.HOP_LENGTH).push(y.astype(np.float32), last=True)
    return pitch_class.profile(pitch_class.magnitude_frames(spectra))


def test_the_profile_of_one_triad_holds_its_notes() -> None:
    profile, tuning, persistence, frames = profile_of(0.1 * np.sum([tone(p, 6.0) for p in (50, 62, 65, 69)], axis=0))
    assert set(np.argsort(profile)[-3:]) == {2, 5, 9}  # D minor
    assert abs(tuning) < 0.03
    assert persistence > 0.3
    assert frames > 20


def test_a_quiet_note_in_the_chord_stays_quiet_in_the_profile() -> None:
    """Full whitening once made every audible partial count alike, which drowned the tonic among passing notes."""
    y = 0.1 * (tone(60, 6.0) + tone(67, 6.0) + 0.05 * tone(66, 6.0))
    profile = profile_of(y)[0]
    assert profile[6] < 0.4 * min(profile[0], profile[7])
