"""Similar tracks: exact, each recording once, artists spread, and the cache that can always be made again."""

import importlib.util
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from sideman.core.errors import LibraryError, StoreError, UsageError
from sideman.library import approximate, nearest, tracks
from sideman.library.schema import analyses, details, files
from sideman.library.similar import Weights, mood_distance, similar, spaced
from sideman.library.store import open_store
from sideman.library.track import Track
from tests.library.make import make_store

# importorskip would import usearch, which must not happen before ONNX Runtime is loaded
needs_usearch = pytest.mark.skipif(importlib.util.find_spec("usearch") is None, reason="usearch is not installed")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with make_store(tmp_path_factory.mktemp("similar"), n=200) as made:
        yield made


def change(store, table, condition, **values):
    with store.write() as connection:
        connection.execute(update(table).where(condition).values(**values))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 400), st.integers(0, 40), st.integers(0, 5), st.booleans())
def test_the_search_is_exact(rows, n, seed, coarse):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 8)).astype(np.float32)
    matrix = np.round(matrix) if coarse else matrix  # coarse ones have many equal products
    query = np.round(rng.normal(size=8)).astype(np.float32)
    found, products = nearest.nearest(matrix, query, n)
    every = matrix @ query
    expected = np.lexsort((np.arange(rows), -every))[:n]
    np.testing.assert_allclose(products, every[expected], rtol=1e-5, atol=1e-5)
    if coarse:
        assert found.tolist() == expected.tolist()


def test_the_search_is_exact_over_many_blocks(monkeypatch):
    monkeypatch.setattr(nearest, "_BLOCK", 7)
    matrix = np.random.default_rng(0).integers(-3, 4, (3000, 4)).astype(np.float32)
    query = np.array([1, -2, 0, 3], np.float32)
    expected = np.lexsort((np.arange(3000), -(matrix @ query)))[:50]
    assert nearest.nearest(matrix, query, 50)[0].tolist() == expected.tolist()


def test_neighbours_are_the_nearest_and_the_seed_is_not_among_them(store):
    seed = tracks.get(store, 1)
    found = similar(store, seed, 10, per_artist=None, spacing=1)
    hashes, matrix = tracks.vectors(store)
    cosines = matrix @ matrix[hashes.index(seed.audio_hash)]
    expected = [hashes[i] for i in np.argsort(-cosines, kind="stable")[1:11]]
    assert [track.audio_hash for track, _ in found] == expected
    assert [likeness for _, likeness in found] == pytest.approx(sorted(cosines, reverse=True)[1:11], abs=1e-5)


def test_at_most_two_by_an_artist_and_none_twice_in_a_row(store):
    found = [track.artist_key for track, _ in similar(store, tracks.get(store, 1), 15)]
    assert len(found) == 15
    assert max(map(found.count, found)) == 2
    assert all(a != b for a, b in pairwise(found))


def test_other_artists_leaves_out_the_seeds_own(store):
    seed = tracks.get(store, 1)
    assert seed.artist_key in [track.artist_key for track, _ in similar(store, seed, 10)]
    assert seed.artist_key not in [track.artist_key for track, _ in similar(store, seed, 10, other_artists=True)]


def test_only_tracks_that_answer_the_query(store):
    found = similar(store, tracks.get(store, 1), 10, query="year:1960..1979")
    assert found
    assert all(1960 <= track.year < 1980 for track, _ in found)


def test_missing_files_and_second_copies_are_left_out(tmp_path):
    store = make_store(tmp_path, n=60)
    seed = tracks.get(store, 1)
    first, second, third = (track for track, _ in similar(store, seed, 3, per_artist=None, spacing=1))
    change(store, files, files.c.id == first.id, missing_since=1.0)
    with store.write() as connection:  # a second file with the sound of another, and a re-encoded copy of the third
        row = connection.execute(files.select().where(files.c.id == second.id)).mappings().one()
        connection.execute(files.insert().values({**row, "id": 900, "path": "/copy.mp3"}))
        row = connection.execute(files.select().where(files.c.id == third.id)).mappings().one()
        copy = {**row, "id": 901, "path": "/other.ogg", "audio_hash": "f" * 40}
        connection.execute(files.insert().values(copy))
        heard = connection.execute(analyses.select().where(analyses.c.audio_hash == third.audio_hash)).mappings().one()
        connection.execute(analyses.insert().values({**heard, "audio_hash": "f" * 40}))
        (blob,) = connection.execute(details.select().where(details.c.audio_hash == third.audio_hash)).mappings()
        connection.execute(details.insert().values({**blob, "audio_hash": "f" * 40}))
    found = [track for track, _ in similar(store, seed, 59, per_artist=None)]
    assert first.id not in {track.id for track in found}
    assert sum(track.title == second.title for track in found) == 1
    assert sum(track.title == third.title for track in found) == 1
    assert len(found) == 58


