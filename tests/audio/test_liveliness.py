"""Onsets per second and crest: what counts, what does not, and that segments add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.audio.liveliness import Onsets, mean_of, onsets_of
from sideman.audio.rhythm import TempoTracker, estimate_tempo

RATE = 22050


def struck(per_second: float, duration_s: float = 12.0) -> np.ndarray:
    """Decaying noise, struck evenly."""
    rng = np.random.default_rng(0)
    t = np.arange(int(0.4 * RATE)) / RATE
    sound = (rng.standard_normal(len(t)) * np.exp(-t / 0.05)).astype(np.float32)
    out = np.zeros(int(duration_s * RATE) + len(sound), np.float32)
    for at in np.arange(0.3, duration_s, 1 / per_second):
        out[round(at * RATE) :][: len(sound)] += sound
    return 0.2 * out[: int(duration_s * RATE)]


def heard(y: np.ndarray) -> Onsets:
    onsets = estimate_tempo(y, RATE).onsets
    assert onsets is not None
    return onsets


@settings(max_examples=10, deadline=None)
@given(st.floats(0.7, 7.0))
def test_strokes_are_counted(per_second):
    assert heard(struck(per_second)).per_second == pytest.approx(per_second, rel=0.15)


@pytest.mark.parametrize("gain_db", [-40.0, 12.0])
def test_gain_changes_nothing(gain_db):
    loud = heard(struck(3.0))
    other = heard(struck(3.0) * np.float32(10 ** (gain_db / 20)))
    assert other.per_second == pytest.approx(loud.per_second, abs=0.1)
    assert other.crest_db == pytest.approx(loud.crest_db, abs=0.05)


def test_a_held_tone_strikes_nothing_and_is_even():
    tone = heard(0.3 * np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE).astype(np.float32))
    assert tone.per_second < 0.5
    assert tone.crest_db == pytest.approx(0.0, abs=0.5)
    assert heard(struck(1.0)).crest_db > heard(struck(6.0)).crest_db > 1.0


def test_the_crest_by_hand():
    mels = np.full((100, 40), 1.0, np.float32)
    mels[::10] = 11.0  # a tenth of the frames: mean 2, 95th percentile 11
    assert onsets_of(mels).crest_db == pytest.approx(10 * np.log10(11 / 2))


def test_segments_count_by_their_length():
    assert mean_of([Onsets(2.0, 1.0), Onsets(5.0, 4.0)], [30, 15]) == Onsets(pytest.approx(3.0), pytest.approx(2.0))


def test_they_are_told_where_there_is_no_tempo_but_not_of_silence_or_of_a_moment():
    noise = np.random.default_rng(0).standard_normal(8 * RATE).astype(np.float32)
    told = estimate_tempo(0.1 * noise, RATE)
    assert told.tempo_bpm is None
    assert told.onsets is not None
    assert estimate_tempo(np.zeros(8 * RATE, np.float32), RATE).onsets is None
    assert estimate_tempo(struck(4.0, 2.0), RATE).onsets is None


def test_a_long_stream_is_the_mean_of_its_half_minutes():
    tracker = TempoTracker(RATE)
    for second in np.split(struck(4.0, 70.0), 70):
        tracker.update(second)
    onsets = tracker.result().onsets
    assert onsets is not None
    assert onsets.per_second == pytest.approx(4.0, rel=0.1)
