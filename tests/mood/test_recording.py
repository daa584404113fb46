"""The mood of a recording: what the answer is made of, that it holds still, and what is refused."""

import json
import shutil
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import sideman
from sideman.audio.decode import stream
from sideman.audio.liveliness import Onsets
from sideman.audio.tonality import NO_KEY, KeyEstimate
from sideman.core.errors import ModelError, UsageError
from sideman.genre import trained
from sideman.genre.classification import Classification
from sideman.genre.predict import unit_mean
from sideman.inference.cards import WEIGHTS_FOLDER, list_weights, read_card, verify
from sideman.mood import hear, recording
from sideman.mood.names import nearest
from sideman.mood.recording import Calibration, OnsetModel, mood_of, onset_numbers
from tests.cli.run import EXAMPLES

SONG = EXAMPLES / "iron gallop.ogg"
LEVELS = st.floats(0, 8, width=32)
WINDOWS = hnp.arrays(np.float32, st.tuples(st.integers(1, 6), st.just(256)), elements=LEVELS)
MAJOR = KeyEstimate("C major", 0, "major", 0.9)
MINOR = KeyEstimate("A minor", 9, "minor", 0.9)


ONSETS = st.builds(Onsets, st.floats(0, 90), st.floats(-30, 30))


@given(WINDOWS, st.sampled_from([None, MAJOR, MINOR, NO_KEY]), st.none() | ONSETS)
def test_every_answer_lies_on_the_plane_and_is_named_by_its_nearest_word(windows, key, onsets):
    felt = mood_of(windows, key=key, onsets=onsets)
    assert -1 <= felt.valence <= 1
    assert -1 <= felt.arousal <= 1
    assert felt.name == nearest(felt.valence, felt.arousal)
    assert 0.25 <= felt.confidence <= 1


@given(WINDOWS, st.integers(-3, 6))
def test_only_the_direction_of_the_mean_counts(windows, power):
    whole = mood_of(windows)
    mean = windows.mean(0, dtype=np.float64)
    for same in (windows * np.float32(2.0**power), mean, unit_mean(windows), np.concatenate([windows, windows[::-1]])):
        told = mood_of(same)
        assert told.valence == pytest.approx(whole.valence, abs=1e-3)
        assert told.arousal == pytest.approx(whole.arousal, abs=1e-3)


def test_a_major_key_is_more_pleasant_than_a_minor_one():
    heard = sideman.classify(SONG, tempo=False, embedding=True).embedding
    major, nothing, minor = (mood_of(heard, key=key).valence for key in (MAJOR, None, MINOR))
    assert major > nothing > minor
    assert mood_of(heard, key=NO_KEY) == mood_of(heard)


@given(WINDOWS)
def test_more_strokes_and_denser_sound_are_more_exciting_and_leave_valence_alone(windows):
    """Found: by the embedding alone, metal was no more excited than classical music."""
    slow, usual, dense = (
        mood_of(windows, onsets=onsets) for onsets in (Onsets(1.0, 4.5), Onsets(4.0, 4.5), Onsets(4.0, 3.5))
    )
    assert slow.arousal <= usual.arousal <= dense.arousal
    assert slow.valence == usual.valence == mood_of(windows).valence
    assert dense.arousal - slow.arousal > 0.1


def test_onsets_by_hand():
    model = OnsetModel(np.array([1.0, 4.0]), np.array([0.5, 2.0]), np.array([1.0, -1.0]), 0.25, 0.5)
    np.testing.assert_array_equal(onset_numbers(Onsets(4.0, 3.0)), [2.0, 3.0])
    assert model.log_odds(onset_numbers(Onsets(4.0, 3.0)), 3.0) == pytest.approx(2.0 + 0.5 + 0.25 + 1.5)
    assert model.log_odds(np.array([99.0, 4.0]), 0.0) == pytest.approx(2.5 + 0.25)  # no farther than was learnt
    assert np.isfinite(onset_numbers(Onsets(0.0, 0.0))).all()


def test_the_answer_by_hand():
    calibration = Calibration(gain=np.array([0.5, 2.0]), temperature=np.array([1.0, 2.0]))
    felt = calibration.mood(np.array([np.log(3), -2 * np.log(4)]))
    assert felt.valence == pytest.approx(np.tanh(0.5 * np.log(3)))
    assert felt.arousal == pytest.approx(np.tanh(-4 * np.log(4)))
    assert felt.confidence == pytest.approx(3 / 4 * 4 / 5)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((0, 256)), np.zeros(255), np.zeros((2, 3, 256)), np.full(256, np.nan), np.full((2, 256), np.inf)],
    ids=["no windows", "another size", "too deep", "nan", "infinite"],
)
def test_what_is_no_embedding_is_refused_in_one_line(wrong):
    with pytest.raises(UsageError) as caught:
        mood_of(wrong)
    assert "\n" not in str(caught.value)