def test_a_longer_version_is_no_copy(tmp_path):
    store = make_store(tmp_path, n=20)
    seed = tracks.get(store, 1)
    twin = similar(store, seed, 1)[0][0]
    (blob,) = (m for h, m in zip(*tracks.vectors(store), strict=True) if h == seed.audio_hash)
    change(store, details, details.c.audio_hash == twin.audio_hash, vector=blob.astype("<f4").tobytes())
    change(store, files, files.c.id == twin.id, title=seed.title)
    assert twin.id in {track.id for track, _ in similar(store, seed, 19, per_artist=None)}
    change(store, analyses, analyses.c.audio_hash == twin.audio_hash, duration_s=seed.duration_s + 0.5)
    assert twin.id not in {track.id for track, _ in similar(store, seed, 19, per_artist=None)}


def test_weights_bring_up_the_tempo_and_the_mood(store):
    seed = tracks.get(store, 5)
    plain, moody = (similar(store, seed, 10, weights=Weights(mood=m)) for m in (0.0, 1.0))
    near = [np.mean([mood_distance(seed, track) for track, _ in found]) for found in (plain, moody)]
    assert near[1] < 0.7 * near[0]


def test_only_vectors_of_one_network_are_compared(tmp_path):
    store = make_store(tmp_path, n=30)
    change(store, analyses, analyses.c.audio_hash < f"{0:04x}{10:036x}", model="1" * 64)
    assert {track.id for track, _ in similar(store, tracks.get(store, 1), 30, per_artist=None)} == set(range(2, 11))
    assert {track.id for track, _ in similar(store, tracks.get(store, 20), 30, per_artist=None)} == {*range(11, 31)} - {
        20
    }


def test_the_cache_gives_the_same_and_is_made_again_when_the_library_changes(tmp_path, monkeypatch):
    store = make_store(tmp_path, n=80)
    plain = similar(store, tracks.get(store, 1), 10)
    monkeypatch.setattr(nearest, "CACHE_FROM", 10)
    cache = tmp_path / "cache"
    cache.mkdir()
    assert similar(store, tracks.get(store, 1), 10, cache=cache) == plain
    (file,) = cache.iterdir()
    written = file.stat().st_mtime_ns
    assert similar(store, tracks.get(store, 1), 10, cache=cache) == plain
    assert file.stat().st_mtime_ns == written
    assert np.load(file).shape == (80, 256)  # an ordinary NumPy file
    best = plain[0][0]
    change(store, analyses, analyses.c.audio_hash == best.audio_hash, state="failed")
    assert best not in [track for track, _ in similar(store, tracks.get(store, 1), 10, cache=cache)]
    (newer,) = cache.iterdir()
    assert newer != file


def test_a_home_that_cannot_be_written_to_is_told_in_a_line(tmp_path, monkeypatch):
    store = make_store(tmp_path, n=40)
    monkeypatch.setattr(nearest, "CACHE_FROM", 10)
    (tmp_path / "home").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    with pytest.raises(StoreError, match="set XDG_CACHE_HOME"):
        nearest.load(store)


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage"])
def test_a_damaged_cache_is_made_again(tmp_path, monkeypatch, damage):
    store = make_store(tmp_path, n=40)
    monkeypatch.setattr(nearest, "CACHE_FROM", 10)
    whole = nearest.load(store, cache=tmp_path)
    data = whole.file.read_bytes()
    whole.file.write_bytes({"cut": data[:-50], "empty": b"", "garbage": b"x" * len(data)}[damage])
    again = nearest.load(store, cache=tmp_path)
    assert again.file.read_bytes() == data
    assert (again.hashes == whole.hashes).all()


