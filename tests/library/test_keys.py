"""Keys as people, tags and DJs write them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sideman.audio.tonality import MODES, NAMES
from sideman.core.errors import UsageError
from sideman.library.keys import camelot, camelot_distance, open_key, parse_key, short_key

KEYS = [f"{name} {mode}" for name in NAMES for mode in MODES]
keys = st.sampled_from(KEYS)

# as printed on every DJ's wheel
WHEEL = {
    "G# minor": "1A", "B major": "1B", "D# minor": "2A", "F# major": "2B", "A# minor": "3A", "C# major": "3B",
    "F minor": "4A", "G# major": "4B", "C minor": "5A", "D# major": "5B", "G minor": "6A", "A# major": "6B",
    "D minor": "7A", "F major": "7B", "A minor": "8A", "C major": "8B", "E minor": "9A", "G major": "9B",
    "B minor": "10A", "D major": "10B", "F# minor": "11A", "A major": "11B", "C# minor": "12A", "E major": "12B",
}  # fmt: skip


def test_every_key_has_its_place_on_the_wheel():
    assert {key: camelot(key) for key in KEYS} == WHEEL


SPELLINGS = {
    "D minor": "Dm, dm, D min, D minor, d moll, d-moll, 7A, 07a, 12m",
    "D major": "D, DM, Dmaj, d dur",
    "C# major": "Db, D♭, C♯, Des-Dur",
    "A# minor": "bbm, Bb minor, b-Moll",
    "A# major": "B-Dur, B♭, B flat",
    "B major": "H-Dur, Cb, B",
    "B minor": "B minor, Hm, h-Moll",
    "F# minor": "fis-Moll, F sharp minor, Gbm",
    "D# major": "Es-Dur, E-flat",
    "G# minor": "as moll, G#m, A flat minor",
    "F major": "E#",
    "C minor": "  c   Minor ",
    "C major": "1d, 8b, B#",
}


@pytest.mark.parametrize("key, text", [(key, text) for key, all_ in SPELLINGS.items() for text in all_.split(", ")])
def test_the_spellings_that_people_use(text, key):
    assert parse_key(text) == key


@pytest.mark.parametrize(
    "text", ["", "o", "13A", "0A", "7C", "Dq", "minor", "D minor major", "D\nminor!", "#", "x" * 9999]
)
def test_what_is_no_key_is_said_so_in_one_line(text):
    with pytest.raises(UsageError, match="is not a key") as caught:
        parse_key(text)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 200


@given(st.text(max_size=12))
def test_any_text_is_a_key_or_a_usage_error(text):
    with contextlib.suppress(UsageError):
        assert parse_key(text) in KEYS


@given(keys)
def test_all_our_spellings_read_back(key):
    assert parse_key(key) == parse_key(short_key(key)) == parse_key(camelot(key)) == parse_key(open_key(key)) == key


@given(keys, keys, keys)
def test_the_distance_is_a_metric(a, b, c):
    assert (camelot_distance(a, b) == 0) == (a == b)
    assert camelot_distance(a, b) == camelot_distance(b, a) <= 7
    assert camelot_distance(a, c) <= camelot_distance(a, b) + camelot_distance(b, c)


def test_relative_keys_and_fifths_are_one_step():
    assert [k for k in KEYS if camelot_distance("D minor", k) == 1] == ["F major", "G minor", "A minor"]
    assert camelot_distance("C major", "F# major") == 6
    assert camelot_distance("12A", "1A") == 1


def test_short_and_open():
    assert (short_key("D minor"), short_key("C# major")) == ("Dm", "C#")
    assert (open_key("D minor"), open_key("C major")) == ("12m", "1d")
