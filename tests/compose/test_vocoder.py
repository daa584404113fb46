"""Log-mel pictures as sound: whole or in pieces, by three methods, and what is no picture is told so."""

import hashlib
import itertools
import json

import numpy as np
import pytest

from sideman.audio.mel import mel_filterbank
from sideman.audio.mel_picture import FORM, HIGHEST, log_mel_picture
from sideman.compose.vocoder import (
    CONTEXT_FRAMES,
    METHODS,
    check_picture,
    natural_length,
    vocode,
    vocode_blocks,
)
from sideman.core.errors import AudioError, ModelError, UsageError
from sideman.inference.sessions import open_session
from tests.audio.signals import music

OFFLINE = tuple(method for method in METHODS if method != "network")
ITERATIONS = 8  # of Griffin-Lim: how good it gets is told in tests/audio/test_inversion.py


def write_vocoder(folder, *, taps=21, bins=513, output="spectrum"):
    """A network of one convolution over time, `taps` frames wide, that looks up magnitudes and knows no phases."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    filters = mel_filterbank(FORM.sample_rate_hz, FORM.n_fft, n_mels=FORM.n_mels)
    # Log magnitude of a bin: the weighted mean of its bands' log-mel, a little higher. Phase: anything.
    spread = filters / np.maximum(filters.sum(axis=0), 1e-9)
    weight = 0.01 * rng.standard_normal((2 * bins, FORM.n_mels, taps)).astype(np.float32)
    weight[:bins, :, taps // 2] += spread.T[:bins]
    bias = np.zeros(2 * bins, np.float32)
    bias[:bins] = 3.0
    bias[bins:] = rng.uniform(-3, 3, bins)
    nodes = [
        helper.make_node("Conv", ["mel", "weight", "bias"], ["bands"], pads=[taps // 2, taps // 2]),
        helper.make_node("Transpose", ["bands"], [output], perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "vocoder",
        [helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["b", FORM.n_mels, "t"])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["b", "t", 2 * bins])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    payload = model.SerializeToString()
    folder.mkdir(exist_ok=True)
    (folder / "vocoder.onnx").write_bytes(payload)
    card = {"name": "vocoder", "sha256": hashlib.sha256(payload).hexdigest()}
    (folder / "vocoder.json").write_text(json.dumps(card))
    return folder


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return open_session("vocoder", write_vocoder(tmp_path_factory.mktemp("weights") / "v"))


@pytest.fixture(scope="module")
def picture():
    return log_mel_picture(music(6.0))


def distance(sound, picture):
    return np.abs(log_mel_picture(sound)[:, : picture.shape[1]] - picture).mean()


# Sound


@pytest.mark.parametrize("method", OFFLINE)
def test_the_sound_has_the_picture_and_its_length(method, picture):
    sound = vocode(picture, method, iterations=ITERATIONS)
    assert sound.dtype == np.float32
    assert sound.shape == (natural_length(picture.shape[1]),)
    assert log_mel_picture(sound).shape == picture.shape
    assert distance(sound, picture) < (0.2 if method == "griffin-lim" else 1.2)


@pytest.mark.parametrize("method", METHODS)
def test_corrections_bring_it_nearer(method, picture, session):
    missed = [
        distance(vocode(picture, method, iterations=ITERATIONS, corrections=n, session=session), picture)
        for n in (0, 1, 2)
    ]
    assert missed[0] > missed[1] > missed[2]


def test_the_network_is_corrected_unless_told_otherwise(picture, session):
    corrected = vocode(picture, session=session, corrections=3)
    np.testing.assert_array_equal(vocode(picture, session=session), corrected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("length", [1, 255, 70_000, 200_000])
def test_any_length_can_be_had(method, length, picture, session):
    sound = vocode(picture, method, iterations=2, length=length, session=session)
    assert sound.shape == (length,)
    assert not sound[natural_length(picture.shape[1]) :].any()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_picture_may_be_very_short(method, frames, picture, session):
    sound = vocode(picture[:, 200 : 200 + frames], method, iterations=2, session=session)
    assert sound.shape == (256 * frames - 1,)
    assert np.isfinite(sound).all()


@pytest.mark.parametrize("method", OFFLINE)
def test_silence_stays_silent(method):
    sound = vocode(np.full((96, 30), FORM.lowest), method, iterations=2)
    assert np.abs(sound).max() < 1e-3  # -60 dB: a picture tells no difference below its floor


def test_the_seed_decides(picture):
    first, again, other = (vocode(picture, "griffin-lim", iterations=2, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


# In pieces


def test_the_network_s_sound_does_not_depend_on_the_blocks(picture, session):
    whole = vocode(picture, session=session)
    pieces = np.concatenate(list(vocode_blocks(picture, session=session, block_frames=100)))
    np.testing.assert_allclose(pieces, whole, atol=1e-4 * np.abs(whole).max())


def test_a_single_pass_goes_on_from_block_to_block(picture):
    whole = vocode(picture, "single-pass")
    pieces = np.concatenate(list(vocode_blocks(picture, "single-pass", block_frames=100)))
    np.testing.assert_allclose(pieces, whole, atol=5e-3)


def test_griffin_lim_s_blocks_join_without_a_seam(picture):
    sound = np.concatenate(list(vocode_blocks(picture, "griffin-lim", iterations=30, block_frames=100)))
    assert len(sound) == natural_length(picture.shape[1])
    missed = np.abs(log_mel_picture(sound) - picture).mean(axis=0)
    at_seams = np.concatenate([missed[k - 4 : k + 4] for k in range(100, picture.shape[1], 100)])
    assert at_seams.mean() < 1.5 * missed.mean()
    steps = np.abs(np.diff(sound))
    assert max(steps[256 * k - 600 : 256 * k + 600].max() for k in range(100, 500, 100)) <= steps.max()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rest", [1, 2, 3, 63, 65])
def test_a_last_block_of_a_few_frames_has_its_place(method, rest, picture, session):
    """The sound after the border is where it is in the whole: its picture fits up to the end."""
    part = picture[:, : 200 + rest]
    pieces = vocode_blocks(part, method, iterations=30, corrections=2, session=session, block_frames=100)
    sound = np.concatenate(list(pieces))
    assert len(sound) == natural_length(200 + rest)
    missed = np.abs(log_mel_picture(sound) - part).mean(axis=0)
    whole = np.abs(log_mel_picture(vocode(part, method, iterations=30, corrections=2, session=session)) - part)
    assert missed[190:].mean() < 1.5 * whole.mean(axis=0)[190:].mean()


@pytest.mark.parametrize("method", METHODS)
def test_pieces_come_one_by_one_and_are_small(method, session):
    """Two hours of picture: the first piece costs no more than a block of it."""
    picture = np.broadcast_to(np.float32(-4.0), (96, 600_000))
    pieces = vocode_blocks(picture, method, iterations=1, corrections=0, session=session, block_frames=200)
    for piece in itertools.islice(pieces, 2):
        assert 0 < len(piece) <= 256 * (200 + CONTEXT_FRAMES)


# What is no picture


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (np.zeros((80, 10)), "not \\(80, 10\\)"),
        (np.zeros((10, 96)), "transpose it"),
        (np.zeros(96), "shape"),
        (np.zeros((1, 96, 10)), "shape"),
        (np.zeros((96, 0)), "no frames"),
        (np.full((96, 3), np.nan), "NaN"),
        (np.full((96, 3), -np.inf), "infinite"),
        (np.full((96, 3), HIGHEST + 1), "reaches from 6.0 to 6.0"),
        (np.full((96, 3), -80.0), "natural logarithms"),
        ([["a"]], "not of <U1"),
        ([[1], [1, 2]], "array of numbers"),
        (np.zeros((96, 3), complex), "not of complex128"),
        (np.full((96, 3), 1e300), "infinite"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_no_picture_is_refused_in_one_line(picture, words):
    for function in (check_picture, vocode, vocode_blocks):
        with pytest.raises(AudioError, match=words) as caught:
            function(picture)
        assert "\n" not in str(caught.value)


def test_a_step_over_the_ends_is_taken_back():
    picture = check_picture([[HIGHEST + 0.05, FORM.lowest - 0.05]] * 96)
    assert picture.max() == np.float32(HIGHEST)
    assert picture.min() == np.float32(FORM.lowest)


def test_a_picture_given_is_not_changed(picture):
    before = picture.copy()
    vocode(picture, "single-pass")
    np.testing.assert_array_equal(picture, before)


def test_arguments_out_of_range_are_refused_before_any_work(picture):
    with pytest.raises(UsageError, match="unknown method 'vocos'"):
        vocode_blocks(picture, "vocos")
    for options in ({"iterations": -1}, {"corrections": -1}, {"length": 0}, {"block_frames": 10}, {"seed": -1}):
        with pytest.raises(UsageError, match=">= 0"):
            vocode_blocks(picture, "griffin-lim", **options)


# What is no vocoder


def test_a_network_of_another_kind_is_refused_in_one_line(tmp_path, picture):
    for name, options, words in (
        ("a", {"output": "scores"}, "its outputs are scores"),
        ("b", {"bins": 257}, "came of a picture"),
    ):
        session = open_session("vocoder", write_vocoder(tmp_path / name, **options))
        with pytest.raises(ModelError, match=words) as caught:
            vocode(picture, session=session)
        assert "\n" not in str(caught.value)
        assert "vocoder.onnx" in str(caught.value)


class Broken:
    """A session whose network gives NaN, or nothing at all."""

    outputs = ("spectrum",)

    def __init__(self, session, value):
        self.card, self.value = session.card, value

    def run(self, batch):
        if self.value is None:
            raise RuntimeError("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT\nmore of it")
        return {"spectrum": np.full((1, batch.shape[2], 1026), self.value, np.float32)}


@pytest.mark.parametrize(("value", "words"), [(np.nan, "NaN"), (np.inf, "NaN"), (None, "INVALID_ARGUMENT")])
def test_a_network_that_fails_is_told_in_one_line(value, words, picture, session):
    with pytest.raises(ModelError, match=words) as caught:
        vocode(picture, session=Broken(session, value))
    assert "\n" not in str(caught.value)


def test_what_is_too_loud_to_be_a_sound_is_held_back(picture, session):
    assert np.isfinite(vocode(picture, session=Broken(session, 80.0))).all()
