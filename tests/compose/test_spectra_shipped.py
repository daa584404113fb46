"""The vocoder and the generators that ship: they fit their cards, and what they make is sound."""

import numpy as np
import pytest

from sideman.audio.mel_picture import FORM, log_mel_picture
from sideman.compose.recipe.spectra_card import NAMES, page
from sideman.compose.spectra.imagine import Wish
from sideman.compose.spectra.imaginers import SHIPPED, open_imaginer
from sideman.compose.spectra.piece import compose_sound, listened
from sideman.compose.vocoder import vocode
from sideman.inference.cards import WEIGHTS_FOLDER, read_card, verify
from tests.audio.signals import music

GTZAN_GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_those_of_the_card(name):
    card = read_card(WEIGHTS_FOLDER / f"{name}.json")
    verify(card)
    assert "research" in card.content["licence"]
    assert card.content["training"]["core_seconds"] > 1000
    assert card.path.stat().st_size < 12e6


def test_the_page_is_that_of_the_cards():
    cards = [read_card(WEIGHTS_FOLDER / f"{name}.json").content for name in NAMES]
    assert (WEIGHTS_FOLDER / "spectra.md").read_text(encoding="utf-8") == page(cards)


def test_a_round_trip_comes_nearer_to_its_picture_than_griffin_lim():
    mel = log_mel_picture(music(3.0))
    missed = {
        method: np.abs(log_mel_picture(vocode(mel, method)) - mel).mean() for method in ("network", "griffin-lim")
    }
    assert missed["network"] < 0.8 * missed["griffin-lim"]
    assert missed["network"] < 0.08


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_imagined_is_sound_at_an_even_level(name):
    imaginer = open_imaginer(name)
    assert imaginer.genres == GTZAN_GENRES
    piece = compose_sound(imaginer, Wish("reggae", steps=8), 4.0, seed=1)
    assert len(piece.samples) == 4 * FORM.sample_rate_hz
    assert np.abs(piece.samples).max() <= 10 ** (-1 / 20) + 1e-3
    levels = np.sqrt(np.square(piece.samples).reshape(8, -1).mean(1))
    assert levels.min() > 1e-3, "half a second of silence"
    assert abs(piece.samples.mean()) < 1e-2
    assert listened(piece).heard in GTZAN_GENRES


def test_the_same_seed_makes_the_same_sound_again():
    made = [compose_sound(open_imaginer("flow"), Wish("jazz", steps=4), 1.0, seed=seed).samples for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    assert np.abs(made[0] - made[2]).max() > 0.01


def test_asking_for_a_genre_makes_a_difference_that_the_classifier_hears():
    flow = open_imaginer("flow")
    told = [
        listened(compose_sound(flow, Wish("classical" if i % 2 else "metal", steps=16), 4.0, seed=i)) for i in range(8)
    ]
    assert sum(piece.heard == piece.wish.genre for piece in told) >= 4  # by chance 0.8 of 8
