"""Blocks, cuts and limits: streaming equals loading, memory stays bounded, and no header is believed."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sideman.audio.decode import SERVER_LIMITS, Limits, load, stream
from sideman.core.errors import AudioError
from tests.audio import soundfiles
from tests.audio.soundfiles import EXACT, KINDS, sample, tone

PROPERTY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SECONDS = st.floats(0.0, 2.4)
RATES = st.sampled_from([None, 8000, 22050, 44100, 48000])


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two and a half seconds of every kind: several decoding blocks long."""
    folder = tmp_path_factory.mktemp("recordings")
    paths = {kind: folder / kind for kind in KINDS}
    for kind, path in paths.items():
        path.write_bytes(KINDS[kind][1](tone(2.5, 48000), 48000))
    return paths


# Laws


@PROPERTY
@given(
    kind=st.sampled_from(sorted(KINDS)),
    rate_hz=RATES,
    block_s=st.floats(0.003, 4.0),
    start_s=SECONDS,
    duration_s=st.none() | st.floats(0.001, 5.0),
)
def test_the_joined_blocks_of_stream_are_what_load_returns(
    recordings: dict[str, Path],
    kind: str,
    rate_hz: int | None,
    block_s: float,
    start_s: float,
    duration_s: float | None,
) -> None:
    options = {"sample_rate_hz": rate_hz, "start_s": start_s, "duration_s": duration_s}
    y, out_hz = load(recordings[kind], **options)  # type: ignore[arg-type]
    blocks = list(stream(recordings[kind], block_s=block_s, **options))  # type: ignore[arg-type]
    block_n = round(block_s * out_hz)
    assert [len(block) for block in blocks[:-1]] == [block_n] * (len(blocks) - 1)
    assert 1 <= len(blocks[-1]) <= block_n
    np.testing.assert_array_equal(np.concatenate(blocks), y)


@PROPERTY
@given(kind=st.sampled_from(sorted(KINDS)), start_s=SECONDS, duration_s=st.none() | st.floats(0.001, 5.0))
def test_an_excerpt_is_a_slice_of_the_whole(
    recordings: dict[str, Path], kind: str, start_s: float, duration_s: float | None
) -> None:
    whole, rate_hz = load(recordings[kind], sample_rate_hz=None)
    part, _ = load(recordings[kind], sample_rate_hz=None, start_s=start_s, duration_s=duration_s)
    start_n = round(start_s * rate_hz)
    expected = whole[start_n : None if duration_s is None else start_n + max(1, round(duration_s * rate_hz))]
    np.testing.assert_allclose(part, expected, atol=1e-6)


@PROPERTY
@given(
    duration_s=st.floats(0.01, 2.0),
    from_hz=st.sampled_from([8000, 22050, 44100, 48000, 96000]),
    to_hz=st.sampled_from([8000, 16000, 22050, 44100]),
)
def test_resampling_keeps_the_duration_to_a_sample(tmp_path: Path, duration_s: float, from_hz: int, to_hz: int) -> None:
    x = tone(duration_s, from_hz, 1)
    soundfile.write(tmp_path / "x.wav", x, from_hz)
    y, _ = load(tmp_path / "x.wav", sample_rate_hz=to_hz)
    assert abs(len(y) - len(x) * to_hz / from_hz) <= 1


@PROPERTY
@given(x=hnp.arrays(np.int16, st.integers(1, 3000)), channels=st.integers(1, 8))
def test_sixteen_bit_samples_come_back_exactly_from_any_number_of_equal_channels(
    tmp_path: Path, x: np.ndarray, channels: int
) -> None:
    frames = np.repeat(x[:, None], channels, axis=1).astype("<i2")
    (tmp_path / "x.wav").write_bytes(soundfiles.wav(frames.tobytes(), channels=channels))
    y, _ = load(tmp_path / "x.wav", sample_rate_hz=None)
    if channels in (1, 2, 4, 8):  # 1/n is exact in binary
        np.testing.assert_array_equal(y, x / np.float32(32768))
    np.testing.assert_allclose(y, x / 32768, atol=1e-6)


@PROPERTY
@given(gain=st.floats(1e-3, 1e3), rate_hz=st.sampled_from([22050, 44100, 48000]))
def test_decoding_is_linear_in_gain(tmp_path: Path, gain: float, rate_hz: int) -> None:
    x = tone(0.3, rate_hz, 2)
    soundfile.write(tmp_path / "a.wav", x, rate_hz, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", x * np.float32(gain), rate_hz, subtype="FLOAT")
    a, b = (load(tmp_path / name)[0] for name in ("a.wav", "b.wav"))
    np.testing.assert_allclose(b, a * gain, rtol=1e-4, atol=1e-5 * gain)


@PROPERTY
@given(weights=st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=6))
def test_the_mono_mix_is_the_mean_of_the_channels(tmp_path: Path, weights: list[float]) -> None:
    assume(any(abs(w) > 1e-3 for w in weights))
    x = tone(0.1, 22050, 1) * np.array(weights, dtype=np.float32)
    soundfile.write(tmp_path / "x.wav", x, 22050, subtype="FLOAT")
    np.testing.assert_allclose(load(tmp_path / "x.wav")[0], x.mean(axis=1), atol=1e-6)


