"""Sentences and flags as wishes for spectra."""

import pytest

from sideman.compose.spectra.asking import SECONDS, asked_for
from sideman.compose.wish import Flags
from sideman.core.errors import UsageError


def test_flags_alone():
    asked = asked_for(None, Flags(genre="Hip-Hop", mood="sad", seconds=7.5), steps=5, guidance=3.0)
    assert (asked.wish.genre, asked.seconds, asked.wish.steps, asked.wish.guidance) == ("hiphop", 7.5, 5, 3.0)
    assert asked.wish.valence < 0


@pytest.mark.parametrize(
    ("prompt", "seconds"),
    [
        ("sad reggae, 30 seconds", 30.0),
        ("two minutes of jazz", 120.0),
        ("16 bars of metal", 32.0),
        ("8 bars of rock at 60 bpm", 32.0),
        ("a calm piece", SECONDS),
    ],
)
def test_a_sentence_tells_the_length(prompt, seconds):
    assert asked_for(prompt, Flags()).seconds == pytest.approx(seconds)


def test_what_spectra_have_no_ear_for_is_told():
    asked = asked_for("a slow sad reggae for piano in D minor with zebras", Flags())
    assert asked.wish.genre == "reggae"
    assert asked.passed_over == ("slow", "piano", "D minor", "zebras")


def test_flags_without_an_ear_are_refused():
    with pytest.raises(UsageError, match="--tempo, --key: the spectra engine hears genre, mood and length only"):
        asked_for(None, Flags(tempo_bpm=90, key="C"))


def test_two_lengths_are_refused():
    with pytest.raises(UsageError, match="the prompt asks for 30 s and --seconds for 10"):
        asked_for("30 seconds of jazz", Flags(seconds=10))


def test_half_a_mood_has_its_other_half_in_the_middle():
    wish = asked_for(None, Flags(arousal=0.8)).wish
    assert (wish.valence, wish.arousal) == (0.0, 0.8)
