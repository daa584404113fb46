"""Playlist files: what is written is read back, whatever the names; rekordbox and Navidrome get what they expect."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sideman.core.errors import LibraryError, UsageError
from sideman.library.playlists import jspf, m3u8, nsp, rekordbox
from sideman.library.playlists.build import Playlist
from sideman.library.playlists.saving import save
from sideman.library.track import Track

# any byte but NUL and the slash may stand in a name
names = st.binary(min_size=1, max_size=20).map(lambda b: os.fsdecode(b.replace(b"\0", b"x").replace(b"/", b"_")))
names = names.filter(lambda name: name not in (".", ".."))
folders = st.lists(names, max_size=3).map(lambda parts: "/" + "/".join(parts))


def track(path, **told):
    return Track(told.pop("id", 1), path, **told)


@given(st.lists(st.tuples(folders, names), max_size=4), st.booleans())
@example([("/", "#1 hit.mp3"), ("/", " blank "), ("/", "http:\\x"), ("/", "file:a"), ("/music", "a\nb\r.mp3")], False)
@example([("/", "\udcff\udcfe.mp3"), ("/", "C:song.mp3"), ("/tmp", "#x"), ("/tmp", "http:x")], False)
@example([("/", "a%20b.mp3"), ("/", "\u2028")], True)
def test_m3u8_holds_any_name(tmp_path_factory, paths, absolute):
    folder = tmp_path_factory.getbasetemp() / "lists"
    folder.mkdir(exist_ok=True)
    tracks = [track(f"{base.rstrip('/')}/{name}", duration_s=61.4) for base, name in paths]
    text = m3u8.text("any", tracks, folder, absolute=absolute)
    (folder / "x.m3u8").write_bytes(text.encode("utf-8"))  # strict: the file is UTF-8
    entries = m3u8.read(folder / "x.m3u8")
    assert [entry.path for entry in entries] == [t.path for t in tracks]
    assert all(entry.duration_s == 61 for entry in entries)


@given(st.lists(st.tuples(folders, names, st.text(max_size=9)), max_size=4))
def test_jspf_holds_any_name(tmp_path_factory, songs):
    file = tmp_path_factory.getbasetemp() / "x.jspf"
    tracks = [track(f"{base.rstrip('/')}/{name}", title=title, duration_s=1.2345) for base, name, title in songs]
    file.write_bytes(jspf.text("any", tracks).encode("utf-8"))
    entries = jspf.read(file)
    assert [entry.path for entry in entries] == [t.path for t in tracks]
    assert all(entry.duration_s == 1.234 for entry in entries)


def test_an_m3u8_as_players_know_it(tmp_path):
    music = tmp_path / "music"
    tracks = [
        track(str(music / "a" / "één.mp3"), artist="Zoë", title="Één", duration_s=200.6),
        track(str(tmp_path / "lists" / "b.ogg")),
        track("/elsewhere/line\nbreak.mp3", artist="two\nlines", title="x", duration_s=5),
    ]
    text = m3u8.text("My list", tracks, tmp_path / "lists")
    assert text.splitlines()[:6] == [
        "#EXTM3U",
        "#PLAYLIST:My list",
        "#EXTINF:201,Zoë - Één",
        os.path.join("..", "music", "a", "één.mp3"),  # noqa: PTH118
        "#EXTINF:-1,b",
        "b.ogg",
    ]
    assert text.splitlines()[6:] == ["#EXTINF:5,two lines - x", "file:///elsewhere/line%0Abreak.mp3"]
    assert m3u8.text("x", tracks[:1], tmp_path, absolute=True).splitlines()[-1] == tracks[0].path


def test_a_relative_playlist_moves_with_its_music(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "lists").mkdir(parents=True)
    save(Playlist("x", (track(str(old / "a.mp3")),)), old / "lists" / "x.m3u8")
    old.rename(new)
    assert m3u8.read(new / "lists" / "x.m3u8")[0].path == str(new / "a.mp3")


def test_paths_through_a_linked_folder_lead_to_the_music(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "er")
    song = tmp_path / "song.mp3"
    song.touch()
    save(Playlist("x", (track(str(song)),)), tmp_path / "link" / "x.m3u8")
    line = (tmp_path / "link" / "x.m3u8").read_text().splitlines()[-1]
    assert (tmp_path / "link" / line).exists()


def test_foreign_m3u8_files_are_read(tmp_path):
    file = tmp_path / "x.m3u"
    file.write_bytes(b"\xef\xbb\xbf#EXTM3U\r\n\r\n#EXTINF:12.5 tvg-id=x,A, B\r\nsub/a.mp3\r\nhttp://radio/x\r\n# c\r\n")
    assert m3u8.read(file) == [
        m3u8.Entry(str(tmp_path / "sub" / "a.mp3"), "A, B", 12.5),
        m3u8.Entry("http://radio/x"),
    ]


@pytest.mark.parametrize(
    "read, content",
    [(m3u8.read, b"\xff"), (jspf.read, b"{"), (jspf.read, b"[]"), (jspf.read, b'{"playlist": {"track": [1]}}')],
)
def test_damaged_lists_are_one_line(tmp_path, read, content):
    with pytest.raises(LibraryError, match=r"x\.list"):
        read(tmp_path / "x.list")
    (tmp_path / "x.list").write_bytes(content)
    with pytest.raises(LibraryError, match=r"x\.list: is no"):
        read(tmp_path / "x.list")


def test_jspf_as_its_specification_has_it():
    song = track("/m/a b.mp3", artist="A", title="T", album="L", track=3, duration_s=1.5)
    assert json.loads(jspf.text("x", [song])) == {
        "playlist": {
            "title": "x",
            "creator": "Sideman",
            "track": [
                {"location": ["file:///m/a%20b.mp3"], "title": "T", "creator": "A", "album": "L", "duration": 1500}
                | {"trackNum": 3}
            ],
        }
    }


def test_rekordbox_gets_tempo_key_and_grid():
    songs = [
        Track(7, "/m/ä&b.mp3", title='<"T">', artist="A", tag_genres=("House", "Techno"), duration_s=200.4, year=1999,
              tempo_bpm=127.996, first_beat_s=0.1234, key="C# minor", container="mp3", size=5),
        Track(9, "/m/c.flac"),
    ]  # fmt: skip
    root = ElementTree.fromstring(rekordbox.text("Sät\x01", [*songs, songs[0]]).encode())
    assert (root.tag, root.get("Version")) == ("DJ_PLAYLISTS", "1.0.0")
    first, second = root.findall("COLLECTION/TRACK")
    assert root.find("COLLECTION").get("Entries") == "2"
    told = first.attrib
    assert (told["TrackID"], told["Name"], told["Tonality"], told["AverageBpm"]) == ("7", '<"T">', "C#m", "128.00")
    assert told["Location"] == "file://localhost/m/%C3%A4%26b.mp3"
    assert (told["Genre"], told["Kind"], told["TotalTime"]) == ("House; Techno", "MP3 File", "200")
    assert first.find("TEMPO").attrib == {"Inizio": "0.123", "Bpm": "128.00", "Metro": "4/4", "Battito": "1"}
    assert second.find("TEMPO") is None
    node = root.find("PLAYLISTS/NODE/NODE")
    assert (node.get("Name"), node.get("Entries"), node.get("KeyType")) == ("Sät", "3", "0")
    assert [t.get("Key") for t in node] == ["7", "9", "7"]


@given(st.text(), names)
def test_rekordbox_is_xml_whatever_the_tags(title, name):
    text = rekordbox.text(title, [track(f"/{name}", title=title, artist=title, tempo_bpm=100.0, key="A minor")])
    (element,) = ElementTree.fromstring(text.encode("utf-8")).findall("COLLECTION/TRACK")
    assert m3u8.from_uri(element.get("Location")) == f"/{name}"


@pytest.mark.parametrize(
    "query, rules",
    [
        ("artist:davis", {"all": [{"contains": {"artist": "davis"}}]}),
        ("artist:=davis -title:live", {"all": [{"is": {"artist": "davis"}}, {"notContains": {"title": "live"}}]}),
        ("year:1960..", {"all": [{"gt": {"year": 1959}}]}),
        ("year:..1969", {"all": [{"lt": {"year": 1970}}]}),
        ("year:>1960", {"all": [{"gt": {"year": 1960}}]}),
        ("year:1960..1969", {"all": [{"inTheRange": {"year": [1960, 1969]}}]}),
        ("-year:1960..1969", {"all": [{"any": [{"lt": {"year": 1960}}, {"gt": {"year": 1969}}]}]}),
        ("bpm:120", {"all": [{"is": {"bpm": 120}}]}),
        ("length:..3:30", {"all": [{"lt": {"duration": 210.001}}]}),
        ("genre:jazz|blues", {"all": [{"any": [{"is": {"genre": "jazz"}}, {"is": {"genre": "blues"}}]}]}),
        ("-genre:jazz", {"all": [{"isNot": {"genre": "jazz"}}]}),
        ("loved:true rating:4..", {"all": [{"is": {"loved": True}}, {"gt": {"rating": 3}}]}),
        ("-loved:true", {"all": [{"is": {"loved": False}}]}),
        ("format:flac , year:1999 artist:x", {"any": [
            {"is": {"filetype": "flac"}}, {"all": [{"is": {"year": 1999}}, {"contains": {"artist": "x"}}]}]}),
        ("artist:x year- title+", {"all": [{"contains": {"artist": "x"}}], "sort": "-year,title"}),
    ],
)  # fmt: skip
def test_navidrome_gets_the_query_as_rules(query, rules):
    made = json.loads(nsp.text("n", query))
    assert made.pop("name") == "n"
    assert query in made.pop("comment")
    assert made == rules


def test_moods_and_spellings_become_the_words_that_tags_have():
    moods = json.loads(nsp.text("n", "mood:calm"))["all"][0]["any"]
    assert {"is": {"mood": "peaceful"}} in moods
    assert {"is": {"mood": "angry"}} not in moods
    genres = json.loads(nsp.text("n", "genre:hiphop", limit=9))
    assert genres["limit"] == 9
    assert {"is": {"genre": "hip-hop"}} in genres["all"][0]["any"]


@pytest.mark.parametrize(
    "query",
    ["key:Dm", "artist:~davis", "artist::^a", "unsure:true", "valence:0.5..", "-hash:ab", "artist:", "confidence+"],
)
def test_what_navidrome_cannot_be_asked_is_named(query):
    with pytest.raises(UsageError, match="Navidrome cannot") as caught:
        nsp.text("n", query)
    assert query.strip("+") in str(caught.value)


def test_files_appear_whole_and_kinds_are_known_by_their_suffix(tmp_path):
    made = Playlist("x", (track("/a.mp3"),))
    for name in ("x.m3u8", "x.JSPF", "x.xml"):
        save(made, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.JSPF", "x.m3u8", "x.xml"]
    with pytest.raises(UsageError, match="must end in one of"):
        save(made, Path("x.pls"))
    with pytest.raises(UsageError, match="holds a query"):
        save(made, Path("x.nsp"))
