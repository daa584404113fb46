"""The tutorial's commands, one after the other in one folder, as a reader would type them."""

import subprocess
import sys

import pytest

for needed in ("torch", "sklearn", "onnx", "optuna", "matplotlib"):
    pytest.importorskip(needed)

from tests.genre.music_folders import GENRES, make_folders  # noqa: E402
from tests.readme import ROOT, blocks, commands  # noqa: E402
from tests.test_readme import shell_environment  # noqa: E402, F401 - a fixture

TUTORIAL = ROOT / "docs" / "training.md"
NAMES = dict(zip(GENRES, ("ticks", "drones", "bells"), strict=True))


@pytest.mark.skipif(sys.platform == "win32", reason="the documents speak bash")
def test_every_command_of_the_tutorial_runs_in_its_order(tmp_path, shell_environment):  # noqa: F811
    make_folders(tmp_path / "mymusic", per_genre=4, duration_s=3.1)
    for genre, name in NAMES.items():
        (tmp_path / "mymusic" / genre).rename(tmp_path / "mymusic" / name)
    environment = {**shell_environment, "SIDEMAN_CACHE": str(tmp_path / "cache")}
    told = {}
    for command in [c for block in blocks(TUTORIAL) if block.language == "sh" for c in commands(block)]:
        if command.startswith("pip "):
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        told[command] = done.stdout
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"mymodel", "mynet", "mytransfer", "flattering", "honest", "other", "svm.journal", "why.png"}
    heard = next(text for command, text in told.items() if command.startswith("sideman classify --model mymodel"))
    assert heard.count(" bells ") >= 4
    assert any("LEAKY" in text for text in told.values())
