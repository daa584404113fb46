"""How the mood model is made: labels, arrangements, the fit and its brake, the judgement, the whole road in small."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import DatasetError, SidemanError
from sideman.inference.cards import read_card, verify
from sideman.mood.recipe.arranging import arranged, excerpt
from sideman.mood.recipe.fitting import fit, gain_of, penalty_of, temperature_of
from sideman.mood.recipe.judging import figures_of
from sideman.mood.recipe.lively import SHARE, Strokes, fit_onsets, out_of_fold
from sideman.mood.recipe.material import fold_of
from sideman.mood.recipe.pieces import labelled
from sideman.symbolic.score import PITCH, START, Score
from tests.mood.labelled_music import tune, write_sets

# --- labels -------------------------------------------------------------------------------------------------------


def test_labels_become_signs_and_clips_of_one_song_stay_together(tmp_path):
    pieces = labelled(write_sets(tmp_path), ["emopia", "xmidi-subset"])
    told = {piece.path: (piece.valence, piece.arousal) for piece in pieces}
    assert told["emopia/Q1_song0000000_0.mid"] == (1, 1)
    assert told["emopia/Q3_song0000001_1.mid"] == (-1, -1)
    assert told["xmidi/angry_0.mid"] == (-1, 0)  # happy and angry are both excited: nothing is learnt of arousal
    assert {piece.song for piece in pieces if piece.source == "emopia"} == {"song0000000", "song0000001"}


def test_copies_are_taken_once_and_a_few_are_drawn_evenly(tmp_path):
    write_sets(tmp_path, clips=5)
    table = (tmp_path / "catalog.csv").read_text()
    (tmp_path / "catalog.csv").write_text(f"{table}emopia,emopia/copy.mid,Q1,emopia/Q1_song0000000_0.mid\n")
    assert len(labelled(tmp_path, ["emopia"])) == 20
    assert [piece.path[7:9] for piece in labelled(tmp_path, ["emopia"], most=4)] == ["Q1", "Q2", "Q3", "Q4"]


def test_a_missing_catalogue_or_set_is_one_line(tmp_path):
    for told in (tmp_path, write_sets(tmp_path / "sets")):
        with pytest.raises(DatasetError) as caught:
            labelled(told, ["emopia", "deam"])
        assert "catalog.csv" in str(caught.value)
        assert "\n" not in str(caught.value)


# --- arrangements -------------------------------------------------------------------------------------------------


def sounding(score: Score) -> list[tuple[int, int]]:
    return sorted(
        (int(note[START]), int(note[PITCH])) for track in score.tracks if not track.is_drums for note in track.notes
    )


@pytest.mark.parametrize("players", ["written", "other", "band"])
def test_no_arrangement_changes_a_tone(players):
    score = tune(1, 1)
    assert sounding(arranged(score, players, 7)) == sounding(score)


def test_instruments_are_drawn_by_the_seed():
    score = tune(1, 1)
    assert arranged(score, "other", 3) == arranged(score, "other", 3)
    assert len({arranged(score, "other", seed).tracks[0].program for seed in range(20)}) > 5


def test_the_drums_of_a_band_are_as_dense_as_the_music():
    fast, slow = (arranged(tune(1, arousal), "band", 1) for arousal in (1, -1))
    hits = [sum(len(track.notes) for track in score.tracks if track.is_drums) for score in (fast, slow)]
    assert hits[0] > 2 * hits[1] > 0


def test_drums_that_are_there_stay():
    band = arranged(tune(1, 1), "band", 1)
    again = arranged(band, "band", 2)
    drums = [[track.notes.tolist() for track in score.tracks if track.is_drums] for score in (band, again)]
    assert drums[0] == drums[1]


@given(st.floats(1, 30), st.floats(0.5, 20))
def test_an_excerpt_is_as_long_as_asked_and_begins_at_its_beginning(seconds, length_s):
    score = tune(1, 1, seconds=seconds)
    part = excerpt(score, length_s)
    assert part.n_notes > 0
    assert part.duration_s <= max(length_s + 0.15, 0)
    if score.duration_s > length_s:
        assert min(int(track.notes[:, START].min()) for track in part.tracks) < 4
    else:
        assert part is score


# --- the fit ------------------------------------------------------------------------------------------------------


def learnable(rows: int = 400):
    """Two columns tell the sign, eight are nearly constant; recordings vary in all."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, 10)) * np.array([1, 1, *[1e-3] * 8])
    signs = np.where(x[:, 0] + 0.5 * rng.standard_normal(rows) + 3 * x[:, 5] * 100 > 0, 1, -1)
    return x, signs, rng.standard_normal((300, 10))


def test_the_fit_is_where_the_gradient_vanishes():
    x, signs, unlabelled = learnable()
    weight = np.random.default_rng(1).random(len(x))
    penalty = penalty_of(unlabelled, np.ones(300), x.mean(0), strength=0.01, ridge=0.01)
    solution, constant = fit(x, signs, weight, penalty)
    p = 1 / (1 + np.exp(-(x @ solution + constant)))
    residual = weight / weight.sum() * (p - (signs > 0))
    np.testing.assert_allclose(x.T @ residual + penalty @ solution, 0, atol=1e-7)
    assert residual.sum() == pytest.approx(0, abs=1e-7)


def test_rows_without_a_label_change_nothing():
    x, signs, unlabelled = learnable()
    penalty = penalty_of(unlabelled, np.ones(300), x.mean(0), strength=0.01, ridge=0.01)
    known = fit(x[:300], signs[:300], np.ones(300), penalty)
    signs[300:] = 0
    all_rows = fit(x, signs, np.ones(400), penalty)
    np.testing.assert_allclose(all_rows[0], known[0])
    assert all_rows[1] == pytest.approx(known[1])


