"""Spellings of one artist are one artist, guests are related to their own tracks, and labels are composed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import DatasetError
from sideman.datasets.track import (
    Dataset,
    Relation,
    Track,
    artist_key,
    artist_relations,
    group_relations,
    normalise_label,
    relations_of,
    restrict,
)


def by(*artists: str | None) -> list[Track]:
    return [Track(Path("x.wav"), f"t{i}", "pop", artist=a) for i, a in enumerate(artists)]


@pytest.mark.parametrize(
    "one, other",
    [
        ("Earth, Wind & Fire", "Earth Wind and Fire"),
        ("The Supremes", "supremes"),
        ("Rage Against the Machine", "Rage Against The  Machine"),
        ("Beyoncé", "Beyonce\u0301"),
        ("Guns N' Roses", "Guns n Roses"),
        ("Boney M.", "Boney M"),
    ],
)
def test_spellings_of_one_artist_are_equal(one: str, other: str) -> None:
    assert artist_key(one) == artist_key(other)


def test_different_artists_and_bare_symbols_stay_apart() -> None:
    assert artist_key("Peter Brown") != artist_key("Dennis Brown")
    assert artist_key("!!!") != artist_key("???")
    assert artist_key("The") == artist_key("the") != ""


@given(st.text(min_size=1).filter(str.strip))
@settings(deadline=None)
def test_an_artists_key_is_never_empty_and_stable(name: str) -> None:
    assert artist_key(name)
    assert artist_key(f"  {name} ") == artist_key(name)


def test_a_guest_is_related_to_the_guests_own_tracks_and_bands_stay_whole() -> None:
    tracks = by(
        "Donna Summer", "Barbra Streisand and Donna Summer", "KC and The Sunshine Band", "KC and The Sunshine Band"
    )
    assert artist_relations(tracks) == (
        Relation("credit", "Donna Summer", ("t0", "t1")),
        Relation("artist", "KC and The Sunshine Band", ("t2", "t3")),
    )


def test_without_any_named_artist_nothing_is_related() -> None:
    assert relations_of(Dataset("folders", Path("x"), tuple(by(None, None)))) == ()


def test_with_one_named_artist_the_unnamed_are_one_group() -> None:
    related = relations_of(Dataset("folders", Path("x"), tuple(by(None, None, "Cher"))))
    assert [(r.kind, r.members) for r in related] == [("unnamed", ("t0", "t1"))]


def test_declared_groups_are_related() -> None:
    tracks = [Track(Path("x"), f"t{i}", "pop", group=g) for i, g in enumerate(["album", None, "album", "other"])]
    assert group_relations(tracks) == (Relation("group", "album", ("t0", "t2")),)


def test_relations_are_cut_down_to_what_is_there() -> None:
    related = [Relation("piece", "p", ("a", "b", "c")), Relation("piece", "q", ("a", "d"))]
    assert restrict(related, {"a": 1, "b": 1}) == (Relation("piece", "p", ("a", "b")),)


def test_labels_are_composed_and_keep_emoji() -> None:
    assert normalise_label(" Bossa  Nova\u0301 🎷 ") == "Bossa Nov\u00e1 🎷"


def test_two_tracks_with_one_id_are_refused() -> None:
    with pytest.raises(DatasetError, match="'t0' is listed twice"):
        Dataset("manifest", Path("m.csv"), (*by("a"), *by("b")))
