"""Files as answers: what happens to a file while it is sent is neither a bug nor hidden from the client."""

import os
from pathlib import Path

import psutil
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from sideman.web.files import OpenedFile
from tests.web.making import API, copy_of, problem
from tests.web.servers import Server, until


@pytest.fixture
def client(tmp_path):
    """Of a server that answers with the file ``tmp_path / NAME``."""

    async def answer(request):
        return OpenedFile(tmp_path / request.path_params["name"], media_type="audio/x")

    with TestClient(Starlette(routes=[Route("/{name}", answer)])) as made:
        yield made


@pytest.mark.parametrize(
    "asked, status, first, last",
    [
        (None, 200, 0, 999),
        ("bytes=0-0", 206, 0, 0),
        ("bytes=10-19", 206, 10, 19),
        ("bytes=990-", 206, 990, 999),
        ("bytes=-5", 206, 995, 999),
        ("bytes=-5000", 206, 0, 999),
        ("BYTES = 3 - 2000", 206, 3, 999),
        ("bytes=0-1,5-6", 200, 0, 999),
        ("bytes=9-3", 200, 0, 999),
        ("bytes=-", 200, 0, 999),
        ("bytes=a-b", 200, 0, 999),
        ("frames=1-2", 200, 0, 999),
    ],
)
def test_a_range_is_the_part_that_was_asked_for(client, tmp_path, asked, status, first, last):
    content = bytes(i % 251 for i in range(1000))
    (tmp_path / "a").write_bytes(content)
    for method in ("GET", "HEAD"):
        answer = client.request(method, "/a", headers={"Range": asked} if asked else {})
        assert answer.status_code == status
        assert answer.content == (content[first : last + 1] if method == "GET" else b"")
        assert answer.headers["content-length"] == str(last + 1 - first)
        assert answer.headers.get("content-range") == (f"bytes {first}-{last}/1000" if status == 206 else None)


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_behind_the_end_is_told_where_the_end_is(client, tmp_path, asked):
    (tmp_path / "a").write_bytes(b"x" * 1000)
    answer = client.get("/a", headers={"Range": asked})
    assert problem(answer, 416)
    assert answer.headers["content-range"] == "bytes */1000"
    (tmp_path / "empty").touch()
    assert client.get("/empty", headers={"Range": "bytes=0-"}).status_code == 416
    assert client.get("/empty").content == b""


def test_a_range_of_another_state_of_the_file_is_the_whole_file(client, tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 1000)
    tag = client.get("/a").headers["etag"]
    assert client.get("/a", headers={"Range": "bytes=0-9", "If-Range": tag}).status_code == 206
    (tmp_path / "a").write_bytes(b"y" * 2000)
    answer = client.get("/a", headers={"Range": "bytes=0-9", "If-Range": tag})
    assert (answer.status_code, answer.content) == (200, b"y" * 2000)


def test_what_is_gone_or_no_file_is_not_found(client, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("nothing", "pipe", "folder"):
        assert "not there any more" in problem(client.get(f"/{name}"), 404)


LARGE = 24 << 20  # more than the sockets of both sides take


@pytest.fixture(scope="module")
def music(tmp_path_factory, library_database):
    """A server with a library of large recordings, by path."""
    folder = tmp_path_factory.mktemp("files")
    server = Server(folder, workers=1, database=str(copy_of(library_database, folder)))
    numbers = {track["path"]: track["id"] for track in server.client.get("/library/tracks").json()["tracks"]}
    for path in numbers:
        os.truncate(path, LARGE)
    yield server, sorted(numbers.items())
    server.close()


@pytest.fixture
def sending(music):
    """What was begun to be sent and is not read yet: the server, the path, the connection, and lines of the log."""
    server, left = music
    path, number = left.pop()
    before = len(server.errors().splitlines())
    with server.connect() as connection:
        request = f"GET {API}/library/tracks/{number}/audio HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        yield server, Path(path), connection, lambda: server.errors().splitlines()[before:]


def rest(connection):
    """How many bytes still come."""
    n = 0
    while block := connection.recv(1 << 20):
        n += len(block)
    return n


def test_a_recording_that_is_cut_short_while_it_is_sent_cuts_the_connection(sending):
    server, path, connection, log = sending
    head = connection.recv(1 << 16)
    os.truncate(path, 1000)
    assert f"content-length: {LARGE}".encode() in head.lower()
    assert len(head) + rest(connection) < LARGE
    (line,) = until(log)
    assert line == f"{path}: became shorter while it was sent; the answer was broken off"
    assert server.client.get("/health").status_code == 200


@pytest.mark.parametrize("how", ["removed", "replaced by a longer one"])
def test_a_recording_that_is_removed_or_replaced_while_it_is_sent_is_sent_as_it_was(sending, how):
    _, path, connection, log = sending
    head = connection.recv(1 << 16)
    if how == "removed":
        path.unlink()
    else:
        longer = path.with_name("longer")
        longer.touch()
        os.truncate(longer, 2 * LARGE)
        longer.replace(path)
    assert len(head.partition(b"\r\n\r\n")[2]) + rest(connection) == LARGE
    assert log() == []


def test_a_client_that_leaves_leaves_no_open_file(sending):
    server, path, connection, log = sending
    connection.recv(1000)
    process = psutil.Process(server.process.pid)
    until(lambda: any(file.path == str(path) for file in process.open_files()))
    connection.close()
    until(lambda: not any(file.path == str(path) for file in process.open_files()))
    assert log() == []
