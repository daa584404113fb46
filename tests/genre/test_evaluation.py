"""An evaluation pools the folds, keeps to its recordings, survives a file, and is compared with its like alone."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from sideman.core.errors import DatasetError, ModelError, OutputError, UsageError
from sideman.genre import metrics
from sideman.genre.compare import compare
from sideman.genre.evaluation import Curve, Evaluation, read, row_scores_to_run
from sideman.genre.protocols import Partition, get_protocol, partitions
from sideman.genre.statistics import wilson
from sideman.training.task import Epoch
from tests.genre.materials import GENRES, evaluation, log_softmax, material

CURVES = (Curve("fold 1", 0, (Epoch(1, 2, 0.9, 0.4, 0.1), Epoch(2, 2, 0.5, None, 0.2))),)


# ---- joining row scores


def test_row_scores_are_averaged_per_recording_and_counted_per_row() -> None:
    labelled = material(GENRES[:2], per_genre=2, rows=2)
    half = [
        Partition("fold 1", np.arange(4, 8), np.zeros(0, int), np.array([0, 1, 2, 3])),
        Partition("fold 2", np.arange(4), np.zeros(0, int), np.array([4, 5])),
    ]
    first = np.log([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    run = row_scores_to_run(labelled, half, [first, np.log([[0.5, 0.5], [0.1, 0.9]])], seed=7)
    assert run.seed == 7
    assert run.fold_of.tolist() == [0, 0, 1, -1]
    assert run.rows.tolist() == [2, 2, 2, 0]
    assert run.rows_right.tolist() == [2, 0, 1, 0]
    assert run.log_probabilities[0] == pytest.approx([np.log(0.54) / 2, np.log(0.04) / 2], abs=1e-6)
    assert np.isnan(run.log_probabilities[3]).all()
    assert run.tested.tolist() == [True, True, True, False]


def test_one_impossible_row_does_not_decide_alone() -> None:
    labelled = material(GENRES[:2], per_genre=2, rows=2)
    whole = [Partition("80/20", np.arange(2, 8), np.zeros(0, int), np.array([0, 1]))]
    run = row_scores_to_run(labelled, whole, [np.array([[-np.inf, 0.0], [-0.1, -2.4]])], 0)
    assert np.isfinite(run.log_probabilities[0]).all()


def test_scores_that_do_not_fit_or_are_no_numbers_are_refused() -> None:
    labelled = material()
    made = partitions(get_protocol("holdout"), labelled)
    n = len(made[0].test)
    with pytest.raises(ModelError, match=r"80/20: the model gave scores of shape"):
        row_scores_to_run(labelled, made, [np.zeros((n, 2))], 0)
    with pytest.raises(ModelError, match=r"no numbers"):
        row_scores_to_run(labelled, made, [np.full((n, 3), np.nan)], 0)


def test_with_one_test_part_the_temperature_comes_from_validation() -> None:
    found = evaluation(material(per_genre=60), "holdout", seeds=(0,))
    assert found.runs[0].valid_temperature != 1.0
    assert found.figures()["calibration"]["fitted_on"] == "the validation recordings"
    assert evaluation(seeds=(0,)).runs[0].valid_temperature is None
    bare = replace(found, runs=(replace(found.runs[0], valid_temperature=None),))
    told = bare.figures()["calibration"]
    assert told["fitted_on"] is None
    assert told["ece"] == told["ece_uncalibrated"]


# ---- figures


def test_all_recordings_count_once_with_folds_and_the_test_part_alone_without() -> None:
    assert evaluation(protocol="artists").figures()["tested"] == 60
    assert evaluation(protocol="holdout").figures()["tested"] == 12


def test_figures_are_those_of_the_pooled_recordings() -> None:
    found = evaluation()
    told = found.figures()
    for number, run in enumerate(found.runs):
        p = run.probabilities(found.labels)
        assert told["accuracy"]["per_seed"][number] == pytest.approx((p.argmax(1) == found.labels).mean())
        balanced = metrics.balanced_accuracy(p, found.labels)
        assert told["balanced_accuracy"]["per_seed"][number] == pytest.approx(balanced)
        assert told["segment_accuracy"]["per_seed"][number] == run.rows_right.sum() / run.rows.sum()
    mean = told["accuracy"]["mean"]
    assert mean == pytest.approx(np.mean(told["accuracy"]["per_seed"]))
    assert told["accuracy"]["interval"] == pytest.approx(wilson(60 * mean, 60))
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "segment_accuracy", "top_2"):
        low, high = told[name]["interval"]
        assert 0 <= low < told[name]["mean"] < high <= 1
    assert np.sum(told["confusion"]) == pytest.approx(60)
    assert told["per_class"][0]["recall"] == pytest.approx(told["confusion"][0][0] / 20, abs=1e-3)
    assert told["risk_coverage"]["table"][-1]["accuracy"] == pytest.approx(mean)


def test_figures_are_in_the_range_that_skill_gives() -> None:
    chance, good = (evaluation(material(per_genre=40), skill=skill).figures() for skill in (0.0, 4.0))
    assert chance["accuracy"]["mean"] == pytest.approx(1 / 3, abs=0.1)
    assert good["accuracy"]["mean"] > 0.9
    assert good["aurc"]["mean"] < chance["aurc"]["mean"]


def test_figures_say_what_was_kept_apart() -> None:
    leaky = evaluation(protocol="segments-random").figures()
    assert leaky["leaky"] is True
    assert leaky["keeps"] == []
    assert leaky["kept_apart"][0].startswith("LEAKY: ")
    honest = evaluation().figures()
    assert honest["keeps"] == ["artist", "repetition", "track"]
    assert honest["kept_apart"][0].startswith("Kept apart: recordings")


def test_a_perfect_score_is_no_certainty() -> None:
    told = evaluation(skill=50.0).figures()
    assert told["accuracy"]["mean"] == 1.0
    for name in ("balanced_accuracy", "segment_accuracy"):
        assert told[name]["interval"][0] < 0.95


def test_a_genre_that_was_never_tested_has_no_figures() -> None:
    found = evaluation(seeds=(0,))
    run = found.runs[0]
    without = np.where(found.labels == 1, -1, run.fold_of)
    told = replace(found, runs=(replace(run, fold_of=without),)).figures()
    assert told["per_class"][1]["recall"] is None
    assert told["per_class"][1]["recall_interval"] is None
    json.dumps(told, allow_nan=False)


def test_figures_are_the_same_every_time() -> None:
    assert evaluation().figures() == evaluation().figures()


# ---- files


def test_what_is_written_is_read_again(tmp_path) -> None:
    found = evaluation(curves=CURVES, notes=("not read: x.mp3",), protocol="holdout")
    path = found.write(tmp_path / "new" / "folder")
    assert path.name == "evaluation.json"
    for place in (path, path.parent):
        again = read(place)
        assert json.loads(json.dumps(again.as_dict())) == json.loads(path.read_text())
        assert again.figures() == found.figures()
        assert again.curves == found.curves
        for one, other in zip(found.runs, again.runs, strict=True):
            np.testing.assert_array_equal(one.log_probabilities, other.log_probabilities)


def test_the_table_has_a_row_per_tested_recording(tmp_path) -> None:
    found = evaluation(protocol="holdout", seeds=(0, 1))
    path = found.write(tmp_path / "one.json")
    rows = list(csv.DictReader((tmp_path / "one.csv").open(encoding="utf-8")))
    assert {path, tmp_path / "one.csv"} == set(tmp_path.iterdir())
    assert len(rows) == (found.runs[0].tested | found.runs[1].tested).sum()
    for row in rows:
        shares = [float(row[f"p_{genre}"]) for genre in GENRES]
        assert sum(shares) == pytest.approx(1, abs=1e-3)
        assert shares[GENRES.index(row["predicted"])] == max(shares)
        i = found.tracks.index(row["track"])
        for run in found.runs:
            right = str(int(run.log_probabilities[i].argmax() == found.labels[i])) if run.tested[i] else ""
            assert row[f"right_seed_{run.seed}"] == right


def test_odd_names_survive(tmp_path) -> None:
    genres = ("🎷 jazz, blues", 'rock "n" roll', "поп\udcff")
    found = evaluation(material(genres))
    assert read(found.write(tmp_path)).genres == tuple(sorted(genres))


def test_a_place_that_cannot_be_written(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made a folder"):
        evaluation().write(tmp_path / "file" / "inside")


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.pop("runs"),
        lambda told: told.update(format=99),
        lambda told: told.update(runs=[]),
        lambda told: told.update(protocol="secret"),
        lambda told: told["labels"].__setitem__(0, 7),
        lambda told: told["runs"][0]["fold_of"].pop(),
        lambda told: told["runs"][0]["log_probabilities"].__setitem__(0, None),
        lambda told: told["runs"][0]["log_probabilities"].__setitem__(0, [0.0]),
        lambda told: told["apart"].pop("ties"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, change) -> None:
    path = evaluation(seeds=(0,)).write(tmp_path)
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))
    with pytest.raises(DatasetError, match=r"evaluation.json: not an evaluation \(.*run 'sideman evaluate' again"):
        read(path)


def test_a_missing_file_and_one_that_is_no_json_are_named(tmp_path) -> None:
    with pytest.raises(DatasetError, match=r"evaluation.json: cannot be read"):
        read(tmp_path)
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(DatasetError, match=r"x.json: not an evaluation"):
        read(tmp_path / "x.json")


# ---- comparison


def test_a_model_equals_itself() -> None:
    found = compare(evaluation(), evaluation())
    assert all((test.only_first, test.only_second, test.p) == (0, 0, 1.0) for test in found.per_seed)
    assert found.accuracy.difference == 0
    assert found.accuracy.interval == (0, 0)
    assert found.only_first == found.only_second == ()
    assert found.verdict().startswith("No difference can be told")
    assert (found.first, found.second) == ("logistic (first)", "logistic (second)")


def test_a_better_model_is_found_and_the_tracks_that_make_it_so() -> None:
    weak, strong = evaluation(skill=0.3, model="knn"), evaluation(skill=3.0, noise=1, model="svm")
    found = compare(weak, strong)
    gain = strong.figures()["accuracy"]["mean"] - weak.figures()["accuracy"]["mean"]
    assert found.accuracy.difference == pytest.approx(gain)
    assert found.accuracy.interval[0] > 0
    assert found.verdict().startswith("svm is better than knn by")
    assert len(found.only_second) == found.all_seeds.only_second > found.all_seeds.only_first
    for row in found.only_second:
        assert row.second == row.genre != row.first
    for row, figure in zip(found.genres, weak.figures()["per_class"], strict=True):
        assert row.first == pytest.approx(figure["recall"])
    json.dumps(found.to_dict(), allow_nan=False)
    turned = compare(strong, weak)
    assert turned.accuracy.difference == -found.accuracy.difference
    assert turned.only_first == tuple(replace(r, first=r.second, second=r.first) for r in found.only_second)


def test_per_seed_counts_are_of_that_seed() -> None:
    weak, strong = evaluation(skill=0.3), evaluation(skill=3.0, noise=1)
    for number, test in enumerate(compare(weak, strong).per_seed):
        right = [e.runs[number].log_probabilities.argmax(1) == e.labels for e in (weak, strong)]
        assert test.only_first == (right[0] & ~right[1]).sum()
        assert test.only_second == (right[1] & ~right[0]).sum()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda: evaluation(protocol="tracks"), "protocols differ: logistic .* 'artists', logistic .* 'tracks'"),
        (
            lambda: evaluation(material(per_genre=21)),
            r"recordings differ \(60 and 63; only one of the two has jazz/020",
        ),
        (lambda: evaluation(material(("jazz", "pop", "ska"))), "genres differ: only one of the two has 'rock'"),
        (lambda: evaluation(seeds=(8, 9)), "seeds differ: 0, 1, 2 and 8, 9"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_its_reason(other, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        compare(evaluation(), other())


def test_other_test_recordings_and_other_labels_are_refused() -> None:
    first = evaluation(protocol="holdout", seeds=(0,))
    run = evaluation(protocol="holdout", seeds=(5,)).runs[0]
    with pytest.raises(UsageError, match="recordings were tested by one of the two only"):
        compare(first, replace(first, runs=(replace(run, seed=0),)))
    labels = first.labels.copy()
    labels[3] = 2
    with pytest.raises(UsageError, match=r"the genre of jazz/003.wav differs"):
        compare(first, replace(first, labels=labels))


def test_warnings() -> None:
    def warned(one: Evaluation, other: Evaluation) -> str:
        return " ".join(compare(one, other).warnings)

    leaky = evaluation(protocol="segments-random")
    assert "is leaky" in warned(leaky, leaky)
    assert compare(leaky, leaky).leaky
    assert "artists are not all kept apart" in warned(*[evaluation(protocol="tracks")] * 2)
    assert "leaky" not in warned(evaluation(), evaluation())
    assert "one seed only" in warned(evaluation(seeds=(0,)), evaluation(seeds=(0, 1)))
    assert "Only 1 seeds" in warned(evaluation(seeds=(0,)), evaluation(seeds=(0, 1)))
    assert "few" in warned(evaluation(), evaluation())
    turned = evaluation()
    runs = tuple(replace(run, fold_of=4 - run.fold_of) for run in turned.runs)
    assert "different folds" in warned(evaluation(), replace(turned, runs=runs))


def test_lines_name_the_leak() -> None:
    leaky = evaluation(protocol="segments-random")
    lines = compare(leaky, leaky).lines()
    assert "(LEAKY)" in lines[0]
    assert any(line.startswith("  warning: ") for line in lines)


def test_log_softmax_of_the_helper() -> None:
    assert np.exp(log_softmax(np.zeros((1, 4)))) == pytest.approx(np.full((1, 4), 0.25))
