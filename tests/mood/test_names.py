"""Mood words: every one a point of the plane, found by any spelling, and found again from the point."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sideman.core.errors import UsageError
from sideman.mood.names import MOODS, QUADRANT_WORDS, QUADRANTS, SYNONYMS, mood, nearest, quadrant

LEVEL_EDGES = (-0.6, -0.2, 0.2, 0.6)  # of the compose vocabulary: a word on an edge would flip with rounding


def test_there_are_at_least_forty_words_and_synonyms_of_them_only():
    assert len(MOODS) >= 40
    assert set(SYNONYMS.values()) <= set(MOODS)
    assert not set(SYNONYMS) & set(MOODS)


def test_every_word_lies_within_the_plane_and_on_no_edge_between_levels():
    for name, point in MOODS.items():
        assert all(-1 <= x <= 1 for x in point), name
        assert not set(point) & set(LEVEL_EDGES), name


def test_no_two_words_share_a_point():
    assert len(set(MOODS.values())) == len(MOODS)


@pytest.mark.parametrize("name", MOODS)
def test_a_word_is_the_nearest_to_its_own_point(name):
    assert nearest(*mood(name)) == name


@pytest.mark.parametrize(
    "name, expected",
    [
        ("happy", "Q1"), ("excited", "Q1"), ("triumphant", "Q1"), ("epic", "Q1"), ("playful", "Q1"), ("bright", "Q1"),
        ("tense", "Q2"), ("angry", "Q2"), ("scary", "Q2"), ("dramatic", "Q2"),
        ("sad", "Q3"), ("gloomy", "Q3"), ("melancholic", "Q3"), ("bored", "Q3"), ("tired", "Q3"), ("nostalgic", "Q3"),
        ("calm", "Q4"), ("relaxed", "Q4"), ("peaceful", "Q4"), ("dreamy", "Q4"), ("romantic", "Q4"),
    ],
)  # fmt: skip
def test_words_lie_in_the_quarter_that_people_expect(name, expected):
    assert quadrant(*mood(name)) == expected


def test_the_words_of_russells_circle_keep_his_order():
    """From pleasant over excited and unpleasant to calm (Russell 1980, figure 2)."""
    circle = ["excited", "tense", "angry", "anxious", "sad", "bored", "tired", "calm", "relaxed", "serene", "content"]
    angles = [math.degrees(math.atan2(MOODS[name][1], MOODS[name][0])) % 360 for name in circle]
    out_of_order = [(a, b) for a, b, x, y in zip(circle, circle[1:], angles, angles[1:], strict=False) if x > y + 10]
    assert not out_of_order


@pytest.mark.parametrize("spelling", ["Laid-Back", " laid back ", "LAID BACK", "laid_back"])
def test_case_and_hyphens_do_not_matter(spelling):
    assert mood(spelling) == MOODS["relaxed"]


@pytest.mark.parametrize("name", QUADRANTS)
def test_a_quadrant_is_a_mood_too(name):
    assert quadrant(*mood(name.lower())) == name
    assert all(quadrant(*mood(word)) == name for word in QUADRANT_WORDS[name].split(", "))


def test_an_unknown_word_names_its_neighbours():
    with pytest.raises(UsageError, match=r"'hapy' is not a mood .*happy"):
        mood("hapy")
    with pytest.raises(UsageError, match="some that are: happy"):
        mood("xxxxxxxx")


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_every_point_has_a_word_and_a_quarter(valence, arousal):
    assert nearest(valence, arousal) in MOODS
    assert quadrant(valence, arousal) in QUADRANTS


@given(st.text())
def test_any_text_is_a_mood_or_a_usage_error_of_one_line(text):
    point, refusal = None, ""
    try:
        point = mood(text)
    except UsageError as error:
        refusal = str(error)
    assert (point is None) == bool(refusal)
    assert "\n" not in refusal
