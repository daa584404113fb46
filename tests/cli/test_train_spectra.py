"""``sideman train spectra``: from recordings to a generator or a vocoder, through kills and damaged files."""

import hashlib
import json
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from sideman.cli.app import app
from tests.compose.test_spectra_corpus import write_music

TINY = ("--batch", "2", "--workers", "1")


def train(*arguments, command="spectra"):
    return CliRunner().invoke(app, ["train", command, *map(str, arguments)])


def test_without_torch_one_line_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    done = train(tmp_path)
    assert done.exit_code == 1
    assert (
        done.stderr == "error: sideman train spectra needs the optional extra 'train': pip install 'sideman[train]'\n"
    )


class TestWithTorch:
    @pytest.fixture(autouse=True)
    def needs_torch(self):
        pytest.importorskip("torch")
        pytest.importorskip("onnx")

    def test_a_dry_run_names_the_genres_and_makes_nothing(self, tmp_path):
        music = write_music(tmp_path / "music")
        done = train(music, "--out", tmp_path / "mine", "--dry-run")
        assert "a flow on 3 recordings, genres: jazz, reggae" in done.stdout
        assert [p.name for p in tmp_path.iterdir()] == ["music"]

    @pytest.mark.parametrize(
        ("model", "arguments", "follows"),
        [
            ("flow", (), "compose --engine spectra --model {out} --genre jazz"),
            ("dcgan", ("--no-genres",), "compose --engine spectra --model {out}\n"),
            ("vocoder", (), "spectra invert --model {out} song.npz"),
        ],
    )
    def test_what_was_trained_can_be_used_as_told(self, tmp_path, model, arguments, follows):
        out = tmp_path / "mine"
        done = train(write_music(tmp_path / "music"), "--model", model, "--out", out, "--steps", 2, *TINY, *arguments)
        assert done.exit_code == 0, done.stderr
        assert "learnt from 2 recordings" in done.stdout
        assert follows.format(out=out) in done.stdout
        assert not list((tmp_path / "mine.work").glob("*.safetensors"))
        if model == "vocoder":
            (song,) = (tmp_path / "music" / "reggae").iterdir()
            use = ["spectra", "invert", str(song), "--model", str(out), "-o", str(tmp_path / "x.wav")]
        else:
            use = ["compose", "--engine", "spectra", "--model", str(out), "--vocoder", "single-pass", "--seconds", "2"]
            use += ["--steps", "2"] if model == "flow" else []
            use += ["-o", str(tmp_path / "x.wav")]
        used = CliRunner().invoke(app, use)
        assert used.exit_code == 0, used.stderr
        assert (tmp_path / "x.wav").stat().st_size > 40_000

    def test_a_damaged_file_costs_a_line_and_exit_code_3(self, tmp_path):
        music = write_music(tmp_path / "music")
        (music / "jazz" / "broken.mp3").write_bytes(b"no sound")
        done = train(music, "--model", "vocoder", "--out", tmp_path / "mine", "--steps", 1, "--json", *TINY)
        assert done.exit_code == 3
        assert len(json.loads(done.stdout)["left_out"]) == 1
        assert sum("broken.mp3" in line for line in done.stderr.splitlines()) == 1

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--model", "gan"), "model 'gan' is not known; choose flow, dcgan, vocoder"),
            (("--rate", "0"), "teaches nothing"),
            (("--longest", "1"), "must be from 2 to 3600"),
            (("--device", "tpu"), "choose cpu or cuda"),
        ],
    )
    def test_plans_that_cannot_be_are_refused(self, tmp_path, arguments, message):
        done = train(write_music(tmp_path / "music"), "--out", tmp_path / "mine", *arguments)
        assert done.exit_code == 2
        assert message in done.stderr

    def test_an_empty_folder_is_named(self, tmp_path):
        done = train(tmp_path, "--out", tmp_path / "mine")
        assert done.exit_code == 1
        assert "has no recordings" in done.stderr

    @pytest.mark.parametrize("model", ["dcgan", pytest.param("vocoder", marks=pytest.mark.slow)])
    def test_a_run_killed_goes_on_and_ends_in_the_same_weights(self, tmp_path, model):
        music = write_music(tmp_path / "music")
        options = ["--model", model, "--steps", "16", "--quiet", *TINY]
        out, work = tmp_path / "killed", tmp_path / "killed.work"
        command = [sys.executable, "-m", "sideman", "train", "spectra", str(music), "--out", str(out), *options]
        first = subprocess.Popen(command)
        until = time.monotonic() + 120
        while not list(work.glob("run-*.safetensors")) and first.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert not out.exists()
        assert list(work.glob("run-*.safetensors"))
        subprocess.run(command, check=True)
        assert train(music, "--out", tmp_path / "whole", *options).exit_code == 0
        stem = "vocoder" if model == "vocoder" else "spectra"
        sums = [
            hashlib.sha256((tmp_path / name / f"{stem}.onnx").read_bytes()).hexdigest() for name in ("killed", "whole")
        ]
        assert sums[0] == sums[1]

    def test_the_shipped_networks_road_is_told(self, tmp_path):
        done = train(
            "--data", tmp_path, "--midi", tmp_path, "--folds", tmp_path / "folds.csv", "--out", tmp_path,
            "--soundfont", tmp_path / "a.sf2", "--part", "flow", "--dry-run", command="spectra-default",
        )  # fmt: skip
        assert done.exit_code == 0, done.stderr
        assert "would make flow (vocoder " in done.stdout
        assert not list(tmp_path.iterdir())
