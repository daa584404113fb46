"""Playlists over HTTP, and the files that players read."""

import json
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from sideman.library.playlists import jspf, m3u8
from tests.library.make import make_store
from tests.web.making import API, problem, served


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("playlists")
    make_store(folder, n=120).close()
    with served(folder / "library.db") as made:
        yield made


def _made(client, **wish):
    answer = client.post(f"{API}/library/playlists", json=wish)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_songs_answer_the_query_and_fill_the_time(client):
    told = _made(client, query="genre:jazz|blues", minutes=20)
    assert {track["genre"] for track in told["tracks"]} <= {"jazz", "blues"}
    assert told["duration_s"] == pytest.approx(sum(track["duration_s"] for track in told["tracks"]), abs=0.01)
    assert 15 * 60 < told["duration_s"] < 25 * 60
    assert told["points"] is None
    assert told["title"]


def test_a_seed_comes_first(client):
    assert _made(client, seed=17, songs=5)["tracks"][0]["id"] == 17


def test_an_arc_of_moods_gives_a_point_per_song(client):
    told = _made(client, mood="sad->happy", songs=8, title="Up")
    assert told["title"] == "Up"
    assert len(told["points"]) == len(told["tracks"]) == 8
    assert told["points"][0][0] < told["points"][-1][0]


def test_the_same_seed_of_chance_gives_the_same_songs(client):
    first, again, other = (_made(client, query="year:1960..", songs=10, random_seed=n) for n in (1, 1, 2))
    assert first == again
    assert [t["id"] for t in first["tracks"]] != [t["id"] for t in other["tracks"]]


@pytest.mark.parametrize(
    "wish, status, said",
    [
        ({}, 422, "query, a seed or a mood"),
        ({"query": "x", "minutes": 5, "songs": 5}, 422, "one of minutes and songs"),
        ({"mood": "purple"}, 422, "not a mood"),
        ({"mood": "calm->"}, 422, "missing"),
        ({"query": "bpm:x"}, 422, "number"),
        ({"query": "genre:jazz", "songs": 10**9}, 422, "songs"),
        ({"query": "genre:jazz", "minutes": 0}, 422, "minutes"),
        ({"query": "genre:jazz", "random_seed": 2**32}, 422, "random_seed"),
        ({"query": "artist:nobody"}, 404, "no analysed track"),
        ({"seed": 4040}, 404, "not in the library"),
    ],
)
def test_what_makes_no_sense(client, wish, status, said):
    assert said in problem(client.post(f"{API}/library/playlists", json=wish), status)


def _exported(client, **wish):
    answer = client.post(f"{API}/library/playlists/export", json=wish)
    assert answer.status_code == 200, answer.text
    return answer


def test_exported_lists_hold_the_songs_in_order(client, tmp_path):
    songs = [client.get(f"{API}/library/tracks/{number}").json() for number in (5, 3, 9)]
    paths = [song["path"] for song in songs]
    for kind, module in (("m3u8", m3u8), ("jspf", jspf)):
        answer = _exported(client, title="Mine", tracks=[5, 3, 9], format=kind)
        assert "attachment" in answer.headers["content-disposition"]
        written = tmp_path / f"list.{kind}"
        written.write_bytes(answer.content)
        assert [entry.path for entry in module.read(written)] == paths
    root = ElementTree.fromstring(_exported(client, title="Mine", tracks=[5, 3, 9], format="xml").content)
    assert [entry.get("Name") for entry in root.iter("TRACK") if entry.get("Name")] == [song["title"] for song in songs]


def test_a_long_list_with_repeats_keeps_its_order(client):
    numbers = [1 + (7 * i) % 120 for i in range(10_000)]
    answer = _exported(client, tracks=numbers, format="xml")
    root = ElementTree.fromstring(answer.content)
    assert [int(entry.get("Key")) for entry in root.iter("TRACK") if entry.get("Key")] == numbers


def test_a_query_becomes_navidromes_rule(client):
    rule = json.loads(_exported(client, title="Jazz", query="genre:jazz year-", limit=20, format="nsp").content)
    assert (rule["name"], rule["limit"], rule["sort"]) == ("Jazz", 20, "-year")
    refused = client.post(f"{API}/library/playlists/export", json={"query": "key:Dm", "format": "nsp"})
    assert "Navidrome cannot be asked" in problem(refused, 422)


@pytest.mark.parametrize(
    "title", ['a/b\\c"d', "Frühling\r\nSet-Cookie: x=1", "..", "", "日本 ✓", "a\u202egpj.", "🎵" * 90]
)
def test_titles_make_safe_names_of_files(client, title):
    answer = _exported(client, title=title, tracks=[1], format="m3u8")
    header = answer.headers["content-disposition"]
    assert "set-cookie" not in answer.headers
    name = unquote(header.partition("filename*=UTF-8''")[2])
    assert name.endswith(".m3u8")
    assert len(name) > len(".m3u8")
    assert not set('/\\"\r\n:\u202e') & set(name)
    assert answer.content.decode().startswith("#EXTM3U\n#PLAYLIST:")


@pytest.mark.parametrize(
    "wish, status",
    [
        ({"tracks": [], "format": "m3u8"}, 422),
        ({"tracks": [1], "format": "exe"}, 422),
        ({"tracks": [1], "format": "nsp"}, 422),
        ({"tracks": [1, 4040], "format": "m3u8"}, 404),
        ({"tracks": [-1], "format": "m3u8"}, 422),
        ({"tracks": [1] * 10_001, "format": "m3u8"}, 422),
        ({"tracks": [1], "format": "m3u8", "title": "x" * 201}, 422),
    ],
)
def test_exports_that_make_no_sense(client, wish, status):
    problem(client.post(f"{API}/library/playlists/export", json=wish), status)