def test_lossless_formats_of_one_recording_are_equal(recordings: dict[str, Path]) -> None:
    reference, _ = load(recordings["wav-float"])
    for kind, error in EXACT.items():
        np.testing.assert_allclose(load(recordings[kind])[0], reference, atol=2 * error + 1e-6, err_msg=kind)


def test_decoding_twice_gives_the_same_bytes(recordings: dict[str, Path]) -> None:
    for path in recordings.values():
        np.testing.assert_array_equal(load(path)[0], load(path)[0])


def test_the_blocks_belong_to_the_caller(recordings: dict[str, Path]) -> None:
    """Regression guard: the decoder reuses its buffer, and a caller that writes into a block must not disturb it."""
    for kind in ("wav-16", "flac-16"):
        for rate_hz in (None, 22050):
            y, _ = load(recordings[kind], sample_rate_hz=rate_hz)
            kept = []
            for block in stream(recordings[kind], sample_rate_hz=rate_hz, block_s=0.1):
                kept.append(block.copy())
                block.fill(np.nan)
            np.testing.assert_array_equal(np.concatenate(kept), y)


def test_an_open_stream_does_not_disturb_another_of_the_same_file(recordings: dict[str, Path]) -> None:
    for kind in ("wav-16", "mp3", "m4a-aac"):
        for a, b in zip(stream(recordings[kind], block_s=0.2), stream(recordings[kind], block_s=0.2), strict=True):
            np.testing.assert_array_equal(a, b)


