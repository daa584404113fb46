import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from scipy.signal import sosfilt

from sideman.core.errors import ScoreError, UsageError
from sideman.symbolic.loudness import integrated_loudness, k_weighting, normalise
from sideman.symbolic.render import AUDIO_SUFFIXES, SOUNDFONT_VARIABLE, find_soundfont, render, write_audio
from sideman.symbolic.score import GRID, Score
from sideman.symbolic.soundfont import open_soundfont
from tests.symbolic.pieces import band, track
from tests.symbolic.soundfont import make_soundfont

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def font(tmp_path_factory):
    return make_soundfont(tmp_path_factory.mktemp("font") / "tone.sf2")


def note(pitch=69, start=0, duration=24, velocity=100, program=0, tempos=((0, 120.0),)):
    return Score((track(program, [(start, duration, pitch, velocity)]),), tempos=tempos)


def fundamental_hz(samples):
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size))
    return np.argmax(spectrum) * RATE_HZ / size


@pytest.mark.parametrize("pitch", [45, 57, 60, 69, 81, 90])
def test_a_key_sounds_at_its_pitch(font, pitch):
    samples = render(note(pitch), soundfont=font)
    expected = 441 * 2 ** ((pitch - 69) / 12)  # the sample's own A is at 441 Hz
    assert 1200 * abs(np.log2(fundamental_hz(samples[4000:40_000, 0]) / expected)) < 5


@pytest.mark.parametrize("program", [0, 24, 33, 48, 56, 73, 80])
@pytest.mark.parametrize("pitch", [48, 60, 72])
def test_the_bundled_soundfont_is_in_tune(program, pitch):
    """Found: symusic's synthesiser played most of its programmes off key, as it leaves out the zones' root keys."""
    pytest.importorskip("pretty_midi")
    samples = render(note(pitch, program=program), soundfont=find_soundfont())[6000:40_000].sum(1)
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size))
    f0 = 440 * 2 ** ((pitch - 69) / 12)

    def strength(cents):
        places = np.round(np.arange(1, 9) * f0 * 2 ** (cents / 1200) / RATE_HZ * size).astype(int)
        return sum(spectrum[p - 2 : p + 3].max() for p in places)

    cents = np.arange(-600, 601, 10)
    assert abs(cents[np.argmax([strength(c) for c in cents])]) <= 20


def test_a_piece_has_the_target_loudness_and_no_peak_over_the_ceiling(font):
    samples = render(band(), soundfont=font)
    assert samples.dtype == np.float32
    assert samples.ndim == 2
    assert samples.shape[1] == 2
    assert integrated_loudness(samples, RATE_HZ) == pytest.approx(-16, abs=0.3)
    assert np.abs(samples).max() <= 10 ** (-1 / 20) + 1e-4


def test_the_last_note_dies_away_and_then_the_sound_ends(font):
    score = note()
    samples = render(score, soundfont=font)
    assert 0 < len(samples) / RATE_HZ - score.duration_s < 4
    assert np.abs(samples[-10:]).max() < 1e-3


