"""The front end: two-second windows that do not depend on gain, on block sizes, or on a recording's length."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.audio.mel import mel_spectrogram
from sideman.genre.frontend import (
    FLOOR,
    FMAX_HZ,
    HOP_LENGTH,
    N_FFT,
    N_MELS,
    SAMPLE_RATE_HZ,
    STEP_FRAMES,
    WINDOW_FRAMES,
    WINDOW_N,
    WindowMaker,
    windows_of,
)
from tests.genre.clips import song

SONG = song(9.3)
quickly = settings(max_examples=25, deadline=None)


def in_blocks(samples: np.ndarray, cuts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    maker = WindowMaker()
    parts = [maker.update(block) for block in np.split(samples, sorted(cuts))]
    parts.append(maker.finish())
    assert maker.samples_n == len(samples)
    return np.concatenate([w for w, _ in parts]), np.concatenate([s for _, s in parts])


@quickly
@given(
    st.integers(1, len(SONG)).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n), max_size=12)),
    )
)
def test_blocks_of_any_length_give_the_windows_of_the_whole(case):
    n, cuts = case
    whole, whole_silent = windows_of(SONG[:n])
    windows, silent = in_blocks(SONG[:n], cuts)
    np.testing.assert_allclose(windows, whole, atol=1e-4)
    np.testing.assert_array_equal(silent, whole_silent)


def test_single_samples_as_blocks_give_the_windows_of_the_whole():
    clip = SONG[: WINDOW_N + 40]
    windows, _ = in_blocks(clip, list(range(1, len(clip), 7)))
    np.testing.assert_allclose(windows, windows_of(clip)[0], atol=1e-4)


@quickly
@given(st.floats(0.01, 100.0), st.integers(0, 2**16))
def test_gain_changes_nothing(gain, seed):
    clip = song(2.0, seed)
    windows, silent = windows_of(clip)
    louder, louder_silent = windows_of(clip * np.float32(gain))
    np.testing.assert_allclose(louder, windows, atol=2e-3)
    np.testing.assert_array_equal(louder_silent, silent)


def test_a_window_is_the_log_of_mel_power_over_its_mean():
    """Against the shared mel spectrogram: an independent road to the same numbers."""
    clip = song(2.0)
    mel = mel_spectrogram(
        clip, sample_rate_hz=SAMPLE_RATE_HZ, n_fft=N_FFT, hop_length=HOP_LENGTH, n_mels=N_MELS, fmax_hz=FMAX_HZ
    )[:, :WINDOW_FRAMES]
    np.testing.assert_allclose(windows_of(clip)[0][0], np.log(mel / mel.mean() + FLOOR), atol=1e-3)


def test_two_seconds_are_exactly_one_window():
    windows, silent = windows_of(song(2.0))
    assert windows.shape == (1, 96, 87)
    assert windows.dtype == np.float32
    assert silent.tolist() == [False]


@quickly
@given(st.integers(1, WINDOW_N - 1))
def test_a_shorter_clip_is_repeated_until_it_fills_a_window(n):
    clip = song(2.0)[:n]
    windows, _ = windows_of(clip)
    np.testing.assert_allclose(windows, windows_of(np.resize(clip, WINDOW_N))[0], atol=1e-5)
    assert windows.shape == (1, 96, 87)


@quickly
@given(st.integers(WINDOW_N, 5 * WINDOW_N))
def test_the_windows_tile_the_clip_and_a_remainder_above_a_quarter_gets_its_own(n):
    frames = 1 + n // HOP_LENGTH
    tiled = 1 + (frames - WINDOW_FRAMES) // STEP_FRAMES
    left_n = (frames - 1 - tiled * STEP_FRAMES) * HOP_LENGTH
    windows, _ = windows_of(SONG[:n] if n <= len(SONG) else np.resize(SONG, n))
    assert len(windows) == tiled + (left_n > WINDOW_N / 4)


def test_the_last_window_ends_with_the_stream():
    n = 2 * STEP_FRAMES * HOP_LENGTH + 40 * HOP_LENGTH
    windows, _ = windows_of(SONG[:n])
    assert len(windows) == 3
    # Begun on a frame, the same stretch alone differs only where the centred STFT sees before its start.
    alone, _ = windows_of(SONG[n - STEP_FRAMES * HOP_LENGTH - HOP_LENGTH : n])
    np.testing.assert_allclose(windows[-1][:, 3:-1], alone[0][:, 4:], atol=0.05)


def test_silent_windows_are_flagged_and_quiet_ones_are_not():
    step_n = STEP_FRAMES * HOP_LENGTH
    y = np.concatenate([song(2.0), np.zeros(3 * step_n, np.float32), np.float32(1e-3) * song(2.0)])
    _, silent = windows_of(y)  # window 1 still hears the first song's end, window 3 the second one's beginning
    assert silent.tolist() == [False, False, True, False, False]


def test_digital_silence_is_finite_and_silent():
    windows, silent = windows_of(np.zeros(3 * WINDOW_N, np.float32))
    assert np.isfinite(windows).all()
    assert silent.all()


def test_nothing_gives_no_windows():
    windows, silent = windows_of(np.zeros(0, np.float32))
    assert windows.shape == (0, 96, 87)
    assert silent.shape == (0,)


def test_what_is_above_8_khz_does_not_count():
    clip = song(2.0)
    hiss = 0.05 * np.sin(2 * np.pi * 9_500 * np.arange(len(clip)) / SAMPLE_RATE_HZ).astype(np.float32)
    with_it, without = windows_of(clip + hiss)[0], windows_of(clip)[0]
    # Its sudden start and end are heard everywhere, what lies between nowhere.
    np.testing.assert_allclose(with_it[:, :, 2:-2], without[:, :, 2:-2], atol=0.05)


def test_blocks_are_not_changed_and_windows_are_not_shared():
    block = song(5.0)
    kept = block.copy()
    maker = WindowMaker()
    first, _ = maker.update(block)
    copy = first.copy()
    maker.update(block)
    maker.finish()
    np.testing.assert_array_equal(block, kept)
    np.testing.assert_array_equal(first, copy)


@pytest.mark.parametrize("block_s", [0.1, 10.0])
def test_memory_does_not_grow_with_the_length(block_s):
    block = song(block_s)
    maker = WindowMaker()
    for _ in range(round(20 / block_s)):
        maker.update(block)
    tracemalloc.start()
    try:
        for _ in range(round(20 / block_s)):
            maker.update(block)
        base = tracemalloc.get_traced_memory()[0]
        for _ in range(round(80 / block_s)):
            maker.update(block)
        grown = tracemalloc.get_traced_memory()[0] - base
    finally:
        tracemalloc.stop()
    assert grown < 300_000  # 80 s more of samples would be 7 MB, of mel frames 1.3 MB
