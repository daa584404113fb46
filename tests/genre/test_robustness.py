"""Interventions do to a sound what they say, and a model's answers are compared under each of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.audio.decode import load
from sideman.audio.stretch import stretch
from sideman.core.errors import DatasetError, UsageError
from sideman.datasets.track import Track
from sideman.genre.interventions import INTERVENTIONS, Intervention, chosen, pitch, shelves
from sideman.genre.robustness import UNCHANGED, default_predict, robustness
from tests.genre.clips import song

RATE_HZ = 22_050
N = 2 * RATE_HZ


def tone(hz: float, level: float = 0.3, n: int = N) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(n) / RATE_HZ)).astype(np.float32)


def changed(name: str, y: np.ndarray, rate_hz: int = RATE_HZ) -> np.ndarray:
    return INTERVENTIONS[name].change(y, rate_hz, np.random.default_rng(0))


def level_at(y: np.ndarray, hz: float, rate_hz: int = RATE_HZ) -> float:
    """Amplitude of the loudest partial within 3 % of a frequency, away from the ends."""
    inner = y[len(y) // 5 : -len(y) // 5]
    window = np.hanning(len(inner))
    spectrum = 2 * np.abs(np.fft.rfft(inner * window, 1 << 18)) / window.sum()
    bins_hz = np.fft.rfftfreq(1 << 18, 1 / rate_hz)
    return float(spectrum[np.abs(bins_hz - hz) < 0.03 * hz + 2].max())


def pitch_of(y: np.ndarray) -> float:
    inner = y[len(y) // 5 : -len(y) // 5]
    return float(np.abs(np.fft.rfft(inner * np.hanning(len(inner)), 1 << 19)).argmax() * RATE_HZ / (1 << 19))


def db(ratio: float) -> float:
    return 20 * np.log10(ratio)


class TestEachChange:
    def test_there_are_those_that_are_promised(self):
        assert {change.container for change in INTERVENTIONS.values()} == {"wav", "mp3", "ogg", "opus"}
        for promised in (
            "high-pass 20 Hz",
            "low-pass 8 kHz",
            "gain",
            "bass",
            "pitch",
            "tempo",
            "mp3",
            "8 kHz",
            "noise",
        ):
            assert any(promised in name for name in INTERVENTIONS)

    @pytest.mark.parametrize("name", [name for name in INTERVENTIONS if "tempo" not in name])
    def test_length_stays(self, name):
        for n in (N, 12_345):
            y = changed(name, song(2.0)[:n])
            assert y.shape == song(2.0)[:n].shape
            assert np.isfinite(y).all()

    @pytest.mark.parametrize("name, speed", [("tempo +6 %", 1.06), ("tempo -6 %", 0.94)])
    def test_tempo_changes_the_length_and_not_the_pitch(self, name, speed):
        y = changed(name, tone(440))
        assert len(y) == round(N / speed)
        assert pitch_of(y) == pytest.approx(440, rel=0.002)
        assert level_at(y, 440) == pytest.approx(0.3, rel=0.05)

    @pytest.mark.parametrize("speed", [0.94, 1.06])
    def test_tempo_moves_beats(self, speed):
        y = np.zeros(4 * RATE_HZ, np.float32)
        beats = np.arange(1, 8) * RATE_HZ // 2
        y[beats] = 1.0
        energy = np.convolve(np.square(stretch(y, speed)), np.ones(200), "same")
        for beat in beats / speed:
            near = slice(int(beat) - 3000, int(beat) + 3000)
            assert abs(int(energy[near].argmax()) - 3000) < 400

    @pytest.mark.parametrize("name, semitones", [("pitch +1 semitone", 1), ("pitch -1 semitone", -1)])
    def test_pitch_changes_by_a_semitone(self, name, semitones):
        y = changed(name, tone(440))
        assert pitch_of(y) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.002)
        assert level_at(y, 440 * 2 ** (semitones / 12)) == pytest.approx(0.3, rel=0.05)

    @settings(max_examples=20)
    @given(hz=st.floats(100, 4000), semitones=st.floats(-3, 3))
    def test_pitch_changes_by_any_step(self, hz, semitones):
        y = pitch(tone(hz, n=RATE_HZ), RATE_HZ, semitones)
        assert pitch_of(y) == pytest.approx(hz * 2 ** (semitones / 12), rel=0.01, abs=1)

    def test_the_high_pass_takes_what_no_one_hears(self):
        low, high = tone(6, n=8 * RATE_HZ), tone(200, n=8 * RATE_HZ)
        assert db(level_at(changed("high-pass 20 Hz", low), 6) / 0.3) < -30
        assert abs(db(level_at(changed("high-pass 20 Hz", high), 200) / 0.3)) < 0.1

    def test_the_low_pass_takes_the_treble(self):
        assert db(level_at(changed("low-pass 8 kHz", tone(10_000)), 10_000) / 0.3) < -15
        assert abs(db(level_at(changed("low-pass 8 kHz", tone(4000)), 4000) / 0.3)) < 0.5
        narrow = song(1.0)
        assert changed("low-pass 8 kHz", narrow, 16_000) is narrow

    @pytest.mark.parametrize("name, sign", [("bass +6 dB, treble -6 dB", 1), ("bass -6 dB, treble +6 dB", -1)])
    def test_the_equaliser_tilts(self, name, sign):
        assert db(level_at(changed(name, tone(60)), 60) / 0.3) == pytest.approx(6 * sign, abs=0.5)
        assert db(level_at(changed(name, tone(9000)), 9000) / 0.3) == pytest.approx(-6 * sign, abs=0.5)
        assert abs(db(level_at(changed(name, tone(900)), 900) / 0.3)) < 1.0

    @settings(max_examples=30)
    @given(low_db=st.floats(-12, 12), high_db=st.floats(-12, 12))
    def test_opposite_shelves_cancel(self, low_db, high_db):
        y = song(0.5)
        back = shelves(shelves(y, RATE_HZ, low_db, high_db), RATE_HZ, -low_db, -high_db)
        assert np.abs(back - y).max() < 1e-3

    def test_gains(self):
        assert np.allclose(changed("gain -20 dB", tone(440)), tone(440) / 10)
        loud = changed("gain +6 dB, clipped", tone(440, 0.8))
        assert np.abs(loud).max() == 1.0
        assert (np.abs(loud) == 1.0).mean() > 0.3

    def test_8_khz_keeps_the_voice_and_loses_the_rest(self):
        assert abs(db(level_at(changed("through 8 kHz", tone(2000)), 2000) / 0.3)) < 0.2
        assert db(level_at(changed("through 8 kHz", tone(5000)), 5000) / 0.3) < -60

    def test_noise_is_30_db_below(self):
        y = song(4.0)
        added = changed("noise 30 dB", y) - y
        assert 10 * np.log10(np.mean(y**2) / np.mean(added**2)) == pytest.approx(30, abs=0.3)

    def test_what_is_random_comes_from_the_seed(self):
        change = INTERVENTIONS["noise 30 dB"].change
        y = song(0.5)
        assert (change(y, RATE_HZ, np.random.default_rng(1)) == change(y, RATE_HZ, np.random.default_rng(1))).all()
        assert (change(y, RATE_HZ, np.random.default_rng(1)) != change(y, RATE_HZ, np.random.default_rng(2))).any()

    @pytest.mark.parametrize("name", ["mp3", "mp3, smallest", "ogg", "opus"])
    def test_codecs_give_nearly_the_same_sound(self, name, tmp_path):
        y = 3 * song(3.0)
        path = INTERVENTIONS[name].write(y, RATE_HZ, tmp_path / "x", np.random.default_rng(0))
        assert path.suffix[1:] == INTERVENTIONS[name].container
        back, _ = load(path, sample_rate_hz=RATE_HZ)
        assert abs(len(back) - len(y)) < 3000
        assert level_at(back, 110) > 0
        peak = max(1.0, float(np.abs(y).max()))
        assert np.sqrt(np.mean(back**2)) == pytest.approx(np.sqrt(np.mean((y / peak) ** 2)), rel=0.15)

    def test_the_smallest_mp3_is_smaller(self, tmp_path):
        sizes = [
            INTERVENTIONS[name].write(song(3.0), RATE_HZ, tmp_path / name, np.random.default_rng(0)).stat().st_size
            for name in ("mp3, smallest", "mp3")
        ]
        assert sizes[0] < sizes[1]

    def test_unknown_names_are_told(self):
        assert len(chosen()) == len(INTERVENTIONS)
        with pytest.raises(UsageError, match="no intervention 'autotune'"):
            chosen(("mp3", "autotune"))

    @pytest.mark.parametrize("speed", [0.0, -1.0, 9.0, float("nan")])
    def test_speeds_out_of_range_are_told(self, speed):
        with pytest.raises(UsageError, match="speed"):
            stretch(song(0.5), speed)


@pytest.fixture(scope="module")
def tracks(tmp_path_factory) -> list[Track]:
    """Loud and quiet recordings, two of each."""
    folder = tmp_path_factory.mktemp("tracks")
    made = []
    for i, (genre, level) in enumerate([("loud", 0.9), ("loud", 0.8), ("quiet", 0.1), ("quiet", 0.2)]):
        path = folder / f"{i}.wav"
        soundfile.write(path, level * song(1.0, i), RATE_HZ, subtype="FLOAT")
        made.append(Track(path, f"{genre}.{i}", genre))
    return made


def by_level(path: Path) -> dict[str, float]:
    """A model that goes by loudness, as none should."""
    y, _ = load(path)
    loud = float(np.sqrt(np.mean(y**2)) > 0.04)
    return {"loud": 0.1 + 0.8 * loud, "quiet": 0.9 - 0.8 * loud}


class TestFigures:
    def test_a_model_that_goes_by_loudness_is_found_out(self, tracks):
        found = robustness(tracks, by_level, chosen(("gain -20 dB", "high-pass 20 Hz")))
        figures = {figure.name: figure for figure in found.figures}
        assert list(figures) == [UNCHANGED, "gain -20 dB", "high-pass 20 Hz"]
        assert figures[UNCHANGED].accuracy == figures["high-pass 20 Hz"].accuracy == 1.0
        assert figures[UNCHANGED].same == 1.0
        assert figures[UNCHANGED].total_variation == 0.0
        quiet = figures["gain -20 dB"]
        assert (quiet.accuracy, quiet.same, quiet.recordings) == (0.5, 0.5, 4)
        assert quiet.total_variation == pytest.approx(0.5 * 0.8)
        low, high = quiet.accuracy_interval
        assert 0 < low < 0.5 < high < 1
        assert json.loads(json.dumps(found.to_dict()))["figures"][1]["same"] == 0.5

    def test_several_workers_and_plain_arrays_give_the_same(self, tracks):
        alone = robustness(tracks, by_level, chosen(("noise 30 dB", "mp3")))
        assert robustness(tracks, by_level, chosen(("noise 30 dB", "mp3")), workers=2) == alone
        plain = robustness(
            tracks, lambda path: list(by_level(path).values()), chosen(("noise 30 dB", "mp3")), genres=("loud", "quiet")
        )
        assert plain == alone

    def test_a_recording_that_cannot_be_read_is_told_and_left_out(self, tracks, tmp_path):
        (tmp_path / "bad.wav").write_bytes(b"no sound")
        found = robustness([*tracks, Track(tmp_path / "bad.wav", "bad", "loud")], by_level, chosen(("mp3",)))
        assert found.figures[0].recordings == 4
        assert len(found.failures) == 1
        assert "bad.wav" in found.failures[0]
        with pytest.raises(DatasetError, match=r"bad\.wav"):
            robustness([Track(tmp_path / "bad.wav", "bad", "loud")], by_level)

    def test_genres_that_the_model_does_not_know_have_no_accuracy(self, tracks):
        strangers = [Track(t.path, t.track_id, "polka") for t in tracks]
        figure = robustness(strangers, by_level, chosen(("mp3",))).figures[1]
        assert figure.accuracy is None
        assert figure.accuracy_interval is None
        assert figure.same == 1.0

    def test_what_does_not_go_is_told(self, tracks):
        with pytest.raises(DatasetError, match="no recordings"):
            robustness([], by_level)
        with pytest.raises(UsageError, match="names of their own"):
            robustness(tracks, by_level, [Intervention(UNCHANGED, "", lambda y, _r, _: y)])
        with pytest.raises(UsageError, match="workers=1"):
            robustness(tracks, by_level, [Intervention("mine", "", lambda y, _r, _: y)], workers=2)
        with pytest.raises(UsageError, match="name them"):
            robustness(tracks, lambda _: [0.5, 0.5], chosen(("mp3",)))

    def test_the_default_model_does_not_go_by_loudness(self, tracks):
        figure = robustness(tracks[:2], default_predict, chosen(("gain -20 dB",))).figures[1]
        assert figure.same == 1.0
        assert figure.total_variation < 0.01
