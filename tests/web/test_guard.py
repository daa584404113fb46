"""Who gets in: by which name, from which site, with which secret; and what every answer carries."""

import base64
import socket

import pytest
from fastapi.testclient import TestClient

from sideman.core.errors import UsageError
from sideman.web.api import create_app
from sideman.web.settings import Settings

HOME = "http://127.0.0.1:8765"
API = "/api/v1"


def client_of(tmp_path, base_url=HOME, peer=("127.0.0.1", 50000), **settings):
    app = create_app(Settings(database=str(tmp_path / "none.db"), **settings))
    return TestClient(app, base_url=base_url, follow_redirects=False, client=peer, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with client_of(tmp_path_factory.mktemp("guard")) as made:
        yield made


@pytest.fixture
def secret_client(tmp_path, monkeypatch):
    monkeypatch.setattr("sideman.web.access._SLOW_S", 0.01)
    with client_of(tmp_path, token="a long secret ü") as made:
        yield made


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/health", "/api/v1/openapi.json", "/rest/ping.view", "/assets/x.js", "/no"]
)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8765",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        "192.168.1.7",
        "127.0.0.1@evil.example",
        "evil.example/127.0.0.1",
        "[::2]:80",
        "127.0.0.1:x",
    ],
)
def test_a_name_that_was_made_to_lead_here_gets_no_answer_on_any_route(client, path, host):
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"
    assert "--allow-host" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:8765", "127.0.0.2", "localhost."])
def test_names_of_this_machine_are_answered(client, host):
    assert client.get(f"{API}/health", headers={"Host": host}).status_code == 200


def test_a_proxys_name_is_answered_when_it_was_allowed(tmp_path):
    with client_of(tmp_path, allowed_hosts=("Music.example",)) as client:
        assert client.get(f"{API}/health", headers={"Host": "music.example:443"}).status_code == 200
        assert client.get(f"{API}/health", headers={"Host": "other.example"}).status_code == 421


def test_a_server_for_all_addresses_is_called_by_addresses_but_not_by_strange_names(tmp_path):
    with client_of(tmp_path, host="0.0.0.0", token="x") as client:
        told = {"Authorization": "Bearer x"}
        assert client.get(f"{API}/health", headers={"Host": "192.168.1.7:8765", **told}).status_code == 200
        assert client.get(f"{API}/health", headers={"Host": "evil.example", **told}).status_code == 421


def test_other_addresses_need_a_secret():
    with pytest.raises(UsageError, match="--token-file"):
        Settings(host="0.0.0.0")
    with pytest.raises(UsageError):
        Settings(host="192.168.1.7")
    Settings(host="::1")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://localhost:8765"},
        {"Origin": "file://"},
        {"Origin": "http://127.0.0.1:8765.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": HOME},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", f"{API}/classify"),
        ("DELETE", f"{API}/jobs/1"),
        ("GET", f"{API}/health"),
        ("POST", f"{API}/session"),
        ("GET", "/rest/ping"),
        ("OPTIONS", f"{API}/classify"),
    ],
)
def test_pages_of_other_sites_may_neither_act_nor_look(client, method, path, headers):
    answer = client.request(method, path, headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": HOME}, {"Sec-Fetch-Site": "same-origin", "Origin": HOME}, {"Sec-Fetch-Site": "none"}]
)
def test_our_page_and_programs_may(client, headers):
    assert client.delete(f"{API}/session", headers=headers).status_code == 204


def test_a_link_from_elsewhere_may_lead_to_the_page(client):
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status_code == 200


