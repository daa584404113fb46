"""``sideman compose --engine spectra`` as its users meet it, with a small generator that has learnt nothing."""

import json

import numpy as np
import pytest
import soundfile

from sideman.audio.mel_picture import FORM
from sideman.cli import compose
from sideman.compose.spectra import piece
from sideman.compose.spectra.files import read_picture
from tests.cli.in_process import runner
from tests.compose.imaginers import imaginer_of

run_any = runner(compose)


@pytest.fixture
def run(monkeypatch):
    """The command, with a generator of one's own; sound comes by the single pass, which needs no weights."""
    monkeypatch.setattr("sideman.compose.spectra.imaginers.open_imaginer", lambda name: imaginer_of())

    def call(*arguments):
        return run_any("compose", "--engine", "spectra", "--vocoder", "single-pass", *arguments)

    return call


def test_a_piece_is_sound_of_the_asked_length_and_level(run, tmp_path):
    done = run(
        "--genre", "reggae", "--seconds", 3, "--seed", 1, "--out", tmp_path / "x.wav", "--out", tmp_path / "x.npz"
    )
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path}/x.wav, {tmp_path}/x.npz: reggae\n  3.0 s · seed 1 · mine")
    sound, rate = soundfile.read(tmp_path / "x.wav")
    assert (rate, len(sound)) == (FORM.sample_rate_hz, 3 * FORM.sample_rate_hz)
    assert 0.02 < np.sqrt(np.mean(sound**2)) < 0.5
    assert np.abs(sound).max() <= 10 ** (-1 / 20) + 1e-3
    assert read_picture(tmp_path / "x.npz").shape == (FORM.n_mels, 259)


def test_json_tells_all_that_makes_it_again(run, tmp_path):
    done = run("--prompt", "sad jazz, 2 seconds", "--seed", 7, "--json", "-o", tmp_path / "x.flac", "--steps", 3)
    told = json.loads(done.stdout)
    assert (told["genre"], told["seed"], told["steps"], told["duration_s"]) == ("jazz", 7, 3, 2.0)
    assert told["valence"] < 0
    assert told["files"] == [str(tmp_path / "x.flac")]
    assert "understood: jazz, sad, 2 s" in done.stderr


def test_candidates_are_ranked_by_ear(run, tmp_path, monkeypatch):
    chances = iter([0.2, 0.9, 0.5])
    from dataclasses import replace

    monkeypatch.setattr(piece, "listened", lambda made: replace(made, heard="jazz", probability=next(chances)))
    done = run("--genre", "jazz", "--seconds", 2, "-n", 3, "--seed", 5, "--json", "-o", tmp_path / "x.wav")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["genre_probability"] for row in rows] == [0.9, 0.5, 0.2]
    assert [row["seed"] for row in rows] == [6, 7, 5]
    assert [row["files"][0].rsplit("/", 1)[1] for row in rows] == ["x-1.wav", "x-2.wav", "x-3.wav"]


def test_a_dry_run_writes_nothing(run, tmp_path):
    done = run("--genre", "jazz", "--dry-run", "-o", tmp_path / "x.wav")
    assert "would imagine 1 x 10 s" in done.stdout
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept(run, tmp_path):
    (tmp_path / "x.wav").write_text("mine")
    done = run("--genre", "jazz", "-o", tmp_path / "x.wav")
    assert done.exit_code == 1
    assert "already exists" in done.stderr
    assert (tmp_path / "x.wav").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--genre", "jaz"), "genre 'jaz' is not known to the composer 'mine'; did you mean jazz"),
        (("--seconds", "4000"), "4000 seconds: must be above 0 and at most 3600"),
        (("--seconds", "nan"), "must be above 0"),
        (("--tempo", "90"), "--tempo: the spectra engine hears genre, mood and length only"),
        (("--continue", "x.mid"), "--continue: is for scores"),
        (("--temperature", "0.5"), "--temperature: is for scores"),
        (("--steps", "0"), "0 steps: must be from 1 to 500"),
        (("--out", "x.mid"), "x.mid: what kind of file shall it be"),
        (("--prompt", "zebra"), "nothing in 'zebra' is understood"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(run, arguments, message):
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_write_protected_folder_is_refused_before_the_work(run, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # tests may run as root, who may write anywhere
    monkeypatch.setattr(piece, "compose_sound", None)
    done = run("--genre", "jazz", "--seconds", 2, "--out", tmp_path / "x.wav")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].endswith("is write-protected; choose another")


def test_options_of_spectra_are_refused_for_scores():
    done = run_any("compose", "--genre", "jazz", "--guidance", 2)
    assert done.exit_code == 2
    assert "go with --engine spectra" in done.stderr
    assert "choose score or spectra" in run_any("compose", "--engine", "waves").stderr
