"""Any recording in, mono float32 out: formats, cuts, blocks, and what is said about files that are no recording."""

from __future__ import annotations

import csv
import logging
import os
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from sideman.audio import sources
from sideman.audio.decode import DEFAULT_LIMITS, AudioInfo, Limits, load, probe, stream
from sideman.core.errors import AudioError, MissingExtraError, SidemanError, UsageError
from tests.audio import soundfiles
from tests.audio.soundfiles import EXACT, KINDS, sample, tone

LOSSY_NAMES = sorted(set(KINDS) - set(EXACT))


def _write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _refusal(path: Path, **options: object) -> str:
    """Return the message with which a file is refused: one printable line that names the file."""
    with pytest.raises(AudioError) as caught:
        load(path, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.isprintable()
    assert sources.shown(path) in message
    return message


# Formats


@pytest.mark.parametrize("kind", sorted(EXACT))
def test_a_lossless_format_gives_the_mono_mix_within_its_bit_depth(kind: str, tmp_path: Path) -> None:
    y, rate_hz = load(_write(tmp_path, "x", sample(kind)), sample_rate_hz=None)
    expected = tone(0.5, 48000).mean(axis=1)
    assert (y.dtype, y.ndim, rate_hz) == (np.float32, 1, 48000)
    np.testing.assert_allclose(y, expected[: len(y)], atol=EXACT[kind] + 1e-7)
    assert len(y) == len(expected)


@pytest.mark.parametrize("kind", LOSSY_NAMES)
def test_a_lossy_format_gives_the_same_spectrum(kind: str, tmp_path: Path) -> None:
    """Encoders' delays differ, so the magnitude spectrum of the middle is compared and not the samples."""
    y, rate_hz = load(_write(tmp_path, "x", sample(kind)), sample_rate_hz=None)
    assert rate_hz == 48000
    assert len(y) == pytest.approx(24000, abs=3000)
    window = np.hanning(16384)
    got, expected = (np.abs(np.fft.rfft(s[3000 : 3000 + 16384] * window)) for s in (y, tone(0.5, 48000).mean(axis=1)))
    assert np.linalg.norm(got - expected) < 0.25 * np.linalg.norm(expected)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_content_decides_and_not_the_name(kind: str, tmp_path: Path) -> None:
    right, _ = load(_write(tmp_path, f"x.{KINDS[kind][0]}", sample(kind)))
    for name in ("x.mp3", "x.wav", "x.raw", "x", "x.m4a", "x.txt"):
        y, _ = load(_write(tmp_path, name, sample(kind)))
        np.testing.assert_array_equal(y, right)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_probe_agrees_with_what_is_decoded(kind: str, tmp_path: Path) -> None:
    path = _write(tmp_path, "x", sample(kind))
    info = probe(path)
    assert (info.path, info.channels, info.sample_rate_hz, info.truncated) == (str(path), 2, 48000, False)
    y, _ = load(path, sample_rate_hz=None)
    if kind in ("aac", "mp3-without-length"):
        assert info.duration_s is None
    else:
        assert info.duration_s == pytest.approx(len(y) / 48000, abs=0.05)


def test_probe_names_container_and_codec(tmp_path: Path) -> None:
    assert probe(_write(tmp_path, "a.wav", sample("wav-24"))) == AudioInfo(
        str(tmp_path / "a.wav"), "wav", "pcm_24", 48000, 2, 0.5
    )
    named = {kind: probe(_write(tmp_path, kind, sample(kind))) for kind in ("ogg-vorbis", "ogg-opus", "mp3", "m4a-aac")}
    assert {kind: (info.container, info.codec) for kind, info in named.items()} == {
        "ogg-vorbis": ("ogg", "vorbis"),
        "ogg-opus": ("ogg", "opus"),
        "mp3": ("mp3", "mpeg_layer_iii"),
        "m4a-aac": ("mp4", "aac"),
    }


@pytest.mark.parametrize("rate_hz", [8000, 11025, 22050, 44100, 96000, 192000, 384000])
@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 16])
def test_any_rate_and_channel_count_becomes_mono_at_the_wanted_rate(
    rate_hz: int, channels: int, tmp_path: Path
) -> None:
    x = np.repeat(tone(0.5, rate_hz, 1, 300.0), channels, axis=1)
    soundfile.write(tmp_path / "x.wav", x, rate_hz, subtype="FLOAT")
    y, out_hz = load(tmp_path / "x.wav")
    assert out_hz == 22050
    np.testing.assert_allclose(y, soxr.resample(x[:, 0], rate_hz, 22050, "HQ"), atol=1e-6)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000, 32000, 44100, 48000])
