"""A library in figures, in both kinds of database."""

from sideman.library import overview, tracks
from sideman.library.query import Query, Term
from sideman.library.schema import analyses, files
from tests.library.make import make_store


def test_every_file_is_counted_once(tmp_path, database):
    with make_store(tmp_path, n=20, database=database) as store:
        with store.write() as connection:
            connection.execute(files.update().where(files.c.id == 1).values(audio_hash=None, error="damaged"))
            connection.execute(files.update().where(files.c.id == 2).values(missing_since=1.0))
            heard = {"state": "pending", "genre": None, "mood": None, "duration_s": None}
            connection.execute(analyses.update().where(analyses.c.audio_hash.like("%3")).values(**heard))
        found = overview.summary(store)
        assert (found.tracks, found.analysed, found.pending, found.failed, found.missing) == (19, 16, 2, 1, 1)
        known = [track.duration_s or 0.0 for track in tracks.find(store)]
        assert abs(found.hours - sum(known) / 3600) < 1e-6


def test_facets_agree_with_what_is_found(tmp_path, database):
    with make_store(tmp_path, n=60, database=database) as store:
        for query in ("", "year:1975..", "genre:jazz , genre:rock", "artist:nobody"):
            found, listed = overview.facets(store, query), tracks.find(store, query)
            assert dict(found.genres) == _counted(track.genre for track in listed)
            assert dict(found.moods) == _counted(track.mood for track in listed)
            assert dict(found.decades) == _counted(str(track.year // 10 * 10) for track in listed)
            assert found.unsure == sum(bool(track.unsure) for track in listed)


def _counted(names):
    counts = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


def test_pages_join_to_the_whole(tmp_path, database):
    with make_store(tmp_path, n=25, database=database) as store:
        asked = Query.parse("year:1960..").sorted_by("-bpm")
        parts = [tracks.find(store, asked, limit=10, offset=offset) for offset in (0, 10, 20, 30)]
        assert [track.id for part in parts for track in part] == [track.id for track in tracks.find(store, asked)]
        assert [len(part) for part in parts] == [10, 10, 5, 0]


def test_a_narrowed_query_keeps_to_the_new_term_in_every_alternative(tmp_path):
    with make_store(tmp_path, n=40) as store:
        narrowed = Query.parse("genre:jazz , genre:rock bpm-").narrowed(Term("artist", "artist 5"))
        assert narrowed.text == 'genre:jazz "artist:artist 5" , genre:rock "artist:artist 5" bpm-'
        found = tracks.find(store, narrowed)
        assert {track.artist for track in found} == {"Artist 5"}
        assert found == tracks.find(store, narrowed.text)
