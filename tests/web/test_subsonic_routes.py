"""OpenSubsonic's sonic similarity over HTTP: envelopes in XML and JSON, Subsonic's passwords and error codes."""

import hashlib
from xml.etree import ElementTree

import pytest

from sideman.web.routes.subsonic import authorised
from tests.library.make import make_store
from tests.web.making import API, served

SPACE = "{http://subsonic.org/restapi}"
SECRET = "correct horse"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("subsonic")
    make_store(folder, n=60).close()
    return folder / "library.db"


@pytest.fixture(scope="module")
def client(database):
    with served(database) as made:
        yield made


@pytest.fixture(scope="module")
def locked(database):
    with served(database, token=SECRET) as made:
        yield made


def _asked(client, method, **parameters):
    answer = client.get(f"/rest/{method}", params={"f": "json", "u": "me", "v": "1.16.1", "c": "test"} | parameters)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()["subsonic-response"]
    assert (told["version"], told["type"], told["openSubsonic"]) == ("1.16.1", "sideman", True)
    assert told["serverVersion"]
    return told


def _error(client, method, **parameters):
    told = _asked(client, method, **parameters)
    assert told["status"] == "failed"
    assert told["error"]["message"]
    return told["error"]["code"]


@pytest.mark.parametrize("suffix", ["", ".view"])
def test_ping_and_extensions(client, suffix):
    assert _asked(client, f"ping{suffix}")["status"] == "ok"
    told = _asked(client, f"getOpenSubsonicExtensions{suffix}")
    assert told["openSubsonicExtensions"] == [{"name": "sonicSimilarity", "versions": [1]}]


@pytest.mark.parametrize("suffix", ["", ".view"])
def test_similar_tracks_and_a_path(client, suffix):
    told = _asked(client, f"getSonicSimilarTracks{suffix}", id="1", count="4")
    assert len(told["sonicMatch"]) == 4
    assert all(match["entry"]["id"] != "1" and 0 <= match["similarity"] <= 1 for match in told["sonicMatch"])
    likeness = [match["similarity"] for match in told["sonicMatch"]]
    assert likeness[0] == max(likeness)
    path = _asked(client, f"findSonicPath{suffix}", startSongId="1", endSongId="40", count="6")["sonicMatch"]
    assert [path[0]["entry"]["id"], path[-1]["entry"]["id"]] == ["1", "40"]


def test_xml_is_the_default_and_says_the_same(client):
    answer = client.get("/rest/getSonicSimilarTracks", params={"id": "1", "count": "3"})
    assert answer.headers["content-type"].startswith("application/xml")
    root = ElementTree.fromstring(answer.content)
    assert root.tag == f"{SPACE}subsonic-response"
    assert (root.get("status"), root.get("openSubsonic")) == ("ok", "true")
    told = _asked(client, "getSonicSimilarTracks", id="1", count="3")["sonicMatch"]
    matches = root.findall(f"{SPACE}sonicMatch")
    assert [float(match.get("similarity")) for match in matches] == [match["similarity"] for match in told]
    entry = matches[0].find(f"{SPACE}entry")
    assert (entry.get("id"), entry.get("title"), entry.get("isDir")) == (
        told[0]["entry"]["id"], told[0]["entry"]["title"], "false"
    )  # fmt: skip
    assert [g.get("name") for g in entry.findall(f"{SPACE}genres")] == [g["name"] for g in told[0]["entry"]["genres"]]
    listed = ElementTree.fromstring(client.get("/rest/getOpenSubsonicExtensions").content)[0]
    assert (listed.get("name"), listed[0].tag, listed[0].text) == ("sonicSimilarity", f"{SPACE}versions", "1")
    failed = ElementTree.fromstring(client.get("/rest/getSonicSimilarTracks?id=%01%ef%bf%bf&f=xml").content)[0]
    assert failed.get("code") == "70"


@pytest.mark.parametrize(
    "method, parameters, code",
    [
        ("getSonicSimilarTracks", {}, 10),
        ("getSonicSimilarTracks", {"id": "4040"}, 70),
        ("getSonicSimilarTracks", {"id": "../../etc/passwd"}, 70),
        ("getSonicSimilarTracks", {"id": "1", "count": "x"}, 0),
        ("getSonicSimilarTracks", {"id": "1", "count": "0"}, 0),
        ("findSonicPath", {"startSongId": "1"}, 10),
        ("findSonicPath", {"startSongId": "1", "endSongId": "4040"}, 70),
        ("findSonicPath", {"startSongId": "1", "endSongId": "1"}, 0),
    ],
)
def test_error_codes(client, method, parameters, code):
    assert _error(client, method, **parameters) == code


def test_more_than_is_there_is_no_error(client):
    assert 0 < len(_asked(client, "getSonicSimilarTracks", id="1", count="999999999")["sonicMatch"]) < 60


def test_without_a_library(tmp_path):
    with served(tmp_path / "none.db") as client:
        assert _error(client, "getSonicSimilarTracks", id="1") == 70


def _salted(secret, salt="c19b2d"):
    return {"t": hashlib.md5((secret + salt).encode()).hexdigest(), "s": salt}


@pytest.mark.parametrize("shown", [{"p": SECRET}, {"p": "enc:" + SECRET.encode().hex()}, _salted(SECRET)])
def test_the_secret_is_the_password_in_each_of_subsonics_ways(locked, shown):
    assert _asked(locked, "ping", **shown)["status"] == "ok"
    assert _asked(locked, "getSonicSimilarTracks", id="1", **shown)["sonicMatch"]
    assert authorised(shown, SECRET)


@pytest.mark.parametrize(
    "shown, code",
    [
        ({}, 10),
        ({"p": ""}, 10),
        ({"t": "abc"}, 10),
        ({"p": "wrong"}, 40),
        ({"p": "enc:zz"}, 40),
        (_salted("wrong"), 40),
        ({"apiKey": SECRET}, 43),
    ],
)
def test_nobody_else_comes_in(locked, shown, code):
    assert _error(locked, "getSonicSimilarTracks", id="1", **shown) == code
    assert not authorised({"u": "me"} | shown, SECRET)


def test_who_is_known_otherwise_comes_in_and_the_list_of_extensions_is_public(locked):
    header = {"Authorization": f"Bearer {SECRET}"}
    assert locked.get("/rest/ping?f=json", headers=header).json()["subsonic-response"]["status"] == "ok"
    assert _asked(locked, "getOpenSubsonicExtensions")["status"] == "ok"
    assert _error(locked, "ping", apiKey=SECRET, u="") in (42, 43)


def test_a_subsonic_password_opens_nothing_else(locked):
    assert locked.get(f"{API}/library", params={"u": "me", "p": SECRET}).status_code == 401
