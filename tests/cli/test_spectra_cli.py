"""``sideman spectra`` as its users meet it: pictures of recordings, and sound of pictures."""

import json

import numpy as np
import pytest
import soundfile
from PIL import Image

from sideman.audio.decode import load
from sideman.audio.mel_picture import log_mel_picture
from sideman.cli import spectra
from sideman.compose.spectra.files import read_picture, write_picture
from tests.audio.signals import music
from tests.cli.in_process import runner
from tests.compose.test_vocoder import write_vocoder

run = runner(spectra)
QUICK = ("--method", "griffin-lim", "--iterations", 4, "--quiet")


@pytest.fixture
def folder(tmp_path):
    """A song, its picture, and a file that is neither."""
    soundfile.write(tmp_path / "song.wav", music(2.0), 22_050)
    write_picture(log_mel_picture(load(tmp_path / "song.wav")[0]), tmp_path / "song.npz")
    (tmp_path / "text.npz").write_text("no picture")
    return tmp_path


def test_a_picture_becomes_sound_beside_it(folder):
    done = run("spectra", "invert", folder / "song.npz", *QUICK)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{folder}/song.npz.inverted.wav: 0:02 by griffin-lim in ")
    assert "x real time), peak -" in done.stdout
    assert "log-mel L1 0." in done.stdout
    sound, _ = load(folder / "song.npz.inverted.wav")
    assert np.abs(log_mel_picture(sound) - read_picture(folder / "song.npz")).mean() < 0.3


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".opus"])
def test_recordings_go_through_their_pictures_into_any_kind_of_file(folder, suffix):
    done = run("spectra", "invert", folder / "song.wav", "--out", folder / f"out{suffix}", "--json", *QUICK)
    told = json.loads(done.stdout)
    assert told["path"] == str(folder / "song.wav")
    assert told["out"] == str(folder / f"out{suffix}")
    assert told["method"] == "griffin-lim"
    assert told["frames"] == 173
    assert told["duration_s"] == pytest.approx(2.0, abs=0.02)
    assert told["seconds"] > 0
    assert 0 < told["log_mel_l1"] < 0.3
    assert load(folder / f"out{suffix}")[0].size > 40_000


def test_a_drawn_picture_can_be_heard(folder):
    for name in ("drawn.png", "drawn.npz"):
        done = run("spectra", "draw", folder / "song.wav", "-o", folder / name, "-q")
        assert done.exit_code == 0
        assert "173 frames" in done.stdout
        np.testing.assert_allclose(read_picture(folder / name), read_picture(folder / "song.npz"), atol=1e-3)
        assert run("spectra", "invert", folder / name, "--method", "single-pass", "-q").exit_code == 0
    with Image.open(folder / "drawn.png") as image:
        assert image.size == (173, 96)
    done = run("spectra", "draw", folder / "song.wav", "--json")
    assert json.loads(done.stdout)["out"] == str(folder / "song.wav.mel.npz")


def test_a_network_of_one_s_own_is_used(folder):
    write_vocoder(folder / "mine")
    done = run("spectra", "invert", folder / "song.npz", "--model", folder / "mine", "--json", "-q")
    assert json.loads(done.stdout)["method"] == "network"
    missed = [
        json.loads(
            run(
                *("spectra", "invert", folder / "song.npz", "--model", folder / "mine", "--corrections", n),
                *("--json", "--overwrite", "-q"),
            ).stdout
        )["log_mel_l1"]
        for n in (0, 3)
    ]
    assert missed[1] < missed[0]


def test_a_file_that_fails_costs_itself_only(folder):
    (folder / "out").mkdir()
    files = [folder / name for name in ("text.npz", "song.npz", "none.png")]
    done = run("spectra", "invert", *files, "--out", folder / "out", "--json", *QUICK)
    assert done.exit_code == 3
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["error" in row for row in rows] == [True, False, True]
    assert "2 of 3 files failed" in done.stderr
    assert [path.name for path in (folder / "out").iterdir()] == ["song.npz.inverted.wav"]
    assert run("spectra", "invert", folder / "text.npz", *QUICK).exit_code == 1


def test_what_is_too_loud_is_noted(folder):
    write_picture(read_picture(folder / "song.npz") + 2.0, folder / "loud.npz")
    done = run("spectra", "invert", folder / "loud.npz", "--method", "griffin-lim", "--iterations", 4)
    assert "note: " in done.stderr
    assert "times as loud" in done.stderr
    assert np.abs(load(folder / "loud.npz.inverted.wav")[0]).max() < 1


def test_a_dry_run_writes_nothing(folder):
    before = sorted(folder.iterdir())
    done = run("spectra", "invert", folder / "song.npz", *QUICK, "--dry-run")
    assert done.stdout == f"would write {folder}/song.npz.inverted.wav\n"
    done = run("spectra", "draw", folder / "song.wav", "--dry-run", "--json")
    assert json.loads(done.stdout) == {"path": str(folder / "song.wav"), "out": str(folder / "song.wav.mel.npz")}
    assert sorted(folder.iterdir()) == before


def test_files_that_exist_are_kept_unless_told_otherwise(folder):
    (folder / "out.wav").write_bytes(b"dear to me")
    arguments = ("spectra", "invert", folder / "song.npz", "--out", folder / "out.wav", *QUICK)
    done = run(*arguments)
    assert done.exit_code == 1
    assert "already exists" in done.stderr
    assert (folder / "out.wav").read_bytes() == b"dear to me"
    assert run(*arguments, "--overwrite").exit_code == 0
    done = run("spectra", "draw", folder / "song.npz", "--out", folder / "song.npz", "--overwrite")
    assert done.exit_code == 2
    assert "is the file to read" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("invert", "song.npz", "--method", "magic"), "choose one of network, griffin-lim, single-pass", 2),
        (("invert", "song.npz", "--out", "a.mid"), "must end in one of .wav", 2),
        (("invert", "song.npz", "--out", "no/a.wav"), "does not exist", 1),
        (("invert", "song.npz", "text.npz", "--out", "a.wav"), "name a folder", 2),
        (("invert", "song.npz", "song.npz"), "more than once", 2),
        (("invert", "song.npz", "--method", "single-pass", "--model", "."), "leave one out", 2),
        (("invert", "song.npz", "--model", "."), "no weights named 'vocoder'", 1),
        (("invert", "song.npz", "--iterations", "-1"), "iterations", 2),
        (("invert", "none.npz", "--method", "single-pass"), "no such file", 1),
        (("draw", "song.wav", "--out", "a.jpg"), "must end in one of .npz", 2),
        (("draw", "text.npz"), "text", 1),
        (("draw",), "FILE", 2),
    ],
)
def test_wrong_usage_is_told_in_one_line(folder, monkeypatch, arguments, words, code):
    monkeypatch.chdir(folder)
    done = run("spectra", *arguments)
    assert done.exit_code == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_is_registered():
    from typer.testing import CliRunner

    from sideman.cli.app import app

    done = CliRunner().invoke(app, ["spectra", "--help"])
    assert "invert" in done.stdout
    assert "draw" in done.stdout
