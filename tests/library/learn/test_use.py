"""What was learnt is kept, found again, and refuses what it was not made for."""

import io

import numpy as np
import pytest

from sideman.core.errors import LibraryError
from sideman.library import tracks
from sideman.library.learn.fit import learn
from sideman.library.learn.use import cards, keep, names_for, open_learned, predict_tracks, remove
from sideman.library.schema import analyses, learned
from tests.library.make import MODEL, make_store


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    with make_store(tmp_path_factory.mktemp("learnt"), n=120, artists=40) as made:
        return learn(made, "genre", min_tracks=4)


@pytest.fixture
def store(tmp_path, outcome):
    with make_store(tmp_path, n=120, artists=40) as made:
        keep(made, outcome)
        yield made


def test_what_was_kept_answers_as_before(store, outcome):
    found = open_learned(store, "genre")
    _, vectors = tracks.vectors(store)
    for mine, theirs in zip(found.predict(vectors), outcome.learned.predict(vectors), strict=True):
        assert np.array_equal(mine, theirs)
    assert found.card == outcome.card
    assert found.model == MODEL
    assert found.threshold == outcome.learned.threshold


def test_learning_again_replaces(store):
    for _ in range(2):
        assert [card["field"] for card in cards(store)] == ["genre"]


def test_tracks_are_named_by_hash_likeliest_first(store):
    found = tracks.find(store)
    named = predict_tracks(store, "genre", found)
    assert set(named) == {t.audio_hash for t in found}
    ranked = named[found[0].audio_hash]
    assert [p for _, p in ranked] == sorted((p for _, p in ranked), reverse=True)
    vectors = tracks.vectors(store, [found[0].audio_hash])[1]
    assert dict(names_for(store, "genre", vectors[0])) == pytest.approx(dict(ranked))
    assert ranked[0][1] < 0.9999  # 120 tracks allow no such certainty
    right = sum(named[t.audio_hash][0][0].lower() == t.tag_genres[0].lower() for t in found)
    assert right > 0.9 * len(found)


def test_what_was_never_learnt_is_none_and_its_use_an_error(store):
    assert open_learned(store, "mood") is None
    with pytest.raises(LibraryError, match=r"mood: was not learnt .*'sideman learn --from-tags --field mood'"):
        predict_tracks(store, "mood", tracks.find(store))


def test_forgetting(store):
    assert remove(store, "genre")
    assert not remove(store, "genre")
    assert open_learned(store, "genre") is None


def test_another_network_is_refused_with_the_remedy(store):
    with pytest.raises(LibraryError, match=r"another network .*'sideman learn --from-tags --field genre'"):
        open_learned(store, "genre", model="f" * 64)
    with store.write() as connection:
        connection.execute(analyses.update().values(model="e" * 64))
    with pytest.raises(LibraryError, match="another network"):
        open_learned(store, "genre")


def test_tracks_of_another_network_are_left_out(store):
    found = tracks.find(store)
    with store.write() as connection:
        odd = analyses.c.audio_hash == found[0].audio_hash
        connection.execute(analyses.update().where(odd).values(model="e" * 64, analysed_at=0.0))
    assert found[0].audio_hash not in predict_tracks(store, "genre", found)


def test_no_pickle_is_ever_opened(store):
    buffer = io.BytesIO()
    np.savez(buffer, labels=np.array([{"evil": 1}], object))
    for weights in (buffer.getvalue(), b"", b"junk", b"PK\x03\x04junk"):
        with store.write() as connection:
            connection.execute(learned.update().values(weights=weights))
        with pytest.raises(LibraryError, match="damaged"):
            open_learned(store, "genre")


@pytest.mark.parametrize("spoil", ["shape", "nan", "missing"])
def test_damaged_numbers_are_refused(store, outcome, spoil):
    arrays = {key: value.copy() for key, value in outcome.learned.arrays().items()}
    if spoil == "shape":
        arrays["bias"] = arrays["bias"][:-1]
    elif spoil == "nan":
        arrays["coefficients"][0, 0] = np.nan
    else:
        del arrays["mean"]
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    with store.write() as connection:
        connection.execute(learned.update().values(weights=buffer.getvalue()))
    with pytest.raises(LibraryError, match="damaged"):
        open_learned(store, "genre")
