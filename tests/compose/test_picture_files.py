"""Pictures in files: what is written comes back, other people's are understood, damaged ones cost one line."""

import contextlib
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sideman.audio.decode import load
from sideman.audio.mel_picture import FORM, HIGHEST, log_mel_picture
from sideman.compose.spectra import files
from sideman.compose.spectra.files import is_picture, pictures_of, read_picture, write_picture
from sideman.compose.spectra.invert import invert
from sideman.compose.spectra.sound_files import CEILING, KeptSound, write_sound
from sideman.core.errors import AudioError, OutputError, UsageError
from tests.audio.signals import music, noise, signals

STEP = (HIGHEST - FORM.lowest) / 65_535


@pytest.fixture(scope="module")
def picture():
    return log_mel_picture(music(2.0))


def refused(function, *arguments, error=AudioError):
    """The message of the error: one line that names the file."""
    with pytest.raises(error) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    assert str(arguments[-1]) in message
    return message


# There and back


def test_an_npz_is_exact_and_tells_its_form(tmp_path, picture):
    write_picture(picture, tmp_path / "a.npz")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.npz"), picture)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert {"mel", "sample_rate_hz", "n_fft", "hop_length", "n_mels", "floor"} == set(arrays)
        assert arrays["mel"].dtype == np.float32


def test_a_png_is_exact_to_a_step_of_grey_with_low_bands_at_the_bottom(tmp_path, picture):
    write_picture(picture, tmp_path / "a.png")
    np.testing.assert_allclose(read_picture(tmp_path / "a.png"), picture, atol=0.51 * STEP)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode.startswith("I")  # 16 bits
        assert image.size == (picture.shape[1], 96)
        told = json.loads(image.text["sideman-mel"])
        assert (told["low"], told["high"], told["hop_length"]) == (FORM.lowest, HIGHEST, 256)
        grey = np.asarray(image, float)
    assert np.corrcoef(grey[-1], picture[0])[0, 1] > 0.999


def test_the_same_picture_gives_the_same_bytes(tmp_path, picture):
    for suffix in (".npz", ".png"):
        for name in ("a", "b"):
            write_picture(picture, tmp_path / (name + suffix))
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_the_content_decides_not_the_name(tmp_path, picture):
    for suffix in (".npz", ".png"):
        write_picture(picture, tmp_path / f"a{suffix}")
        other = tmp_path / f"really{suffix}.wav"
        (tmp_path / f"a{suffix}").rename(other)
        assert is_picture(other)
        np.testing.assert_allclose(read_picture(other), picture, atol=STEP)
    soundfile.write(tmp_path / "sound.png", music(1.0), 22050, format="WAV")
    assert not is_picture(tmp_path / "sound.png")
    assert read_picture(tmp_path / "sound.png").shape == (96, 87)


def test_arrays_of_other_types_and_orders_are_read(tmp_path, picture):
    np.save(tmp_path / "a.npy", np.asfortranarray(picture.astype(np.float64)))
    np.testing.assert_array_equal(read_picture(tmp_path / "a.npy"), picture)
    np.savez_compressed(tmp_path / "b.npz", mel=np.full((96, 4), -3, np.int8))
    assert (read_picture(tmp_path / "b.npz") == -3).all()


def test_names_and_pictures_are_checked_before_anything_is_written(tmp_path, picture):
    assert "npz" in refused(write_picture, picture, tmp_path / "a.jpg", error=UsageError)
    with pytest.raises(AudioError, match="NaN"):
        write_picture(picture * np.nan, tmp_path / "a.npz")
    refused(write_picture, picture, tmp_path / "no" / "a.npz", error=OutputError)
    assert not list(tmp_path.iterdir())


# Recordings


@settings(deadline=None, max_examples=40)
@given(y=signals(), block_n=st.integers(1, 5000))
def test_blocks_have_the_picture_of_the_whole(y, block_n):
    parts = list(pictures_of(y[first : first + block_n] for first in range(0, len(y), block_n)))
    np.testing.assert_allclose(np.concatenate(parts, axis=1), log_mel_picture(y), atol=1e-3)


