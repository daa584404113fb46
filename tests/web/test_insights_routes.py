"""The library as a whole over HTTP."""

import pytest

from sideman.library.insights.gather import gather
from sideman.library.schema import analyses, files
from sideman.library.store import open_store
from tests.library.make import make_store
from tests.web.making import API, problem, served


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("insights")
    store = make_store(folder, n=120)
    with store.write() as connection:
        # Tags that disagree with the sound, a file that could not be read, and a silent one.
        connection.execute(files.update().where(files.c.id <= 30).values(tag_genre="Classical"))
        connection.execute(files.update().where(files.c.id == 50).values(audio_hash=None, error="damaged"))
        connection.execute(analyses.update().where(analyses.c.loudness_lufs < -23).values(loudness_lufs=-80.0))
    store.close()
    with served(folder / "library.db") as made:
        yield made


def test_the_figures_are_those_of_the_report(client):
    told = client.get(f"{API}/insights").json()
    with open_store(client.app.state.context.settings.database) as store:
        report = gather(store, most_files=0).to_dict()
    for name in ("tracks", "analysed", "artists", "hours", "distributions", "equal_audio"):
        assert told[name] == report[name]
    assert list(told["distributions"]["key"]["counts"]) == list(report["distributions"]["key"]["counts"])
    assert sum(told["distributions"]["genre"]["counts"].values()) == 119
    assert [file["error"] for file in told["faults"]["unreadable"]] == ["damaged"]
    assert {file["loudness_lufs"] for file in told["faults"]["silent"]} == {-80.0}


def test_lists_are_cut_and_their_lengths_told(client):
    whole, cut = (client.get(f"{API}/insights", params={"most": n}).json() for n in (10_000, 2))
    for field in ("genre", "tempo", "key"):
        rows = whole["disagreements"][field]
        assert cut["disagreements"][field] == rows[:2]
        assert cut["lengths"][f"disagreements.{field}"] == len(rows)
    assert len(whole["disagreements"]["genre"]) > 2
    assert set(cut["lengths"]) >= {"alike", "equal_audio", "faults.silent", "faults.unreadable"}


def test_of_a_query(client):
    told = client.get(f"{API}/insights", params={"query": "genre:jazz"}).json()
    assert list(told["distributions"]["genre"]["counts"]) == ["jazz"]
    assert "no track answers" in problem(client.get(f"{API}/insights", params={"query": "artist:nobody"}), 404)
    problem(client.get(f"{API}/insights", params={"query": "bpm:x"}), 422)
    problem(client.get(f"{API}/insights", params={"most": 0}), 422)
