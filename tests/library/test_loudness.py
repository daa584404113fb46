"""Loudness by EBU R128 of sound that arrives in pieces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sideman.library.loudness import LoudnessMeter

RATE_HZ = 48_000


def sine(level_db, duration_s=3.0, channels=2, frequency_hz=997.0):
    t = np.arange(int(duration_s * RATE_HZ)) / RATE_HZ
    y = 10 ** (level_db / 20) * np.sin(2 * np.pi * frequency_hz * t)
    return np.repeat(y[:, None], channels, axis=1).astype(np.float32)


def measured(samples, pieces=1):
    meter = LoudnessMeter()
    for piece in np.array_split(samples, pieces):
        meter.update(piece, RATE_HZ)
    return meter.result()


def test_the_sine_of_ebu_tech_3341_reads_its_level():
    """Case 1: a stereo sine of 1 kHz at -23 dBFS is -23 LUFS, to 0.1."""
    loudness, peak_db = measured(sine(-23.0))
    assert loudness == pytest.approx(-23.0, abs=0.1)
    assert peak_db == pytest.approx(-23.0, abs=0.01)


def test_one_channel_is_three_db_softer_than_two():
    assert measured(sine(-20, channels=2))[0] - measured(sine(-20, channels=1))[0] == pytest.approx(3.01, abs=0.01)


@given(st.integers(1, 40))
def test_how_the_sound_is_cut_changes_nothing(pieces):
    samples = np.concatenate([sine(-30, 1.03), sine(-12, 1.21)])
    assert measured(samples, pieces)[0] == pytest.approx(measured(samples)[0], abs=1e-4)


@given(st.floats(-30, 6))
def test_gain_moves_the_loudness_by_itself(gain_db):
    base = sine(-30)
    assert measured(base * np.float32(10 ** (gain_db / 20)))[0] == pytest.approx(measured(base)[0] + gain_db, abs=1e-3)


def test_surround_counts_more_and_low_frequencies_not_at_all():
    quiet = np.zeros((2 * RATE_HZ, 6), np.float32)

    def only(channel):
        y = quiet.copy()
        y[:, channel] = sine(-20, 2.0)[:, 0]
        return measured(y)[0]

    assert only(3) is None
    assert only(4) - only(0) == pytest.approx(1.49, abs=0.01)  # 10 log10 1.41


def test_silence_and_nothing_have_no_loudness():
    assert measured(np.zeros((RATE_HZ, 2), np.float32)) == (None, None)
    assert LoudnessMeter().result() == (None, None)


def test_a_click_too_short_for_a_block_still_has_one():
    loudness, peak_db = measured(sine(-20, 0.03))
    assert loudness is not None
    assert peak_db == pytest.approx(-20, abs=0.1)
