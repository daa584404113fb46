"""What classify and embed say of a recording, spelled out with a network that is known exactly."""

import json
import os
from itertools import pairwise

import numpy as np
import pytest
import soundfile

import sideman
from sideman.core.errors import AudioError, ModelError
from sideman.genre import embed as embed_module
from sideman.genre import predict
from sideman.genre.frontend import SAMPLE_RATE_HZ, STEP_S, WINDOW_S
from sideman.genre.predict import Calibration, Classification, Segment, classify, listen
from sideman.mood import hear
from tests.genre.clips import GENRES, Ear, song


@pytest.fixture
def ear(monkeypatch):
    """The known network in the place of the installed one."""
    ear = Ear()
    monkeypatch.setattr(predict, "open_session", lambda name: ear)
    monkeypatch.setattr(embed_module, "open_session", lambda name: ear)
    return ear


def written(path, samples):
    soundfile.write(path, samples, SAMPLE_RATE_HZ, subtype="FLOAT")
    return path


@pytest.fixture
def recording(tmp_path):
    return written(tmp_path / "song.wav", song(9.3))


def heard(path, **options) -> Classification:
    return classify(path, tempo=False, key=False, **options)


def test_probabilities_are_the_mean_log_probability_over_windows(ear, recording):
    told = heard(recording)
    expected = dict(zip(GENRES, ear.expected(), strict=True))
    assert len(ear.scores) == 5
    assert told.probabilities == pytest.approx(expected)
    assert told.genre == max(expected, key=expected.get)


def test_probabilities_are_ordered_and_sum_to_one(ear, recording):
    values = list(heard(recording).probabilities.values())
    assert values == sorted(values, reverse=True)
    assert sum(values) == pytest.approx(1)
    assert set(heard(recording).probabilities) == set(GENRES)


def test_a_higher_temperature_flattens(ear, recording):
    before = heard(recording).probabilities
    ear.card.content["calibration"]["temperature"] = 3.0
    after = heard(recording).probabilities
    assert list(after) == list(before)
    assert max(after.values()) < max(before.values())


def test_duration_and_model_are_told(ear, recording):
    told = heard(recording)
    assert told.duration_s == pytest.approx(9.3, abs=1e-3)
    assert told.model == "ear 0123456789ab"
    assert told.path == os.fspath(recording)
    assert not told.unsure


@pytest.mark.parametrize(
    "setting, unsure", [("min_probability", 0.999), ("max_not_music", 0.0)], ids=["no genre likely", "no music"]
)
def test_thresholds_make_it_unsure_but_it_still_names_its_best_guess(ear, recording, setting, unsure):
    sure = heard(recording)
    ear.card.content["calibration"][setting] = unsure
    told = heard(recording)
    assert told.unsure
    assert told.genre == sure.genre
    assert told.probabilities == sure.probabilities


def test_calibration_by_hand():
    calibration = Calibration(("a", "b"), temperature=0.5, min_probability=0.6, max_not_music=0.3)
    # Two windows; genre odds 3:1 and 1:1, both with "not music" as likely as a genre of score 0.
    scores = np.array([[np.log(3), 0.0, 0.0], [0.0, 0.0, 0.0]], np.float32)
    probabilities = calibration.probabilities(scores)
    # Mean log odds (log 3 + 0) / 2, doubled by the temperature: odds 3.
    np.testing.assert_allclose(probabilities, [0.75, 0.25], rtol=1e-6)
    not_music = calibration.not_music(scores)
    assert float(not_music) == pytest.approx((1 / 5 + 1 / 3) / 2)
    assert not calibration.unsure(probabilities, not_music)
    assert calibration.unsure(probabilities, np.float64(0.31))
    assert calibration.unsure(np.array([0.59, 0.41]), not_music)


@pytest.mark.parametrize(
    "content",
    [{}, {"genres": ["a"]}, {"genres": ["a"], "calibration": {"temperature": "warm"}}, {"genres": 3}],
    ids=["empty", "no calibration", "no number", "no list"],
)
def test_a_card_of_something_else_is_refused_in_one_line(ear, recording, content):
    ear.card.content.clear()
    ear.card.content.update(content)
    with pytest.raises(ModelError) as caught:
        heard(recording)
    assert "ear.onnx: its card lacks" in str(caught.value)
    assert "\n" not in str(caught.value)


