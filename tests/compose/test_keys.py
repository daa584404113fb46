"""Keys and metres in the ways people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sideman.compose.keys import key_name, parse_key, parse_metre
from sideman.core.errors import UsageError
from sideman.symbolic.score import METRES

MAJOR = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]
MINOR = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"]
ALL_KEYS = [(tonic, is_minor) for tonic in range(12) for is_minor in (False, True)]


@pytest.mark.parametrize("key", ALL_KEYS)
def test_every_key_has_a_name_that_is_read_back(key):
    assert parse_key(key_name(key)) == key


def test_keys_are_spelt_as_is_customary():
    assert [key_name((t, False)).split()[0] for t in range(12)] == MAJOR
    assert [key_name((t, True)).split()[0] for t in range(12)] == MINOR


@pytest.mark.parametrize(
    "text, key",
    [
        ("D minor", (2, True)), ("Dm", (2, True)), ("d", (2, True)), ("D", (2, False)), ("F# major", (6, False)),
        ("Bb", (10, False)), ("bb", (10, True)), ("C♯m", (1, True)), ("c#m", (1, True)), ("E-flat major", (3, False)),
        ("E flat", (3, False)), ("A♭ Major", (8, False)),
        ("F sharp minor", (6, True)), ("Gb", (6, False)), ("Cb", (11, False)),
        ("B#", (0, False)), ("D MINOR", (2, True)), ("DMaj", (2, False)), ("CM", (0, False)), ("a min", (9, True)),
        ("  G  major ", (7, False)), ("bbm", (10, True)), ("E♭ minor", (3, True)),
    ],
)  # fmt: skip
def test_ways_to_write_a_key(text, key):
    assert parse_key(text) == key


@pytest.mark.parametrize(
    "text, key",
    [
        ("7A", (2, True)), ("8A", (9, True)), ("8B", (0, False)),
        ("1A", (8, True)), ("12B", (4, False)), ("5b", (3, False)),
        ("12a", (1, True)), ("11B", (9, False)), ("4A", (5, True)),
    ],
)  # fmt: skip
def test_camelots_wheel(text, key):
    assert parse_key(text) == key


def test_camelots_wheel_has_every_key_once():
    assert sorted(parse_key(f"{n}{letter}") for n in range(1, 13) for letter in "AB") == sorted(ALL_KEYS)


@pytest.mark.parametrize(
    "text", ["", "H", "D dorian", "dorian", "13A", "0B", "D##", "minor", "D minor 7", "Fis-Moll", "D\nE"]
)
def test_what_is_no_key_is_refused_with_examples(text):
    with pytest.raises(UsageError, match="is no key; write a key such as D minor"):
        parse_key(text)


@pytest.mark.parametrize("metre", METRES)
def test_every_metre_is_read(metre):
    assert parse_metre(f" {metre[0]} / {metre[1]}") == metre


@pytest.mark.parametrize("text", ["", "3", "3/5", "11/8", "0/4", "4/0", "3/4/5", "three four", "-3/4"])
def test_another_metre_is_refused_with_those_that_there_are(text):
    with pytest.raises(UsageError, match=r"is not a metre that can be written; one of 4/4, 3/4"):
        parse_metre(text)


@given(st.text(max_size=20))
def test_any_text_is_a_key_or_a_usage_error_of_one_line(text):
    for read in (parse_key, parse_metre):
        found, refusal = None, ""
        try:
            found = read(text)
        except UsageError as error:
            refusal = str(error)
        assert (found is None) == bool(refusal)
        assert "\n" not in refusal
