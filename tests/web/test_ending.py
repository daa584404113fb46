"""A server that is ended in the middle of a tag write, and two servers on one library: files and journal agree."""

import shutil
import signal

import pytest

from sideman.library.store import open_store
from sideman.library.tags import journal
from sideman.library.tags.read import read_tags
from tests.web.making import API, copy_of, finished, served
from tests.web.servers import until

COPIES = 4
WISH = {"fields": ["mood"], "min_confidence": 0}


@pytest.fixture
def database(library_database, tmp_path):
    """A library with four copies of each example, so that writing takes a while."""
    made = copy_of(library_database, tmp_path)
    music = tmp_path / "music"
    for path in list(music.iterdir()):
        for n in range(1, COPIES):
            shutil.copy(path, music / f"{n} {path.name}")
    with served(made) as client:
        assert finished(client, client.post(f"{API}/library/scan").json())["state"] == "done"
    return made


def tagged(database):
    return sorted(str(path) for path in music_of(database) if "mood" in read_tags(path).fields)


def music_of(database):
    return sorted((database.parent / "music").iterdir())


def noted(database, state):
    with open_store(database) as store:
        return sorted(entry.path for entry in journal.entries(store, state=state))


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT], [signal.SIGKILL]], ids=str)
def test_a_server_that_is_ended_in_the_middle_of_a_tag_write(own_server, database, signals):
    before = music_of(database)
    server = own_server(database=str(database))
    assert server.client.post("/library/tags/write", json=WISH).status_code == 202
    until(lambda: noted(database, "done"))
    for number in signals:
        server.process.send_signal(number)
    assert server.process.wait(60) == (-signal.SIGKILL if signal.SIGKILL in signals else 0)
    assert "Traceback" not in server.errors()
    if signal.SIGKILL not in signals:
        assert noted(database, "planned") == [], "what was begun is finished"
        assert not list(server.scratch.iterdir())
    with served(database) as client:  # settles what was cut short
        states = client.get(f"{API}/library/tags/history").json()[0]["states"]
    assert set(states) <= {"done", "failed"}
    assert tagged(database) == noted(database, "done")
    assert music_of(database) == before, "nothing is left beside the files"


def test_two_servers_that_write_at_once_write_each_file_once(database):
    before = music_of(database)
    with served(database) as first, served(database) as second:
        jobs = [(client, client.post(f"{API}/library/tags/write", json=WISH).json()) for client in (first, second)]
        reports = [finished(client, job)["result"] for client, job in jobs]
        assert sum(report["written"] for report in reports) == len(before)
        assert tagged(database) == noted(database, "done") == [str(path) for path in before]
        batches = {report["batch"] for report in reports if report["written"]}
        for _ in batches:
            undo = second.post(f"{API}/library/tags/undo", json={})
            assert finished(second, undo.json())["state"] == "done"
    assert tagged(database) == []
    assert music_of(database) == before
