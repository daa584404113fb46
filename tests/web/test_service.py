from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from sideman import __version__
from sideman.inference.cards import WEIGHTS_FOLDER, sha256_of
from sideman.web import page
from sideman.web.api import create_app
from sideman.web.settings import Settings
from tests.web.making import ORIGIN, problem, served
from tests.web.servers import song_upload

API = "/api/v1"


@pytest.fixture(scope="module")
def client(library_database):
    with served(library_database) as made:
        yield made


def test_health_tells_version_library_and_queue(client):
    told = client.get(f"{API}/health").json()
    assert (told["status"], told["version"]) == ("ok", __version__)
    assert told["library"] == {"tracks": 6, "analysed": 6}
    assert told["queue"]["running"] == 0
    assert told["uptime_s"] >= 0


def test_health_without_a_library(tmp_path):
    with served(tmp_path / "none.db") as client:
        told = client.get(f"{API}/health").json()
        assert told["library"] is None
        answer = client.get(f"{API}/library/tracks/1/listen")
        assert answer.status_code == 404
        assert "sideman scan" in answer.json()["detail"]


def test_a_home_that_cannot_be_written_to_costs_the_library_only(tmp_path, monkeypatch):
    """The user's own library would lie there. A folder without permission would not stop root; a file does."""
    (tmp_path / "home").touch()
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "SIDEMAN_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with TestClient(create_app(Settings()), base_url=ORIGIN) as client:
        assert client.get(f"{API}/health").json()["library"] is None
        assert "XDG_DATA_HOME" in problem(client.get(f"{API}/library/tracks"), 503)
        assert client.get(f"{API}/models").json()["learned"] == []


def test_metrics_are_in_prometheus_form_and_count(server):
    def value(name):
        lines = server.client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    before = value('sideman_answers_total{method="POST",status="200"}')
    bytes_before = value("sideman_received_bytes_total")
    server.client.post("/classify", files=song_upload())
    assert value('sideman_answers_total{method="POST",status="200"}') == before + 1
    assert value("sideman_received_bytes_total") - bytes_before > len(song_upload()["file"][1])
    text = server.client.get("/metrics").text
    assert text.endswith("\n")
    for line in text.splitlines():
        assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2
    assert "# TYPE sideman_answers_total counter" in text
    assert 2e7 < value("sideman_memory_bytes") < 2e9


def test_models_are_those_that_are_installed(client):
    told = client.get(f"{API}/models").json()
    assert told["classifier"]["sha256"] == sha256_of(WEIGHTS_FOLDER / "genre.onnx")
    assert len(told["classifier"]["genres"]) == 10
    assert told["mood"]["sha256"] == sha256_of(WEIGHTS_FOLDER / "mood.onnx")
    assert [one["name"] for one in told["composers"]] == ["open", "research"]
    assert [one["notice"] is None for one in told["composers"]] == [True, False]
    assert [one["name"] for one in told["imaginers"]] == ["flow", "dcgan"]
    assert told["learned"] == []


def test_jobs_that_are_not_there(client):
    assert client.get(f"{API}/jobs").json() == []
    for method, path in (("GET", "/jobs/x"), ("GET", "/jobs/x/events"), ("DELETE", "/jobs/x")):
        answer = client.request(method, API + path)
        assert answer.status_code == 404
        assert "no job 'x'" in answer.json()["detail"]


def test_without_the_built_page_the_answer_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "FOLDER", Path(tmp_path))
    with served(tmp_path / "none.db") as client:
        answer = client.get("/")
        assert answer.status_code == 200
        assert "Node.js" in answer.text
        assert client.get(f"{API}/health").json()["page"] is False


def test_parts_of_the_page_are_kept_by_browsers_and_the_page_itself_is_asked_for_again(tmp_path, monkeypatch):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>x</title>")
    (tmp_path / "assets" / "x-1234.js").write_text("1")
    monkeypatch.setattr(page, "FOLDER", Path(tmp_path))
    with served(tmp_path / "none.db") as client:
        assert client.get("/").headers["cache-control"] == "no-cache"
        part = client.get("/assets/x-1234.js")
        assert "immutable" in part.headers["cache-control"]
        assert "default-src 'none'" in part.headers["content-security-policy"]
        assert part.headers["content-type"].startswith(("text/javascript", "application/javascript"))
        assert client.get("/assets/nothing.js").status_code == 404


def test_errors_are_problem_details(client):
    answer = client.get(f"{API}/nothing")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "Not Found"}
    assert client.put(f"{API}/health").status_code == 405