@needs_usearch
def test_the_approximate_index_finds_the_same(tmp_path, monkeypatch):
    store = make_store(tmp_path, n=300)
    monkeypatch.setattr(nearest, "CACHE_FROM", 10)
    seed = tracks.get(store, 7)
    exact = similar(store, seed, 10, cache=tmp_path)
    vectors = nearest.load(store, cache=tmp_path)
    assert approximate.search(vectors, vectors.matrix[0], 5) is None
    approximate.build(vectors)
    assert len(approximate.search(vectors, vectors.matrix[0], 5)) == 5
    found = similar(store, seed, 10, cache=tmp_path)
    assert len({t.id for t, _ in found} & {t.id for t, _ in exact}) >= 9


@needs_usearch
def test_listening_goes_on_after_the_index_was_used():
    """Regression: usearch loaded before ONNX Runtime crashed the process at the next file that was listened to."""
    program = (
        "from sideman.library import approximate; approximate._new();"
        "from sideman.inference.sessions import open_session; open_session('genre')"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=120).returncode == 0


def test_small_libraries_need_no_index(store):
    with pytest.raises(LibraryError, match="no index"):
        approximate.build(nearest.load(store))


def test_what_was_not_heard_is_said(tmp_path):
    store = make_store(tmp_path, n=5)
    change(store, analyses, analyses.c.audio_hash == tracks.get(store, 1).audio_hash, state="pending", model=None)
    with pytest.raises(LibraryError, match="not listened to yet"):
        similar(store, tracks.get(store, 1))
    change(store, files, files.c.id == 2, audio_hash=None)
    with pytest.raises(LibraryError, match="could not be read"):
        similar(store, tracks.get(store, 2))
    with open_store(tmp_path / "empty.db") as empty, pytest.raises(LibraryError, match="sideman scan"):
        nearest.load(empty)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"per_artist": 0}])
def test_wrong_numbers(store, wrong):
    with pytest.raises(UsageError):
        similar(store, tracks.get(store, 1), **wrong)
    with pytest.raises(UsageError):
        Weights(key=2)


def test_spacing_takes_the_next_best_that_fits():
    found = [(Track(i, f"/{i}", artist=artist), 1 - i / 10) for i, artist in enumerate(["a", "a", "b", None, "a", "c"])]
    assert [track.id for track, _ in spaced(found, 3)] == [0, 2, 3, 1, 5, 4]
    assert spaced(found, 1) == found


def test_both_databases_answer_alike(database, tmp_path, monkeypatch):
    """Everything that proposes songs, over SQLite and PostgreSQL, gives what SQLite gave."""
    from sideman.library.playlists import arcs
    from sideman.library.playlists.build import build
    from sideman.library.recommend import recommend
    from sideman.library.taste import entries, say, unsay
    from sideman.library.walk import path

    (tmp_path / "plain").mkdir()
    answers = []
    for folder, address in ((tmp_path / "plain", None), (tmp_path, database)):
        with make_store(folder, n=90, database=address) as store:
            seed = tracks.get(store, 1)
            monkeypatch.setattr(nearest, "CACHE_FROM", 10)
            say(store, "like", [tracks.get(store, 40)])
            (gone,) = say(store, "skip", [tracks.get(store, 41)])
            unsay(store, [gone])
            say(store, "correct", [tracks.get(store, 42)], field="mood", value="calm")
            lists = [
                [track for track, _ in similar(store, seed, 10, cache=folder)],
                path(store, seed, tracks.get(store, 80), 6, cache=folder).tracks,
                build(
                    store, "year:1960..2000", seed=seed, arc=arcs.arc("calm->happy"), minutes=20, cache=folder
                ).tracks,
                recommend(store, (0.5, -0.7), lift=True, cache=folder).tracks,
            ]
            answers.append(([[track.id for track in found] for found in lists], [e.kind for e in entries(store)]))
    assert answers[0] == answers[1]
