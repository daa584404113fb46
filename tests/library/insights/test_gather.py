"""The numbers of the report are those of the library."""

import json

import pytest

from sideman.core.errors import LibraryError
from sideman.library import tracks
from sideman.library.insights.distributions import distributions, mood_grid
from sideman.library.insights.faults import faults
from sideman.library.insights.gather import gather
from sideman.library.schema import analyses, details, files
from sideman.library.track import Track
from tests.library.make import make_store


@pytest.fixture
def store(tmp_path):
    with make_store(tmp_path, n=60) as made:
        yield made


def test_every_distribution_accounts_for_every_track(store):
    found = gather(store)
    for name, one in found.distributions.items():
        assert one.total + one.unknown == 60, name
    assert sum(found.moods.values()) == 60


def test_ranges_are_named_by_their_lower_edge():
    some = [Track(i, "/m", tempo_bpm=bpm, year=year) for i, (bpm, year) in enumerate([(119.9, 1999), (120.0, 1970)])]
    of = distributions(some)
    assert dict(of["tempo"].counts) == {"110": 1, "120": 1}
    assert dict(of["decade"].counts) == {"1970": 1, "1980": 0, "1990": 1}
    assert of["loudness"].counts == ()
    assert of["loudness"].unknown == 2


def test_keys_are_counted_on_the_wheel():
    of = distributions([Track(1, "/m", key="D minor"), Track(2, "/m", key="C major"), Track(3, "/m")])["key"]
    assert {place for place, n in of.counts if n} == {"7A", "8B"}
    assert len(of.counts) == 24
    assert of.unknown == 1


def test_the_edges_of_the_plane_belong_to_it():
    corners = [Track(1, "/m", valence=v, arousal=a) for v in (-1.0, 1.0) for a in (-1.0, 1.0)]
    assert mood_grid(corners) == {(0, 0): 1, (0, 11): 1, (11, 0): 1, (11, 11): 1}


def test_faults_are_told_apart():
    made = {
        "broken": Track(1, "/m", error="no audio"),
        "silent": Track(2, "/m", loudness_lufs=-70.0, peak_db=-90.0),
        "quiet": Track(3, "/m", loudness_lufs=-40.0, peak_db=-20.0),
        "full": Track(4, "/m", loudness_lufs=-6.0, peak_db=0.3),
        "good": Track(5, "/m", loudness_lufs=-14.0, peak_db=-1.0),
    }
    found = faults(list(made.values()))
    assert [t.id for t in found.unreadable] == [1]
    assert [t.id for t in found.silent] == [2]
    assert [t.id for t in found.quiet] == [3]
    assert [t.id for t in found.full_scale] == [4]


def test_copies_are_one_point_on_the_map_and_a_duplicate(store):
    first, second = tracks.find(store)[:2]
    with store.write() as connection:
        connection.execute(files.update().where(files.c.id == second.id).values(audio_hash=first.audio_hash))
    found = gather(store)
    assert [{t.id for t in group} for group in found.equal] == [{first.id, second.id}]
    assert len(found.map.tracks) == 59


def test_the_most_similar_are_told_nearest_first(store):
    found = gather(store)
    hashes, vectors = tracks.vectors(store, [t.audio_hash for t in found.map.tracks])
    assert hashes == [t.audio_hash for t in found.map.tracks]
    for row, near in enumerate(found.map.similar):
        similar = vectors @ vectors[row]
        similar[row] = -1
        assert similar[near] == pytest.approx(sorted(similar, reverse=True)[:5])


def test_a_sample_is_shown_of_many(store):
    found = gather(store, most_points=20)
    assert len(found.map.tracks) == len(found.map.positions) == 20
    assert found.map.total == 60


def test_files_that_are_gone_are_counted_but_not_told_of(store):
    with store.write() as connection:
        connection.execute(files.update().where(files.c.id <= 10).values(missing_since=1.0))
    found = gather(store)
    assert (len(found.tracks), found.missing) == (50, 10)


def test_a_query_limits_it(store):
    found = gather(store, "genre:jazz")
    assert 0 < len(found.tracks) < 60
    assert {t.genre for t in found.tracks} <= {"jazz"} or {t.tag_genres for t in found.tracks} <= {("Jazz",)}


def test_a_library_without_analyses_still_tells_its_files(store):
    with store.write() as connection:
        connection.execute(analyses.delete())
        connection.execute(details.delete())
    found = gather(store)
    assert found.distributions["genre"].unknown == 60
    assert found.map.tracks == ()


def test_no_track_is_said(store):
    with store.write() as connection:
        connection.execute(files.delete())
    with pytest.raises(LibraryError, match="no track answers"):
        gather(store)


def test_all_numbers_are_plain_json(store):
    told = json.loads(json.dumps(gather(store).to_dict(), allow_nan=False))
    assert told["tracks"] == 60
    assert sum(told["distributions"]["genre"]["counts"].values()) == 60
