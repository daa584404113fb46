"""Sound from spectra: the inverse STFT, Griffin-Lim, and phases in a single pass."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.audio.griffin_lim import griffin_lim
from sideman.audio.inversion import istft, resynthesise
from sideman.audio.single_pass import PeakPhases, single_pass
from sideman.audio.spectrum import stft
from sideman.core.errors import AudioError, UsageError
from tests.audio.signals import RATE_HZ, music, noise, signals

librosa = pytest.importorskip("librosa")

FORM = {"n_fft": 1024, "hop_length": 256}


def convergence(sound, magnitude):
    """Spectral convergence: what is missed of the magnitudes, as a share of them."""
    got = np.abs(stft(sound, **FORM))[:, : magnitude.shape[1]]
    return np.linalg.norm(got - magnitude) / np.linalg.norm(magnitude)


def any_spectrum(n_fft, t, seed=0):
    """Frames that no sound has: the case in which the order of windows and sums matters."""
    rng = np.random.default_rng(seed)
    spectrum = rng.standard_normal((1 + n_fft // 2, t)) + 1j * rng.standard_normal((1 + n_fft // 2, t))
    return spectrum.astype(np.complex64)


# The inverse STFT


@settings(deadline=None, max_examples=40)
@given(
    t=st.integers(2, 90),
    seed=st.integers(0, 1000),
    form=st.sampled_from([(1024, 256), (1024, 512), (256, 64), (512, 128), (1024, 200), (400, 160)]),
    length=st.one_of(st.none(), st.floats(0.2, 0.99)),
)
def test_equals_librosa(t, seed, form, length):
    n_fft, hop = form
    spectrum = any_spectrum(n_fft, t, seed)
    n = None if length is None else max(1, int(length * hop * (t - 1)))
    ours = istft(spectrum, n_fft=n_fft, hop_length=hop, length=n)
    theirs = librosa.istft(spectrum, n_fft=n_fft, hop_length=hop, length=n)
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    # librosa stops adding at the last frame that a given length needs; its last samples miss a part of the next one.
    whole = slice(0, len(ours) if n is None else max(0, n - n_fft))
    np.testing.assert_allclose(ours[whole], theirs[whole], atol=1e-6 * max(np.abs(theirs).max(), 1))


@settings(deadline=None, max_examples=30)
@given(y=signals(), form=st.sampled_from([(1024, 256), (2048, 512), (2048, 256), (2048, 128), (512, 200)]))
def test_undoes_the_stft(y, form):
    n_fft, hop = form
    back = istft(stft(y, n_fft=n_fft, hop_length=hop), n_fft=n_fft, hop_length=hop, length=len(y))
    np.testing.assert_allclose(back, y, atol=2e-6 * max(1.0, np.abs(y).max()))


def test_takes_any_memory_order_and_double_precision():
    spectrum = any_spectrum(1024, 70)
    for other in (np.asfortranarray(spectrum), spectrum.astype(np.complex128), spectrum[:, ::-1][:, ::-1]):
        np.testing.assert_array_equal(istft(other, **FORM), istft(spectrum, **FORM))


def test_does_not_touch_what_it_is_given():
    spectrum = any_spectrum(1024, 10)
    before = spectrum.copy()
    istft(spectrum, **FORM)
    np.testing.assert_array_equal(spectrum, before)


def test_length_is_kept_with_silence_where_the_frames_end():
    spectrum = any_spectrum(1024, 4)
    assert istft(spectrum, **FORM).shape == (768,)
    longer = istft(spectrum, **FORM, length=5000)
    assert longer.shape == (5000,)
    assert not longer[768 + 512 :].any()
    assert istft(spectrum, **FORM, length=0).shape == (0,)
    assert istft(spectrum[:, :1], **FORM, length=255).shape == (255,)


@settings(deadline=None, max_examples=20)
@given(y=signals(), hop=st.sampled_from([256, 512, 200]), seed=st.integers(0, 99))
def test_frames_changed_in_passing_are_those_of_the_whole_spectrum(y, hop, seed):
    gain = np.random.default_rng(seed).random((1 + len(y) // hop, 513)).astype(np.float32)
    passing = resynthesise(y, lambda first, b: b * gain[first : first + len(b)], n_fft=1024, hop_length=hop)
    whole = istft(stft(y, n_fft=1024, hop_length=hop) * gain.T, n_fft=1024, hop_length=hop, length=len(y))
    np.testing.assert_allclose(passing, whole, atol=1e-6 * max(1.0, np.abs(y).max()))


@pytest.mark.parametrize("invert", [istft, griffin_lim, single_pass])
@pytest.mark.parametrize(
    ("spectrum", "words"),
    [
        (np.ones((512, 4)), "shape \\(513, t\\)"),
        (np.ones(513), "shape"),
        (np.ones((513, 0)), "no frames"),
        (np.full((513, 3), np.nan), "NaN"),
        (np.full((513, 3), np.inf), "infinite"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_refuses_what_is_no_spectrum(invert, spectrum, words):
    with pytest.raises(AudioError, match=words):
        invert(spectrum, **FORM)


@pytest.mark.parametrize("invert", [istft, griffin_lim, single_pass])
@pytest.mark.parametrize("form", [{"n_fft": 1024, "hop_length": 0}, {"n_fft": 1024, "hop_length": 600}])
def test_refuses_hops_that_lose_samples(invert, form):
    with pytest.raises(UsageError, match="hop_length"):
        invert(np.ones((513, 3)), **form)
    with pytest.raises(UsageError, match="length"):
        invert(np.ones((513, 3)), **FORM, length=-1)


# Griffin-Lim


def test_griffin_lim_converges_as_librosa_s_does():
    y = music(4.0)
    magnitude = np.abs(stft(y, **FORM))
    for iterations, momentum in ((16, 0.99), (60, 0.99), (30, 0.0)):
        ours = griffin_lim(magnitude, **FORM, iterations=iterations, momentum=momentum)
        theirs = librosa.griffinlim(
            magnitude, hop_length=256, n_iter=iterations, momentum=momentum, pad_mode="constant", random_state=0
        )
        assert convergence(ours, magnitude) < 1.1 * convergence(theirs, magnitude)


def test_without_momentum_no_round_makes_it_worse():
    """Griffin and Lim 1984, section III: the distance to the wanted magnitudes never grows."""
    magnitude = np.abs(any_spectrum(1024, 40))
    missed = [convergence_inside(griffin_lim(magnitude, **FORM, iterations=n, momentum=0), magnitude) for n in range(8)]
    assert all(later <= before * 1.001 for before, later in itertools.pairwise(missed))


def convergence_inside(sound, magnitude):
    """As `convergence`, away from the ends, where the silence around a sound is given."""
    got = np.abs(stft(sound, **FORM))
    return np.linalg.norm((got - magnitude)[:, 3:-3])


def test_momentum_and_a_good_start_help():
    magnitude = np.abs(stft(music(3.0), **FORM))

    def missed(**options):
        return convergence(griffin_lim(magnitude, **FORM, **options), magnitude)

    assert missed(iterations=40) < missed(iterations=40, momentum=0)
    assert missed(iterations=3, start="single-pass") < missed(iterations=3)


def test_the_true_phases_are_where_it_stays():
    y = music(2.0)
    spectrum = stft(y, **FORM)
    for iterations in (0, 1, 5):
        back = griffin_lim(np.abs(spectrum), **FORM, iterations=iterations, start=spectrum, length=len(y))
        np.testing.assert_allclose(back, y, atol=1e-5)


def test_the_seed_decides():
    magnitude = np.abs(stft(noise(5000), **FORM))
    first, again, other = (griffin_lim(magnitude, **FORM, iterations=2, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_rounds_are_counted():
    steps = []
    griffin_lim(np.ones((513, 3)), **FORM, iterations=4, advance=steps.append)
    assert steps == [1, 1, 1, 1]


def test_silence_stays_silent():
    silence = np.zeros((513, 9))
    assert not griffin_lim(silence, **FORM, iterations=3).any()
    assert not griffin_lim(silence, **FORM, iterations=3, start="single-pass").any()
    assert not single_pass(silence, **FORM).any()


def test_griffin_lim_refuses_parameters_out_of_range():
    magnitude = np.ones((513, 3))
    for options in ({"iterations": -1}, {"momentum": 2.0}, {"momentum": float("nan")}, {"seed": -1}):
        with pytest.raises(UsageError, match="iterations"):
            griffin_lim(magnitude, **FORM, **options)
    with pytest.raises(UsageError, match="unknown start"):
        griffin_lim(magnitude, **FORM, start="zero")
    with pytest.raises(AudioError, match="as many"):
        griffin_lim(magnitude, **FORM, start=np.ones((513, 2), np.complex64))
    with pytest.raises(AudioError, match="negative"):
        griffin_lim(-magnitude, **FORM)


# Single pass


@pytest.mark.parametrize("frequency_hz", [220.0, 441.7, 1000.0, 3333.3])
def test_a_steady_tone_comes_back(frequency_hz):
    """Its frequency, its level, and its smoothness: what is left after the best sine of that frequency is small."""
    t = np.arange(RATE_HZ) / RATE_HZ
    tone = 0.5 * np.sin(2 * np.pi * frequency_hz * t)
    back = single_pass(np.abs(stft(tone, **FORM)), **FORM)[2000:-2000]
    t = t[2000 : 2000 + len(back)]
    # The frequency is only known to within what a parabola can tell: allow a slow drift of phase over short pieces.
    for first in range(0, len(back) - 2000, 2000):
        piece = slice(first, first + 2000)
        basis = np.stack([np.sin(2 * np.pi * frequency_hz * t[piece]), np.cos(2 * np.pi * frequency_hz * t[piece])])
        (a, b), left, *_ = np.linalg.lstsq(basis.T, back[piece], rcond=None)
        assert np.hypot(a, b) == pytest.approx(0.5, rel=0.05)
        assert np.sqrt(left[0] / 2000) < 0.05


def test_music_is_nearer_than_with_random_phases():
    magnitude = np.abs(stft(music(3.0), **FORM))
    random = griffin_lim(magnitude, **FORM, iterations=0)
    assert convergence(single_pass(magnitude, **FORM), magnitude) < 0.7 * convergence(random, magnitude)


@settings(deadline=None, max_examples=20)
@given(cut=st.integers(1, 150))
def test_frames_in_pieces_go_on_as_if_they_came_at_once(cut):
    frames = np.ascontiguousarray(np.abs(stft(music(2.0), **FORM)).T)
    whole = PeakPhases(**FORM).frames(frames)
    phases = PeakPhases(**FORM)
    pieces = np.concatenate([phases.frames(frames[:cut]), phases.frames(frames[cut:])])
    np.testing.assert_allclose(pieces, whole, atol=1e-3 * np.abs(whole).max())
    np.testing.assert_allclose(np.abs(pieces), frames, rtol=1e-5, atol=1e-6)