# --- over time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duration_s", [0.3, 1.9, 2.0, 2.4, 4.3, 4.6, 9.3, 33.0])
def test_the_timeline_covers_the_recording_without_gaps(ear, tmp_path, duration_s):
    told = heard(written(tmp_path / "song.wav", song(duration_s)), timeline=True)
    segments = told.timeline
    assert segments[0].start_s == 0
    assert segments[-1].end_s == pytest.approx(told.duration_s)
    for one, following in pairwise(segments):
        assert one.start_s < one.end_s
        assert one.end_s == following.start_s
    for segment in segments:
        assert list(segment.probabilities.values()) == sorted(segment.probabilities.values(), reverse=True)
        assert sum(segment.probabilities.values()) == pytest.approx(1)


def test_the_timeline_leaves_out_what_is_silent(ear, tmp_path):
    gap = np.zeros(round(8 * SAMPLE_RATE_HZ), np.float32)
    path = written(tmp_path / "song.wav", np.concatenate([song(4.0), gap, song(4.0)]))
    segments = heard(path, timeline=True).timeline
    ends = [segment.end_s for segment in segments]
    starts = [segment.start_s for segment in segments]
    jump = [i for i in range(1, len(segments)) if starts[i] > ends[i - 1]]
    assert len(jump) == 1
    assert 4.0 <= ends[jump[0] - 1] <= 4.0 + 2 * STEP_S
    assert 12.0 - 2 * STEP_S <= starts[jump[0]] <= 12.0
    assert ends[-1] == pytest.approx(16.0)


def test_a_segment_of_the_timeline_listens_to_its_neighbours_too(ear, recording):
    segments = heard(recording, timeline=True).timeline
    middle = Calibration.of(ear).probabilities(ear.scores[1:4])
    assert segments[2].probabilities == pytest.approx(dict(zip(GENRES, middle, strict=True)))
    first = Calibration.of(ear).probabilities(ear.scores[0:2])
    assert segments[0].probabilities == pytest.approx(dict(zip(GENRES, first, strict=True)))


def test_no_timeline_unless_asked_for(ear, recording):
    assert heard(recording).timeline is None


def test_silent_windows_have_no_say(ear, tmp_path):
    part = song(4.0)[:87_552]  # ends before the third window begins to hear
    silence = np.zeros(round(20 * SAMPLE_RATE_HZ), np.float32)
    alone = heard(written(tmp_path / "a.wav", part))
    with_pause = heard(written(tmp_path / "b.wav", np.concatenate([part, silence])))
    for genre, p in alone.probabilities.items():
        assert with_pause.probabilities[genre] == pytest.approx(p, abs=0.05)


def test_start_and_duration_choose_a_part(ear, tmp_path):
    whole = song(12.0)
    path = written(tmp_path / "song.wav", whole)
    part = written(tmp_path / "part.wav", whole[3 * SAMPLE_RATE_HZ : 8 * SAMPLE_RATE_HZ])
    told = heard(path, start_s=3.0, duration_s=5.0)
    assert told.duration_s == pytest.approx(5.0)
    assert told.probabilities == pytest.approx(heard(part).probabilities, abs=1e-4)


def test_every_block_is_heard_once_by_those_who_listen_along(ear, recording):
    blocks = []
    found = listen(recording, ear, also=(blocks.append,))
    np.testing.assert_allclose(np.concatenate(blocks), song(9.3), atol=1e-6)
    assert found.scores.shape == (5, 11)
    assert found.embeddings.shape == (5, 256)
    np.testing.assert_allclose(found.starts_s[:4], np.arange(4) * STEP_S)
    assert found.starts_s[4] == pytest.approx(found.duration_s - WINDOW_S)


# --- what cannot be classified ------------------------------------------------------------------------------------


def bad(tmp_path, kind):
    path = tmp_path / f"{kind}.wav"
    if kind == "short":
        written(path, song(0.2))
    elif kind == "silent":
        written(path, np.zeros(3 * SAMPLE_RATE_HZ, np.float32))
    elif kind == "no samples":
        written(path, np.zeros(0, np.float32))
    elif kind == "text":
        path.write_text("la la la\n" * 50)
    elif kind == "empty":
        path.touch()
    return path


