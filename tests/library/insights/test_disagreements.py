"""Which tags the sound contradicts, and which it cannot."""

import pytest

from sideman.library.insights.disagreements import disagreements, known_genres, same_tempo
from sideman.library.track import Track


@pytest.mark.parametrize(
    ("tag", "genres"),
    [
        ("Hip-Hop", {"hiphop"}),
        ("Hip Hop/Rap", {"hiphop"}),
        ("Melodic Death Metal", {"metal"}),
        ("Jazz Rap", {"hiphop"}),
        ("Pop/Rock", {"pop", "rock"}),
        ("Rock & Roll", {"rock"}),
        ("CLASSICAL", {"classical"}),
        ("R&B", set()),
        ("Drum & Bass", set()),
        ("Techno", set()),
        ("", set()),
    ],
)
def test_genre_tags_are_mapped_to_the_known_ones(tag, genres):
    assert known_genres(tag) == genres


def heard(**changes):
    return Track(
        1, "/m/1.mp3", audio_hash="a", **{"genre": "rock", "genre_probability": 0.8, "unsure": False, **changes}
    )


def test_a_genre_that_is_none_of_the_tagged_ones_disagrees():
    found = disagreements(
        [heard(tag_genres=("Jazz",)), heard(tag_genres=("Jazz", "Rock")), heard(tag_genres=("Trap",))]
    )
    assert [(d.tagged, d.heard, d.confidence) for d in found["genre"]] == [("Jazz", "rock", 0.8), ("Trap", "rock", 0.8)]


def test_an_unsure_ear_and_an_unknown_genre_do_not_disagree():
    assert not disagreements([heard(tag_genres=("Jazz",), unsure=True), heard(tag_genres=("Techno",))])["genre"]


@pytest.mark.parametrize(
    ("tag", "agrees"), [(120, True), (124, True), (60, True), (240, True), (126, False), (90, False)]
)
def test_half_and_double_tempo_agree(tag, agrees):
    assert same_tempo(tag, 120.0) is agrees
    assert bool(disagreements([heard(tag_bpm=float(tag), tempo_bpm=120.0)])["tempo"]) is not agrees


def test_keys_are_compared_as_keys_and_their_kinship_is_told():
    spelled = [heard(key="A# major", tag_key=tag) for tag in ("Bb", "A#", "6B", "Bb major")]
    assert not disagreements(spelled)["key"]
    notes = {tag: disagreements([heard(key="C major", tag_key=tag)])["key"][0].note for tag in ("Am", "Cm", "G", "F#")}
    assert notes == {
        "Am": "relative keys: 8A and 8B",
        "Cm": "parallel keys: 5A and 8B",
        "G": "a fifth apart: 9B and 8B",
        "F#": "2B and 8B",
    }


def test_what_is_no_key_makes_no_claim():
    assert not disagreements([heard(key="C major", tag_key="off")])["key"]


def test_the_surest_come_first():
    found = disagreements([heard(tag_bpm=90.0, tempo_bpm=120.0, tempo_confidence=c) for c in (0.2, 0.9, 0.5)])
    assert [d.confidence for d in found["tempo"]] == [0.9, 0.5, 0.2]
