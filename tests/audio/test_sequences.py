"""Segments, and the sequences and images of them that models take."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.audio.extract import KINDS, Recipe, extract
from sideman.audio.sequences import (
    cut_segments,
    mel_image,
    mfcc_sequence,
    segment_step_n,
    segments,
    sequence_shape,
    stft_image,
)
from sideman.core.errors import AudioError, UsageError
from tests.audio.signals import RATE_HZ, music, noise

SEGMENT_N = 3 * RATE_HZ


def test_three_seconds_have_the_shapes_of_the_literature():
    y = noise(SEGMENT_N)
    assert mfcc_sequence(y).shape == sequence_shape("mfcc", SEGMENT_N) == (13, 130)
    assert stft_image(y).shape == sequence_shape("stft", SEGMENT_N) == (513, 128)
    assert mel_image(y).shape == sequence_shape("mel", SEGMENT_N) == (128, 130)


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1024, 20000))
def test_shapes_are_foretold_for_any_length(n):
    y = noise(n)
    for kind, features in (("mfcc", mfcc_sequence), ("stft", stft_image), ("mel", mel_image)):
        assert features(y).shape == sequence_shape(kind, n)
        assert features(y).dtype == np.float32
        assert features(y).flags.c_contiguous


def test_sequences_equal_librosa():
    librosa = pytest.importorskip("librosa")
    y = music(3.0)
    np.testing.assert_allclose(mfcc_sequence(y), librosa.feature.mfcc(y=y, sr=RATE_HZ, n_mfcc=13), atol=0.01)
    theirs = np.abs(librosa.stft(y, n_fft=1024, hop_length=512, center=False))
    np.testing.assert_allclose(stft_image(y), theirs, atol=1e-4)
    theirs = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=RATE_HZ))
    np.testing.assert_allclose(mel_image(y), theirs, atol=1e-3)


@settings(deadline=None, max_examples=80)
@given(
    n=st.integers(1, 400),
    length_n=st.integers(1, 90),
    overlap=st.floats(0, 0.95),
    block_n=st.integers(1, 200),
)
def test_segments_are_the_slices_of_the_whole_however_it_is_cut(n, length_n, overlap, block_n):
    y = np.arange(n, dtype=np.float32)
    step_n = segment_step_n(length_n, overlap)
    found = list(cut_segments((y[at : at + block_n] for at in range(0, n, block_n)), length_n, step_n))
    assert [start for start, _ in found] == list(range(0, n - length_n + 1, step_n))
    for start, piece in found:
        np.testing.assert_array_equal(piece, y[start : start + length_n])


def test_half_overlapping_segments_of_ten_seconds():
    found = segments(noise(10 * RATE_HZ), segment_s=3, overlap=0.5)
    assert [start_s for start_s, _ in found] == [0.0, 1.5, 3.0, 4.5, 6.0]
    assert all(len(piece) == SEGMENT_N for _, piece in found)


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Recipe("melody"),
        lambda: Recipe("mfcc"),
        lambda: Recipe("table", 0.0),
        lambda: Recipe("table", float("nan")),
        lambda: Recipe("table", 3.0, 1.0),
        lambda: Recipe("stft", 0.01),
        lambda: sequence_shape("table", 100),
    ],
)
def test_refuses_impossible_recipes(broken):
    with pytest.raises(UsageError) as caught:
        broken()
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    import soundfile

    path = tmp_path_factory.mktemp("song") / "blues.00000.wav"
    soundfile.write(path, music(7.0) * 0.5, RATE_HZ, subtype="FLOAT")
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_a_file_are_those_of_its_segments(song, kind):
    recipe = Recipe(kind, 2.0, 0.5)
    rows = list(extract(song, recipe))
    assert len(rows) == 6
    assert all(row.shape == recipe.row_shape and row.dtype == recipe.row_type for row in rows)
    y = (music(7.0) * 0.5)[RATE_HZ : 3 * RATE_HZ]
    if kind == "mel":
        np.testing.assert_array_equal(rows[1], mel_image(y))


def test_segments_are_named_as_in_the_published_table(song):
    assert Recipe("table").row_name(song, 0) == "blues.00000.wav"
    assert Recipe("table", 3.0).row_name(song, 7) == "blues.00000.7.wav"


def test_a_file_shorter_than_a_segment_is_refused(song):
    with pytest.raises(AudioError, match=r"blues\.00000\.wav: 7\.00 s is shorter than one segment of 8 s"):
        list(extract(song, Recipe("mel", 8.0)))
    with pytest.raises(AudioError, match="shorter"):
        segments(noise(100))
