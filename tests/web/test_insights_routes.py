"""The library as a whole over HTTP."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sideman.core.errors import UsageError
from sideman.library.insights.gather import gather
from sideman.library.schema import analyses, files
from sideman.library.store import open_store
from tests.library.make import make_store
from tests.web.making import API, problem, served
from tests.web.servers import until


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


@pytest.fixture
def counted(monkeypatch):
    """How often the library was gone through, and an event that holds those who do."""
    from sideman.library.insights import gather as module

    made, go = [], threading.Event()
    go.set()

    def counting(*arguments, **options):
        made.append(1)
        assert go.wait(30)
        return gather(*arguments, **options)

    monkeypatch.setattr(module, "gather", counting)
    return made, go


def test_the_answer_is_kept_while_the_library_is_as_it_was(client, counted):
    made, _ = counted
    first = client.get(f"{API}/insights", params={"query": "year:1970.."})
    assert client.get(f"{API}/insights", params={"query": "year:1970.."}).content == first.content
    assert len(made) == 1
    client.get(f"{API}/insights", params={"query": "year:1980.."})
    client.get(f"{API}/insights", params={"query": "year:1970..", "most": 3})
    assert len(made) == 3
    genres = first.json()["distributions"]["genre"]["counts"]
    with open_store(client.app.state.context.settings.database) as store, store.write() as connection:
        connection.execute(analyses.update().values(genre="polka"))
    assert genres != {"polka": sum(genres.values())}
    told = client.get(f"{API}/insights", params={"query": "year:1970.."}).json()
    assert told["distributions"]["genre"]["counts"] == {"polka": sum(genres.values())}
    assert len(made) == 4


def test_who_asks_at_once_waits_for_the_same_answer(client, counted):
    made, go = counted
    go.clear()
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(client.get, f"{API}/insights", params={"query": "id:1..90"}) for _ in range(20)]
        until(lambda: made)
        assert client.get(f"{API}/library/tracks").status_code == 200
        go.set()
        answers = [answer.result(60) for answer in asked]
    assert {answer.status_code for answer in answers} == {200}, "none is sent away"
    assert len({answer.content for answer in answers}) == 1
    assert len(made) == 1


def test_a_failure_is_told_to_all_who_wait_and_not_kept(client, monkeypatch, caplog):
    from sideman.library.insights import gather as module

    def failing(*_, **__):
        raise UsageError("not today")

    with monkeypatch.context() as patched:
        patched.setattr(module, "gather", failing)
        assert problem(client.get(f"{API}/insights", params={"query": "id:1..80"}), 422) == "not today"
    assert client.get(f"{API}/insights", params={"query": "id:1..80"}).status_code == 200
    assert "never retrieved" not in caplog.text


def test_the_map_is_kept_too(client, monkeypatch):
    from sideman.library import tracks

    told = client.get(f"{API}/library/map").json()
    monkeypatch.setattr(tracks, "find", lambda *_, **__: pytest.fail("it was looked up again"))
    assert client.get(f"{API}/library/map").json() == told