def test_a_recording_of_any_rate_becomes_a_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_BLOCK_S", 0.7)  # as if it were long
    soundfile.write(tmp_path / "a.flac", np.stack([music(3.0), noise(66_150)], axis=1), 44_100)
    heard = []
    picture = read_picture(tmp_path / "a.flac", advance=heard.append)
    np.testing.assert_allclose(picture, log_mel_picture(load(tmp_path / "a.flac")[0]), atol=1e-3)
    assert len(heard) > 1
    assert sum(heard) == picture.shape[1]


def test_a_recording_that_is_too_long_is_refused_while_it_is_heard(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_FRAMES", 100)
    soundfile.write(tmp_path / "a.wav", music(3.0), 22_050)
    assert "longer than" in refused(read_picture, tmp_path / "a.wav")


# Other people's images


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(40, 96), (33, 300), (5, 20), (1, 1)])
def test_any_png_is_heard_as_grey_over_the_usual_range(tmp_path, mode, size):
    """White at the bottom, black above: low bands loud, the rest silent."""
    width, height = size
    grey = np.zeros((height, width), np.uint8)
    grey[height // 2 :] = 255
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    image.save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert picture.shape == (96, width)
    np.testing.assert_allclose(picture[0], 2.0, atol=0.1)
    if height > 1:
        np.testing.assert_allclose(picture[-1], -11.5, atol=0.1)


def test_what_is_transparent_is_silent(tmp_path):
    Image.new("RGBA", (10, 96), (255, 255, 255, 0)).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_picture(tmp_path / "a.png"), -11.5, atol=0.02)


