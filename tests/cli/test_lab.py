"""The lab from the command line: what is printed, what is refused in one line, what is left on disk."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("onnx")

from sideman.genre.registry import list_models
from tests.cli.run import sideman
from tests.genre.music_folders import make_folders


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("lab")
    make_folders(root / "music", per_genre=4, duration_s=2.1)
    return root


@pytest.fixture(scope="module")
def run(place):
    def call(*arguments, **more):
        return sideman(*arguments, cwd=place, env={"SIDEMAN_CACHE": str(place / "cache"), "SIDEMAN_DATA": ""}, **more)

    return call


@pytest.fixture(scope="module")
def model(run, place):
    done = run("train", "genre", "music", "--model", "svm", "--out", "model", "--n-folds", "2")
    assert done.returncode == 0, done.stderr
    return place / "model"


def error_of(done, code=1):
    assert done.returncode == code, done.stderr
    assert done.stdout == b""
    lines = [line for line in done.stderr.decode().splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


def test_models_are_listed_with_what_their_sources_state(run):
    done = run("lab", "models", "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["name"] for line in told] == [spec.name for spec in list_models()]
    assert next(line for line in told if line["name"] == "lstm-mfcc")["documented"]["parameters"] == 57_802
    assert b"45,514 parameters" in run("lab", "models").stdout


def test_a_trained_model_classifies(run, model):
    done = run("classify", "--model", str(model), "music/bells", "--json", "--no-tempo", "--no-key")
    heard = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["genre"] for line in heard} == {"bells"}
    assert all(line["model"].startswith("svm ") for line in heard)


def test_a_dry_run_writes_nothing(run, place):
    before = sorted(p.name for p in place.iterdir())
    done = run("train", "genre", "music", "--model", "svm", "--out", "other", "--dry-run")
    assert b"would train svm on 12 recordings of 3 genres" in done.stdout
    assert b"would evaluate" in run("evaluate", "music", "--model", "svm", "--out", "other", "--dry-run").stdout
    assert b"would try 3 settings" in run("tune", "music", "--model", "svm", "--trials", "3", "--dry-run").stdout
    assert sorted(p.name for p in place.iterdir()) == before


def test_an_evaluation_prints_figures_and_what_was_kept_apart(run, place):
    done = run(
        "evaluate",
        "music",
        "--model",
        "logistic",
        "--seeds",
        "2",
        "--n-folds",
        "2",
        "--protocol",
        "tracks",
        "--out",
        "ev",
    )
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert "logistic under tracks: 12 recordings, 2 seeds" in text
    assert "Kept apart: recordings" in text
    assert "Artists are not known here" in text
    assert {p.name for p in (place / "ev").iterdir()} == {"evaluation.json", "report.html", "tracks.csv"}
    page = (place / "ev" / "report.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "")
    told = json.loads(
        run("evaluate", "music", "--model", "logistic", "--seeds", "1", "--n-folds", "2", "--json").stdout
    )
    assert told["protocol"] == "tracks"
    assert 0 <= told["accuracy"]["mean"] <= 1


def test_a_leaky_protocol_says_so(run):
    done = run("evaluate", "music", "--model", "knn", "--segment", "1", "--seeds", "1", "--protocol", "segments-random")
    assert b"(LEAKY)" in done.stdout.splitlines()[0]


def test_a_kept_model_is_judged_as_it_is_and_says_what_it_has_heard(run, model):
    done = run("evaluate", "music", "--model", str(model))
    assert b"svm under as-is: 12 recordings" in done.stdout
    assert b"trained on 12 of these 12 recordings" in done.stdout


def test_two_models_are_compared_on_the_same_recordings(run, place):
    for name, chosen in (("a", "svm"), ("b", "knn")):
        run("evaluate", "music", "--model", chosen, "--seeds", "1", "--n-folds", "2", "--out", name)
    done = run("compare", "a", "b", "--out", "pair.html")
    assert done.returncode == 0, done.stderr
    assert b"McNemar" in done.stdout
    assert (place / "pair.html").stat().st_size > 1000
    assert "p" in json.loads(run("compare", "a", "b", "--json").stdout)
    run("evaluate", "music", "--model", "knn", "--seeds", "1", "--protocol", "holdout", "--out", "c")
    assert "protocol" in error_of(run("compare", "a", "c"), 2)


def test_tuning_goes_on_from_its_study(run):
    pytest.importorskip("optuna")
    first = run("tune", "music", "--model", "knn", "--trials", "2", "--study", "knn.journal", "--json", "-q")
    assert json.loads(first.stdout)["trials"] == 2, first.stderr
    second = run("tune", "music", "--model", "knn", "--trials", "1", "--study", "knn.journal", "--json", "-q")
    assert json.loads(second.stdout)["trials"] == 3
    assert "study of knn" in error_of(run("tune", "music", "--model", "svm", "--trials", "1", "--study", "knn.journal"))


def test_clusters_need_no_labels_and_are_compared_with_them(run):
    told = json.loads(run("lab", "clusters", "music", "--json").stdout)
    assert told["nmi"] > 0.9
    assert len(told["clusters"]) == 3


def test_changes_are_listed_and_answers_counted(run, model):
    assert b"high-pass 20 Hz" in run("lab", "robustness", "--list").stdout
    done = run(
        "lab", "robustness", "music", "--model", str(model), "--change", "gain -20 dB", "--recordings", "2", "--json"
    )
    figures = json.loads(done.stdout)["figures"]
    assert [figure["name"] for figure in figures] == ["unchanged", "gain -20 dB"]
    assert all(figure["recordings"] == 2 for figure in figures)


def test_importance_is_told_per_column(run, model):
    told = json.loads(run("lab", "importance", "music", "--model", str(model), "--repeats", "1", "--json").stdout)
    assert len(told["columns"]) == 57


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["train", "genre", "music", "--model", "nonsense"], 2, "no model 'nonsense'"),
        (["train", "genre", "music", "--model", "svm", "--set", "c"], 2, "NAME=VALUE"),
        (["train", "genre", "music", "--model", "svm", "--set", "depth=3"], 2, "has no setting 'depth'"),
        (["train", "genre", "music", "--model", "svm", "--set", "c=many"], 2, "must be like"),
        (["train", "genre", "music", "--model", "svm", "--protocol", "hope"], 2, "no protocol 'hope'"),
        (["train", "genre", "music", "--model", "svm", "--out", "no/such/place"], 1, "does not exist"),
        (["train", "genre", "music", "--model", "kmeans", "--out", "k"], 2, "finds clusters"),
        (["train", "genre", "nowhere", "--model", "svm"], 1, "no such file or folder"),
        (["evaluate", "--model", "svm"], 1, "no data set named"),
        (["evaluate", "music", "--model", "svm", "--folds", "none.csv"], 1, "none.csv: cannot be read"),
        (["evaluate", "music", "--model", "svm", "--protocol", "fault-filtered"], 1, "no 'train' part"),
        (["compare", "nothing", "music"], 1, "nothing: cannot be read"),
        (["classify", "--model", "music", "music/bells/0.wav"], 1, "not a model folder"),
        (["lab", "scoreboard", "music", "--out", "board.txt"], 2, "ends in .md"),
        (["explain", "music/bells/0.wav", "--method", "magic"], 2, "--method is one of"),
    ],
)
def test_what_cannot_be_done_is_one_line(run, arguments, code, message):
    fresh = ["--out", "fresh"] if arguments[0] == "train" and "--out" not in arguments else []
    done = run(*arguments, *fresh)
    assert done.returncode == code, done.stderr
    last = done.stderr.decode().splitlines()[-1]
    assert message in last
    assert "Traceback" not in done.stderr.decode()


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda music: [shutil.rmtree(music / g) for g in ("bells", "tick tock")], "one genre"),
        (lambda music: (music / "empty").mkdir(), "genre 'empty' has no recording"),
        (lambda music: shutil.copy(music / "bells" / "0.wav", music / "tick tock" / "x.wav"), "one and the same file"),
        (lambda music: [p.unlink() for p in (music / "bells").iterdir() if p.name != "0.wav"], "1 usable recording"),
        (lambda music: [p.write_bytes(b"") for p in music.rglob("*.wav")], "can be read"),
    ],
)
def test_a_bad_collection_is_one_line_and_leaves_no_model(run, place, tmp_path, spoil, message):
    music = shutil.copytree(place / "music", tmp_path / "music")
    spoil(music)
    line = error_of(run("train", "genre", str(music), "--model", "svm", "--out", str(tmp_path / "model")))
    assert message in line
    assert not (tmp_path / "model").exists()


def test_a_manifest_without_a_column_is_named(run, tmp_path):
    (tmp_path / "m.csv").write_text("path,label\na.wav,x\n")
    assert "lacks the column 'genre'" in error_of(run("evaluate", str(tmp_path / "m.csv"), "--model", "svm"))


def test_a_file_that_cannot_be_read_costs_only_itself(run, place, tmp_path):
    music = shutil.copytree(place / "music", tmp_path / "music")
    (music / "bells" / "bad.mp3").write_text("this is no music")
    done = run("train", "genre", str(music), "--model", "svm", "--out", str(tmp_path / "model"), "--n-folds", "2")
    assert done.returncode == 3
    assert b"bad.mp3" in done.stderr
    assert (tmp_path / "model" / "model.json").is_file()


def test_a_killed_run_goes_on_and_ends_in_the_same_model(run, place, tmp_path):
    pytest.importorskip("torch")
    arguments = ["train", "genre", "music", "--model", "cnn-mfcc", "--set", "epochs=6", "--no-judge", "--rows", "2"]
    whole = run(*arguments, "--out", str(tmp_path / "whole"))
    assert whole.returncode == 0, whole.stderr
    env = {**os.environ, "SIDEMAN_CACHE": str(place / "cache")}
    command = [sys.executable, "-m", "sideman", *arguments, "--out", str(tmp_path / "killed")]
    running = subprocess.Popen(command, cwd=place, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in running.stderr:
        if line.startswith("epoch 3 "):
            time.sleep(0.02)
            running.kill()
            break
    running.communicate()
    assert not (tmp_path / "killed").exists()
    done = run(*arguments, "--out", str(tmp_path / "killed"))
    assert done.returncode == 0, done.stderr
    assert b"epoch 1 of" not in done.stderr
    one, two = (json.loads((tmp_path / name / "model.json").read_text()) for name in ("whole", "killed"))
    assert one["members"][0]["sha256"] == two["members"][0]["sha256"]
