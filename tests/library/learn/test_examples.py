"""What counts as an example of a label, and of whose music."""

import numpy as np
import pytest

from sideman.core.errors import LibraryError, UsageError
from sideman.library.learn.examples import artist_of, examples, label_key
from sideman.library.schema import analyses, feedback, files
from sideman.library.track import Track
from tests.library.make import make_store


@pytest.fixture
def store(tmp_path):
    with make_store(tmp_path, n=240, artists=30) as made:
        yield made


def tag(store, field, values):
    """Give tracks, by number, values of a text field."""
    with store.write() as connection:
        for number, tags in values.items():
            connection.execute(files.update().where(files.c.id == number).values(tags={field: tags}))


def correct(store, number, value, field="genre"):
    with store.write() as connection:
        audio_hash = connection.execute(files.select().where(files.c.id == number)).first().audio_hash
        row = {"audio_hash": audio_hash, "kind": "correct", "field": field, "value": value, "at": 0.0}
        connection.execute(feedback.insert(), [row])


def test_each_tagged_track_is_an_example_with_its_artist(store):
    found = examples(store, "genre", min_tracks=4)
    assert found.vectors.shape == (240, 256)
    assert found.has.shape == (240, len(found.labels))
    assert (found.has.sum(1) == 1).all()
    assert len(set(found.groups)) == 30


def test_any_text_field_can_be_learnt(store):
    tag(store, "grouping", {i: ["night" if i % 2 else "day"] for i in range(1, 61)})
    assert set(examples(store, "Grouping").labels) == {"day", "night"}


def test_spellings_of_a_label_are_one_and_the_commonest_is_its_name(store):
    spelled = ["Hip-Hop", "hip hop", "Hip-Hop", "HipHop", "day", "day"]
    tag(store, "grouping", {i: [spelled[i % 6]] for i in range(1, 241)})
    assert examples(store, "grouping").labels == ("Hip-Hop", "day")
    assert label_key("Hip-Hop") == label_key("hip hop") == label_key("HipHop") != label_key("trip hop")


def test_labels_of_few_tracks_or_few_artists_are_left_out_by_name(store):
    # Artists repeat every 30 tracks: tracks 1, 31, 61, ... are by one artist.
    values = {i: ["day" if i % 2 else "night"] for i in range(1, 241)}
    values |= {i: ["rare"] for i in (2, 5, 9)} | {1 + 30 * k: ["his own"] for k in range(8)}
    tag(store, "grouping", values)
    found = examples(store, "grouping", min_tracks=8)
    assert set(found.labels) == {"day", "night"}
    assert set(found.left_out) == {("rare", 3, 3), ("his own", 8, 1)}


def test_a_correction_overrides_the_tag_and_the_last_one_counts(store):
    before = examples(store, "genre", min_tracks=4)
    for value in ("Nonsense", before.labels[0], before.labels[1]):
        correct(store, 1, value)
    after = examples(store, "genre", min_tracks=4)
    assert after.corrections == 1
    moved = dict(zip(after.labels, after.has.sum(0), strict=True))[before.labels[1]]
    assert moved == before.has[:, 1].sum() + 1


def test_an_empty_correction_takes_the_label_away(store):
    correct(store, 1, "")
    assert len(examples(store, "genre", min_tracks=4).vectors) == 239


def test_several_labels_per_track_are_kept_where_they_are_usual_and_passed_over_as_slips(store):
    tag(store, "grouping", {i: ["a", "b"] if i % 3 == 0 else ["a" if i % 3 == 1 else "b"] for i in range(1, 241)})
    found = examples(store, "grouping")
    assert found.several
    assert found.has.sum() == 320
    tag(store, "grouping", {i: ["a", "b"] if i == 1 else ["a" if i % 2 else "b"] for i in range(1, 241)})
    found = examples(store, "grouping")
    assert not found.several
    assert found.passed_over == {"with several labels": 1}


def test_embeddings_of_another_network_are_not_mixed_in(store):
    with store.write() as connection:
        old = connection.execute(analyses.select().limit(5)).all()
        chosen = analyses.c.audio_hash.in_([row.audio_hash for row in old])
        connection.execute(analyses.update().where(chosen).values(model="f" * 64, analysed_at=0.0))
    found = examples(store, "genre", min_tracks=4)
    assert found.passed_over == {"analysed by another network": 5}
    assert len(found.vectors) == 235


@pytest.mark.parametrize(
    ("track", "artist"),
    [
        (Track(1, "/m/a/1.mp3", artist="The Beatles"), "artist beatles"),
        (Track(1, "/m/a/1.mp3", artist="Rihanna feat. Jay-Z"), artist_of(Track(1, "/x", artist="Rihanna"))),
        (Track(1, "/m/a/1.mp3", artist="Can", albumartist="Various Artists"), "artist can"),
        (Track(1, "/m/a/1.mp3", artist="Guest", albumartist="Host"), "artist host"),
        (Track(1, "/m/a/1.mp3"), "folder /m/a"),
    ],
)
def test_whose_music_it_is(track, artist):
    assert artist_of(track) == artist


def test_too_little_to_learn_from_is_said_with_numbers(store):
    with pytest.raises(LibraryError, match=r"grouping: learning takes two labels .* there are 0 among 0 tagged tracks"):
        examples(store, "grouping")


def test_a_library_without_analyses_says_scan(tmp_path):
    with make_store(tmp_path, n=3) as store:
        with store.write() as connection:
            connection.execute(analyses.delete())
        with pytest.raises(LibraryError, match="sideman scan"):
            examples(store, "genre")


@pytest.mark.parametrize("field", ["", "  ", "x" * 33])
def test_a_field_needs_a_name(store, field):
    with pytest.raises(UsageError, match="is no field"):
        examples(store, field)


def test_the_examples_are_those_of_the_vectors(store):
    from sideman.library import tracks

    found = examples(store, "genre", min_tracks=4)
    _, vectors = tracks.vectors(store)
    assert np.array_equal(found.vectors, vectors)


def test_a_label_that_every_track_has_is_left_out(store):
    tag(store, "grouping", {i: ["seen live", "day" if i % 2 else "night"] for i in range(1, 241)})
    found = examples(store, "grouping", min_tracks=8)
    assert set(found.labels) == {"day", "night"}
    assert found.left_out == (("seen live", 240, 30),)
