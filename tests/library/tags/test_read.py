"""Text fields of any tag format under one name; damaged tags give what they can."""

import mutagen
import mutagen.apev2
import mutagen.asf
import mutagen.flac
import mutagen.id3 as id3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.library.filetags import columns
from sideman.library.tags.read import FileTags, read_tags
from tests.audio.soundfiles import id3v1, sample
from tests.library.tags.made import ARTIST, KINDS, TITLE, make


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return {kind: make(kind, folder) for kind in KINDS}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("mp3_v22", "mp3_v1")])
def test_fields_have_one_name_in_every_format(originals, kind):
    found = read_tags(originals[kind])
    assert found.problem is None
    if "bare" in kind or kind == "wav_odd":
        assert found.fields == {}
        return
    assert found.fields["title"] == [TITLE]
    assert found.fields["artist"][0] == ARTIST
    if kind.startswith(("mp3_v2", "m4a", "wav", "aiff")) and kind != "wavpack":
        assert (found.fields["track"], found.fields["tracktotal"]) == (["3"], ["12"])


def test_older_tags_fill_in_what_newer_ones_lack(originals):
    fields = read_tags(originals["mp3_all"]).fields
    assert fields["title"] == [TITLE]
    assert (fields["album"], fields["rating"]) == (["Old album"], ["5"])
    fields = read_tags(originals["mp3_v22"]).fields
    assert (fields["title"], fields["encodedby"]) == (["A title"], ["iTunes v2.0"])
    fields = read_tags(originals["mp3_v1"]).fields
    assert (fields["title"], fields["date"], fields["track"]) == (["Old title"], ["1987"], ["7"])


def test_riff_info_fills_in(tmp_path):
    from tests.audio.soundfiles import wav

    info = b"INFOINAM\7\0\0\0A title\0IGNR\4\0\0\0Rock" + b"IART\2\0\0\0\xc9a"
    path = tmp_path / "a.wav"
    path.write_bytes(wav(bytes(800), extra=b"LIST" + len(info).to_bytes(4, "little") + info))
    assert read_tags(path).fields == {"title": ["A title"], "genre": ["Rock"], "artist": ["Éa"]}


