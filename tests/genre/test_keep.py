"""From a folder of music to a model folder: judged out of fold, kept whole or not at all, the same after a kill."""

import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("onnx")

from sideman.core.errors import ModelError, OutputError, UsageError
from sideman.genre import judging, keep
from sideman.genre.corpus import Corpus
from sideman.genre.evaluate import Plan, count_fits, evaluate
from sideman.genre.evaluate_kept import evaluate_folder
from sideman.genre.judging import Fit, score_all
from sideman.genre.predict import classify
from sideman.genre.protocols import get_protocol, partitions
from sideman.genre.registry import get_model
from sideman.genre.trained import CARD, open_model
from tests.genre.music_folders import GENRES, make_folders


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    return make_folders(tmp_path_factory.mktemp("music"), per_genre=4, duration_s=2.2)


@pytest.fixture(scope="module")
def corpus(music, tmp_path_factory):
    return Corpus(music, cache=tmp_path_factory.mktemp("cache"), workers=1, most=2)


def plan(model="svm", changes=None, **more):
    return Plan(model, get_model(model).settings(changes), n_folds=2, **more)


@pytest.fixture(scope="module")
def kept(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "model"
    card, evaluation = keep.keep(corpus, plan(), out)
    return out, card, evaluation


def test_a_kept_model_names_the_genre_of_recordings(kept, music):
    out, card, _ = kept
    for genre in GENRES:
        heard = classify(music / genre / "1.wav", model=out, tempo=False, key=False, timeline=True)
        assert heard.genre == genre
        assert sum(heard.probabilities.values()) == pytest.approx(1)
        assert heard.model.startswith("svm ")
        assert heard.timeline[-1].end_s == pytest.approx(heard.duration_s)
    assert card["trained_on"]["recordings"] == 12


def test_its_folder_says_what_it_is_and_how_it_was_judged(kept):
    out, _, evaluation = kept
    assert {p.name for p in out.iterdir()} == {CARD, "svm.onnx", "evaluation.json", "tracks.csv", "report.html"}
    told = json.loads((out / CARD).read_text(encoding="utf-8"))
    assert told["genres"] == sorted(GENRES)
    assert told["judged"]["protocol"] == evaluation.protocol == "tracks"
    assert told["judged"]["recordings"] == 12
    assert told["trained_on"]["tracks"] == list(evaluation.tracks)
    assert not keep.work_folder(out).exists()


def test_classifying_with_it_needs_neither_torch_nor_sklearn(kept, music):
    out, _, _ = kept
    code = (
        "import sys\n"
        "for name in ('torch', 'sklearn', 'onnx', 'skl2onnx'): sys.modules[name] = None\n"
        "from sideman.genre.predict import classify\n"
        f"print(classify({str(music / 'bells' / '0.wav')!r}, model={str(out)!r}, tempo=False, key=False).genre)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "bells\n", done.stderr


def test_what_is_judged_again_as_it_is_admits_what_it_was_trained_on(kept, corpus):
    out, _, _ = kept
    found = evaluate_folder(corpus, out, workers=1)
    assert found.figures()["accuracy"]["mean"] == 1.0
    assert "trained on 12 of these 12 recordings" in found.notes[0]


def test_a_place_that_is_taken_is_refused_before_any_work(kept, corpus, tmp_path):
    out, _, _ = kept
    with pytest.raises(OutputError, match="--overwrite replaces a model"):
        keep.keep(corpus, plan(), out)
    (tmp_path / "mine").mkdir()
    with pytest.raises(OutputError, match="already exists"):
        keep.keep(corpus, plan(), tmp_path / "mine", overwrite=True)
    with pytest.raises(OutputError, match="folder does not exist"):
        keep.keep(corpus, plan(), tmp_path / "not" / "there")


def test_a_fit_that_fails_leaves_no_model(corpus, tmp_path, monkeypatch):
    def fail(*_):
        raise ModelError("no luck")

    monkeypatch.setattr("sideman.genre.models.svm.fit", fail)
    with pytest.raises(ModelError, match=r"svm, fold \d, seed 0: no luck"):
        keep.keep(corpus, plan(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda folder: (folder / CARD).unlink(), "not a model folder"),
        (lambda folder: (folder / CARD).write_text("{}"), "not a model's card"),
        (lambda folder: (folder / CARD).write_text("[1]"), "not a model's card"),
        (lambda folder: (folder / "svm.onnx").write_bytes(b"x"), "checksum"),
        (lambda folder: (folder / "svm.onnx").unlink(), "cannot read the weights"),
    ],
)
def test_a_damaged_model_is_one_line(kept, tmp_path, damage, message):
    import shutil

    own = shutil.copytree(kept[0], tmp_path / "own")
    damage(own)
    with pytest.raises(ModelError, match=message) as caught:
        open_model(own)
    assert "\n" not in str(caught.value)


def test_finished_fits_are_found_again_and_others_are_not(corpus, tmp_path, monkeypatch):
    material = corpus.material(get_model("svm").input)
    split = partitions(get_protocol("tracks"), material, n_folds=2)
    fits = [Fit("svm", get_model("svm").settings(), part, 0) for part in split]
    made = []
    run = judging._run
    monkeypatch.setattr(judging, "_run", lambda job: (made.append(job.fit), run(job))[1])
    first = score_all(fits, material, tmp_path)
    again = score_all(fits, material, tmp_path)
    assert len(made) == 2
    np.testing.assert_array_equal(first[0].test, again[0].test)
    score_all([Fit("svm", get_model("svm").settings({"c": "3"}), split[0], 0)], material, tmp_path)
    assert len(made) == 3
    for kept in tmp_path.glob("*.npz"):
        kept.write_bytes(b"PK half a file")
    score_all(fits, material, tmp_path)
    assert len(made) == 5


def test_an_evaluation_is_the_same_every_time_and_in_two_processes(corpus, tmp_path):
    one = evaluate(corpus, plan("forest"), tmp_path / "a")
    two = evaluate(corpus, plan("forest", workers=2), tmp_path / "b")
    np.testing.assert_array_equal(one.runs[0].log_probabilities, two.runs[0].log_probabilities)
    assert count_fits(corpus, plan("forest", seeds=(0, 1))) == 4


def test_a_model_of_several_inputs_is_kept_and_runs(corpus, music, tmp_path):
    pytest.importorskip("torch")
    changes = {"members": "svm,cnn-mfcc", "how": "vote"}
    joined = Plan("ensemble", get_model("ensemble").settings(changes), n_folds=2)
    assert joined.is_joined
    card, _ = keep.keep(corpus, joined, tmp_path / "both", judged=False)
    assert [member["model"] for member in card["members"]] == ["svm", "cnn-mfcc"]
    heard = classify(music / "bells" / "1.wav", model=tmp_path / "both", tempo=False, key=False)
    assert sum(heard.probabilities.values()) == pytest.approx(1)
    assert not heard.unsure


def test_leaky_protocols_take_no_ensemble_of_different_segments(corpus, tmp_path):
    pytest.importorskip("torch")
    settings = get_model("ensemble").settings({"members": "svm,cnn-mfcc"})
    with pytest.raises(UsageError, match="no common segments"):
        evaluate(corpus, Plan("ensemble", settings, "segments-random"), tmp_path)


def test_the_length_column_is_kept_under_leaky_protocols_only():
    table = plan("mlp-58") if _has_torch() else Plan("mlp-58", None)
    assert table.parts(leaky=True)[0][2].length
    assert not table.parts(leaky=False)[0][2].length
    assert not table.parts(leaky=True, kept=True)[0][2].length
    assert Plan("svm", None, length=True).parts()[0][2].length


def _has_torch():
    import importlib.util

    return importlib.util.find_spec("torch") is not None


@pytest.mark.parametrize("right, expected", [([0, 0, 1, 1, 1, 1], 0.3), ([1, 1, 1, 1, 1, 1], 0.0), ([0] * 6, 0.3)])
def test_unsure_is_what_is_wrong_more_often_than_right(right, expected):
    confidence = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert keep._doubtful(confidence, np.array(right, bool)) == pytest.approx(expected)
