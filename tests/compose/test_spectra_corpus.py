"""Recordings to learn spectra from: what is kept of them, and what is drawn."""

import numpy as np
import pytest
import soundfile

from sideman.audio.mel_picture import FORM, log_mel_picture
from sideman.compose.spectra.corpus import LEVEL, SPEEDS, Recording, SoundCorpus, build
from sideman.compose.spectra.crops import Recordings, Rows, SoundBatches, even_chances
from sideman.compose.spectra.picture_batches import PictureBatches
from sideman.core.errors import DatasetError
from tests.audio.signals import music


def write_music(folder, layout=(("jazz", 2), ("reggae", 1)), seconds=3.0):
    """Recordings in a folder per genre."""
    for number, (genre, count) in enumerate(layout):
        (folder / genre).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            sound = music(seconds) * (0.3 + 0.2 * i)
            soundfile.write(folder / genre / f"{i}.wav", np.roll(sound, 999 * (number + i)), 22_050)
    return folder


def recordings(folder):
    return [Recording(str(p), p.parent.name, str(p)) for p in sorted(folder.rglob("*.wav"))]


@pytest.fixture
def corpus(tmp_path):
    folder = write_music(tmp_path / "music")
    assert build(recordings(folder), tmp_path / "corpus", moods=False, workers=1) == []
    return SoundCorpus(tmp_path / "corpus")


def test_sound_and_pictures_are_those_of_the_files(corpus):
    assert corpus.genres == ("jazz", "reggae")
    assert corpus.duration_s == pytest.approx(9.0, abs=0.01)
    for piece in corpus.pieces:
        sound, _ = soundfile.read(piece.recording.path, dtype="float32")
        np.testing.assert_allclose(corpus.sound(piece), sound, atol=1e-4)
        assert np.sqrt(np.mean((sound * piece.gain) ** 2)) == pytest.approx(LEVEL, rel=1e-3)
        np.testing.assert_allclose(corpus.picture(piece), log_mel_picture(sound * piece.gain), atol=0.02)


def test_the_other_speeds_are_as_much_shorter_or_longer(corpus):
    lengths = [n for _, n in corpus.pieces[0].pictures]
    for speed, length in zip(SPEEDS, lengths, strict=True):
        assert length == pytest.approx(lengths[0] / speed, abs=2)


def test_files_without_music_are_left_out_with_a_line(tmp_path):
    folder = write_music(tmp_path / "music")
    soundfile.write(folder / "jazz" / "silent.wav", np.zeros(66_150), 22_050)
    soundfile.write(folder / "jazz" / "short.wav", music(0.5), 22_050)
    (folder / "jazz" / "text.wav").write_text("no sound")
    told = build(recordings(folder), tmp_path / "corpus", moods=False, workers=1)
    assert [line.count("\n") for line in told] == [0, 0, 0]
    assert [name for name in ("short", "silent", "text") if not any(f"{name}.wav" in line for line in told)] == []
    assert len(SoundCorpus(tmp_path / "corpus").pieces) == 3


def test_nothing_to_learn_from_is_an_error(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(DatasetError, match="none of 1 recordings can be learnt from"):
        build(recordings(tmp_path), tmp_path / "corpus", workers=1)
    with pytest.raises(DatasetError, match="no corpus of sound"):
        SoundCorpus(tmp_path / "corpus")


def test_only_the_middle_of_a_long_recording_is_taken(tmp_path):
    folder = write_music(tmp_path / "music", (("jazz", 1),), seconds=6.0)
    build(recordings(folder), tmp_path / "corpus", longest_s=2.0, moods=False, workers=1)
    corpus = SoundCorpus(tmp_path / "corpus")
    sound, _ = soundfile.read(corpus.pieces[0].recording.path, dtype="float32")
    np.testing.assert_allclose(corpus.sound(corpus.pieces[0]), sound[44_100:88_200], atol=1e-4)


def test_every_label_is_drawn_as_often_as_any_other():
    chances = even_chances(["a", "a", "a", "b", None])
    np.testing.assert_allclose(chances, [1 / 9, 1 / 9, 1 / 9, 1 / 3, 1 / 3])


def test_batches_of_a_step_are_always_the_same_and_never_clip(corpus):
    rows = np.full((2, 40_000), 32_000, np.int16)
    batches = SoundBatches(((Recordings(corpus), 0.5), (Rows(rows), 0.5)), 8, 24_320)
    first, again, other = batches.sound(3), batches.sound(3), batches.sound(4)
    np.testing.assert_array_equal(first, again)
    assert first.shape == (8, 24_320)
    assert first.dtype == np.float32
    assert np.abs(first - other).max() > 0
    assert np.abs(np.concatenate([first, other])).max() <= 0.99 + 1e-6


def test_pictures_come_with_genre_and_mood(corpus):
    batch = PictureBatches(corpus, ("reggae",), 160, 16)(0)
    assert batch.mel.shape == (16, FORM.n_mels, 160)
    assert set(batch.genre) == {0, 1}  # jazz is none of those that are told
    assert not batch.mood.any()
    assert batch.mel.min() >= np.float32(FORM.lowest)


def test_a_piece_shorter_than_a_window_is_repeated(corpus):
    assert PictureBatches(corpus, corpus.genres, 900, 2)(0).mel.shape == (2, FORM.n_mels, 900)


def test_moments_make_z_scores(corpus):
    batches = PictureBatches(corpus, corpus.genres, 160, 16)
    mean, spread = batches.moments(8)
    assert mean.shape == spread.shape == (FORM.n_mels,)
    assert np.abs((batches(1).mel - mean[:, None]) / spread[:, None]).mean() < 1.2