def test_threads_may_decode_at_the_same_time(recordings: dict[str, Path]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    paths = [recordings[kind] for kind in ("mp3", "mp3-without-length", "flac-16", "m4a-aac")] * 8
    expected = {path: load(path)[0] for path in paths}
    with ThreadPoolExecutor(4) as pool:
        for path, (y, _) in zip(paths, pool.map(load, paths), strict=True):
            np.testing.assert_array_equal(y, expected[path])


@pytest.mark.parametrize("kind", ["mp3", "mp3-without-length", "ogg-vorbis", "ogg-opus", "flac-16", "m4a-aac"])
@pytest.mark.parametrize("start_s", [0.1, 0.5, 1.0, 1.01, 1.5, 2.0, 2.3])
def test_a_start_in_the_middle_hears_the_same_samples(kind: str, start_s: float, recordings: dict[str, Path]) -> None:
    """Regressions: mp3 frames lacked their bit reservoir after a seek, and Vorbis came out shifted by a window."""
    whole, rate_hz = load(recordings[kind], sample_rate_hz=None)
    part, _ = load(recordings[kind], sample_rate_hz=None, start_s=start_s)
    np.testing.assert_allclose(part, whole[round(start_s * rate_hz) :], atol=1e-6)


def test_flac_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    """Regression: soundfile seeks after each read, fails at the end of such files and lost the last block."""
    soundfile.write(tmp_path / "x.flac", tone(3.3, 44100), 44100)
    whole = load(tmp_path / "x.flac")[0]
    _hide_flac_length(tmp_path / "x.flac")
    np.testing.assert_array_equal(load(tmp_path / "x.flac")[0], whole)


# Limits


def _flac_of_silence(path: Path, duration_s: float, rate_hz: int = 44100) -> None:
    with soundfile.SoundFile(path, "w", rate_hz, 2, format="FLAC", subtype="PCM_16") as out:
        second = np.zeros((rate_hz, 2), dtype=np.int16)
        for _ in range(math.ceil(duration_s)):
            out.write(second)


def _hide_flac_length(path: Path) -> None:
    """Set STREAMINFO's total samples to 0, "unknown": 36 bits from bit 108 of the block (RFC 9639, 8.2)."""
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(bytes(data))


def _refused(path: Path, **options: object) -> str:
    with pytest.raises(AudioError) as caught:
        load(path, **options)  # type: ignore[arg-type]
    with pytest.raises(AudioError):
        for _ in stream(path, **options):  # type: ignore[arg-type]
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_small_file_that_expands_to_hours_stops_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "bomb.flac"
    _flac_of_silence(path, 3600)
    assert path.stat().st_size < 1_000_000
    message = _refused(path, limits=SERVER_LIMITS)
    assert "its header claims 1 h, longer than the limit of 1800 s" in message
    assert "Limits.max_duration_s" in message
    assert len(load(path, duration_s=10.0, limits=SERVER_LIMITS)[0]) == 220_500

    _hide_flac_length(path)
    tracemalloc.start()
    assert "decoded" in _refused(path, limits=Limits(max_duration_s=600.0))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 4 * 22050 * 600 * 2  # what load holds until it stops
    assert "Limits.max_decoded_samples" in _refused(path, limits=Limits(max_decoded_samples=10_000_000))
    assert "beyond its end" in _refused(path, start_s=1e9)


def test_load_refuses_what_does_not_fit_in_memory_and_stream_does_not(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    _flac_of_silence(path, 120)
    limits = Limits(max_loaded_samples=1_000_000)
    for hidden in (False, True):
        if hidden:
            _hide_flac_length(path)
        with pytest.raises(AudioError, match=r"use stream\(\).*Limits.max_loaded_samples"):
            load(path, limits=limits)
        assert sum(len(block) for block in stream(path, limits=limits)) == 120 * 22050


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_duration_and_sample_limits_hold_for_every_format(kind: str, recordings: dict[str, Path]) -> None:
    assert "limit" in _refused(recordings[kind], limits=Limits(max_duration_s=1.0))
    assert "limit" in _refused(recordings[kind], limits=Limits(max_decoded_samples=100_000))
    assert "limit" in _refused(recordings[kind], limits=Limits(max_channels=1))
    assert "limit" in _refused(recordings[kind], limits=Limits(max_sample_rate_hz=44100))
    assert "limit" in _refused(recordings[kind], limits=Limits(min_sample_rate_hz=96000))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"channels": 1000}, "1000 channels, the limit is 64"),
        ({"channels": 65}, "65 channels, the limit is 64"),
        ({"channels": 0}, "cannot be decoded"),
        ({"channels": 65535}, "cannot be decoded"),
        ({"rate_hz": 1}, "a sample rate of 1 Hz, the limits are 1000 to 768000 Hz"),
        ({"rate_hz": 10_000_000}, "a sample rate of 10000000 Hz"),
        ({"rate_hz": 0}, ""),
        ({"rate_hz": 0xFFFFFFFF}, ""),
    ],
)
def test_senseless_headers_are_refused(header: dict[str, int], said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(soundfiles.wav(bytes(20_000), **header))  # type: ignore[arg-type]
    assert said in _refused(path)


def test_lengths_that_lie_allocate_nothing(tmp_path: Path) -> None:
    """RF64, W64, AU and AIFF headers that claim up to 2**63 - 1 samples over 24,000 real ones."""
    huge = struct.pack("<Q", 2**63 - 1)
    files: dict[str, bytearray] = {kind: bytearray(sample(kind)) for kind in ("rf64", "w64", "au-16", "aiff-16")}
    at = files["rf64"].find(b"ds64")
    files["rf64"][at + 8 : at + 32] = huge * 3
    at = files["w64"].find(b"data")
    files["w64"][at + 16 : at + 24] = huge
    files["au-16"][8:12] = b"\xff\xff\xff\xff"
    at = files["aiff-16"].find(b"COMM")
    files["aiff-16"][at + 10 : at + 14] = b"\x7f\xff\xff\xff"
    for kind, data in files.items():
        path = tmp_path / kind
        path.write_bytes(bytes(data))
        tracemalloc.start()
        assert 23_000 < len(load(path, sample_rate_hz=None)[0]) <= 24_100
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak_bytes < 8_000_000


# Memory

_SOAK = """
import sys
from sideman.audio.decode import stream
total_n = sum(len(block) for block in stream(sys.argv[1]))
peak_kib = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(total_n / 22050, peak_kib / 1024)
"""


def _stream_in_a_fresh_process(path: Path) -> tuple[float, float]:
    """Return (seconds decoded, peak memory of the whole process in MiB)."""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads the peak from /proc")
    done = subprocess.run([sys.executable, "-c", _SOAK, str(path)], capture_output=True, text=True, check=True)
    seconds, peak_mib = map(float, done.stdout.split())
    return seconds, peak_mib


def _write_long(path: Path, hours: float) -> None:
    """Long files for little time: one minute, repeated."""
    minutes = round(hours * 60)
    if path.suffix == ".mp3":
        minute = soundfiles.mp3_without_length(tone(60.0, 16000, 1), 16000)
        with path.open("wb") as out:
            for _ in range(minutes):
                out.write(minute)
        return
    container, subtype, rate_hz = {".flac": ("FLAC", "PCM_16", 22050), ".ogg": ("OGG", "VORBIS", 8000)}[path.suffix]
    second = tone(1.0, rate_hz, 1) if path.suffix == ".flac" else np.zeros((rate_hz, 1), dtype=np.float32)
    with soundfile.SoundFile(path, "w", rate_hz, 1, format=container, subtype=subtype) as out:
        for _ in range(minutes * 60):
            out.write(second)


@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".ogg"])
def test_an_hour_streams_in_bounded_memory(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"hour{suffix}"
    _write_long(path, 1.0)
    seconds, peak_mib = _stream_in_a_fresh_process(path)
    assert seconds == pytest.approx(3600, rel=2e-3)
    assert peak_mib < 120


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".ogg"])
def test_ten_hours_stream_in_the_same_memory(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"night{suffix}"
    _write_long(path, 10.0)
    seconds, peak_mib = _stream_in_a_fresh_process(path)
    assert seconds == pytest.approx(36_000, rel=2e-3)
    assert peak_mib < 120