def test_louder_keys_sound_louder(font):
    notes = [(48 * i, 24, 69, v) for i, v in enumerate((30, 70, 127))]
    samples = render(Score((track(0, notes),)), soundfont=font)
    levels = [np.sqrt((samples[2 * RATE_HZ * i : 2 * RATE_HZ * i + RATE_HZ // 2] ** 2).mean()) for i in range(3)]
    assert all(soft < 0.8 * loud for soft, loud in pairwise(levels))


def test_a_tempo_change_moves_what_follows(font):
    score = Score((track(0, [(0, 6, 69, 100), (96, 6, 69, 100)]),), tempos=((0, 120.0), (48, 60.0)))
    loud = np.abs(render(score, soundfont=font)).max(1)
    second = np.flatnonzero(loud[int(2.2 * RATE_HZ) :] > 0.5 * loud.max())[0] / RATE_HZ + 2.2
    assert second == pytest.approx(2 + 4, abs=0.02)


def test_drums_play_the_drum_set(font):
    samples = render(Score((track(128, [(0, 1, 69, 100)]),)), soundfont=font)
    assert np.abs(samples).max() > 0.05


def test_rendering_again_gives_the_same(font):
    assert np.array_equal(render(band(1), soundfont=font), render(band(1), soundfont=font))


@pytest.mark.parametrize("pitch", [0, 127])
@pytest.mark.parametrize("duration", [1, 100_000])
@pytest.mark.parametrize("bpm", [4.0, 1000.0])
def test_extremes_give_finite_sound(font, pitch, duration, bpm):
    score = note(pitch, duration=min(duration, int(GRID * bpm)), tempos=((0, bpm),))
    samples = render(score, soundfont=font)
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1


def test_what_cannot_be_played_is_refused_in_a_line(font, tmp_path):
    with pytest.raises(ScoreError, match="no notes"):
        render(Score(()), soundfont=font)
    with pytest.raises(ScoreError, match="minutes"):
        render(note(start=GRID * 60 * 200), soundfont=font)
    with pytest.raises(ScoreError, match="at once"):
        render(Score((track(0, [(0, 480, 60, 90)] * 300),)), soundfont=font)
    with pytest.raises(UsageError, match="sample rate"):
        render(note(), soundfont=font, sample_rate_hz=100)


def test_a_missing_or_damaged_soundfont_is_named(font, tmp_path, monkeypatch):
    with pytest.raises(ScoreError, match=r"none\.sf2: no such SoundFont"):
        render(note(), soundfont=tmp_path / "none.sf2")
    monkeypatch.setenv(SOUNDFONT_VARIABLE, str(tmp_path / "none.sf2"))
    with pytest.raises(ScoreError, match=SOUNDFONT_VARIABLE):
        render(note())
    data = font.read_bytes()
    for number, bad in enumerate([b"", b"nonsense" * 100, data[: len(data) // 2], data[:3000]]):
        path = tmp_path / f"bad{number}.sf2"
        path.write_bytes(bad)
        with pytest.raises(ScoreError, match=path.name) as caught:
            render(note(), soundfont=path)
        assert "\n" not in str(caught.value)


def test_changed_bytes_in_a_soundfont_never_end_in_another_error(font, tmp_path):
    data = bytearray(font.read_bytes())
    tables = data.index(b"pdta")
    rng = np.random.default_rng(0)
    for number in range(60):
        bad = data.copy()
        for at in rng.integers(tables, len(data), 20):
            bad[at] = rng.integers(256)
        path = tmp_path / f"{number}.sf2"
        path.write_bytes(bad)
        try:
            assert np.isfinite(render(note(), soundfont=path)).all()
        except ScoreError as error:
            assert path.name in str(error)  # noqa: PT017


def test_the_named_soundfont_comes_before_the_environment(font, tmp_path, monkeypatch):
    monkeypatch.setenv(SOUNDFONT_VARIABLE, str(tmp_path / "none.sf2"))
    assert find_soundfont(font) == font
    monkeypatch.setenv(SOUNDFONT_VARIABLE, str(font))
    assert find_soundfont() == font


def test_finding_the_bundled_soundfont_does_not_import_its_package():
    pytest.importorskip("pretty_midi")
    code = (
        "import sys; from sideman.symbolic.render import find_soundfont; find_soundfont(); "
        "assert 'pretty_midi' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def test_a_soundfont_is_opened_once(font):
    assert open_soundfont(font) is open_soundfont(font)


def test_loudness_of_the_standards_reference_tone():
    """BS.1770: 997 Hz at full scale on one channel is -3.01 LUFS."""
    tone = np.sin(2 * np.pi * 997 * np.arange(5 * 48_000) / 48_000)
    samples = np.stack([tone, np.zeros_like(tone)], 1).astype(np.float32)
    assert integrated_loudness(samples, 48_000) == pytest.approx(-3.01, abs=0.02)


def test_the_weighting_has_the_standards_coefficients():
    shelf, cut = k_weighting(48_000)
    assert shelf == pytest.approx(
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585], abs=1e-6
    )
    assert cut == pytest.approx([1, -2, 1, 1, -1.99004745483398, 0.99007225036621], abs=1e-6)


def test_loudness_by_spectrum_is_loudness_by_filter():
    rng = np.random.default_rng(1)
    noise = np.cumsum(rng.standard_normal((8 * RATE_HZ, 2)), 0) * 1e-4 + rng.standard_normal((8 * RATE_HZ, 2)) * 0.05
    weighted = sosfilt(k_weighting(RATE_HZ), noise, axis=0)
    expected = -0.691 + 10 * np.log10((weighted**2).mean(0).sum())
    assert integrated_loudness(noise.astype(np.float32), RATE_HZ) == pytest.approx(expected, abs=0.15)


def test_the_limiter_keeps_peaks_under_the_ceiling_and_the_loudness():
    rng = np.random.default_rng(2)
    channels = (rng.standard_normal((2, 4 * RATE_HZ)) * 0.1).astype(np.float32)
    channels[:, :: RATE_HZ // 2] = 3.0
    normalise(channels, RATE_HZ, -16.0, -1.0)
    assert np.abs(channels).max() <= 10 ** (-1 / 20) + 1e-4
    assert integrated_loudness(channels.T, RATE_HZ) == pytest.approx(-16, abs=0.3)


@pytest.mark.parametrize("suffix", AUDIO_SUFFIXES)
def test_written_audio_can_be_read_back(tmp_path, suffix):
    t = np.arange(RATE_HZ) / RATE_HZ
    samples = np.stack([np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 660 * t)], 1).astype(np.float32) * 0.5
    path = tmp_path / f"sound{suffix}"
    write_audio(samples, path, RATE_HZ)
    read, rate_hz = soundfile.read(path)
    assert read.shape[1] == 2
    assert len(read) / rate_hz == pytest.approx(1.0, abs=0.1)
    assert np.sqrt((read**2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)
    if suffix in (".wav", ".flac"):
        assert np.abs(read - samples).max() < 3 / 32_768


def test_another_kind_of_audio_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\.wav"):
        write_audio(np.zeros((10, 2), np.float32), tmp_path / "a.xyz")
