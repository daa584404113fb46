"""What is written for what was heard."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sideman.core.errors import UsageError
from sideman.library import tracks
from sideman.library.tags.plan import Options, Planned, Problem, bounds, folded, heard, plan
from sideman.library.tags.spelling import Spelling, spelling
from sideman.library.track import Track
from tests.library.tags.made import library, make

TRACK = Track(
    1, "a.mp3", "0" * 40, genre="hiphop", genre_probability=0.6, unsure=False, mood="calm", mood_confidence=0.6,
    tempo_bpm=93.46, tempo_confidence=0.9, key="D minor", key_confidence=0.4,
    probabilities={"hiphop": 0.6, "jazz": 0.3, "blues": 0.1},
)  # fmt: skip


def of(track=TRACK, **changed):
    return dataclasses.replace(track, **changed)


def test_what_is_sure_enough_is_written_as_people_write_it():
    assert heard(TRACK, Options()) == {"genre": ["Hip-Hop"], "mood": ["Calm"], "bpm": ["93.5"]}
    assert heard(TRACK, Options(min_confidence=0.3))["key"] == ["Dm"]
    assert heard(TRACK, Options(min_confidence=0.3, key_style="camelot"))["key"] == ["7A"]
    assert heard(TRACK, Options(fields=("bpm",))) == {"bpm": ["93.5"]}
    assert heard(TRACK, Options(min_confidence=0.95)) == {}


def test_an_unsure_genre_is_written_only_at_confidence_0():
    unsure = of(unsure=True)
    assert "genre" not in heard(unsure, Options())
    assert "genre" not in heard(unsure, Options(min_confidence=0.1))
    assert heard(unsure, Options(min_confidence=0.0))["genre"] == ["Hip-Hop"]


@pytest.mark.parametrize(
    ("options", "genres"),
    [
        (Options(), ["Hip-Hop"]),
        (Options(top=2), ["Hip-Hop", "Jazz"]),
        (Options(top=9), ["Hip-Hop", "Jazz", "Blues"]),
        (Options(genre_share=0.25), ["Hip-Hop", "Jazz"]),
        (Options(genre_share=0.9), ["Hip-Hop"]),
        (Options(top=3, genre_share=0.2), ["Hip-Hop", "Jazz"]),
        (Options(top=3, min_confidence=0.2), ["Hip-Hop", "Jazz"]),
        (Options(spelling=Spelling({"hiphop": "Jazz"}), top=2), ["Jazz"]),
    ],
)
def test_several_genres(options, genres):
    assert heard(TRACK, options)["genre"] == genres


@pytest.mark.parametrize(
    ("bpm", "low", "high", "expected"),
    [
        (60, 70, 180, 120),
        (190, 70, 180, 95),
        (93, 70, 180, 93),
        (35, 80, 160, 140),
        (150, 70, 100, 75),
        (130, 90, 100, 130),
    ],
)
def test_tempi_are_folded_into_a_range(bpm, low, high, expected):
    assert folded(bpm, (low, high)) == expected


@given(st.floats(20, 400), st.floats(30, 200))
def test_an_octave_of_tempi_takes_any_tempo(bpm, low):
    high = low * 2.001
    if low / 8 <= bpm <= high * 8:
        assert low <= folded(bpm, (low, high)) <= high


@pytest.mark.parametrize("text", ["70", "70..", "..180", "180..70", "a..b", "0..90", "70..99999", "nan..90"])
def test_a_range_that_is_none(text):
    with pytest.raises(UsageError, match="range of tempi"):
        bounds(text)


def test_spelling(tmp_path):
    plain = spelling(config=tmp_path / "none.toml")
    assert [plain(label) for label in ("blues", "hiphop", "R&B", "drum and bass", "UK garage")] == [
        "Blues", "Hip-Hop", "R&B", "Drum And Bass", "UK garage",
    ]  # fmt: skip
    config = tmp_path / "config.toml"
    config.write_text('[tag.genres]\nhiphop = "Rap"\njazz = "Jazz!"\n[tag.moods]\ncalm = "Chill"\n', "utf-8")
    own = spelling(["jazz=Jazz, mostly"], config)
    assert [own(label) for label in ("hiphop", "jazz", "calm")] == ["Rap", "Jazz, mostly", "Chill"]


@pytest.mark.parametrize(
    "content",
    ["[tag.genres]\nhiphop = 3\n", "[tag]\ngenres = 1\n", "not toml", "tag = 1\n", '[tag.moods]\ncalm = " "\n'],
)
def test_a_configuration_that_is_wrong_is_one_line(tmp_path, content):
    config = tmp_path / "config.toml"
    config.write_text(content)
    with pytest.raises(UsageError) as caught:
        spelling(config=config)
    assert "\n" not in str(caught.value)
    assert "config.toml" in str(caught.value)


@pytest.mark.parametrize("given_text", ["hiphop", "=x", "hiphop="])
def test_a_spelling_without_both_sides(given_text, tmp_path):
    with pytest.raises(UsageError, match="LABEL=TEXT"):
        spelling([given_text], tmp_path / "none")


@pytest.fixture
def planned(tmp_path):
    """The plan for some files, by name of their kind."""
    (tmp_path / "music").mkdir()

    def run(options, *kinds, **heard_otherwise):
        paths = {make(kind, tmp_path / "music"): kind for kind in kinds}
        with library(tmp_path / "library.db", list(paths), **heard_otherwise) as store:
            found = list(plan(tracks.find(store, whole=True), options))
        return {
            next(k for p, k in paths.items() if str(p) == (i.path if isinstance(i, Problem) else i.change.path)): i
            for i in found
        }

    return run


def test_only_empty_fields_are_filled(planned):
    found = planned(Options(), "mp3_v24", "mp3_v23", "flac", "mp3_bare")
    assert {kind: sorted(item.change.new) for kind, item in found.items()} == {
        "mp3_v24": ["bpm", "key", "mood"],  # it has a genre
        "mp3_v23": ["genre", "key", "mood"],  # it has a tempo
        "flac": ["bpm", "key", "mood"],
        "mp3_bare": ["bpm", "genre", "key", "mood"],
    }


def test_with_force_all_fields_are_written_with_their_old_values(planned):
    item = planned(Options(force=True), "mp3_v24")["mp3_v24"]
    assert item.change.new == {"genre": ["Hip-Hop"], "mood": ["Calm"], "bpm": ["93"], "key": ["Dm"]}
    assert item.change.old == {"genre": ["Jazz", "Fusion"], "mood": [], "bpm": [], "key": []}


def test_nothing_is_planned_for_what_is_there_already(planned):
    found = planned(Options(fields=("genre",), force=True, spelling=Spelling({"hiphop": "Soul"})), "m4a")
    assert found == {}


def test_a_genre_in_an_older_tag_counts_as_there(planned):
    """mp3_all says its year only in ID3v1 and its genre nowhere; with one in APEv2 it would not be filled."""
    item = planned(Options(fields=("genre",)), "mp3_all")["mp3_all"]
    assert isinstance(item, Planned)


def test_tempo_is_whole_where_the_format_wants_it(planned):
    found = planned(Options(fields=("bpm",)), "mp3_bare", "flac", "m4a", "opus", "wavpack")
    assert {kind: item.change.new["bpm"] for kind, item in found.items()} == {
        "mp3_bare": ["93"], "flac": ["93.4"], "m4a": ["93"], "opus": ["93.4"], "wavpack": ["93.4"],
    }  # fmt: skip


def test_files_that_were_not_heard_or_are_gone_are_passed_over(planned, tmp_path):
    assert planned(Options(), "mp3_bare", genre=None) == {}


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path):
    path = make("mp3_bare", tmp_path)
    with library(tmp_path / "library.db", [path]) as store:
        path.unlink()
        (item,) = plan(tracks.find(store, whole=True), Options())
    assert item == Problem(str(path), "no such file")


def test_a_file_with_two_names_is_planned_once(tmp_path):
    path = make("mp3_bare", tmp_path)
    link = tmp_path / "link.mp3"
    link.symlink_to(path)
    with library(tmp_path / "library.db", [path, link]) as store:
        assert len(list(plan(tracks.find(store, whole=True), Options()))) == 1