@pytest.mark.parametrize(
    "path, status",
    [("/", 200), ("/api/v1/health", 200), ("/api/v1/nothing", 404), ("/nothing", 404), ("/api/v1/jobs/x", 404)],
)
def test_every_answer_carries_the_headers_that_keep_browsers_strict(client, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    for part in ("connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=(self)" in answer.headers["permissions-policy"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_refusals_and_bugs_carry_them_too(client, monkeypatch):
    assert "content-security-policy" in client.get("/", headers={"Host": "evil.example"}).headers
    assert "content-security-policy" in client.post(f"{API}/classify", headers={"Content-Encoding": "gzip"}).headers

    def broken(self):
        raise RuntimeError("inside")

    monkeypatch.setattr("sideman.web.jobs.Jobs.all", broken)
    answer = client.get(f"{API}/jobs")
    assert answer.status_code == 500
    assert answer.json()["detail"] == "unexpected RuntimeError; please report this"
    assert "content-security-policy" in answer.headers


def test_data_is_not_kept_by_browsers(client):
    assert client.get(f"{API}/health").headers["cache-control"] == "no-store"


def cookie_name(client):
    """What the server calls its cookie."""
    return client.delete(f"{API}/session").headers["set-cookie"].partition("=")[0]


def basic(secret):
    return {"Authorization": "Basic " + base64.b64encode(f"anyone:{secret}".encode()).decode()}


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/jobs", "/nothing", "/classify"])
def test_without_the_secret_no_data_is_told(secret_client, path):
    answer = secret_client.get(API + path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Bearer" in answer.json()["detail"]


def test_the_secret_is_taken_as_bearer_and_as_password(secret_client):
    told = "Bearer a long secret ü".encode()
    assert secret_client.get(f"{API}/health", headers={b"Authorization": told}).status_code == 200
    assert secret_client.get(f"{API}/health", headers=basic("a long secret ü")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Digest x"},
        {"Authorization": "Basic !!!"},
        basic("wrong"),
        {"Cookie": "{}=wrong"},
        {"Cookie": "{}="},
        {"Cookie": '{}="\\777'},
        {"Cookie": "sideman_session=x"},
    ],
    ids=str,
)
def test_a_wrong_secret_is_refused(secret_client, headers):
    if "Cookie" in headers:
        headers = {"Cookie": headers["Cookie"].format(cookie_name(secret_client))}
    assert secret_client.get(f"{API}/health", headers=headers).status_code == 401


def test_a_browser_shows_the_secret_once_and_then_its_cookie(secret_client):
    assert secret_client.post(f"{API}/session", json={"token": "wrong"}).status_code == 401
    answer = secret_client.post(f"{API}/session", json={"token": "a long secret ü"})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    assert "secret" not in cookie
    assert secret_client.get(f"{API}/health").status_code == 200
    secret_client.delete(f"{API}/session")
    secret_client.cookies.clear()
    assert secret_client.get(f"{API}/health").status_code == 401


def test_a_link_with_the_secret_signs_in_and_hides_it(secret_client):
    answer = secret_client.get("/", params={"token": "a long secret ü"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert secret_client.get(f"{API}/health").status_code == 200
    secret_client.cookies.clear()
    assert secret_client.get("/", params={"token": "wrong"}).status_code == 401


def test_behind_tls_the_cookie_is_for_tls_only(tmp_path):
    told = {"X-Forwarded-Proto": "https"}
    with client_of(tmp_path, token="x") as client:
        assert "; Secure" in client.get("/?token=x", headers=told).headers["set-cookie"]
    with client_of(tmp_path, token="x", peer=("192.0.2.1", 5)) as client:
        assert "; Secure" not in client.get("/?token=x", headers=told).headers["set-cookie"]


def test_the_page_itself_is_open_for_it_asks_for_the_secret(secret_client):
    assert secret_client.get("/").status_code == 200


def test_a_subsonic_client_without_the_password_gets_nothing(secret_client):
    told = secret_client.get("/rest/ping.view", params={"f": "json", "u": "x", "p": "wrong"}).json()[
        "subsonic-response"
    ]
    assert told["status"] == "failed"
    told = secret_client.get("/rest/ping.view", params={"f": "json", "u": "x", "p": "a long secret ü"}).json()
    assert told["subsonic-response"]["status"] == "ok"
    for path in ("getSonicSimilarTracks", "findSonicPath.view", "getOpenSubsonicExtensions"):
        answer = secret_client.get(
            f"/rest/{path}", params={"f": "json", "id": "1", "startSongId": "1", "endSongId": "2"}
        )
        assert path.startswith("getOpen") or '"ok"' not in answer.text


def raw(server, request):
    with server.connect() as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while block := connection.recv(65536):
            received += block
    return received


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: xchunked\r\n\r\n{}",
        b"GET /api/v1/health HTTP/1.1\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
        b"GET /api/v1/health\r\nHost: 127.0.0.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
    ],
)
def test_requests_that_two_readers_would_read_differently_are_refused(server, request_bytes):
    answer = raw(server, request_bytes)
    assert answer.split(b" ")[1][:1] == b"4", answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1


def test_an_upgrade_to_a_websocket_is_not_had(server):
    answer = raw(
        server,
        b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    assert not answer.startswith(b"HTTP/1.1 101")


@pytest.mark.parametrize("beside", ['x={"a": [1, 2]}', "a b=c", "=;;", 'q="unended', "{}=other"])
def test_odd_cookies_of_other_servers_of_this_machine_do_not_lock_anybody_out(secret_client, beside):
    answer = secret_client.post(f"{API}/session", json={"token": "a long secret ü"})
    mark = answer.headers["set-cookie"].partition(";")[0]
    beside = beside.replace("{}", mark.partition("=")[0])
    secret_client.cookies.clear()
    for told in (f"{beside}; {mark}", f"{mark}; {beside}"):
        assert secret_client.get(f"{API}/health", headers={"Cookie": told}).status_code == 200
    assert secret_client.get(f"{API}/health", headers={"Cookie": beside}).status_code == 401


def test_a_browser_that_is_opened_is_shown_a_ticket_for_once_and_not_the_secret(secret_client, monkeypatch):
    access = secret_client.app.state.access
    ticket = access.ticket()
    assert secret_client.get(f"{API}/health", headers={"Authorization": f"Bearer {ticket}"}).status_code == 401
    answer = secret_client.get("/", params={"token": ticket})
    assert answer.status_code == 303
    assert secret_client.get(f"{API}/health").status_code == 200
    secret_client.cookies.clear()
    assert secret_client.get("/", params={"token": ticket}).status_code == 401
    monkeypatch.setattr("sideman.web.access._TICKET_S", -1.0)
    assert secret_client.get("/", params={"token": access.ticket()}).status_code == 401


def test_servers_of_one_machine_do_not_sign_each_other_out(tmp_path):
    """A browser sends cookies to every port of a machine: those of two servers must not replace each other."""
    told = {}
    with (
        client_of(tmp_path, token="one") as first,
        client_of(tmp_path, token="two") as second,
        client_of(tmp_path, token="one", port=9999) as like_first,
    ):
        for client, secret in ((first, "one"), (second, "two")):
            client.post(f"{API}/session", json={"token": secret})
            told |= dict(client.cookies)
        assert len(told) == 2
        for client in (first, second, like_first):
            assert signed_in(client, told)
        del told[cookie_name(second)]
        assert signed_in(first, told)
        assert not signed_in(second, told)


def signed_in(client, cookies):
    client.cookies.clear()
    jar = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    return client.get(f"{API}/health", headers=jar).status_code == 200