def test_windows_media(tmp_path):
    path = tmp_path / "a.wma"
    path.write_bytes(sample("wma"))
    tags = mutagen.asf.ASF(path)
    tags["Title"], tags["WM/Genre"], tags["WM/Year"], tags["WM/TrackNumber"] = ["T"], ["Jazz", "Funk"], ["1999"], ["4"]
    tags["WM/InitialKey"], tags["WM/BeatsPerMinute"] = ["Dm"], ["93"]
    tags.save()
    fields = read_tags(path).fields
    assert {name: fields[name] for name in ("title", "genre", "date", "track", "key", "bpm")} == {
        "title": ["T"], "genre": ["Jazz", "Funk"], "date": ["1999"], "track": ["4"], "key": ["Dm"], "bpm": ["93"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("version", "texts", "genres"),
    [
        (4, ["Jazz", "Funk"], ["Jazz", "Funk"]),
        (4, ["(17)"], ["Rock"]),
        (4, ["17", "Own"], ["Rock", "Own"]),
        (4, ["Pop/Funk"], ["Pop/Funk"]),
        (3, ["(8)(32)Third stream"], ["Jazz", "Classical", "Third stream"]),
        (3, ["Ska/Punk"], ["Ska", "Punk"]),
        (3, ["R&B/Soul"], ["R&B/Soul"]),
        (3, ["Ska\0Punk"], ["Ska", "Punk"]),
        (4, ["Ska; Punk"], ["Ska; Punk"]),
    ],
)
def test_genres_are_split_where_the_format_repeats_them(tmp_path, version, texts, genres):
    path = tmp_path / "a.mp3"
    path.write_bytes(sample("mp3"))
    tag = id3.ID3()
    tag.add(id3.TCON(encoding=1, text=texts))
    tag.save(path, v2_version=version, v23_sep=None)
    assert read_tags(path).fields["genre"] == genres


def test_semicolons_split_genres_only_when_asked(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(sample("flac-16"))
    tags = mutagen.flac.FLAC(path)
    tags["genre"] = ["Ska; Punk", "Punk"]
    tags.save()
    assert read_tags(path).fields["genre"] == ["Ska; Punk", "Punk"]
    assert read_tags(path, split_semicolons=True).fields["genre"] == ["Ska", "Punk"]


def test_values_are_cut_and_made_safe(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(sample("flac-16"))
    tags = mutagen.flac.FLAC(path)
    tags["lyrics"], tags["title"], tags["comment"] = ["x" * 50_000], ["a\0b  "], ["  "]
    tags.save()
    fields = read_tags(path).fields
    assert len(fields["lyrics"][0]) == 10_000
    assert fields["title"] == ["ab"]
    assert "comment" not in fields


def test_what_cannot_be_read_is_said_and_never_raised(tmp_path):
    (tmp_path / "text.mp3").write_text("no music")
    assert read_tags(tmp_path / "text.mp3") == FileTags({}, None)
    assert "no such file" in read_tags(tmp_path / "none.mp3").problem
    (tmp_path / "cut.flac").write_bytes(sample("flac-16")[:60])
    assert "cut.flac: its comments are cut off" in read_tags(tmp_path / "cut.flac").problem


def test_half_a_tag_gives_half_the_fields(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(sample("flac-16"))
    tags = mutagen.flac.FLAC(path)
    tags["title"], tags["artist"] = "Whole", "Lost"
    tags.save()
    data = path.read_bytes()
    at = data.index(b"artist=") - 4
    path.write_bytes(data[:at] + (1 << 30).to_bytes(4, "little") + data[at + 4 :])
    found = read_tags(path)
    assert found.fields["title"] == ["Whole"]
    assert "artist" not in found.fields
    assert "cut off" in found.problem


@settings(max_examples=200, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(KINDS)))
def test_damage_never_raises(originals, tmp_path_factory, data, kind):
    damaged = bytearray(originals[kind].read_bytes())
    for _ in range(data.draw(st.integers(1, 10))):
        damaged[data.draw(st.integers(0, min(len(damaged), 6000) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "x"
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    found = read_tags(path)
    for values in found.fields.values():
        assert values
        assert all(value and "\0" not in value and value.encode() for value in values)
    columns(found)


def test_columns_of_the_library():
    row = columns(
        FileTags({
            "title": ["Água de Beber"], "artist": ["A", "B"], "date": ["2004-05-06"], "track": ["03"], "disc": ["x"],
            "genre": ["Bossa Nova", "Jazz"], "bpm": ["93,5"], "key": ["Dm"], "lyrics": ["la"], "label": ["Verve"],
        })
    )  # fmt: skip
    assert (row["title"], row["artist"], row["year"], row["track"]) == ("Água de Beber", "A; B", 2004, 3)
    assert (row["disc"], row["tag_genre"], row["tag_bpm"], row["tag_key"]) == (None, "Bossa Nova; Jazz", 93.5, "Dm")
    assert (row["n_title"], row["album"], row["n_album"]) == ("agua de beber", None, None)
    assert "verve" in row["n_tags"]
    assert " la" not in row["n_tags"]


@pytest.mark.parametrize(
    ("bpm", "expected"),
    [("120", 120.0), ("0", None), ("abc", None), ("99999999", None), ("12.345", 12.345)],
)
def test_a_tempo_that_makes_no_sense_is_none(bpm, expected):
    assert columns(FileTags({"bpm": [bpm]}))["tag_bpm"] == expected


@pytest.mark.parametrize(
    ("date", "year"), [("1994", 1994), ("20040506", 2004), ("06.05.2004", 2004), ("0000", None), ("unknown", None)]
)
def test_the_year_of_a_date(date, year):
    assert columns(FileTags({"date": [date]}))["year"] == year


def test_an_id3v1_genre_is_a_name(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(sample("mp3") + id3v1()[:-1] + b"\x08")
    assert read_tags(path).fields["genre"] == ["Jazz"]
