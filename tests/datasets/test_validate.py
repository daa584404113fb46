"""Validation finds what is missing, broken, mislabelled or not as expected, and nothing in a sound data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sideman.core.errors import AudioError, DatasetError
from sideman.datasets import folders, gtzan, manifest
from sideman.datasets.clips import examine, measure
from sideman.datasets.validate import CODES, Expectation, Finding, counts, require_valid, validate
from tests.datasets.music import RATE_HZ, tune, write


def codes(findings: tuple[Finding, ...]) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for finding in findings:
        assert finding.severity == CODES[finding.code][0]
        assert "\n" not in finding.message
        found.setdefault(finding.code, []).append(finding.track)
    return found


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    write(tmp_path / "jazz" / "a.wav", tune(1, 1.0))
    write(tmp_path / "rock" / "b.flac", tune(2, 1.0))
    return tmp_path


def test_a_sound_data_set_has_no_findings(sound: Path) -> None:
    assert validate(folders.load(sound), workers=1) == ()


def test_broken_files_are_found_and_do_not_stop_the_run(sound: Path) -> None:
    (sound / "jazz" / "text.mp3").write_text("this is no music")
    (sound / "jazz" / "empty.wav").write_bytes(b"")
    whole = (sound / "jazz" / "a.wav").read_bytes()
    (sound / "rock" / "cut.wav").write_bytes(whole[: len(whole) // 2])
    ticks: list[int] = []
    found = codes(validate(folders.load(sound), workers=1, advance=ticks.append))
    assert found == {"unreadable": ["jazz/empty.wav", "jazz/text.mp3"], "truncated": ["rock/cut.wav"]}
    assert sum(ticks) == 5


def test_copies_within_a_genre_are_warned_of_and_across_genres_are_errors(sound: Path) -> None:
    a = (sound / "jazz" / "a.wav").read_bytes()
    (sound / "jazz" / "z.wav").write_bytes(a)
    (sound / "rock" / "z.wav").write_bytes(a)
    findings = validate(folders.load(sound), workers=1)
    assert codes(findings) == {"contradictory": ["rock/z.wav"], "same-file": ["jazz/z.wav"]}
    assert "is rock, but the same file is jazz as jazz/a.wav" in findings[0].message
    with pytest.raises(DatasetError, match="contradictory"):
        require_valid(findings)
    require_valid(findings[1:])


def test_rate_length_silence_and_strays_are_found(sound: Path) -> None:
    write(sound / "rock" / "slow.wav", tune(3, 3.5, 16000), 16000)
    write(sound / "rock" / "silent.wav", np.zeros(RATE_HZ, np.float32))
    write(sound / "stray.wav", tune(4, 1.0))
    found = codes(validate(folders.load(sound), Expectation(RATE_HZ, 1.0), workers=1))
    assert found == {
        "wrong-rate": ["rock/slow.wav"],
        "wrong-length": ["rock/slow.wav"],
        "silent": ["rock/silent.wav"],
        "unexpected": [None],
    }


def test_an_empty_or_single_genre_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "jazz" / "a.wav", tune(1, 1.0))
    (tmp_path / "rock").mkdir()
    assert codes(validate(folders.load(tmp_path), workers=1)) == {"empty-genre": [None], "single-genre": [None]}


def test_gtzan_is_expected_whole_and_its_known_faults_are_named(tmp_path: Path) -> None:
    write(tmp_path / "blues.00000.wav", np.tile(tune(1, 10.0), 3))
    write(tmp_path / "reggae.00086.wav", np.tile(tune(2, 10.0), 3))
    write(tmp_path / "rock.00001.wav", tune(3, 5.0))
    (tmp_path / "jazz.00054.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEjunk")
    findings = validate(gtzan.load(tmp_path), workers=1)
    found = codes(findings)
    assert len(found.pop("missing")) == 996
    assert found == {
        "unreadable": ["jazz.00054"],
        "wrong-length": ["rock.00001"],
        "known-fault": ["reggae.00086"],
    }
    assert "known of this track" in next(f.message for f in findings if f.code == "unreadable")
    assert counts(findings) == {"missing": 996, "unreadable": 1, "wrong-length": 1, "known-fault": 1}


def test_findings_are_plain_json() -> None:
    assert Finding("missing", "error", "a", "p", "m").to_dict() == {
        "code": "missing",
        "severity": "error",
        "track": "a",
        "path": "p",
        "message": "m",
    }


def test_manifests_are_checked_too(sound: Path) -> None:
    (sound / "m.csv").write_text("path,genre\njazz/a.wav,jazz\nrock/b.flac,jazz\n")
    assert codes(validate(manifest.load(sound / "m.csv"), workers=1)) == {"single-genre": [None]}


def test_a_clip_is_measured(tmp_path: Path) -> None:
    t = np.arange(4 * RATE_HZ) / RATE_HZ
    y = 0.25 * np.sin(2 * np.pi * 997 * t) + 0.05
    stereo = np.stack([y, y], axis=1).astype(np.float32)
    clip = measure(write(tmp_path / "a.wav", stereo, subtype="FLOAT"))
    assert (clip.channels, clip.sample_rate_hz, clip.duration_s) == (2, RATE_HZ, pytest.approx(4.0))
    assert clip.peak == pytest.approx(0.30, abs=1e-3)
    assert clip.dc == pytest.approx(0.05, abs=1e-3)
    assert clip.level_dbfs == pytest.approx(10 * np.log10(0.25**2 / 2 + 0.05**2), abs=0.05)
    assert clip.cutoff_hz == pytest.approx(997, abs=120)
    assert clip.clipped == 0.0
    assert clip.silent == 0.0  # an offset is not silence to this measure
    assert len(clip.sha256) == 64


def test_silence_clipping_and_bandwidth_are_measured(tmp_path: Path) -> None:
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    half = (0.5 * np.sin(2 * np.pi * 200 * t) * (t < 1)).astype(np.float32)
    assert measure(write(tmp_path / "half.wav", half)).silent == pytest.approx(0.5, abs=0.03)
    hard = np.clip(2 * np.sin(2 * np.pi * 200 * t), -0.8, 0.8).astype(np.float32)
    assert measure(write(tmp_path / "hard.wav", hard)).clipped == pytest.approx(
        1 - 2 * np.arcsin(0.4) / np.pi, abs=0.03
    )
    nothing = measure(write(tmp_path / "nothing.wav", np.zeros(RATE_HZ, np.float32)))
    assert (nothing.silent, nothing.level_dbfs, nothing.cutoff_hz, nothing.peak) == (1.0, float("-inf"), 0.0, 0.0)
    noise = np.random.default_rng(0).normal(size=4 * RATE_HZ, scale=0.1)
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(len(noise), 1 / RATE_HZ) > 5000] = 0
    low = np.fft.irfft(spectrum).astype(np.float32)
    assert measure(write(tmp_path / "low.wav", low, subtype="FLOAT")).cutoff_hz == pytest.approx(5000, abs=120)


def test_an_examination_describes_and_fingerprints(tmp_path: Path) -> None:
    found = examine(write(tmp_path / "a.wav", tune(1, 3.0)))
    assert len(found.descriptors) == 58
    assert len(found.words) > 150
    with pytest.raises(AudioError):
        measure(tmp_path / "none.wav")
