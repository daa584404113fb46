"""Learnt labels in the place of the shipped model's: in classifications and in what `tag` writes."""

import dataclasses

import numpy as np
import pytest

from sideman.core.errors import LibraryError, UsageError
from sideman.genre.classification import Classification
from sideman.library import tracks
from sideman.library.learn.answers import relabelled, renamed
from sideman.library.learn.fit import learn
from sideman.library.learn.use import keep, open_learned
from tests.library.make import MODEL, make_store


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    with make_store(tmp_path_factory.mktemp("answers"), n=240, artists=30) as made:
        keep(made, learn(made, "genre", min_tracks=4))
        yield made


def test_a_classification_names_the_learnt_label(library):
    found = open_learned(library, "genre")
    track = tracks.get(library, 1)
    _, vectors = tracks.vectors(library, [track.audio_hash])
    heard = Classification("a.mp3", 3.0, "polka", False, {"polka": 1.0}, 0.0, embedding=vectors[0])
    named = renamed(heard, found)
    assert named.genre == track.tag_genres[0]
    assert list(named.probabilities) == [label for label, _ in found.names(vectors[0])]
    assert named.unsure == (named.probabilities[named.genre] < found.threshold)
    assert MODEL[:12] in named.model
    assert named.duration_s == heard.duration_s


def test_tracks_get_the_learnt_genre_and_keep_everything_else(library):
    before = tracks.find(library, None, whole=True)
    after = relabelled(library, "genre", before)
    right = np.mean([b.genre == a.tag_genres[0] for a, b in zip(before, after, strict=True)])
    assert right > 0.9
    changed = {"genre", "genre_probability", "unsure", "probabilities"}
    for old, new in zip(before, after, strict=True):
        assert all(
            getattr(old, f.name) == getattr(new, f.name) for f in dataclasses.fields(old) if f.name not in changed
        )


def test_a_track_that_was_never_heard_has_no_label(library):
    silent = dataclasses.replace(tracks.get(library, 1), audio_hash=None)
    assert relabelled(library, "genre", [silent])[0].genre is None


def test_fields_that_cannot_be_written_or_were_not_learnt_are_told(library):
    with pytest.raises(UsageError, match="only genre and mood"):
        relabelled(library, "grouping", [])
    with pytest.raises(LibraryError, match="mood: was not learnt"):
        relabelled(library, "mood", tracks.find(library))
