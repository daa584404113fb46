"""The lab over HTTP: models, the scoreboard, and the reports that lie on disk."""

import json
import os

import pytest

from sideman.genre.registry import list_models
from sideman.web import lab_files
from tests.web.making import API, problem, served

EVALUATION = {
    "format": 1, "sideman": "0.1.0", "model": "svm", "protocol": "artists", "dataset": "tiny", "settings": {"c": 1.0},
    "input": {"kind": "table"}, "n_parameters": 0, "fit_seconds": 1.5, "notes": ["a note"], "genres": ["a", "b"],
    "figures": {"leaky": False, "tested": 12.0, "accuracy": {"mean": 0.75}, "macro_f1": {"mean": 0.7}},
    "tracks": ["t"] * 12, "labels": [0] * 12, "runs": [{"log_probabilities": [[0.0, -1.0]] * 12}],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """What the lab leaves: a report beside its evaluation, a page elsewhere, and things that are neither."""
    place = tmp_path / "lab"
    (place / "svm artists").mkdir(parents=True)
    (place / "svm artists" / "report.html").write_text("<!doctype html><title>SVM &amp; artists</title><p>figures")
    (place / "svm artists" / "evaluation.json").write_text(json.dumps(EVALUATION))
    (place / "data.html").write_text("<!doctype html><script>alert(1)</script><p>no title")
    (place / "notes.txt").write_text("secret")
    (place / ".hidden.html").write_text("<title>hidden</title>")
    (place / "other.json").write_text('{"format": 1}')
    (place / "broken.json").write_text('{"sideman": "0.1.0", "protocol": ')
    (place / "strange.json").write_text(
        '{"sideman": 1, "protocol": "artists", "model": "x", "figures": {"leaky": "?"}}'
    )
    return place


@pytest.fixture
def client(folder, tmp_path):
    with served(tmp_path / "none.db", lab=folder) as made:
        yield made


def _lab(client):
    answer = client.get(f"{API}/lab")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_models_and_scoreboard_come_with_sideman(tmp_path):
    with served(tmp_path / "none.db") as client:
        told = _lab(client)
    assert [model["name"] for model in told["models"]] == [spec.name for spec in list_models()]
    assert (told["reports"], told["evaluations"]) == ([], [])
    assert set(told["scoreboard"]) == set(lab_files.scoreboard())
    row = told["scoreboard"]["table-svm-artists-no-length"]
    assert (row["model"], row["protocol"], row["leaky"]) == ("svm", "artists", False)
    assert 0 < row["accuracy"]["mean"] < 1
    leaky = [name for name, row in told["scoreboard"].items() if row["leaky"]]
    assert leaky
    assert all("segments-random" in name for name in leaky)


def test_reports_and_evaluations_that_exist_are_listed(client):
    told = _lab(client)
    assert {(report["title"], report["kind"]) for report in told["reports"]} == {
        ("SVM & artists", "evaluation"), ("data.html", "report")
    }  # fmt: skip
    (evaluation,) = told["evaluations"]
    assert (evaluation["model"], evaluation["accuracy"], evaluation["recordings"]) == ("svm", 0.75, 12)
    assert evaluation["balanced_accuracy"] is None
    whole = client.get(f"{API}/lab/evaluations/{evaluation['id']}").json()
    assert whole["figures"]["macro_f1"] == {"mean": 0.7}
    assert not {"runs", "tracks", "labels"} & set(whole)


def test_a_report_is_shown_without_its_scripts(client, folder):
    for report in _lab(client)["reports"]:
        answer = client.get(f"{API}/lab/reports/{report['id']}")
        assert len(answer.content) == report["bytes"]
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        policy = answer.headers.get_list("content-security-policy")
        assert len(policy) == 1
        rules = dict(rule.strip().partition(" ")[::2] for rule in policy[0].split(";"))
        assert rules["sandbox"] == ""
        assert rules["default-src"] == rules["script-src"] == "'none'"


def test_ids_are_no_paths_and_change_with_nothing_but_the_place(client, folder):
    before = {report["id"] for report in _lab(client)["reports"]}
    os.utime(folder / "data.html", (1, 1))
    assert {report["id"] for report in _lab(client)["reports"]} == before
    for wrong in ("../notes.txt", "..%2fnotes.txt", "notes.txt", "0" * 20, "a" * 19, "%00" * 20):
        for kind in ("reports", "evaluations"):
            answer = client.get(f"{API}/lab/{kind}/{wrong}")
            assert answer.status_code in (404, 422)
            assert b"secret" not in answer.content


def test_links_out_of_the_folder_and_deep_folders_are_passed_over(client, folder, tmp_path):
    (tmp_path / "outside.html").write_text("<title>outside</title>")
    (folder / "link.html").symlink_to(tmp_path / "outside.html")
    (folder / "out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.html")
    deep = folder.joinpath(*"abcdefgh")
    deep.mkdir(parents=True)
    (deep / "deep.html").write_text("<title>deep</title>")
    assert {report["title"] for report in _lab(client)["reports"]} == {"SVM & artists", "data.html"}


def test_a_report_that_has_gone(client, folder):
    report = _lab(client)["reports"][0]
    for path in folder.rglob("*.html"):
        path.unlink()
    assert "no such report" in problem(client.get(f"{API}/lab/reports/{report['id']}"), 404)


def test_a_folder_that_is_not_there_is_an_empty_one(tmp_path):
    with served(tmp_path / "none.db", lab=tmp_path / "nowhere") as client:
        assert _lab(client)["reports"] == []
