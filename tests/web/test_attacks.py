"""What hostile files and clients get for an answer, while everybody else is served as before."""

import concurrent.futures
import functools
import io
import json
import os
import signal
import socket
import struct
import threading
import time
import wave
import zlib

import httpx
import numpy as np
import psutil
import pytest
import soundfile

from tests.web.servers import API, EXAMPLES, SONG, song_upload, until


def still_serves(server):
    """The server answers others as if nothing had been."""
    answer = server.client.post("/classify", files=song_upload())
    assert answer.status_code == 200
    assert answer.json()["genre"] == "reggae"
    until(lambda: not server.uploads())


def refused(server, content, name="song.mp3", status=422, path="/classify"):
    answer = server.client.post(path, files={"file": (name, content)})
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    assert "\n" not in detail
    assert str(server.scratch) not in detail
    return detail


# Files


def silence_for(hours, kind, subtype):
    """Hours of nothing, in as few bytes as the codec needs."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8000, 1, format=kind, subtype=subtype) as sound:
        block = np.zeros(8000 * 5, np.float32)  # libsndfile's Vorbis crashes on long ones
        for _ in range(int(hours * 720)):
            sound.write(block)
    return file.getvalue()


@pytest.mark.parametrize("kind, subtype", [("FLAC", "PCM_16"), ("OGG", "VORBIS")])
def test_a_small_file_that_decodes_to_hours_is_refused(server, kind, subtype):
    bomb = silence_for(1.5, kind, subtype)
    assert len(bomb) < 4_000_000
    began_s = time.monotonic()
    assert "longer than the limit of 1800 s" in refused(server, bomb)
    assert time.monotonic() - began_s < 60
    still_serves(server)


def test_a_header_that_claims_hours_and_one_that_hides_them_are_seen_through(server):
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(1000)
        sound.writeframes(b"\x80" * 2_500_000)  # 42 minutes
    whole = bytearray(file.getvalue())
    assert "longer than the limit" in refused(server, bytes(whole))
    struct.pack_into("<I", whole, whole.index(b"data") + 4, 0x7FFFFFFF)
    refused(server, bytes(whole))
    many = bytearray(file.getvalue()[:1000])
    struct.pack_into("<H", many, 22, 4096)
    refused(server, bytes(many))
    still_serves(server)


def playlists(target):
    return {
        "m3u8": f"#EXTM3U\n#EXTINF:10,\n{target}\n".encode(),
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode(),
        "pls": f"[playlist]\nFile1={target}\nNumberOfEntries=1\n".encode(),
        "xspf": f"<?xml version='1.0'?><playlist><trackList><track><location>{target}</location></track>"
        "</trackList></playlist>".encode(),
        "concat": f"ffconcat version 1.0\nfile '{target}'\n".encode(),
        "asx": f"<asx version='3.0'><entry><ref href='{target}'/></entry></asx>".encode(),
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\na=control:{target}\n".encode(),
        "reference movie": b"\0\0\0\x14ftypqt  \0\0\0\0qt  \0\0\0\x44moov" + target.encode()[:60].ljust(60),
    }  # fmt: skip


@pytest.mark.parametrize("kind", playlists("x"))
def test_a_playlist_in_disguise_opens_no_connection_and_no_file(server, kind, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.5)
        secret = tmp_path / "secret.wav"
        soundfile.write(secret, np.sin(np.arange(66150) / 20) * 0.5, 22050)
        for target in (f"http://127.0.0.1:{trap.getsockname()[1]}/x.mp3", str(secret), f"file://{secret}"):
            detail = refused(server, playlists(target)[kind])
            assert str(secret) not in detail
        with pytest.raises(TimeoutError):
            trap.accept()


def id3_bomb():
    """An ID3 tag of four claimed gigabytes before a frame."""
    return b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + b"\0" * 5000


def png_in_flac():
    """A FLAC whose picture block claims to be longer than the file."""
    return (
        b"fLaC"
        + b"\x00\x00\x00\x22"
        + b"\x10\x00\x10\x00"
        + b"\0" * 30
        + b"\x86\xff\xff\xff"
        + zlib.compress(b"\0" * 100000)
    )


@pytest.mark.parametrize(
    "content",
    [id3_bomb(), png_in_flac(), b"OggS" + b"\xff" * 4000, b"\xff\xfb\x90\x64" * 3, b"caff\0\1\0\0" + b"\xff" * 99],
    ids=["id3", "flac picture", "ogg", "mp3 headers", "caf"],
)
def test_containers_that_lie_are_refused(server, content):
    refused(server, content)


@pytest.mark.slow
def test_damaged_recordings_of_all_kinds_are_heard_or_refused(server):
    rng = np.random.default_rng(5)
    for path in sorted(EXAMPLES.glob("*.*")):
        if path.suffix == ".py":
            continue
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(15):
            damaged = whole.copy()
            damaged[rng.integers(0, len(damaged), 200)] = rng.integers(0, 256, 200)
            answer = server.client.post(
                "/classify", files={"file": (path.name, damaged[: rng.integers(50, len(damaged))].tobytes())}
            )
            assert answer.status_code in (200, 422), answer.text
    still_serves(server)


# Names and paths


@pytest.mark.parametrize(
    "name, shown",
    [
        ("../../etc/passwd", "passwd"),
        ("/etc/shadow", "shadow"),
        ("C:\\Windows\\x.wav", "x.wav"),
        ("a\tb\x07.mp3", "a b .mp3"),
        ("x" * 3000 + ".mp3", "x" * 80 + "…" + "x" * 32 + ".mp3"),
        ("\u202eevil.mp3", "evil.mp3"),
        ("ünï\u2009cödé 音.mp3", "ünï cödé 音.mp3"),
        ("..", ".."),
        ("", "upload"),
    ],
    ids=repr,
)
def test_a_name_is_only_shown_and_never_a_path(server, name, shown):
    before = set(server.scratch.rglob("*"))
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="'
        + name.encode()
        + b'"\r\n\r\n'
        + b"no music\r\n--b--\r\n"
    )
    answer = server.client.post("/classify", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{shown}: ")
    assert set(server.scratch.rglob("*")) == before


def test_a_name_that_is_no_text_and_one_without_end(server):
    def send(name):
        body = (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\nno music\r\n--b--\r\n'
        )
        return server.client.post(
            "/classify", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
        )

    assert send(b"\xff\xfe\x80.mp3").status_code == 422
    answer = send(b"x" * 100_000)
    assert answer.status_code == 422
    assert len(answer.text) < 500
    assert server.client.post("/classify", params={"name": "x" * 9000}, content=b"x").status_code in (
        400,
        414,
        422,
        431,
    )
    still_serves(server)


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../run.py",
        "/assets/..%5c..%5crun.py",
        "//etc/passwd",
        "/api/v1/jobs/..%2f..%2fetc",
        "/api/v1/lab/reports/..%2f..%2f..%2fetc%2fpasswd",
        "/api/v1/lab/evaluations/%2fetc%2fpasswd",
        "/api/v1/compose/..%2f../pieces/0.mid",
        "/%00",
        "/index.html%00.png",
        "/~root",
        "/run.py",
        "/../run.py",
        "/.git/config",
    ],
)
def test_paths_lead_nowhere_but_to_the_page(server, path):
    with server.connect() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while block := connection.recv(65536):
            answer += block
    status = int(answer.split(b" ")[1])
    assert status in (400, 404, 405, 422), answer[:300]
    assert b"root:" not in answer
    assert b"def run" not in answer


# Bodies


def test_a_body_that_is_too_large_is_refused_before_it_is_read(own_server):
    server = own_server(most_body_bytes=1_000_000, most_plain_bytes=1000)
    for content, kind in ((b"x" * 1_300_000, "application/octet-stream"), (b"{" + b" " * 2000, "application/json"),
                          (b"a=" + b"x" * 2000, "application/x-www-form-urlencoded")):  # fmt: skip
        answer = server.client.post("/classify", content=content, headers={"Content-Type": kind})
        assert answer.status_code == 413, kind
        assert "allowed" in answer.json()["detail"]
    assert refused(server, b"x" * 1_300_000, status=413)
    assert (
        server.client.post("/session", content=b"x" * 5000, headers={"Content-Type": "audio/mpeg"}).status_code == 413
    )
    told = httpx.post(f"{server.origin}{API}/classify", content=_endless(b"y" * 65536, 40),
                      headers={"Content-Type": "application/octet-stream"}, trust_env=False, timeout=60)  # fmt: skip
    assert told.status_code == 413  # chunked: no length was told
    still_serves(server)


def _endless(block, times):
    for _ in range(times):
        yield block


def test_a_body_that_was_squeezed_is_not_unpacked(server):
    bomb = zlib.compress(b"\0" * 50_000_000)
    for coding in ("gzip", "deflate", "br", "gzip, gzip"):
        answer = server.client.post("/classify", content=bomb, headers={"Content-Encoding": coding})
        assert answer.status_code == 415


def test_too_many_parts_and_parts_that_are_not_known(server):
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="%b"; filename="x"\r\n\r\nx\r\n'
    for body, told in (
        (b"".join(part % f"f{i}".encode() for i in range(5000)) + b"--b--\r\n", "unknown part"),
        (part % b"file" * 2 + b"--b--\r\n", "twice"),
        (part % b"file", "breaks off"),
        (b"--b\r\n" + b"".join(b"H%d: x\r\n" % i for i in range(20000)) + b"\r\nx\r\n--b--\r\n", ""),
        (b"--b--\r\n", "no part 'file'"),
        (b"not multipart at all", "cannot be read"),
        (b"", ""),
    ):
        answer = server.client.post("/classify", content=body, headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert told in answer.json()["detail"]
    for kind in (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 5000,
    ):
        answer = server.client.post("/classify", content=b"--b--", headers={"Content-Type": kind})
        assert answer.status_code == 422
    assert server.uploads() == []


def test_a_body_that_trickles_is_cut_off(own_server):
    server = own_server(body_idle_s=1.0, body_total_s=3.0)
    head = f"POST {API}/classify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n".encode()
    for pause_s in (10.0, 0.5):  # longer than may pass without a byte; never so long, but without an end
        with server.connect() as connection:
            connection.sendall(head)
            answer = b""
            connection.settimeout(pause_s)
            began_s = time.monotonic()
            while not answer and time.monotonic() - began_s < 20:
                try:
                    connection.sendall(b"x")
                    answer = connection.recv(1000)
                except TimeoutError:
                    continue
            assert b" 408 " in answer.split(b"\r\n")[0] + b" ", answer
            assert time.monotonic() - began_s < 15
    until(lambda: not server.uploads())
    still_serves(server)


def test_headers_that_trickle_are_cut_off(own_server):
    server = own_server(body_idle_s=1.0)
    began_s = time.monotonic()
    with server.connect() as first, server.connect() as second:  # one says something, one nothing at all
        first.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        for connection in (first, second):
            connection.settimeout(20)
            assert connection.recv(1000) == b""
    assert time.monotonic() - began_s < 15
    with httpx.Client(base_url=server.origin, trust_env=False) as patient:  # who asks again later is no attacker
        assert patient.get("/api/v1/health").status_code == 200
        time.sleep(1.5)
        assert patient.get("/api/v1/health").status_code == 200


def test_two_hundred_uploads_at_once_are_heard_or_told_to_come_again(server):
    song = SONG.read_bytes()
    gate = threading.Barrier(200)

    def upload(_):
        with httpx.Client(trust_env=False, timeout=120) as client:
            gate.wait(60)
            return client.post(f"{server.origin}{API}/classify", files={"file": ("x.opus", song)})

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(upload, range(200)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 33  # a worker and a queue of 32
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 429)
    assert all(answer.json()["genre"] == "reggae" for answer in answers if answer.status_code == 200)
    still_serves(server)
    assert server.client.get("/health").json()["queue"]["waiting"] == 0


# Workers


@functools.cache
def long_song(seconds=1500):
    """Noise that takes a worker a few seconds."""
    file = io.BytesIO()
    noise = np.random.default_rng(1).normal(size=22050 * 60).astype(np.float32) * 0.1
    with soundfile.SoundFile(file, "w", 22050, 1, format="FLAC", subtype="PCM_16") as sound:
        for _ in range(seconds // 60):
            sound.write(noise)
    return file.getvalue()


def upload_in_background(server, content, path="/classify"):
    answers = []

    def upload():
        with httpx.Client(trust_env=False, timeout=120) as client:
            answers.append(client.post(f"{server.origin}{API}{path}", files={"file": ("long.flac", content)}))

    thread = threading.Thread(target=upload)
    thread.start()
    return thread, answers


def busy(server):
    return server.client.get("/health").json()["queue"]["running"] >= 1


def test_a_worker_that_is_killed_costs_its_request_only(own_server):
    server = own_server()
    thread, answers = upload_in_background(server, long_song())
    until(lambda: busy(server))
    time.sleep(0.3)
    for worker in server.workers():
        os.kill(worker.pid, signal.SIGKILL)
    thread.join(60)
    assert answers[0].status_code == 422
    assert answers[0].json()["detail"].startswith("long.flac: the worker process was killed")
    still_serves(server)


def test_a_recording_that_takes_too_long_is_given_up(own_server):
    server = own_server(time_limit_s=1.5)
    until(lambda: server.client.post("/classify", params={"duration_s": 1}, files=song_upload()).status_code == 200)
    detail = refused(server, long_song(), "long.flac")
    assert detail == "long.flac: took longer than 1.5 s, the limit of this server"
    until(lambda: server.client.post("/classify", params={"duration_s": 1}, files=song_upload()).status_code == 200)


def test_a_recording_that_needs_too_much_memory_is_given_up(own_server):
    server = own_server(memory_bytes=10 << 20)
    wide = io.BytesIO()
    rate = 192_000
    noise = np.random.default_rng(1).normal(size=(rate * 10, 8)).astype(np.float32) * 0.1
    soundfile.write(wide, noise, rate, format="WAV")
    detail = refused(server, wide.getvalue(), "wide.wav", path="/explain")
    assert detail == "wide.wav: needs more memory than the 10 MiB that this server allows"
    still_serves(server)


def test_who_leaves_in_the_middle_leaves_nothing_behind(own_server):
    server = own_server()
    song = long_song()
    head = (
        f"POST {API}/listen HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: audio/flac\r\nContent-Length: {len(song)}\r\n"
    )
    for accept in ("application/json", "text/event-stream"):
        with server.connect() as connection:  # while it is heard
            connection.sendall(f"{head}Accept: {accept}\r\n\r\n".encode() + song)
            until(lambda: busy(server))
        began_s = time.monotonic()
        until(lambda: not busy(server), 5)
        assert time.monotonic() - began_s < 5
        until(lambda: not server.uploads())
    with server.connect() as connection:  # while it comes
        connection.sendall(head.encode() + b"\r\n" + song[:5000])
        until(server.uploads)
    until(lambda: not server.uploads())
    assert server.client.get("/health").json()["queue"] == {"waiting": 0, "running": 0, "workers": 2}
    still_serves(server)


def test_a_server_that_ends_or_is_killed_leaves_no_worker_and_no_file(own_server, tmp_path):
    server = own_server()
    still_serves(server)
    workers = server.workers()
    assert workers
    assert server.close() == 0
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    assert list(server.scratch.iterdir()) == []
    assert "Traceback" not in server.errors()

    second = own_server()
    still_serves(second)
    workers = second.workers()
    second.process.kill()
    second.process.wait(10)
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    left = list(second.scratch.iterdir())
    assert left
    from sideman.web.scratch import Scratch

    third = Scratch(second.scratch)
    assert list(second.scratch.iterdir()) == [third.folder]
    third.close()


def test_answers_are_json_that_any_reader_takes(server):
    answer = server.client.post("/listen", files=song_upload())
    json.loads(answer.text, parse_constant=lambda name: pytest.fail(name))