def test_recordings_that_vary_elsewhere_keep_the_answers_small():
    """Found: fitted on piano clips with a plain ridge, the log odds of real recordings were in the hundreds."""
    x, signs, unlabelled = learnable()
    plain, _ = fit(x, signs, np.ones(400), 1e-5 * np.eye(10))
    held, _ = fit(
        x, signs, np.ones(400), penalty_of(unlabelled, np.ones(300), x.mean(0), strength=0.01, ridge=0.001)
    )  # fmt: skip
    assert (unlabelled @ plain).std() > 3 * (unlabelled @ held).std()
    assert ((x @ held > 0) == (signs > 0)).mean() > 0.8


@settings(max_examples=20)
@given(st.floats(0.5, 5))
def test_the_temperature_of_overconfident_odds_is_found(factor):
    rng = np.random.default_rng(0)
    odds = 2 * rng.standard_normal(4000)
    signs = np.where(rng.random(4000) < 1 / (1 + np.exp(-odds)), 1, -1)
    assert temperature_of(factor * odds, signs, np.ones(4000)) == pytest.approx(factor, rel=0.2)


@settings(max_examples=20)
@given(st.floats(0.1, 5), st.floats(0.3, 0.9))
def test_the_gain_gives_the_asked_spread(scale, spread):
    odds = scale * np.random.default_rng(0).standard_normal(2000)
    gain = gain_of(odds, np.ones(2000), spread)
    assert np.sqrt((np.tanh(gain * odds) ** 2).mean()) == pytest.approx(spread, abs=0.02)


def test_onsets_that_tell_arousal_are_found_and_the_embedding_adds_its_share():
    rng = np.random.default_rng(0)
    numbers = rng.normal([1.5, 4.0], [0.7, 1.2], (600, 2))
    signs = np.where(numbers[:, 0] - 1.5 - 0.5 * (numbers[:, 1] - 4) + 0.2 * rng.standard_normal(600) > 0, 1, -1)
    strokes = Strokes(numbers, rng.standard_normal(600), signs, np.arange(600) % 5)
    model, folds = fit_onsets([strokes], 5, 0.6)
    assert model.weights[0] > 0 > model.weights[1]
    assert model.log_odds(numbers, 1.0) - model.log_odds(numbers, 0.0) == pytest.approx(SHARE)
    odds = out_of_fold(folds, strokes)
    assert (odds * signs > 0).mean() > 0.85
    assert np.sqrt((np.tanh(model.gain * odds) ** 2).mean()) == pytest.approx(0.6, abs=0.02)


# --- the judgement ------------------------------------------------------------------------------------------------


def test_figures_by_hand():
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, 0]])
    told = figures_of(np.array([[2, 1], [1, 1], [1, 1], [-1, 5]]), signs, ["a", "a", "b", "c"])
    assert (told["pieces"], told["songs"]) == (4, 3)
    assert (told["valence"]["right"], told["valence"]["chance"]) == (0.75, 0.5)
    assert (told["arousal"]["right"], told["arousal"]["chance"]) == (0.667, 0.667)  # the last has no label of it
    assert (told["quadrant"]["right"], told["quadrant"]["chance"]) == (0.333, 0.333)
    low, high = told["valence"]["interval_95"]
    assert low <= 0.75 <= high


def test_an_interval_of_few_songs_is_wide_however_many_clips_they_have():
    rng = np.random.default_rng(0)
    signs = rng.choice([-1, 1], (400, 2))
    right_by_song = np.repeat(rng.random(8) < 0.5, 50)
    odds = np.where(right_by_song[:, None], signs, -signs).astype(float)
    widths = []
    for songs in (np.repeat(np.arange(8), 50), np.arange(400)):
        low, high = figures_of(odds, signs, [str(song) for song in songs])["valence"]["interval_95"]
        widths.append(high - low)
    assert widths[0] > 3 * widths[1]


def test_folds_hold_for_ever():
    assert [fold_of(song) for song in ("0vLPYiPN7qY", "1Qc15G0ZHIg", "a")] == [3, 4, 0]


# --- the whole road -----------------------------------------------------------------------------------------------


def test_a_model_is_made_described_and_made_again_from_what_was_heard(tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    from sideman.mood.recipe import default, hearing, lively

    midi = write_sets(tmp_path / "sets", clips=3)
    sources = default.Sources(midi)
    card = default.run(sources, tmp_path / "work", tmp_path / "out", short=True)
    read = read_card(tmp_path / "out" / "mood.json")
    verify(read)
    assert read.content == json.loads(json.dumps(card))
    assert card["figures"]["learnt_soundfonts"]["emopia"]["arousal"]["right"] > 0.8  # fast and loud is easily told
    assert card["figures"]["learnt_soundfonts"]["emopia with onsets"]["arousal"]["right"] > 0.8
    assert card["sha256"] in (tmp_path / "out" / "mood.md").read_text()
    for room in (hearing, lively):
        monkeypatch.setattr(room, "render", lambda *_, **__: pytest.fail("heard again"))
    default.run(sources, tmp_path / "work", tmp_path / "again", short=True)
    assert (tmp_path / "again" / "mood.onnx").read_bytes() == (tmp_path / "out" / "mood.onnx").read_bytes()


def test_a_set_of_broken_files_is_one_line(tmp_path):
    from sideman.mood.recipe import material

    write_sets(tmp_path, clips=1)
    for path in (tmp_path / "emopia").iterdir():
        path.write_bytes(b"no midi")
    with pytest.raises(SidemanError, match="none of the 4 pieces could be played"):
        material.rows_of(labelled(tmp_path, ["emopia"]), tmp_path, None, tmp_path / "work")
