"""The query language: each kind of term finds what a plain loop over the tracks finds."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sideman.core.errors import SidemanError, UsageError
from sideman.library import tracks
from sideman.library.query import Query
from sideman.library.schema import files
from sideman.mood.names import mood
from tests.library.make import make_store


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    with make_store(tmp_path_factory.mktemp("query"), n=80) as made:
        yield made


@pytest.fixture(scope="module")
def everything(library):
    return tracks.find(library, None, whole=True)


def near(track, word, radius=0.5):
    valence, arousal = mood(word)
    return (track.valence - valence) ** 2 + (track.arousal - arousal) ** 2 <= radius**2


CASES = {
    "": lambda t: True,
    "genre:jazz": lambda t: t.genre == "jazz",
    "genre:Hip-Hop": lambda t: t.genre == "hiphop",
    "genre:jazz|blues": lambda t: t.genre in ("jazz", "blues"),
    "-genre:jazz": lambda t: t.genre != "jazz",
    "^genre:jazz": lambda t: t.genre != "jazz",
    "genre:jazz bpm:90..130": lambda t: t.genre == "jazz" and 90 <= t.tempo_bpm <= 130,
    "genre:jazz , genre:metal bpm:..100": lambda t: t.genre == "jazz" or (t.genre == "metal" and t.tempo_bpm <= 100),
    "genre:jazz, genre:metal": lambda t: t.genre in ("jazz", "metal"),
    "bpm:>120": lambda t: t.tempo_bpm > 120,
    "bpm:<=100": lambda t: t.tempo_bpm <= 100,
    "key:Dm": lambda t: t.key == "D minor",
    "key:7A": lambda t: t.key == "D minor",
    'key:"D minor"': lambda t: t.key == "D minor",
    "key:~Am": lambda t: t.key in ("A minor", "C major", "D minor", "E minor"),
    "mood:calm": lambda t: near(t, "calm"),
    "mood:calm|angry": lambda t: near(t, "calm") or near(t, "angry"),
    "year:1990..": lambda t: t.year >= 1990,
    "year:1960..1969": lambda t: 1960 <= t.year <= 1969,
    "artist:~artst": lambda t: True,
    "artist:artist": lambda t: True,
    "artist:='artist 1'": lambda t: False,
    'artist:="artist 1"': lambda t: t.artist == "Artist 1",
    "artist:=ARTIST": lambda t: False,
    'artist::"t [12]$"': lambda t: t.artist in ("Artist 1", "Artist 2"),
    'title:"song 7"': lambda t: "song 7" in t.title.lower(),
    "tag:jazz": lambda t: "Jazz" in t.tag_genres,
    "-tag:jazz": lambda t: "Jazz" not in t.tag_genres,
    "tag_genre:=jazz": lambda t: "Jazz" in t.tag_genres,
    "tag_genre:": lambda t: not t.tag_genres,
    "tag_mood:": lambda t: True,
    "date:=1975": lambda t: t.tags["date"] == ["1975"],
    "composer:bach": lambda t: False,
    "composer:": lambda t: True,
    "-composer:": lambda t: False,
    "length:4:00..": lambda t: t.duration_s >= 240,
    "length:..2:30": lambda t: t.duration_s <= 150,
    "valence:0.. arousal:..0": lambda t: t.valence >= 0 and t.arousal <= 0,
    "unsure:": lambda t: t.unsure,
    "unsure:false": lambda t: not t.unsure,
    "-unsure:true": lambda t: not t.unsure,
    "format:mp3": lambda t: True,
    "format:flac": lambda t: False,
    "missing:": lambda t: False,
    "failed:false": lambda t: True,
    "confidence:0.6..": lambda t: t.genre_probability >= 0.6,
    "song 7": lambda t: "7" in f"{t.title}{t.artist}{t.album}{t.path}{t.tags}",
    "id:3": lambda t: t.id == 3,
    "path:Artist": lambda t: True,
}  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_a_query_finds_what_it_says(library, everything, text):
    wanted = {t.id for t in everything if CASES[text](t)}
    found = {t.id for t in tracks.find(library, text)}
    assert found == wanted
    assert tracks.count(library, text) == len(wanted)


def test_some_cases_find_some_and_not_all(everything):
    """The cases above would prove little if each found everything or nothing."""
    telling = [text for text, holds in CASES.items() if 0 < sum(map(holds, everything)) < len(everything)]
    assert len(telling) > 25


@pytest.mark.parametrize("name", ["year", "bpm", "length", "artist", "genre"])
@pytest.mark.parametrize("down", [False, True])
def test_sorting(library, name, down):
    value = {"bpm": "tempo_bpm", "length": "duration_s"}.get(name, name)
    found = [getattr(t, value) for t in tracks.find(library, f"{name}{'-' if down else '+'}")]
    folded = [v.lower() if isinstance(v, str) else v for v in found]
    assert folded == sorted(folded, reverse=down)


def test_tracks_without_a_value_are_sorted_last(tmp_path):
    with make_store(tmp_path, n=5) as library:
        with library.write() as connection:
            connection.execute(files.update().where(files.c.id == 1).values(year=None))
        assert tracks.find(library, "year+")[-1].id == 1
        assert tracks.find(library, "year-")[-1].id == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bpm:fast", "not a number"),
        ("bpm:120..100", "backwards"),
        ("bpm:nan", "not a number"),
        ("key:X#", "key"),
        ("nul\0", "NUL"),
        ("mood:glorpy", "mood"),
        ("artist::(", "regular expression"),
        ('artist:"open', "quote"),
        ("unsure:maybe", "true or false"),
        ("year:1990 ,", "comma"),
        ("added:yesterday", "no date"),
        ("added:2026-13", "no date"),
        ("added:yesterday..", "not a number"),
        ("x" * 3000, "too long"),
    ],
)
def test_bad_queries_are_told_before_any_database(text, says):
    with pytest.raises(UsageError, match=says) as caught:
        Query.parse(text)
    assert "\n" not in str(caught.value)


@given(st.text(st.characters(), max_size=40))
def test_any_text_is_a_query_or_a_clear_error(library, text):
    try:
        query = Query.parse(text)
    except UsageError:
        return
    tracks.find(library, query, limit=3)


@given(st.sampled_from(sorted(CASES)), st.sampled_from(sorted(CASES)))
def test_terms_intersect_and_commas_unite(library, first, second):
    def ids(text):
        return {t.id for t in tracks.find(library, text)}

    if "," not in first and "," not in second and first and second:
        assert ids(f"{first} {second}") == ids(first) & ids(second)
        assert ids(f"{first} , {second}") == ids(first) | ids(second)


def test_percent_and_underscore_are_letters(tmp_path):
    with make_store(tmp_path, n=3) as library:
        with library.write() as connection:
            connection.execute(files.update().where(files.c.id == 2).values(title="100% a_b", n_title="100% a_b"))
        assert [t.id for t in tracks.find(library, "title:0%")] == [2]
        assert [t.id for t in tracks.find(library, "title:a_b")] == [2]
        assert tracks.find(library, "title:a%b") == []


def test_both_databases_answer_alike(database, tmp_path):
    with (
        make_store(tmp_path, n=40, database=database) as one,
        make_store(tmp_path, n=40, database=str(tmp_path / "other.db")) as other,
    ):
        for text in CASES:
            assert [t.id for t in tracks.find(one, text)] == [t.id for t in tracks.find(other, text)], text


def test_a_track_is_found_by_number_and_by_path(library, everything):
    track = everything[5]
    assert tracks.get(library, track.id).path == track.path
    assert tracks.get(library, track.path).id == track.id
    with pytest.raises(SidemanError, match="not in the library"):
        tracks.get(library, "nothing.mp3")


def test_vectors_come_in_the_order_asked(library, everything):
    hashes = [everything[i].audio_hash for i in (7, 3, 11)]
    found, matrix = tracks.vectors(library, [*hashes, "unknown"])
    assert found == hashes
    assert matrix.shape == (3, 256)
    everything_there, whole = tracks.vectors(library)
    assert (whole[everything_there.index(hashes[0])] == matrix[0]).all()


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("added:2024", lambda when: when.year == 2024),
        ("added:2024-02", lambda when: (when.year, when.month) == (2024, 2)),
        ("added:2024-02-29", lambda when: (when.year, when.month, when.day) == (2024, 2, 29)),
        ("added:2023-12..2024-02-01", lambda when: datetime(2023, 12, 1) <= when <= datetime(2024, 2, 1)),
        ("added:>2024", lambda when: when > datetime(2024, 1, 1)),
        ("added:-100d", lambda when: when >= datetime.now() - timedelta(days=100)),
        ("added:-2y..-1y", lambda when: timedelta(365.25) <= datetime.now() - when <= timedelta(2 * 365.25)),
    ],
)
def test_dates(tmp_path, text, holds):
    moments = [datetime(2023, 1, 31) + timedelta(days=13.37 * i) for i in range(120)]
    with make_store(tmp_path, n=120) as library:
        with library.write() as connection:
            for i, moment in enumerate(moments):
                connection.execute(files.update().where(files.c.id == i + 1).values(added_at=moment.timestamp()))
        wanted = {i + 1 for i, moment in enumerate(moments) if holds(moment)}
        assert {t.id for t in tracks.find(library, text)} == wanted
        assert 0 < len(wanted) < 120 or "29" in text