def test_mp3_of_every_mpeg_version_is_read(rate_hz: int, tmp_path: Path) -> None:
    path = _write(tmp_path, "x.mp3", soundfiles.mp3(tone(1.0, rate_hz, 2), rate_hz))
    assert probe(path).sample_rate_hz == rate_hz
    assert len(load(path)[0]) == pytest.approx(22050, abs=2)


# The difficult mp3s


def test_a_large_id3_picture_full_of_false_syncs_is_skipped(tmp_path: Path) -> None:
    plain = load(_write(tmp_path, "plain.mp3", sample("mp3")))[0]
    tagged = _write(tmp_path, "tagged.mp3", soundfiles.id3v2(2_000_000) + sample("mp3") + soundfiles.id3v1())
    np.testing.assert_array_equal(load(tagged)[0], plain)
    twice = _write(tmp_path, "twice.mp3", soundfiles.id3v2(10) + soundfiles.id3v2(70_000) + sample("mp3"))
    np.testing.assert_array_equal(load(twice)[0], plain)


@pytest.mark.parametrize("junk", [bytes(5000), b"junk" * 3000, b"\xff\xfb\x90" * 40, b"\xff" * 100])
def test_junk_before_the_first_mp3_frame_is_skipped(junk: bytes, tmp_path: Path) -> None:
    plain = load(_write(tmp_path, "plain.mp3", sample("mp3")))[0]
    np.testing.assert_array_equal(load(_write(tmp_path, "junk.mp3", junk + sample("mp3")))[0], plain)


def test_variable_bit_rate_without_a_length_header_is_not_cut_short(tmp_path: Path) -> None:
    """Regression: libsndfile guesses the length from the first frame and used to drop three quarters of such files."""
    rng = np.random.default_rng(0)
    x = np.zeros((48000 * 8, 1), dtype=np.float32)
    x[:48000] = 0.3 * rng.standard_normal((48000, 1))
    buffer = tmp_path / "vbr.mp3"
    soundfile.write(buffer, x, 48000, format="MP3", bitrate_mode="VARIABLE", compression_level=0.1)
    data = buffer.read_bytes()
    path = _write(tmp_path, "x.mp3", soundfiles.without_first_frame(data))
    assert soundfile.info(path).duration < 5, "the file must be one that libsndfile misjudges, or this tests nothing"
    y, rate_hz = load(path)
    assert len(y) / rate_hz == pytest.approx(8.0, abs=0.1)


def test_mp3s_joined_end_to_end_are_read_to_the_last_one(tmp_path: Path) -> None:
    one = soundfiles.mp3(tone(2.0, 44100), 44100)
    for name, data in (("plain", one + one), ("tagged", one + soundfiles.id3v2(500) + one)):
        y, rate_hz = load(_write(tmp_path, name, data))
        assert len(y) / rate_hz == pytest.approx(4.0, abs=0.15)


def test_ogg_streams_one_after_the_other_are_all_read(tmp_path: Path) -> None:
    """As radio recorders write them; libsndfile reads only the first."""
    parts = [KINDS["ogg-vorbis"][1](tone(seconds, 48000), 48000) for seconds in (1.0, 2.0)]
    assert parts[0][14:18] != parts[1][14:18], "the streams need serial numbers of their own"
    y, rate_hz = load(_write(tmp_path, "x.ogg", b"".join(parts)))
    assert len(y) / rate_hz == pytest.approx(3.0, abs=0.05)


