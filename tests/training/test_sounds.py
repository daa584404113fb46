"""Changes of waveforms, and sounds that are no music: lengths, levels, bandwidth, and the same from the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.training import augment, negatives

RATE_HZ = 22_050
N = 2 * RATE_HZ
quickly = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def tone(hz: float, n: int = N, level: float = 0.1) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(n) / RATE_HZ)).astype(np.float32)


def level_db(y: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Power between two frequencies in decibels."""
    power = np.abs(np.fft.rfft(y * np.hanning(len(y)))) ** 2
    hz = np.fft.rfftfreq(len(y), 1 / RATE_HZ)
    return float(10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].sum() + 1e-20))


def test_rms():
    assert augment.rms(np.array([3.0, -4.0], np.float32)) == pytest.approx(np.sqrt(12.5))
    assert augment.rms(np.zeros(5, np.float32)) > 0


def test_band_limit_keeps_music_and_removes_what_is_above_9_khz():
    noise = generator(0).standard_normal(N).astype(np.float32)
    limited = augment.band_limit(noise, RATE_HZ)
    assert limited.dtype == np.float32
    assert level_db(limited, 9_000, 11_025) < level_db(noise, 9_000, 11_025) - 30
    assert level_db(limited, 20, 7_000) == pytest.approx(level_db(noise, 20, 7_000), abs=0.3)


def test_band_limit_works_along_the_last_axis():
    noise = generator(0).standard_normal((3, 4000)).astype(np.float32)
    limited = augment.band_limit(noise, RATE_HZ)
    np.testing.assert_array_equal(limited[1], augment.band_limit(noise[1], RATE_HZ))


@quickly
@given(seeds, st.integers(1, 5000), st.integers(1, 3000))
def test_cut_takes_a_run_of_the_looped_source(seed, length, n):
    source = np.arange(length, dtype=np.int16)
    piece = augment.cut(generator(seed), source, n)
    assert piece.dtype == np.float32
    assert len(piece) == n
    np.testing.assert_array_equal(np.diff(piece) % length, np.ones(n - 1) % length)


@quickly
@given(seeds, st.sampled_from([800, 5_000, 40_000, 100_000]))
def test_cut_at_speed_has_the_length_asked_for_and_unit_rms(seed, length):
    y = augment.cut_at_speed(generator(seed), tone(440, length), N, RATE_HZ)
    assert y.shape == (N,)
    assert y.dtype == np.float32
    assert np.isfinite(y).all()
    assert augment.rms(y) == pytest.approx(1, abs=1e-3)


def test_cut_at_speed_moves_the_pitch_by_at_most_12_percent_and_leaves_it_four_times_in_ten():
    found = []
    for seed in range(60):
        y = augment.cut_at_speed(generator(seed), tone(440, 4 * N), N, RATE_HZ)
        found.append(np.abs(np.fft.rfft(y)).argmax() / 2)
    found = np.array(found)
    assert found.min() >= 440 * np.exp(-0.12) - 1
    assert found.max() <= 440 * np.exp(0.12) + 1
    assert 0.2 < np.mean(np.abs(found - 440) < 0.6) < 0.6
    assert found.min() < 415
    assert found.max() > 465


@pytest.mark.parametrize(
    "change",
    [
        lambda rng, y: augment.equalise(rng, y, RATE_HZ),
        lambda rng, y: augment.reverberate(rng, y, RATE_HZ),
        augment.overdrive,
        lambda rng, y: augment.finish(rng, y, RATE_HZ),
    ],
    ids=["equalise", "reverberate", "overdrive", "finish"],
)
@pytest.mark.parametrize("kind", ["noise", "tone", "silence"])
def test_every_change_keeps_length_and_type_and_repeats_itself(change, kind):
    y = {"noise": generator(1).standard_normal(N).astype(np.float32), "tone": tone(300), "silence": tone(300, level=0)}
    for seed in range(6):
        before = y[kind].copy()
        changed = change(generator(seed), y[kind])
        assert changed.shape == (N,)
        assert changed.dtype == np.float32
        assert np.isfinite(changed).all()
        np.testing.assert_array_equal(changed, change(generator(seed), y[kind]))
        np.testing.assert_array_equal(y[kind], before)