def test_an_image_painted_over_keeps_its_range(tmp_path, picture):
    write_picture(picture, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        told = PngInfo()
        told.add_text("sideman-mel", image.text["sideman-mel"])
        grey = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    grey.resize((picture.shape[1], 192)).save(tmp_path / "b.png", pnginfo=told)
    assert np.abs(read_picture(tmp_path / "b.png") - picture).mean() < 0.3


# What is none


def png(width, height, data=b""):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def lying_npz(shape):
    """A header that tells of more than there is."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mel.npy", header.getvalue() + bytes(400))
    return buffer.getvalue()


MEL = np.full((96, 4), -3, np.float32)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"PK", "damaged npz"),
        (npz(mel=MEL)[:300], "damaged npz"),
        (npz(other=MEL), "no array named 'mel'"),
        (npz(mel=MEL[:80]), "shape"),
        (npz(mel=MEL.T), "transpose it"),
        (npz(mel=MEL * np.nan), "NaN"),
        (npz(mel=MEL - 90), "natural logarithms"),
        (npz(mel=np.zeros((96, 0))), "no frames"),
        (npz(mel=np.array("x")), "not numbers"),
        (npz(mel=np.array([None])), "not numbers"),
        (npz(mel=MEL, hop_length=512), "hop_length 512"),
        (npz(mel=MEL, sample_rate_hz=44_100), "sample_rate_hz 44100"),
        (npz(mel=MEL, n_fft=np.zeros(3)), "damaged npz"),
        (lying_npz((96, 900_000)), "damaged npz"),
        (lying_npz((96, 10**12)), "no picture of"),
        (b"\x93NUMPY", "damaged npy"),
        (b"\x93NUMPY\x01\x00\x10\x00{'descr': oops}  ", "damaged npy"),
        (png(10, 96)[:20], "damaged PNG"),
        (png(10, 96, bytes(300)), "damaged PNG"),
        (png(10, 0), "damaged PNG"),
        (png(100_000, 100_000), "more than the limit of"),
        (png(30_000_000, 1), "more than the limit of"),
        (b"no sound at all, just text\n" * 9, "text"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_no_picture_is_refused_in_one_line(tmp_path, content, words):
    (tmp_path / "a.bin").write_bytes(content)
    assert words in refused(read_picture, tmp_path / "a.bin")


def test_a_picture_of_another_form_is_refused_as_a_png_too(tmp_path, picture):
    told = PngInfo()
    told.add_text("sideman-mel", json.dumps({"low": -11.5, "high": 5, "sample_rate_hz": 22_050, "n_fft": 2048}))
    Image.new("L", (4, 96)).save(tmp_path / "a.png", pnginfo=told)
    assert "n_fft 2048" in refused(read_picture, tmp_path / "a.png")
    for chunk in ("{", "[]", '{"low": NaN, "high": 1, "sample_rate_hz": 22050, "n_fft": 1024, "hop_length": 256}'):
        told = PngInfo()
        told.add_text("sideman-mel", chunk)
        Image.new("L", (4, 96)).save(tmp_path / "b.png", pnginfo=told)
        refused(read_picture, tmp_path / "b.png")


def test_no_such_file_and_a_folder(tmp_path):
    assert "no such file" in refused(read_picture, tmp_path / "none.npz")
    assert "folder" in refused(read_picture, tmp_path)


@settings(deadline=None, max_examples=60)
@given(at=st.floats(0, 1), value=st.integers(0, 255), kind=st.sampled_from([".npz", ".png"]))
def test_one_byte_wrong_is_a_picture_or_an_audio_error(tmp_path_factory, at, value, kind):
    folder = tmp_path_factory.mktemp("fuzz")
    write_picture(np.random.default_rng(0).uniform(-11, 2, (96, 7)), folder / f"a{kind}")
    content = bytearray((folder / f"a{kind}").read_bytes())
    content[int(at * (len(content) - 1))] = value
    (folder / "b").write_bytes(content)
    with contextlib.suppress(AudioError):
        assert read_picture(folder / "b").shape[0] == 96


# Sound files


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".opus", ".mp3"])
def test_blocks_become_a_file_of_any_kind(tmp_path, suffix):
    y = music(3.0)
    write_sound((y[first : first + 10_000] for first in range(0, len(y), 10_000)), tmp_path / f"a{suffix}", 22_050)
    back, _ = load(tmp_path / f"a{suffix}")
    assert len(back) == pytest.approx(len(y), abs=2500)
    assert np.sqrt(np.mean(back**2)) == pytest.approx(np.sqrt(np.mean(y**2)), rel=0.05)
    if suffix in (".wav", ".flac"):
        np.testing.assert_allclose(back, y, atol=2 / 32_767)


def test_kept_sound_comes_back_and_knows_its_peak(tmp_path):
    with KeptSound(tmp_path) as kept:
        for level in (0.1, -0.7, 0.2):
            kept.add(np.full(1000, level, np.float32))
        assert kept.samples_n == 3000
        assert kept.peak == pytest.approx(0.7)
        for _ in range(2):
            assert np.concatenate(list(kept.blocks()))[1500] == np.float32(-0.7)
    assert not list(tmp_path.iterdir())


def test_an_inversion_tells_what_it_did(tmp_path, picture):
    write_picture(picture, tmp_path / "a.npz")
    done = invert(tmp_path / "a.npz", tmp_path / "a.flac", "griffin-lim", iterations=20)
    sound, _ = load(tmp_path / "a.flac")
    assert len(sound) == round(done.duration_s * 22_050)
    assert done.frames == picture.shape[1]
    assert done.gain == 1
    assert done.log_mel_l1 == pytest.approx(np.abs(log_mel_picture(sound) - picture).mean(), abs=0.02)


def test_what_is_too_loud_is_brought_down(tmp_path, picture):
    write_picture(picture + 2.5, tmp_path / "a.npz")
    done = invert(tmp_path / "a.npz", tmp_path / "a.wav", "griffin-lim", iterations=5)
    assert done.peak > 1
    assert done.gain == pytest.approx(CEILING / done.peak)
    assert np.abs(load(tmp_path / "a.wav")[0]).max() == pytest.approx(CEILING, abs=0.001)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_sound_that_finds_no_room_is_told_in_one_line(tmp_path, monkeypatch):
    """Found: a disk that filled up while a picture was inverted ended in "No space left on device" and no name."""
    from sideman.compose.spectra import sound_files
    from sideman.core.errors import OutputError

    monkeypatch.setattr(sound_files.tempfile, "TemporaryFile", lambda dir: Path("/dev/full").open("wb"))  # noqa: SIM115
    kept = sound_files.KeptSound(tmp_path)
    with pytest.raises(OutputError, match=r"cannot be written to \(no space left on device\); free space there"):
        kept.add(np.zeros(100_000, np.float32))
