"""Explanations: maps add up, the parts they name matter, what was heard can be seen and listened to."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sideman.core.errors import AudioError, MissingExtraError, ModelError, OutputError, UsageError
from sideman.genre import explain_methods
from sideman.genre.explain import explain
from sideman.genre.explain_methods import deletion_check, occlusion
from sideman.genre.explain_pieces import Pieces, band_frequencies_hz, neutral_of, odds_of, subject_of
from sideman.genre.explain_plot import draw
from sideman.genre.explain_sound import heard_sound, mask_of, write_heard
from sideman.genre.explain_table import permutation_importance
from sideman.genre.inputs import Input
from sideman.genre.predict import classify, log_softmax
from sideman.inference.cards import Card, sha256_of
from sideman.inference.sessions import Session
from tests.genre.clips import song

EXAMPLE = Path(__file__).parents[2] / "examples" / "Präludium in C.flac"
RATE_HZ = 22_050
BANDS = slice(30, 40)
"""What the synthetic network listens to."""


@dataclass(frozen=True)
class Member:
    name: str
    input: Input
    session: Session


def network_of(folder: Path, given: Input, *, bands: slice = BANDS, content=None, body=None) -> Member:
    """A network whose first genre is how loud some rows of the picture are, and that hears nothing else."""
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    shape = given.shape
    rows = np.zeros((shape[0], 3) if len(shape) == 1 else (shape[0], 1), np.float32)
    if len(shape) == 1:
        rows[bands.start, 0] = 2.0
        nodes = [helper.make_node("MatMul", ["features", "rows"], ["scores"])]
        constants = [numpy_helper.from_array(rows, "rows")]
    else:
        rows[bands] = 0.02
        nodes = [
            helper.make_node("Mul", ["features", "rows"], ["own"]),
            helper.make_node("Tanh", ["own"], ["bent"]),
            helper.make_node("ReduceMean", ["bent"], ["level"], axes=[1, 2], keepdims=0),
            helper.make_node("Unsqueeze", ["level", "axis"], ["column"]),
            helper.make_node("Mul", ["column", "directions"], ["scores"]),
        ]
        constants = [
            numpy_helper.from_array(rows, "rows"),
            numpy_helper.from_array(np.array([1]), "axis"),
            numpy_helper.from_array(np.array([[2000.0, 0.0, -2000.0]], np.float32), "directions"),
        ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes if body is None else body,
        "bands",
        [value("features", 1, ["batch", *shape])],
        [value("scores", 1, ["batch", 3])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "bands.onnx"
    path.write_bytes(model.SerializeToString())
    card = Card("bands", path, sha256_of(path), {"genres": ["high", "middle", "low"], **(content or {})})
    return Member("bands", given, Session(card))


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "song.wav"
    soundfile.write(path, song(5.0), RATE_HZ, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def member(tmp_path_factory) -> Member:
    return network_of(tmp_path_factory.mktemp("member"), Input("windows", 2.0))


def share_of_bands(explained, bands: slice = BANDS) -> float:
    weight = np.abs(np.nan_to_num(explained.importance)).sum(1)
    return float(weight[bands].sum() / weight.sum())


class TestMaps:
    @pytest.mark.parametrize("method", ["gradients", "occlusion"])
    def test_the_bands_that_the_network_hears_are_found(self, clip, member, method):
        if method == "gradients":
            pytest.importorskip("torch")
        explained = explain(clip, member, method)
        assert share_of_bands(explained) > (0.99 if method == "gradients" else 0.4)
        outside = np.delete(np.nan_to_num(explained.importance), np.r_[18:52], 0)
        assert np.abs(outside).max() < 1e-5

    def test_gradients_add_up_to_the_rise_of_the_log_odds(self, clip, member):
        pytest.importorskip("torch")
        for model in (None, member):
            complete = explain(clip, model, "gradients", check=False).completeness
            assert complete.gap < 0.05
            assert complete.total == pytest.approx(complete.rise, rel=0.05)

    @pytest.mark.parametrize("method", ["gradients", "occlusion"])
    def test_the_parts_found_matter_more_than_random_ones(self, clip, member, method):
        if method == "gradients":
            pytest.importorskip("torch")
        genre = explain(clip, member, method, check=False).answer
        found = explain(clip, member, method, genre=genre).deletion
        assert found.faithful
        assert found.most > found.random + 3 * found.random_sd
        assert abs(found.least) < 0.1 * found.most

    @pytest.mark.parametrize("method", ["gradients", "occlusion"])
    def test_they_do_for_the_default_model_and_a_real_recording(self, method):
        if method == "gradients":
            pytest.importorskip("torch")
        found = explain(EXAMPLE, method=method, most_s=4, steps=16).deletion
        assert found.most > found.random + found.random_sd
        assert found.most > found.least

    def test_a_map_of_the_wrong_parts_fails_the_check(self, member):
        subject = subject_of(member)
        x = np.random.default_rng(0).standard_normal((2, 96, 87)).astype(np.float32) + 1
        wrong = np.zeros_like(x)
        wrong[:, 60:70] = 1
        found = deletion_check(lambda p: subject.log_odds(p, 0), x, neutral_of(x, "stft") * 0, wrong)
        assert not found.faithful

    def test_occlusion_shares_a_fall_over_its_patch(self):
        x = np.zeros((1, 32, 32), np.float32)
        x[0, 8:12, 8:12] = 1
        found = occlusion(lambda p: p.sum((1, 2)).astype(float), x, np.zeros_like(x))
        assert found[0].sum() == pytest.approx(16, rel=0.3)
        assert np.unravel_index(found[0].argmax(), (32, 32))[0] in range(6, 14)

    @pytest.mark.parametrize("kind", ["mel", "stft", "mfcc"])
    def test_other_pictures_are_explained_too(self, clip, tmp_path, kind):
        bands = slice(5, 8)
        given = Input(kind, 2.0, level=True)
        explained = explain(clip, network_of(tmp_path, given, bands=bands), "occlusion")
        assert explained.importance.shape == (given.shape[0], 1 + 5 * RATE_HZ // 512)
        assert explained.kind == kind
        assert (explained.frequencies_hz is None) == (kind == "mfcc")
        assert explained.to_dict()["bands"]

    def test_the_same_seed_gives_the_same_explanation(self, clip, member):
        first, second = (explain(clip, member, "occlusion").to_dict() for _ in range(2))
        assert first == second


class TestAnswers:
    def test_the_answer_is_that_of_classify(self, clip):
        explained, classified = explain(clip, method="occlusion", check=False), classify(clip)
        assert explained.answer == classified.genre
        assert explained.probability == pytest.approx(classified.probabilities[classified.genre], abs=1e-5)

    def test_a_trained_model_is_explained_as_it_answers(self, clip, tmp_path):
        from sideman.genre.predict import Calibration
        from sideman.genre.trained import Member, TrainedModel

        own = network_of(tmp_path, Input("mel", 2.0, level=True))
        member = Member(own.name, own.input, own.session)
        genres = ("high", "middle", "low")
        model = TrainedModel(tmp_path, {"model": "bands"}, genres, (member,), Calibration(genres, 300.0, 0.0, 1.0))
        explained, classified = explain(clip, model, "occlusion", check=False), model.classify(clip)
        assert explained.answer == classified.genre
        assert 0.34 < explained.probability < 0.999
        assert explained.probability == pytest.approx(classified.probabilities[classified.genre], abs=1e-4)

    def test_another_genre_can_be_asked_for(self, clip, member):
        mine = explain(clip, member, "occlusion", genre="high", check=False)
        other = explain(clip, member, "occlusion", genre="low", check=False)
        assert (mine.genre, other.genre) == ("high", "low")
        assert np.nansum(mine.importance) * np.nansum(other.importance) < 0

    def test_of_a_long_recording_the_loudest_part_is_explained_and_told(self, tmp_path, member):
        y = np.concatenate([0.05 * song(6.0), song(4.0, 1), 0.05 * song(6.0, 2)])
        soundfile.write(tmp_path / "long.wav", y, RATE_HZ, subtype="FLOAT")
        explained = explain(tmp_path / "long.wav", member, "occlusion", most_s=4, check=False)
        assert explained.start_s == 6.0
        assert explained.duration_s == pytest.approx(4.0)
        assert "the loudest part of 16.0 s: 6.0 to 10.0 s" in explained.note

    def test_a_recording_shorter_than_a_window_is_heard_in_a_loop(self, tmp_path):
        soundfile.write(tmp_path / "short.wav", song(1.0), RATE_HZ, subtype="FLOAT")
        explained = explain(tmp_path / "short.wav", method="occlusion", check=False)
        assert explained.importance.shape[1] == 1 + RATE_HZ // 512
        assert np.isfinite(explained.importance).all()

    def test_the_dictionary_is_json_with_shares_that_sum_to_one(self, clip, member):
        plain = json.loads(json.dumps(explain(clip, member, "occlusion").to_dict(), allow_nan=False))
        assert sum(band["share"] for band in plain["bands"]) == pytest.approx(1, abs=0.01)
        assert [moment["start_s"] for moment in plain["timeline"]] == [0.0, 2.0]
        assert plain["deletion"]["faithful"] is True

    def test_a_network_that_gradients_cannot_pass_is_occluded_instead(self, clip, tmp_path):
        pytest.importorskip("torch")
        onnx = pytest.importorskip("onnx")
        make = onnx.helper.make_node
        nodes = [
            make("Mul", ["features", "rows"], ["own"]),
            make("Round", ["own"], ["bent"]),
            make("ReduceMean", ["bent"], ["level"], axes=[1, 2], keepdims=0),
            make("Unsqueeze", ["level", "axis"], ["column"]),
            make("Mul", ["column", "directions"], ["scores"]),
        ]
        odd = network_of(tmp_path, Input("windows", 2.0), body=nodes)
        explained = explain(clip, odd, check=False)
        assert explained.method == "occlusion"
        assert "Round" in explained.note
        with pytest.raises(ModelError, match="Round"):
            explain(clip, odd, "gradients")

    def test_without_torch_gradients_name_the_extra(self, clip, monkeypatch):
        monkeypatch.setattr("sideman.genre.explain.gradients_available", lambda: False)
        assert explain(clip, check=False).method == "occlusion"
        with pytest.raises(MissingExtraError, match="train"):
            explain(clip, method="gradients")

    @pytest.mark.parametrize(
        "wrong, words",
        [
            ({"method": "guess"}, "auto, gradients, occlusion"),
            ({"genre": "polka"}, "no genre 'polka'"),
            ({"most_s": 0}, "most_s"),
        ],
    )
    def test_wrong_arguments_are_told(self, clip, wrong, words):
        with pytest.raises(UsageError, match=words):
            explain(clip, **wrong)

    def test_silence_is_told(self, tmp_path):
        soundfile.write(tmp_path / "silence.wav", np.zeros(3 * RATE_HZ), RATE_HZ)
        with pytest.raises(AudioError, match="silent"):
            explain(tmp_path / "silence.wav")

    def test_ensembles_and_networks_of_samples_are_told(self, clip, member):
        class Several:
            members = (member, member)

        with pytest.raises(UsageError, match="ensemble"):
            explain(clip, Several())
        with pytest.raises(UsageError, match="samples"):
            explain(clip, Member("raw", Input("samples", 2.0), member.session))


class TestPieces:
    @given(starts=st.lists(st.integers(0, 100), min_size=1, max_size=6, unique=True))
    def test_pieces_lie_where_they_were_heard(self, starts):
        starts_s = np.array(starts) * 512 / RATE_HZ
        pieces = Pieces(np.zeros((len(starts), 2, 3), np.float32), starts_s, 0.05, 5.0)
        pictures = np.arange(len(starts))[:, None, None] + np.zeros((1, 2, 3))
        whole = pieces.stitched(pictures)
        heard = sorted({start + j for start in starts for j in range(3)})
        assert np.flatnonzero(~np.isnan(whole[0])).tolist() == heard
        for number, start in enumerate(starts):
            if not {start + 1} & {other + j for other in starts if other != start for j in range(3)}:
                assert whole[0, start + 1] == number

    def test_bands_have_the_frequencies_of_their_filters(self):
        from sideman.audio.mel import mel_filterbank

        filters = mel_filterbank(RATE_HZ, 1024, n_mels=96, fmax_hz=8000)
        peak_hz = filters.argmax(1) * RATE_HZ / 1024
        assert np.abs(band_frequencies_hz(Input("windows", 2.0)) - peak_hz)[10:].max() < RATE_HZ / 1024

    @given(st.lists(st.floats(-20, 20), min_size=2, max_size=8), st.data())
    def test_odds_are_those_of_the_probability(self, scores, data):
        logs = log_softmax(np.array(scores))
        target = data.draw(st.integers(0, len(scores) - 1))
        rest = np.exp(np.delete(logs, target)).sum()
        assert odds_of(logs, target) == pytest.approx(logs[target] - np.log(rest), abs=1e-6)


class TestPictureAndSound:
    @pytest.mark.parametrize("suffix", [".png", ".svg"])
    def test_a_picture_is_drawn(self, clip, member, tmp_path, suffix):
        pytest.importorskip("matplotlib")
        draw(explain(clip, member, "occlusion"), tmp_path / f"why{suffix}")
        head = (tmp_path / f"why{suffix}").read_bytes()[:200]
        assert head.startswith(b"\x89PNG") if suffix == ".png" else b"<svg" in head or b"<?xml" in head

    def test_other_suffixes_are_refused(self, clip, member, tmp_path):
        explained = explain(clip, member, "occlusion", check=False)
        with pytest.raises(UsageError, match=r"\.png"):
            draw(explained, tmp_path / "why.txt")
        with pytest.raises(UsageError, match=r"\.wav or \.flac"):
            write_heard(explained, tmp_path / "why.mp3")
        assert list(tmp_path.iterdir()) == []

    def test_what_it_heard_is_the_bands_that_carried_the_answer(self, tmp_path, member):
        hz = band_frequencies_hz(member.input)
        t = np.arange(4 * RATE_HZ) / RATE_HZ
        inside, outside = float(hz[35]), float(hz[75])
        y = 0.1 * np.sin(2 * np.pi * inside * t) + 0.1 * np.sin(2 * np.pi * outside * t)
        soundfile.write(tmp_path / "two.wav", y, RATE_HZ, subtype="FLOAT")
        explained = explain(tmp_path / "two.wav", member, "occlusion", genre="high", check=False)
        write_heard(explained, tmp_path / "heard.flac")
        heard, rate_hz = soundfile.read(tmp_path / "heard.flac")
        assert (len(heard), rate_hz) == (len(y), RATE_HZ)
        spectrum = np.abs(np.fft.rfft(heard))
        level = [spectrum[round(f * 4) - 8 : round(f * 4) + 9].max() for f in (inside, outside)]
        assert level[0] > 20 * level[1]

    def test_it_is_as_long_as_the_stretch_and_never_clips(self, tmp_path, member):
        y = np.clip(8 * song(3.3), -1, 1)
        soundfile.write(tmp_path / "loud.wav", y, RATE_HZ, subtype="FLOAT")
        explained = explain(tmp_path / "loud.wav", member, "occlusion", check=False)
        heard = heard_sound(y, explained)
        assert len(heard) == len(y)
        assert np.abs(heard).max() <= 1.0
        mask = mask_of(explained)
        assert mask.min() >= 0
        assert mask.max() <= 1

    def test_the_recording_itself_is_not_overwritten(self, clip, member):
        before = clip.read_bytes()
        with pytest.raises(OutputError, match="is the recording itself"):
            write_heard(explain(clip, member, "occlusion", check=False), clip)
        assert clip.read_bytes() == before


class TestTables:
    columns = ("length", "a", "b")

    class Model:
        def scores(self, x):
            return log_softmax(np.stack([4 * x[:, 1], -4 * x[:, 1]], 1).astype(float)).astype(np.float32)

    def rows(self):
        rng = np.random.default_rng(0)
        y = np.arange(60) % 2
        x = rng.standard_normal((60, 3)).astype(np.float32)
        x[:, 1] += 2 * (1 - 2 * y)
        return x, y, np.arange(60) // 2 * 2 + y

    def test_only_the_column_that_is_used_counts(self):
        x, y, tracks = self.rows()
        found = permutation_importance(self.Model(), x, y, tracks, self.columns, repeats=5)
        assert found[0].column == "a"
        assert found[0].fall > 0.2
        assert found[0].loss > 0
        assert all(column.fall == 0 and column.loss == 0 for column in found[1:])
        assert found == permutation_importance(self.Model(), x, y, tracks, self.columns, repeats=5)

    def test_what_does_not_fit_together_is_told(self):
        x, y, tracks = self.rows()
        with pytest.raises(UsageError, match="do not fit"):
            permutation_importance(self.Model(), x, y, tracks, ("a", "b"))

    def test_the_column_that_carried_one_answer_is_named(self, clip, tmp_path):
        from sideman.audio.descriptors import DESCRIPTOR_COLUMNS

        given = Input("table", None)
        centre = {"members": [{"model": "bands", "centre": [0.0] * 57}]}
        member = network_of(tmp_path, given, bands=slice(4, 5), content=centre)
        explained = explain(clip, member)
        assert explained.method == "columns"
        carried = [column for column in explained.columns if abs(column.fall) > 1e-6]
        assert [column.column for column in carried] == [DESCRIPTOR_COLUMNS[5]]
        assert explained.to_dict()["columns"]
        pytest.importorskip("matplotlib")
        draw(explained, tmp_path / "columns.png")
        with pytest.raises(UsageError, match="by columns"):
            write_heard(explained, tmp_path / "columns.wav")

    def test_a_card_without_means_is_told(self, clip, tmp_path):
        member = network_of(tmp_path, Input("table", None), bands=slice(4, 5))
        with pytest.raises(ModelError, match="mean of each column"):
            explain(clip, member)
        assert explain(clip, member, centre=np.zeros(57)).columns


def test_gradients_are_there_only_where_torch_is(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not explain_methods.gradients_available()