def test_it_is_quick():
    point = np.ones(256, np.float32)
    mood_of(point)
    took = []
    for _ in range(20):
        began_s = time.process_time()
        mood_of(point)
        took.append(time.process_time() - began_s)
    assert sorted(took)[10] < 0.002


# --- the weights --------------------------------------------------------------------------------------------------


def test_the_shipped_weights_are_the_card_s_and_made_for_the_shipped_embedding():
    (card,) = [card for card in list_weights() if card.name == "mood"]
    verify(card)
    assert card.content["embedding_sha256"] == read_card(WEIGHTS_FOLDER / "genre.json").sha256
    assert (WEIGHTS_FOLDER / "mood.md").read_text(encoding="utf-8").count(card.sha256) == 1


@pytest.fixture
def weights(tmp_path):
    """A copy of the mood model and the genre card, to be spoilt."""
    for name in ("mood.onnx", "mood.json", "genre.json"):
        shutil.copy(WEIGHTS_FOLDER / name, tmp_path)
    return tmp_path


ONSETS_OF_CARD = read_card(WEIGHTS_FOLDER / "mood.json").content["onsets"]


def spoilt(folder, **changes):
    card = json.loads((folder / "mood.json").read_text())
    (folder / "mood.json").write_text(json.dumps({**card, **changes}))


def test_another_embedding_is_refused(weights):
    recording._opened(weights)
    recording._opened.cache_clear()
    genre = json.loads((weights / "genre.json").read_text())
    (weights / "genre.json").write_text(json.dumps({**genre, "sha256": "ab" * 32}))
    with pytest.raises(ModelError) as caught:
        recording._opened(weights)
    assert "mood.onnx: made for the embedding of" in str(caught.value)
    assert "abababababab" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"calibration": {}},
        {"calibration": {"gain": [1], "temperature": [1, 1]}},
        {"calibration": {"gain": [1, 1], "temperature": [1, 0]}},
        {"calibration": {"gain": "loud", "temperature": [1, 1]}},
        {"calibration": 3},
        {"onsets": {}},
        {"onsets": None},
        {"onsets": {**ONSETS_OF_CARD, "weights": [1]}},
        {"onsets": {**ONSETS_OF_CARD, "scale": [0, 1]}},
        {"onsets": {**ONSETS_OF_CARD, "temperature": 0}},
    ],
)
def test_a_card_without_calibration_or_onsets_is_refused_in_one_line(weights, changes):
    spoilt(weights, **changes)
    with pytest.raises(ModelError) as caught:
        recording._opened(weights)
    assert "mood.onnx: its card" in str(caught.value)
    assert "\n" not in str(caught.value)


# --- classify -----------------------------------------------------------------------------------------------------


def test_classify_tells_the_mood_of_what_it_heard():
    told = sideman.classify(SONG, embedding=True)
    felt = mood_of(sideman.embed(SONG).vector, key=told.key_estimate, onsets=told.tempo.onsets)
    assert (told.mood, told.valence, told.arousal) == (felt.name, felt.valence, felt.arousal)
    assert told.mood_confidence == felt.confidence
    np.testing.assert_array_equal(told.embedding, sideman.embed(SONG).vector)


def test_without_the_tempo_arousal_is_the_embedding_s_alone():
    told = sideman.classify(SONG, tempo=False, embedding=True)
    assert told.arousal == mood_of(told.embedding, key=told.key_estimate).arousal
    assert told.arousal != sideman.classify(SONG).arousal


def test_mood_and_embedding_are_left_out_where_not_asked_for():
    told = hear.classify(SONG, mood=False, tempo=False, key=False)
    assert (told.mood, told.valence, told.arousal, told.mood_confidence, told.embedding) == (None,) * 5
    assert hear.classify(SONG, tempo=False, key=False).embedding is None


def test_a_genre_model_of_one_s_own_does_not_change_the_mood(monkeypatch):
    class Own:
        def classify(self, path, *, timeline, start_s, duration_s, also, limits):
            for block in stream(path, sample_rate_hz=22_050, block_s=3.0):
                for listener in also:
                    listener(block)
            return Classification("x", 1.0, "polka", False, {"polka": 1.0}, 0.0)

    monkeypatch.setattr(trained, "open_model", lambda folder: Own())
    own, default = sideman.classify(SONG, model="mine", tempo=False), sideman.classify(SONG, tempo=False)
    assert own.genre == "polka"
    assert (own.mood, own.embedding) == (default.mood, None)
    assert own.valence == pytest.approx(default.valence, abs=1e-3)
    assert own.arousal == pytest.approx(default.arousal, abs=1e-3)