@pytest.mark.parametrize("kind", ["missing", "short", "silent", "no samples", "text", "empty"])
@pytest.mark.parametrize("ask", [heard, embed_module.embed], ids=["classify", "embed"])
def test_what_cannot_be_heard_is_one_line_that_names_the_file(ear, tmp_path, kind, ask):
    path = bad(tmp_path, kind)
    with pytest.raises(AudioError) as caught:
        ask(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_part_beyond_the_end_is_an_error(ear, recording):
    with pytest.raises(AudioError, match=r"song\.wav"):
        heard(recording, start_s=60.0)


def test_a_quarter_of_a_second_is_enough(ear, tmp_path):
    assert heard(written(tmp_path / "short.wav", song(0.25))).duration_s == pytest.approx(0.25, abs=1e-3)


# --- how it is told -----------------------------------------------------------------------------------------------

KEYS = [
    *("path", "duration_s", "genre", "unsure", "probabilities", "not_music", "tempo_bpm", "key"),
    *("valence", "arousal", "mood", "mood_confidence", "model"),
]


def test_to_dict_has_the_documented_keys_and_survives_json(ear, recording):
    plain = classify(recording).to_dict()
    assert list(plain) == KEYS
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    with_time = heard(recording, timeline=True).to_dict()
    assert list(with_time) == [*KEYS, "timeline"]
    assert json.loads(json.dumps(with_time, allow_nan=False)) == with_time
    assert [list(segment) for segment in with_time["timeline"]] == [["start_s", "end_s", "probabilities"]] * 5


def test_to_dict_rounds_for_people():
    told = Classification(
        "x.mp3", 1.23456, "rock", False, {"rock": 0.123456, "pop": 0.1}, 0.000049, 120.00499, "A minor",
        (Segment(0.0, 1.23456, {"rock": 0.123456}),), None, None, "m 0",
        valence=0.123456, arousal=-0.5, mood="calm", embedding=np.ones(256, np.float32),
    )  # fmt: skip
    assert told.to_dict() == {
        "path": "x.mp3", "duration_s": 1.235, "genre": "rock", "unsure": False,
        "probabilities": {"rock": 0.1235, "pop": 0.1}, "not_music": 0.0, "tempo_bpm": 120.0, "key": "A minor",
        "valence": 0.1235, "arousal": -0.5, "mood": "calm", "mood_confidence": None,
        "model": "m 0", "timeline": [{"start_s": 0.0, "end_s": 1.235, "probabilities": {"rock": 0.1235}}],
    }  # fmt: skip


def test_tempo_and_key_are_left_out_where_not_asked_for(ear, recording):
    told = heard(recording)
    assert (told.tempo_bpm, told.key, told.tempo, told.key_estimate) == (None, None, None, None)
    both = classify(recording)
    assert both.tempo is not None
    assert both.tempo_bpm == both.tempo.tempo_bpm
    assert both.key_estimate is not None
    assert both.key == both.key_estimate.key


# --- the embedding ------------------------------------------------------------------------------------------------


def test_an_embedding_is_the_unit_length_mean_over_windows(ear, recording):
    found = embed_module.embed(recording)
    assert found.vector.shape == (embed_module.SIZE,) == (256,)
    assert found.vector.dtype == np.float32
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-6)
    assert found.model_sha256 == ear.card.sha256
    mean = np.concatenate([batch.mean(2) for batch in ear.batches]).mean(0) + 10
    np.testing.assert_allclose(found.vector[:96], mean / np.linalg.norm(mean), rtol=1e-4)


def test_an_embedding_of_all_zeros_still_has_unit_length(ear, recording, monkeypatch):
    monkeypatch.setattr(
        ear, "run", lambda w: {"scores": np.zeros((len(w), 11), "f4"), "embedding": np.zeros((len(w), 256), "f4")}
    )
    assert np.linalg.norm(embed_module.embed(recording).vector) == pytest.approx(1, abs=1e-6)


def test_a_part_can_be_embedded(ear, recording):
    whole = embed_module.embed(recording).vector
    part = embed_module.embed(recording, start_s=5.0, duration_s=2.5).vector
    assert not np.allclose(whole, part)


def test_classify_gives_the_embedding_where_it_is_asked_for(ear, recording):
    assert heard(recording).embedding is None
    np.testing.assert_array_equal(heard(recording, embedding=True).embedding, embed_module.embed(recording).vector)


def test_a_tracker_makes_the_same_embedding_from_blocks_of_any_length(ear, recording):
    samples, _ = soundfile.read(recording, dtype="float32")
    tracker = embed_module.EmbeddingTracker()
    for block in np.split(samples, [1, 5000, 5000, 120_000]):
        tracker.update(block)
    np.testing.assert_allclose(tracker.result(), embed_module.embed(recording).vector, atol=1e-6)


# --- the front door -----------------------------------------------------------------------------------------------


def test_the_package_offers_both_lazily():
    assert sideman.classify is hear.classify
    assert sideman.embed is embed_module.embed
    assert {"classify", "embed", "Classification", "Segment", "Embedding", "SidemanError"} <= set(dir(sideman))
    with pytest.raises(AttributeError, match="no attribute 'tune'"):
        _ = sideman.tune
