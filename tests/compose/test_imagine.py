"""Pictures out of noise: length, seams, guidance, what cannot be asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.audio.mel_picture import FORM
from sideman.compose.spectra.imagine import LONGEST_S, Wish, frames_of, imagine, imagine_blocks
from sideman.compose.spectra.imaginers import open_imaginer
from sideman.core.errors import ModelError, UsageError
from tests.compose.imaginers import FlowSession, PatchSession, imaginer_of

QUICK = {"steps": 2}


@settings(deadline=None, max_examples=25)
@given(st.floats(0.001, 60), st.sampled_from(["flow", "dcgan"]))
def test_a_picture_has_exactly_the_frames_of_its_length(seconds, kind):
    mel = imagine(imaginer_of(kind), Wish(**QUICK), seconds)
    assert mel.shape == (FORM.n_mels, frames_of(seconds))
    assert mel.dtype == np.float32


@pytest.mark.parametrize("seconds", [1.0, 10.0, 50.0])
def test_windows_and_canvases_that_agree_leave_no_seam(seconds):
    mel = imagine(imaginer_of(), Wish("reggae", guidance=1.0, **QUICK), seconds)
    np.testing.assert_allclose(mel, 1.0 * 2 - 4, atol=1e-4)


def test_guidance_goes_beyond_what_is_told_away_from_what_is_not():
    for guidance, level in ((0.0, 0.5), (1.0, 0.0), (2.0, -0.5), (3.0, -1.0)):
        mel = imagine(imaginer_of(), Wish("jazz", guidance=guidance, **QUICK), 1.0)
        np.testing.assert_allclose(mel, level * 2 - 4, atol=1e-4)


def test_the_network_is_told_genre_and_mood_and_the_time_that_has_passed():
    session = FlowSession()
    imagine(imaginer_of(session=session), Wish("reggae", -0.5, 0.25, steps=4, guidance=1.0), 1.0)
    assert [round(float(time[0]), 3) for _, time, _, _ in session.calls] == [0.0, 0.25, 0.5, 0.75]
    noisy, _, genre, mood = session.calls[0]
    assert set(genre) == {1}
    np.testing.assert_allclose(mood[0], [-0.5, 0.25, 1.0])
    assert noisy.std() == pytest.approx(1.0, abs=0.05)


def test_where_nothing_is_told_one_answer_a_step_is_enough():
    session = FlowSession()
    imagine(imaginer_of(session=session), Wish(steps=3), 1.0)
    assert len(session.calls) == 3


def test_the_same_seed_gives_the_same_picture_and_another_seed_another():
    class Wandering(FlowSession):
        def run_inputs(self, *, noisy, **told):
            return {"clean": np.tanh(noisy)}

    made = [imagine(imaginer_of(session=Wandering()), Wish(**QUICK), 4.0, seed=seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    assert np.abs(made[0] - made[2]).mean() > 0.1


def test_a_canvas_goes_on_where_the_one_before_it_ended():
    session = FlowSession()
    blocks = list(imagine_blocks(imaginer_of(session=session), Wish("reggae", guidance=1.0, steps=2), 50.0))
    assert len(blocks) > 1
    begins = [noisy[0, :, :80] for noisy, time, _, _ in session.calls if time[0] == 0.5 and len(noisy) > 1]
    # On the second canvas the first half window at half time is half noise, half what is known (z-score 1).
    assert begins[1].mean() == pytest.approx(0.5, abs=0.05)


def test_patches_fade_into_each_other_and_share_a_part_of_their_noise():
    session = PatchSession()
    mel = imagine(imaginer_of("dcgan", session), Wish("jazz"), 6.0)
    assert np.abs(np.diff(mel[0])).max() < 0.2  # a step of level would be as large as the noise
    noises = np.concatenate([noise for noise, _ in session.calls])
    assert np.corrcoef(noises)[0, 1] == pytest.approx(0.6, abs=0.2)
    assert all(told["genre"] == 0 for _, told in session.calls)


def test_a_generator_that_was_told_no_genres_is_given_none():
    session = PatchSession()
    bare = imaginer_of("dcgan", session, conditional=False)
    imagine(bare, Wish(), 1.0)
    assert session.calls[0][1] == {}
    with pytest.raises(UsageError, match="was not told genres"):
        imagine(bare, Wish("jazz"), 1.0)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish("jaz"), "did you mean jazz"),
        (Wish(valence=0.5), "valence and arousal"),
        (Wish(valence=0.5, arousal=1.5), "arousal 1.5: must be from -1 to 1"),
        (Wish(steps=0), "must be from 1 to 500"),
        (Wish(guidance=float("nan")), "guidance nan: must be from 0 to 20"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_in_one_line(wish, message):
    with pytest.raises(UsageError, match=message):
        imagine(imaginer_of(), wish, 1.0)


@pytest.mark.parametrize("seconds", [0.0, -1.0, LONGEST_S + 1, float("nan"), float("inf")])
def test_a_length_that_cannot_be_is_refused(seconds):
    with pytest.raises(UsageError, match="must be above 0 and at most 3600"):
        imagine(imaginer_of(), None, seconds)


def test_a_network_without_finite_numbers_is_named():
    class Broken(FlowSession):
        def run_inputs(self, *, noisy, **told):
            return {"clean": np.full_like(noisy, np.nan)}

    with pytest.raises(ModelError, match="gives no finite numbers"):
        imagine(imaginer_of(session=Broken()), None, 1.0)


def test_pictures_stay_within_what_a_vocoder_takes():
    class Loud(FlowSession):
        def run_inputs(self, *, noisy, **told):
            return {"clean": np.where(noisy > 0, 99.0, -99.0).astype(np.float32)}

    mel = imagine(imaginer_of(session=Loud()), None, 1.0)
    assert mel.min() >= np.float32(FORM.lowest)
    assert mel.max() <= 3.0


def test_a_folder_that_holds_no_generator_is_named(tmp_path):
    with pytest.raises(ModelError, match="no generator; name flow or dcgan"):
        open_imaginer(tmp_path)
    (tmp_path / "spectra.json").write_text('{"sha256": "0", "kind": "waves"}')
    with pytest.raises(ModelError, match="is no generator's card"):
        open_imaginer(tmp_path)


@pytest.mark.parametrize("kind", ["flow", "dcgan"])
@pytest.mark.parametrize("seconds", [0.3, 7.0, 50.0])
def test_progress_adds_up_to_the_frames_of_the_picture(kind, seconds):
    told = []
    imagine(imaginer_of(kind), Wish(steps=7), seconds, advance=told.append)
    assert sum(told) == frames_of(seconds)
    assert min(told) >= 0
