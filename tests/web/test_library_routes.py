"""The library over HTTP: what is in it, what resembles what, the map, and the files themselves."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sideman.library import tracks
from sideman.library.pathtext import normal, to_text
from sideman.library.schema import files, roots
from sideman.library.store import open_store
from tests.library.make import make_store
from tests.library.sounds import write
from tests.web.making import API, copy_of, finished, problem, served


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    make_store(folder, n=120).close()
    with served(folder / "library.db") as client:
        yield client


@pytest.fixture
def real(library_database, tmp_path):
    """A library of real recordings that were heard, for this test alone."""
    database = copy_of(library_database, tmp_path)
    with served(database) as client:
        client.music = tmp_path / "music"
        client.database = database
        yield client


def _ids(client, **parameters):
    return [track["id"] for track in client.get(f"{API}/library/tracks", params=parameters).json()["tracks"]]


def test_without_a_library_it_is_told_how_to_make_one(tmp_path):
    with served(tmp_path / "none.db") as client:
        for path in ("library", "library/tracks", "library/facets", "library/map", "library/tracks/1/audio"):
            assert "sideman scan FOLDER" in problem(client.get(f"{API}/{path}"), 404)
        assert "sideman scan FOLDER" in problem(client.post(f"{API}/library/scan"), 404)
        make_store(tmp_path, n=3, database=tmp_path / "none.db").close()
        assert client.get(f"{API}/library").json()["tracks"] == 3, "made meanwhile, it is found"


def test_the_summary_counts_what_the_library_counts(many):
    told = many.get(f"{API}/library").json()
    assert (told["tracks"], told["analysed"], told["pending"], told["failed"], told["missing"]) == (120, 120, 0, 0, 0)
    assert told["roots"][0].endswith("music")
    assert 120 * 90 / 3600 < told["hours"] < 120 * 400 / 3600


def test_a_query_finds_what_the_command_line_finds(many):
    told = many.get(f"{API}/library/tracks", params={"query": "genre:jazz bpm:80..140", "limit": 1000}).json()
    with open_store(many.app.state.context.settings.database) as store:
        expected = [track.id for track in tracks.find(store, "genre:jazz bpm:80..140")]
    assert [track["id"] for track in told["tracks"]] == expected
    assert told["total"] == len(expected) > 0


def test_pages_of_a_sorted_list_join_to_the_whole(many):
    whole = _ids(many, limit=1000, sort="-bpm")
    parts = [i for offset in range(0, 120, 50) for i in _ids(many, limit=50, offset=offset, sort="-bpm")]
    assert parts == whole
    tempi = [t["tempo_bpm"] for t in many.get(f"{API}/library/tracks", params={"sort": "-bpm"}).json()["tracks"]]
    assert tempi == sorted(tempi, reverse=True)
    assert _ids(many, offset=10**6) == []


def test_lists_leave_out_what_is_bulky_and_a_track_has_it(many):
    listed = many.get(f"{API}/library/tracks", params={"limit": 1}).json()["tracks"][0]
    assert not {"tags", "probabilities"} & set(listed)
    told = many.get(f"{API}/library/tracks/{listed['id']}").json()
    assert told["tags"]["title"] == [told["title"]]
    assert sum(told["probabilities"].values()) == pytest.approx(1, abs=0.01)
    assert {name: told[name] for name in listed} == listed


@pytest.mark.parametrize(
    "parameters, said",
    [
        ({"query": "bpm:fast"}, "not a number"),
        ({"query": 'title:"open'}, "quote"),
        ({"query": "x" * 2001}, "2000"),
        ({"query": "a\0b"}, "NUL"),
        ({"query": "a ,"}, "comma"),
        ({"query": "title::(a+)+b"}, "for ever"),
        ({"sort": "nonsense"}, "cannot be sorted by"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": 10**30}, "offset"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(many, parameters, said):
    assert said in problem(many.get(f"{API}/library/tracks", params=parameters), 422)


@pytest.mark.parametrize("odd", ["a\nb", "a\r\nb", "a\x1bb", "a\u2028b", "a\x85b"])
def test_what_is_told_is_one_line_whatever_was_asked(many, odd):
    for path, wish in (("playlists", {"query": f"{odd} artist:nobody"}), ("tags/plan", {"query": f"{odd} bpm:x{odd}"})):
        answer = many.post(f"{API}/library/{path}", json=wish)
        told = problem(answer, 404 if path == "playlists" else 422)
        assert told.isprintable(), told
    assert "a" in told


@pytest.mark.parametrize("number, status", [("9999", 404), ("0", 422), ("-1", 422), ("x", 422), (str(10**40), 422)])
def test_numbers_of_no_track(many, number, status):
    for tail in ("", "/audio", "/similar"):
        problem(many.get(f"{API}/library/tracks/{number}{tail}"), status)


def test_facets_count_what_the_query_would_find(many):
    told = many.get(f"{API}/library/facets", params={"query": "year:1970.."}).json()
    total = many.get(f"{API}/library/tracks", params={"query": "year:1970.."}).json()["total"]
    for name, question in (("genres", "genre:{}"), ("containers", "format:{}")):
        assert sum(entry["count"] for entry in told[name]) == total
        first = told[name][0]
        query = f"year:1970.. {question.format(first['name'])}"
        assert many.get(f"{API}/library/tracks", params={"query": query}).json()["total"] == first["count"]
    decades = {entry["name"]: entry["count"] for entry in told["decades"]}
    assert list(decades) == sorted(decades)
    nineties = many.get(f"{API}/library/tracks", params={"query": "year:1990..1999"}).json()["total"]
    assert decades["1990"] == nineties > 0
    unsure = many.get(f"{API}/library/tracks", params={"query": "year:1970.. unsure:"}).json()["total"]
    assert told["unsure"] == unsure


def test_similar_tracks_are_those_of_the_library_and_answer_the_query(many):
    told = many.get(f"{API}/library/tracks/1/similar", params={"n": 5, "query": "genre:blues", "mood": 0.2}).json()
    assert told["seed"]["id"] == 1
    assert 0 < len(told["matches"]) <= 5
    assert all(match["track"]["genre"] == "blues" and match["track"]["id"] != 1 for match in told["matches"])
    assert all(-1 <= match["similarity"] <= 1 for match in told["matches"])
    others = many.get(f"{API}/library/tracks/1/similar", params={"other_artists": True}).json()
    assert told["seed"]["artist"] not in {match["track"]["artist"] for match in others["matches"]}
    problem(many.get(f"{API}/library/tracks/1/similar", params={"n": 201}), 422)
    problem(many.get(f"{API}/library/tracks/1/similar", params={"tempo": "nan"}), 422)


def test_a_path_leads_from_one_to_the_other(many):
    told = many.get(f"{API}/library/path", params={"start": 1, "end": 50, "n": 6}).json()
    assert [told["tracks"][0]["id"], told["tracks"][-1]["id"]] == [1, 50]
    assert len(told["steps"]) == len(told["tracks"]) - 1
    assert told["largest"] == max(told["steps"])
    assert "two different tracks" in problem(many.get(f"{API}/library/path", params={"start": 1, "end": 1}), 422)
    problem(many.get(f"{API}/library/path", params={"start": 1, "end": 4040}), 404)
    problem(many.get(f"{API}/library/path", params={"start": 1}), 422)


def test_the_map_has_each_recording_once_and_stays_the_same(many):
    told = many.get(f"{API}/library/map").json()
    assert len({point["id"] for point in told["points"]}) == told["total"] == 120
    assert all(-1 <= point[axis] <= 1 for point in told["points"] for axis in "xy")
    assert 0.2 < told["neighbours_kept"] <= 1
    assert many.get(f"{API}/library/map").json() == told
    some = many.get(f"{API}/library/map", params={"query": "genre:jazz", "most": 4}).json()
    assert len(some["points"]) == 4 < some["total"]
    assert {point["genre"] for point in some["points"]} == {"jazz"}
    assert many.get(f"{API}/library/map", params={"query": "genre:none"}).json()["points"] == []


def test_a_track_that_was_not_heard_is_no_seed(real):
    with open_store(real.database) as store, store.write() as connection:
        connection.execute(files.update().where(files.c.id == 1).values(audio_hash=None, error="damaged"))
    assert "repair" in problem(real.get(f"{API}/library/tracks/1/similar"), 409)


def test_the_sound_is_the_file_whole_and_in_ranges(real):
    for track in real.get(f"{API}/library/tracks").json()["tracks"]:
        content = Path(track["path"]).read_bytes()
        address = f"{API}/library/tracks/{track['id']}/audio"
        answer = real.get(address)
        assert answer.content == content
        assert answer.headers["content-type"].startswith("audio/")
        assert answer.headers["accept-ranges"] == "bytes"
        assert int(real.head(address).headers["content-length"]) == len(content)
        part = real.get(address, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, content[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
        assert real.get(address, headers={"Range": f"bytes={len(content)}-"}).status_code == 416


def _add(real, path):
    """A row for a path, as a scan would have left it before the file was changed; its number."""
    with open_store(real.database) as store, store.write() as connection:
        row = connection.execute(
            files.insert().values(
                path=to_text(path), n_path=normal(to_text(path)), size=1, mtime_ns="1", container="mp3", added_at=1.0
            )
        )
        return row.inserted_primary_key[0]


def test_no_file_outside_of_the_library_is_given_out(real, tmp_path):
    secret = tmp_path / "secret.mp3"
    secret.write_bytes(b"not for others")
    (real.music / "link.mp3").symlink_to(secret)
    (tmp_path / "music2").mkdir()
    shutil.copy(secret, tmp_path / "music2" / "sibling.mp3")
    (real.music / "folder.mp3").symlink_to(tmp_path / "music2")
    outside = [
        secret,
        real.music / "link.mp3",
        real.music / ".." / "secret.mp3",
        real.music / "folder.mp3" / "sibling.mp3",
        tmp_path / "music2" / "sibling.mp3",
        "/etc/passwd",
    ]
    for path in outside:
        answer = real.get(f"{API}/library/tracks/{_add(real, path)}/audio")
        assert "outside of the library's folders" in problem(answer, 404), path
        assert b"not for others" not in answer.content


def test_a_link_that_stays_inside_of_the_library_is_followed(real):
    (real.music / "again.mp3").symlink_to(real.music / "disco nights.mp3")
    answer = real.get(f"{API}/library/tracks/{_add(real, real.music / 'again.mp3')}/audio")
    assert answer.content == (real.music / "disco nights.mp3").read_bytes()


def test_files_that_are_gone_or_no_files_are_told_of(real):
    assert "not there any more" in problem(
        real.get(f"{API}/library/tracks/{_add(real, real.music / 'no.mp3')}/audio"), 404
    )
    (real.music / "dir.mp3").mkdir()
    os.mkfifo(real.music / "pipe.mp3")
    for name in ("dir.mp3", "pipe.mp3"):
        answer = real.get(f"{API}/library/tracks/{_add(real, real.music / name)}/audio")
        assert "no regular file" in problem(answer, 404)


@pytest.mark.parametrize(
    "tail", ["1/../../../../etc/passwd/audio", "..%2f..%2fetc%2fpasswd/audio", "%2e%2e/audio", "1%00/audio", "１/audio"]
)
def test_traversal_in_the_address_leads_nowhere(real, tail):
    assert real.get(f"{API}/library/tracks/{tail}").status_code in (404, 422)


def test_names_that_are_no_utf8_pass_through_json(real):
    name = os.fsencode(real.music) + b"/caf\xe9.wav"
    try:
        shutil.copy(write(real.music / "x.wav"), name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    number = _add(real, os.fsdecode(name))
    for address in (f"library/tracks/{number}", "library/tracks", "library/tracks?query=caf"):
        assert "caf\\\\udce9.wav" in real.get(f"{API}/{address}").text
    assert real.get(f"{API}/library/tracks/{number}/audio").content[:4] == b"RIFF"


def test_a_library_of_a_single_file(library_database, tmp_path):
    database = copy_of(library_database, tmp_path)
    with open_store(database) as store, store.write() as connection:
        connection.execute(roots.update().values(path=str(tmp_path / "music" / "one drop.opus")))
    with served(database) as client:
        found = {t["path"]: t["id"] for t in client.get(f"{API}/library/tracks").json()["tracks"]}
        inside = found.pop(str(tmp_path / "music" / "one drop.opus"))
        assert client.get(f"{API}/library/tracks/{inside}/audio").status_code == 200
        problem(client.get(f"{API}/library/tracks/{found.popitem()[1]}/audio"), 404)


def test_a_scan_hears_what_is_new_and_only_one_runs_at_a_time(real):
    for i in range(6):
        write(real.music / "new" / f"{i}.wav", seed=i + 1, duration_s=8)
    first = real.post(f"{API}/library/scan")
    assert first.status_code == 202
    assert first.json()["kind"] == "scan"
    assert "at it already" in problem(real.post(f"{API}/library/scan", json={}), 409)
    done = finished(real, first.json())
    assert done["state"] == "done", done
    assert (done["result"]["new"], done["result"]["analysed"]) == (6, 6)
    assert (done["progress"]["stage"], done["progress"]["done"], done["progress"]["total"]) == ("listening", 6, 6)
    assert real.get(f"{API}/library").json()["analysed"] == 12
    assert finished(real, real.post(f"{API}/library/scan", json={"retry": True}).json())["result"]["new"] == 0


def test_a_cancelled_scan_ends_and_the_next_one_goes_on(real):
    for i in range(12):
        write(real.music / "new" / f"{i}.wav", seed=i + 1, duration_s=8)
    job = real.post(f"{API}/library/scan").json()
    assert real.delete(f"{API}/jobs/{job['id']}").status_code == 204
    assert real.get(f"{API}/library").json()["analysed"] < 18
    assert finished(real, real.post(f"{API}/library/scan").json())["state"] == "done"
    assert real.get(f"{API}/library").json()["analysed"] == 18


def test_a_library_that_is_deleted_while_it_is_served_is_gone_and_a_new_one_is_found(library_database, tmp_path):
    database = tmp_path / "library.db"
    with closing(sqlite3.connect(library_database)) as connection:
        connection.execute("VACUUM INTO ?", (str(database),))
    with served(database) as client:
        assert client.get(f"{API}/library").status_code == 200
        kept = database.read_bytes()
        for part in tmp_path.glob("library.db*"):
            part.unlink()
        assert problem(client.post(f"{API}/feedback", json={"kind": "like", "tracks": [1]}), 404)
        assert client.get(f"{API}/health").json()["library"] is None
        database.write_bytes(kept)
        assert client.get(f"{API}/library").json()["tracks"] > 0


def test_a_damaged_database_is_the_servers_trouble_and_told_in_a_line(library_database, tmp_path):
    database = tmp_path / "library.db"
    with closing(sqlite3.connect(library_database)) as connection:
        connection.execute("VACUUM INTO ?", (str(database),))
    raw = bytearray(database.read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    database.write_bytes(raw)
    with served(database) as client:
        assert str(database) in problem(client.get(f"{API}/library/tracks"), 503)
        assert client.get("/").status_code == 200
