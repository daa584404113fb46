"""``sideman train score``: from a folder of MIDI files to a composer, through kills and damaged files."""

import hashlib
import json
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from sideman.cli.app import app
from tests.compose.tunes import write_tunes

TINY = ("--model", "lstm", "--size", "tiny", "--batch", "2", "--context", "64", "--workers", "1")


def train(*arguments, command="score"):
    return CliRunner().invoke(app, ["train", command, *map(str, arguments)])


def test_without_torch_one_line_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    done = train(tmp_path)
    assert done.exit_code == 1
    assert done.stderr == "error: sideman train score needs the optional extra 'train': pip install 'sideman[train]'\n"


class TestWithTorch:
    @pytest.fixture(autouse=True)
    def needs_torch(self):
        pytest.importorskip("torch")

    def test_a_dry_run_names_the_genres_and_makes_nothing(self, tmp_path):
        music = write_tunes(tmp_path / "music", {"folk": 1, "jazz": 1})
        done = train(music, "--out", tmp_path / "mine", "--dry-run")
        assert done.exit_code == 0
        assert "2 files, genres: folk, jazz" in done.stdout
        assert [p.name for p in tmp_path.iterdir()] == ["music"]

    def test_the_shipped_composers_road_is_told(self, tmp_path):
        done = train("--data", tmp_path, "--out", tmp_path, "--build", "research", "--dry-run", command="score-default")
        assert done.exit_code == 0
        assert "open: 1400 steps at 0.003, then open-2: 200 steps at 0.0015, then research" in done.stdout
        assert not list(tmp_path.iterdir())

    def test_a_damaged_file_costs_a_line_and_exit_code_3(self, tmp_path):
        music = write_tunes(tmp_path / "music", {"folk": 3})
        (music / "folk" / "broken.mid").write_bytes(b"no midi")
        done = train(music, "--out", tmp_path / "mine", "--steps", 2, "--json", *TINY)
        assert done.exit_code == 3
        assert json.loads(done.stdout)["trained_on"]["pieces"] == 2
        assert sum("broken.mid" in line for line in done.stderr.splitlines()) == 1

    def test_a_run_killed_goes_on_and_ends_in_the_same_weights(self, tmp_path):
        music = write_tunes(tmp_path / "music", {"folk": 3})
        arguments = ["--steps", "60", "--quiet", *TINY]
        out, work = tmp_path / "killed", tmp_path / "killed.work"
        command = [sys.executable, "-m", "sideman", "train", "score", str(music), "--out", str(out), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not [p for p in work.glob("run-*") if "best" not in p.name]:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert [p for p in work.glob("run-*") if p.suffix == ".safetensors"]
        assert not out.exists()
        assert train(music, "--out", out, *arguments).exit_code == 0
        assert train(music, "--out", tmp_path / "whole", *arguments).exit_code == 0
        sums = {hashlib.sha256((f / "composer.onnx").read_bytes()).hexdigest() for f in (out, tmp_path / "whole")}
        assert len(sums) == 1
        assert not list(work.glob("run-*"))