# Wav oddities


def test_wav_chunks_in_odd_places_are_passed_over(tmp_path: Path) -> None:
    frames = (np.arange(-500, 500, dtype="<i2") * 30).tobytes()
    plain = load(_write(tmp_path, "a", soundfiles.wav(frames)), sample_rate_hz=None)[0]
    odd = (
        b"LIST" + struct.pack("<I", 5) + b"INFOx\0" + b"zzzz" + struct.pack("<I", 0) + b"bext" + struct.pack("<I", 602)
    )
    odd += bytes(602)
    np.testing.assert_array_equal(
        load(_write(tmp_path, "b", soundfiles.wav(frames, extra=odd)), sample_rate_hz=None)[0], plain
    )
    np.testing.assert_array_equal(
        load(_write(tmp_path, "c", soundfiles.wav(frames) + b"id3 \4\0\0\0abcd"), sample_rate_hz=None)[0], plain
    )


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFE])
def test_a_wav_of_unknown_length_is_read_to_its_end_without_complaint(
    claimed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What programs write that stream wav to a pipe, and what a hostile header looks like: 4 GB claimed, 2 kB there."""
    data = bytearray(soundfiles.wav(bytes(range(1, 251)) * 8))
    data[4:8] = data[40:44] = struct.pack("<I", claimed)
    with caplog.at_level(logging.WARNING):
        assert len(load(_write(tmp_path, "x.wav", bytes(data)), sample_rate_hz=None)[0]) == 1000
    assert not caplog.records


# Files that are no recording


def test_text_named_mp3_is_called_text(tmp_path: Path) -> None:
    assert "its content is text" in _refusal(_write(tmp_path, "notes.mp3", "Grüße aus Köln\n".encode() * 400))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty (0 bytes)"),
        (b"\0", "no known sound file"),
        (bytes(100_000), "no known sound file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "no known sound file"),
        (b"RIFF", "text"),
        (b"RIFF\x24\0\0\0WAVE", "cannot be decoded"),
        (b"fLaC", "cannot be decoded"),
        (b"OggS", "cannot be decoded"),
        (soundfiles.wav(b""), "contains no audio samples"),
        (soundfiles.id3v2(50_000), "no known sound file"),
        (soundfiles.id3v2(50_000)[:1000], "no known sound file"),
    ],
)
def test_what_is_no_sound_is_refused_in_one_line(data: bytes, said: str, tmp_path: Path) -> None:
    assert said in _refusal(_write(tmp_path, "x.wav", data))


def test_random_bytes_are_never_taken_for_mp3(tmp_path: Path) -> None:
    for seed in range(30):
        data = np.random.default_rng(seed).bytes(200_000)
        assert "no known sound file" in _refusal(_write(tmp_path, "x.mp3", data))


def test_folders_and_missing_files_are_named_as_such(tmp_path: Path) -> None:
    assert _refusal(tmp_path).endswith("is a folder, not a sound file")
    assert _refusal(tmp_path / "none.wav").endswith("no such file")
    assert "cannot be opened" in _refusal(tmp_path / "a\0b.wav")


def test_a_file_without_permission_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, "x.wav", sample("wav-16"))

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sources.os, "open", refuse)  # root, who runs many CI jobs, may read everything
    assert _refusal(path).endswith("permission denied")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.timeout(20)
def test_pipes_and_devices_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert "a pipe or a device" in _refusal(tmp_path / "pipe.wav")
    assert "a pipe or a device" in _refusal(Path("/dev/zero"))


def test_a_name_with_newlines_and_undecodable_bytes_still_gives_one_line(tmp_path: Path) -> None:
    path = _write(tmp_path, os.fsdecode(b"two\nlines\x1b[31m\xff.wav"), b"text")
    assert r"two\nlines\x1b[31m" in _refusal(path)


# Damage


@pytest.mark.parametrize("kind", ["wav-16", "aiff-16", "au-16", "flac-16", "ogg-vorbis", "mp3", "m4a-aac", "webm-opus"])
def test_a_truncated_file_gives_what_is_there(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = KINDS[kind][1](tone(6.0, 48000), 48000)
    if kind == "m4a-aac":  # its index lies at the end: without it nothing can be decoded
        assert "cannot be decoded" in _refusal(_write(tmp_path, "x", whole[: len(whole) // 2]))
        return
    path = _write(tmp_path, "x", whole[: len(whole) // 2])
    with caplog.at_level(logging.WARNING, logger="sideman.audio.decode"):
        y, rate_hz = load(path, sample_rate_hz=None)
    assert 1.5 < len(y) / rate_hz < 4.0
    assert [record.name for record in caplog.records] == ["sideman.audio.decode"]
    assert "truncated or damaged" in caplog.text
    full = load(_write(tmp_path, "whole", whole), sample_rate_hz=None)[0]
    np.testing.assert_allclose(y[:90_000], full[:90_000], atol=1e-6)


@pytest.mark.parametrize("kind", ["wav-16", "aiff-16", "au-16", "ogg-vorbis", "ogg-opus"])
def test_probe_tells_that_the_end_is_missing(kind: str, tmp_path: Path) -> None:
    assert probe(_write(tmp_path, "x", sample(kind)[:-2000])).truncated
    assert not probe(_write(tmp_path, "y", sample(kind))).truncated


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_nan_and_infinite_samples_are_refused(bad: float, subtype: str, channels: int, tmp_path: Path) -> None:
    x = tone(3.0, 44100, channels)
    x[100_000, 0] = bad
    soundfile.write(tmp_path / "x.wav", x, 44100, subtype=subtype)
    assert _refusal(tmp_path / "x.wav").endswith("contains NaN or infinite samples")
    load(tmp_path / "x.wav", duration_s=2.0)  # the part before it is sound


def test_samples_far_beyond_full_scale_are_refused_and_integer_scaled_floats_are_not(tmp_path: Path) -> None:
    x = tone(0.2, 22050, 1)
    soundfile.write(tmp_path / "x.wav", x * 2.0**31, 22050, subtype="FLOAT")
    assert np.isfinite(load(tmp_path / "x.wav")[0]).all()
    soundfile.write(tmp_path / "x.wav", x * 1e30, 22050, subtype="FLOAT")
    assert "times full scale" in _refusal(tmp_path / "x.wav")


def test_damaged_mp3s_print_nothing_on_stderr(tmp_path: Path) -> None:
    """mpg123 prints warnings by itself; seen from outside, as no Python object catches what C writes."""
    whole = soundfiles.mp3(tone(3.0, 44100), 44100)
    rng = np.random.default_rng(1)
    for i in range(20):
        data = bytearray(whole[: len(whole) * 2 // 3])
        for at in rng.integers(500, len(data), 30):
            data[at] ^= 0xFF
        _write(tmp_path, f"{i}.mp3", bytes(data))
    code = (
        "import sys, pathlib; from sideman.audio.decode import load\n"
        "for path in pathlib.Path(sys.argv[1]).glob('*.mp3'):\n"
        "    load(path)\n"
        "print('still here', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stderr == "still here\n"


# Very short, and silent


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000, 768000])
def test_one_sample_is_a_recording(rate_hz: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.array([0.5]), rate_hz, subtype="FLOAT")
    assert load(tmp_path / "x.wav", sample_rate_hz=None)[0].tolist() == [0.5]
    y, _ = load(tmp_path / "x.wav")
    assert len(y) >= 1
    assert np.isfinite(y).all()
    assert [len(block) for block in stream(tmp_path / "x.wav")] == [len(y)]


@pytest.mark.parametrize("kind", ["wav-16", "flac-16", "ogg-vorbis", "mp3", "m4a-aac"])
def test_silence_stays_silence(kind: str, tmp_path: Path) -> None:
    data = KINDS[kind][1](np.zeros((48000, 2), dtype=np.float32), 48000)
    y, _ = load(_write(tmp_path, "x", data))
    assert len(y) == pytest.approx(22050, abs=1500)
    assert np.abs(y).max() < 1e-4


# Arguments


@pytest.mark.parametrize(
    "options",
    [
        {"sample_rate_hz": 0},
        {"sample_rate_hz": -1},
        {"sample_rate_hz": 10**9},
        {"start_s": -0.1},
        {"start_s": float("nan")},
        {"start_s": float("inf")},
        {"duration_s": 0.0},
        {"duration_s": -1.0},
        {"duration_s": float("nan")},
    ],
)
def test_arguments_out_of_range_are_usage_errors(options: dict[str, float], tmp_path: Path) -> None:
    path = _write(tmp_path, "x.wav", sample("wav-16"))
    with pytest.raises(UsageError):
        load(path, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        stream(path, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        stream(path, block_s=0.0)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_start_beyond_the_end_is_refused(kind: str, tmp_path: Path) -> None:
    path = _write(tmp_path, "x", sample(kind))
    for start_s in (0.8, 1e4, 1e12):
        assert "beyond its end" in _refusal(path, start_s=start_s)


# Without the extra


def test_without_pyav_the_message_names_file_and_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, "song.m4a", sample("m4a-aac"))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"song\.m4a.*mp4.*pip install 'sideman\[m4a\]'"):
        load(path)
    load(_write(tmp_path, "x.wav", sample("wav-16")))


def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(tmp_path / "x.mp4", "w") as out:
        video = out.add_stream("mpeg4", rate=25)
        video.width = video.height = 64
        for packet in [*video.encode(av.VideoFrame(64, 64, "yuv420p")), *video.encode(None)]:
            out.mux(packet)
    assert "without an audio stream" in _refusal(tmp_path / "x.mp4")


def test_files_are_closed_after_use_whatever_happens(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("no /proc here")
    for kind in ("wav-16", "mp3", "mp3-without-length", "m4a-aac"):
        good, bad = _write(tmp_path, "g", sample(kind)), _write(tmp_path, "b", sample(kind)[:100])
        load(good)  # imports are done, lasting descriptors are open
        before = len(list(descriptors.iterdir()))
        for _ in range(5):
            load(good)
            iterator = stream(good, block_s=0.01)
            next(iterator)
            iterator.close()  # type: ignore[attr-defined]
            for path in (bad, tmp_path):
                with pytest.raises(SidemanError):
                    load(path, limits=Limits(max_channels=1))
        assert len(list(descriptors.iterdir())) == before


def test_default_limits_are_a_day_of_sound() -> None:
    assert (DEFAULT_LIMITS.max_duration_s, DEFAULT_LIMITS.max_channels) == (86_400.0, 64)


@pytest.mark.data
def test_every_gtzan_clip_decodes_to_the_length_in_the_manifest() -> None:
    root = os.environ.get("SIDEMAN_DATA")
    if not root:
        pytest.skip("SIDEMAN_DATA names no data set")
    with (Path(root) / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        path = next(Path(root).rglob(Path(row["file"]).name))
        y, _ = load(path)
        assert len(y) / 22050 == pytest.approx(float(row["duration_s"]), abs=0.01), path.name
        assert 0 < np.abs(y).max() <= 1.5


def test_a_packet_that_claims_gigabytes_is_read_in_pieces(tmp_path: Path) -> None:
    """Regression: the fuzz found a header for which Python set aside all the memory that FFmpeg asked for."""
    from sideman.audio.decode_av import _Reader

    with _write(tmp_path, "x", b"12345").open("rb") as file:
        tracemalloc.start()
        assert _Reader(file).read(2**31 - 1) == b"12345"
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak_bytes < 2**22
