"""Instruments by name: all of General MIDI, the words people use, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sideman.compose.general_midi import ALIASES, FAMILIES, NAMES, OFFICIAL_NAMES, SUBSTITUTES
from sideman.compose.instruments import family_of, name_of, parse_instruments, program_of, range_of
from sideman.core.errors import UsageError
from sideman.symbolic.score import HIGHEST_DRUM, LOWEST_DRUM


def test_general_midi_has_128_programmes_with_names_of_their_own():
    assert len(OFFICIAL_NAMES) == len(set(OFFICIAL_NAMES)) == 128
    assert len(NAMES) == len(set(NAMES)) == 129


@pytest.mark.parametrize(
    "program, official",
    [
        (0, "Acoustic Grand Piano"), (7, "Clavi"), (8, "Celesta"),
        (15, "Dulcimer"), (16, "Drawbar Organ"), (23, "Tango Accordion"),
        (24, "Acoustic Guitar (nylon)"), (31, "Guitar Harmonics"),
        (32, "Acoustic Bass"), (39, "Synth Bass 2"), (40, "Violin"),
        (47, "Timpani"), (48, "String Ensemble 1"), (55, "Orchestra Hit"), (56, "Trumpet"), (63, "Synth Brass 2"),
        (64, "Soprano Sax"), (71, "Clarinet"), (72, "Piccolo"),
        (79, "Ocarina"), (80, "Lead 1 (square)"), (88, "Pad 1 (new age)"),
        (96, "FX 1 (rain)"), (103, "FX 8 (sci-fi)"), (104, "Sitar"), (112, "Tinkle Bell"), (119, "Reverse Cymbal"),
        (120, "Guitar Fret Noise"), (127, "Gunshot"),
    ],
)  # fmt: skip
def test_programmes_stand_where_the_standard_has_them(program, official):
    assert OFFICIAL_NAMES[program] == official


@pytest.mark.parametrize("program", range(129))
def test_every_programme_is_found_by_both_its_names(program):
    assert program_of(name_of(program)) == program
    if program < 128:
        assert program_of(OFFICIAL_NAMES[program]) == program


@pytest.mark.parametrize(
    "name, program",
    [
        ("piano", 0), ("Grand Piano", 0), ("PIANOS", 0), ("cello", 42), ("cellos", 42), ("celli", 42), ("strings", 48),
        ("guitar", 25), ("acoustic guitar", 25),
        ("classical guitar", 24), ("electric guitar", 27), ("distorted guitar", 30),
        ("sax", 65), ("saxophones", 65), ("tenor sax", 66), ("brass", 61), ("synth", 81), ("pad", 89), ("organ", 16),
        ("church organ", 19), ("choir", 52), ("drums", 128),
        ("percussion", 128), ("drum kit", 128), ("double bass", 43),
        ("double basses", 43), ("contrabass", 43), ("upright bass", 32),
        ("bass", 33), ("bass guitar", 33), ("horn", 60),
        ("honky-tonk", 3), ("rhodes", 4), ("hammond organ", 16),
        ("fiddle", 110), ("flutes", 73), ("mandolin", 25), ("congas", 128),
    ],
)  # fmt: skip
def test_everyday_names_and_plurals(name, program):
    assert program_of(name) == program


def test_no_everyday_name_takes_the_place_of_a_name_of_the_standard():
    own = {name.lower() for name in (*NAMES, *OFFICIAL_NAMES)}
    assert not own & (set(ALIASES) | set(SUBSTITUTES))
    assert not set(ALIASES) & set(SUBSTITUTES)


def test_a_list_of_names_and_numbers_keeps_its_order_and_says_nothing_twice():
    assert parse_instruments("piano,bass,drums") == (0, 33, 128)
    assert parse_instruments(" Drums ; 40 + violins, 0,") == (128, 40, 0)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "no instrument is named"), (" , ", "no instrument is named"), ("violni", "did you mean violin"),
        ("129", "no programme 129"), ("piano, 200", "no programme 200"), ("xyzzyx", "some that are: piano"),
    ],
)  # fmt: skip
def test_a_wrong_list_says_what_is_wrong_with_it(text, message):
    with pytest.raises(UsageError, match=message):
        parse_instruments(text)


@pytest.mark.parametrize("program", [-1, 129, 1000])
def test_numbers_outside_the_standard_are_refused(program):
    for function in (name_of, family_of, range_of):
        with pytest.raises(UsageError, match="no programme"):
            function(program)


def test_families_cover_every_programme_once():
    members = [program for family in FAMILIES.values() for program in family]
    assert sorted(members) == list(range(129))
    assert family_of(42) == "solo strings"
    assert family_of(30) == "guitar"
    assert family_of(128) == "drums"


@pytest.mark.parametrize("program", range(129))
def test_ranges_are_an_octave_at_least_within_what_midi_has(program):
    low, high = range_of(program)
    assert low >= 0
    assert high <= 127
    assert high - low >= 12


def test_ranges_of_well_known_instruments():
    assert range_of(0) == (21, 108)  # the 88 keys
    assert range_of(40)[0] == 55  # the violin's G string
    assert range_of(41)[0] == 48
    assert range_of(42)[0] == 36
    assert range_of(25)[0] == 40  # the guitar's low E
    assert range_of(33)[0] == 28
    assert range_of(128) == (LOWEST_DRUM, HIGHEST_DRUM)


@given(st.text())
def test_any_text_is_a_list_or_a_usage_error_of_one_line(text):
    programs, refusal = (), ""
    try:
        programs = parse_instruments(text)
    except UsageError as error:
        refusal = str(error)
    assert bool(programs) != bool(refusal)
    assert all(0 <= program <= 128 for program in programs)
    assert "\n" not in refusal