def test_equaliser_stays_within_thirty_decibels():
    noise = generator(2).standard_normal(N).astype(np.float32)
    for seed in range(20):
        changed = augment.equalise(generator(seed), noise, RATE_HZ)
        for low in (50, 200, 1000, 4000):
            assert abs(level_db(changed, low, 2 * low) - level_db(noise, low, 2 * low)) < 30.5
    assert not np.array_equal(changed, noise)


def test_overdrive_limits_the_peak():
    assert np.abs(augment.overdrive(generator(0), tone(200, level=3.0))).max() <= 1


def test_reverberation_fills_what_follows_a_click_and_nothing_before_it():
    click = np.zeros(N, np.float32)
    click[N // 2] = 1
    wet = augment.reverberate(generator(0), click, RATE_HZ)
    assert np.abs(wet[: N // 2 - 1]).max() < 1e-6
    assert augment.rms(wet[N // 2 + 1 : N // 2 + 1000]) > 1e-4


@quickly
@given(seeds)
def test_the_production_chain_ends_at_rms_a_tenth_below_9_khz(seed):
    rng = generator(seed)
    y = augment.finish(rng, rng.standard_normal(N).astype(np.float32), RATE_HZ)
    assert augment.rms(y) == pytest.approx(0.1, abs=1e-3)
    assert level_db(y, 9_000, 11_025) < level_db(y, 20, 9_000) - 25


# --- sounds that are no music -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", negatives.KINDS)
@pytest.mark.parametrize("n", [N, 3_000])
def test_every_kind_of_sound_is_finite_audible_and_repeats_itself(kind, n):
    _, make = negatives.KINDS[kind]
    for seed in range(3):
        y = make(generator(seed), n, RATE_HZ)
        assert y.shape == (n,)
        assert np.isfinite(y).all()
        assert np.abs(y).max() > 0
        np.testing.assert_array_equal(y, make(generator(seed), n, RATE_HZ))
        assert not np.array_equal(y, make(generator(seed + 100), n, RATE_HZ))


@quickly
@given(seeds, st.sampled_from([8_820, N]))
def test_a_negative_has_the_length_asked_for_at_rms_a_tenth(seed, n):
    y = negatives.negative(generator(seed), n, RATE_HZ)
    assert y.shape == (n,)
    assert y.dtype == np.float32
    assert np.isfinite(y).all()
    assert augment.rms(y) == pytest.approx(0.1, abs=1e-3)


def test_shares_sum_to_one():
    assert sum(share for share, _ in negatives.KINDS.values()) == pytest.approx(1)


def test_all_kinds_occur():
    drawn = set()

    def spy(kind, make):
        return lambda rng, n, rate_hz: drawn.add(kind) or make(rng, n, rate_hz)

    with pytest.MonkeyPatch.context() as patch:
        for kind, (share, make) in list(negatives.KINDS.items()):
            patch.setitem(negatives.KINDS, kind, (share, spy(kind, make)))
        for seed in range(40):
            negatives.negative(generator(seed), 2_000, RATE_HZ)
    assert drawn == set(negatives.KINDS)


def test_noise_is_coloured_between_white_and_brown():
    slopes = []
    for seed in range(30):
        y = negatives.noise(generator(seed), N, RATE_HZ)
        slopes.append(level_db(y, 100, 200) - level_db(y, 3_200, 6_400))
    assert min(slopes) < 0  # brighter than pink: an octave holds more power the higher it lies
    assert max(slopes) > 3
    assert max(slopes) < 45  # brown: 3 dB an octave beyond pink, five octaves, and the swelling
