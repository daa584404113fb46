import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from sideman.cli.serve import _token
from sideman.core.errors import OutputError, UsageError
from sideman.web.run import run
from sideman.web.settings import Settings
from tests.web.servers import until

ROOT = Path(__file__).parents[2]


def serve(*arguments, env=None, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "sideman", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        **more,
    )


def refused(*arguments, env=None):
    process = serve(*arguments, env=env)
    out, errors = process.communicate(timeout=60)
    assert out == ""
    assert "Traceback" not in errors
    return process.returncode, errors.strip()


def lives(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def address_of(process):
    line = process.stderr.readline()
    assert "listening on http://" in line, line
    return line.split("listening on ")[1].split()[0]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGTERM)])
def test_it_says_where_it_listens_serves_and_ends_when_it_is_asked_to(tmp_path, how):
    process = serve("--port", "0", "--database", str(tmp_path / "none.db"))
    address = address_of(process)
    assert address.startswith("http://127.0.0.1:")
    assert httpx.get(f"{address}api/v1/health", trust_env=False).json()["status"] == "ok"
    process.send_signal(how)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert errors == ""


def test_other_addresses_need_a_secret_that_is_not_on_the_command_line(tmp_path):
    code, errors = refused("--host", "0.0.0.0")
    assert code == 2
    assert "--token-file" in errors
    assert len(errors.splitlines()) == 1
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    process = serve(
        "--host", "0.0.0.0", "--port", "0", "--token-file", str(secret), "--database", str(tmp_path / "x.db")
    )
    port = address_of(process).rsplit(":")[-1].rstrip("/")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False) as client:
        assert client.get("/health").status_code == 401
        assert client.get("/health", headers={"Authorization": "Bearer hunter2"}).status_code == 200
    process.terminate()
    assert "hunter2" not in process.communicate(timeout=30)[1]


def test_the_secret_may_come_from_the_environment(tmp_path):
    process = serve("--port", "0", "--database", str(tmp_path / "x.db"), env={"SIDEMAN_TOKEN": "xyzzy"})
    address = address_of(process)
    assert httpx.get(f"{address}api/v1/health", trust_env=False).status_code == 401
    process.terminate()
    process.communicate(timeout=30)


def test_a_secret_is_the_first_line_blanks_and_all(tmp_path):
    file = tmp_path / "secret"
    file.write_text("\n open sesame \nnot this\n")
    assert _token(file) == "open sesame"


@pytest.mark.parametrize("content, told", [(None, "cannot be read"), ("", "is empty"), ("  \n", "is empty")])
def test_a_secret_that_is_not_there(tmp_path, content, told):
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    code, errors = refused("--token-file", str(file))
    assert code in (1, 2)
    assert told in errors


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, errors = refused("--port", str(taken.getsockname()[1]))
    assert code == 1
    assert "choose another --port" in errors


def test_a_lab_that_is_no_folder(tmp_path):
    code, errors = refused("--lab", str(tmp_path / "nothing"))
    assert code == 2
    assert "is no folder" in errors


@pytest.mark.parametrize("place, told", [(".", "is a folder"), ("no/x.db", "does not exist"), ("file/x.db", "exist")])
def test_a_place_where_no_library_can_be_made(tmp_path, place, told):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=f"--database .*{told}"):
        run(Settings(port=0, database=str(tmp_path / place)))


def test_more_room_for_one_upload_than_for_all():
    code, errors = refused("--max-upload", "500", "--max-temporary", "100")
    assert code == 2
    assert "--max-temporary" in errors


def test_no_place_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(OutputError, match="set TMPDIR"):
        run(Settings(port=0, database=str(tmp_path / "x.db")))


def test_a_soundfont_that_is_no_file(tmp_path):
    code, errors = refused("--soundfont", str(tmp_path / "nothing.sf2"))
    assert code == 2
    assert "is no file" in errors


@pytest.mark.parametrize("upload", [False, True], ids=["at once", "in an upload"])
def test_ctrl_c_at_any_time_leaves_no_traceback_no_process_and_no_file(tmp_path, upload):
    process = serve(
        "--port", "0", "--database", str(tmp_path / "x.db"), env={"TMPDIR": str(tmp_path)}, start_new_session=True
    )
    port = int(address_of(process).rsplit(":")[-1].rstrip("/"))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        if upload:
            head = "POST /api/v1/classify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n"
            connection.sendall(head.encode() + b"x" * 1000)
            until(lambda: list(tmp_path.glob("*/upload-*")))
        children = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers, still starting, are hit too
        if upload:
            assert b" 503 " in connection.recv(1000)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "did not start" not in errors
    assert not list(tmp_path.glob("sideman-serve-*"))
    until(lambda: not any(lives(child) for child in children))
