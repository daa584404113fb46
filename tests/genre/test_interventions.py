"""What must not change the answer of the shipped network: loudness, sample rate, codec, channels, a cut beginning.

Distance is total variation, half the summed absolute difference of two sets of genre probabilities (0..1).
"""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from sideman.genre.embed import embed
from sideman.genre.predict import Classification, classify
from tests.genre.clips import GENRES

EXAMPLES = Path(__file__).parents[2] / "examples"
SONGS = sorted(path for path in EXAMPLES.iterdir() if path.suffix in {".mp3", ".ogg", ".opus", ".flac"})


def heard(path) -> Classification:
    return classify(path, tempo=False, key=False)


def distance(one: Classification, other: Classification) -> float:
    return sum(abs(one.probabilities[genre] - other.probabilities[genre]) for genre in GENRES) / 2


@pytest.fixture(scope="module", params=SONGS, ids=[path.stem for path in SONGS])
def song(request, tmp_path_factory):
    """Samples (n, channels), rate, and what the shipped network says of them as a 32-bit WAV file."""
    samples, rate_hz = soundfile.read(request.param, dtype="float32", always_2d=True)
    folder = tmp_path_factory.mktemp("song")
    soundfile.write(folder / "original.wav", samples, rate_hz, subtype="FLOAT")
    return samples, rate_hz, heard(folder / "original.wav"), folder


def changed(folder, samples, rate_hz, container="WAV", subtype="FLOAT") -> Classification:
    path = folder / f"changed.{container.lower()}"
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", samplerate=rate_hz, channels=samples.shape[1], format=container, subtype=subtype
    ) as out:
        for at in range(0, len(samples), 65_536):  # libsndfile's Vorbis encoder overflows its stack on large writes
            out.write(samples[at : at + 65_536])
    path.write_bytes(buffer.getvalue())
    return heard(path)


def assert_same(original: Classification, other: Classification, at_most: float) -> None:
    assert distance(original, other) <= at_most
    if max(original.probabilities.values()) > 0.5:
        assert other.genre == original.genre


def test_answers_are_probabilities_of_the_ten_genres(song):
    told = song[2]
    assert set(told.probabilities) == set(GENRES)
    assert sum(told.probabilities.values()) == pytest.approx(1)
    assert 0 <= told.not_music <= 1


@pytest.mark.parametrize("gain_db", [-20, 6])
def test_loudness(song, gain_db):
    samples, rate_hz, original, folder = song
    assert_same(original, changed(folder, samples * np.float32(10 ** (gain_db / 20)), rate_hz), 0.05)


@pytest.mark.parametrize("new_rate_hz", [16_000, 44_100, 48_000])
def test_sample_rate(song, new_rate_hz):
    samples, rate_hz, original, folder = song
    assert_same(original, changed(folder, soxr.resample(samples, rate_hz, new_rate_hz), new_rate_hz), 0.25)


@pytest.mark.parametrize(
    "container, subtype", [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("FLAC", "PCM_16"), ("WAV", "PCM_U8")]
)
def test_codec(song, container, subtype):
    samples, rate_hz, original, folder = song
    quieter = samples / max(1.0, float(np.abs(samples).max()))
    assert_same(original, changed(folder, quieter, rate_hz, container, subtype), 0.2)


def test_channels(song):
    samples, rate_hz, original, folder = song
    mono = samples.mean(1, keepdims=True)
    assert_same(original, changed(folder, mono, rate_hz), 0.01)
    assert_same(original, changed(folder, np.repeat(mono, 2, axis=1), rate_hz), 0.01)


def test_a_cut_beginning(song):
    samples, rate_hz, original, folder = song
    assert distance(original, changed(folder, samples[len(samples) // 5 :], rate_hz)) <= 0.4


def test_embeddings_of_a_song_and_its_copy_are_near_and_of_two_songs_apart(song):
    samples, rate_hz, _, folder = song
    original = embed(folder / "original.wav").vector
    soundfile.write(folder / "quiet.flac", 0.25 * samples / max(1.0, float(np.abs(samples).max())), rate_hz)
    assert float(original @ embed(folder / "quiet.flac").vector) > 0.98
    others = [float(original @ embed(path).vector) for path in SONGS]
    assert sorted(others)[-2] < max(others) - 0.005
