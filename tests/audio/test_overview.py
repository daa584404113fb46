import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sideman.audio.mel import log_mel
from sideman.audio.overview import Overview

RATE_HZ = 22050


def seen(samples, cuts=(), **options):
    overview = Overview(**options)
    for block in np.split(samples, sorted(cuts)):
        overview.update(block)
    return overview


def noise(seconds, seed=0):
    return (np.random.default_rng(seed).normal(size=round(seconds * RATE_HZ)) * 0.1).astype(np.float32)


def test_columns_have_the_extremes_and_the_mel_power_of_their_samples():
    samples = noise(3)
    told = seen(samples).result()
    framed = samples[: len(samples) // 512 * 512].reshape(-1, 512)
    assert told.low[: len(framed)] == pytest.approx(framed.min(1))
    assert told.high[: len(framed)] == pytest.approx(framed.max(1))
    assert told.duration_s == pytest.approx(3)
    assert told.mel_db == pytest.approx(log_mel(samples)[:, : told.mel_db.shape[1]], abs=1e-3)


@given(st.lists(st.integers(0, 66150), max_size=6))
def test_how_the_signal_is_cut_changes_nothing(cuts):
    samples = noise(3)
    whole, pieces = seen(samples).result(50), seen(samples, cuts).result(50)
    assert pieces.low.tolist() == whole.low.tolist()
    assert pieces.mel_db == pytest.approx(whole.mel_db, abs=1e-3)
    assert pieces.chroma == pytest.approx(whole.chroma, abs=1e-4)


def test_a_long_recording_keeps_its_extremes_in_few_columns():
    samples = noise(200)
    samples[RATE_HZ * 150] = 3.0
    overview = seen(samples, range(0, len(samples), 100_000))
    assert sum(map(len, overview._columns)) <= 4096
    told = overview.result(400)
    assert len(told.high) == 400
    assert told.high.max() == 3.0
    assert abs(int(told.high.argmax()) - 300) <= 2


def test_a_note_is_found_in_the_chroma():
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    told = seen((np.sin(2 * np.pi * 440 * time_s) * 0.5).astype(np.float32)).result()
    assert (told.chroma[:, 5:-5].argmax(0) == 9).all()  # A
    assert told.chroma.min() >= 0
    assert told.chroma.max() == pytest.approx(1)


def test_silence_and_a_single_sample_have_pictures_too():
    told = seen(np.zeros(RATE_HZ, np.float32)).result()
    assert np.isfinite(told.mel_db).all()
    assert told.chroma.max() == 0
    assert seen(np.ones(1, np.float32)).result().high.tolist() == [1]
    with pytest.raises(ValueError, match="samples"):
        Overview().result()


def test_the_waveform_alone_is_the_same():
    samples = noise(2)
    assert seen(samples, spectra=False).result(30).low.tolist() == seen(samples).result(30).low.tolist()
