"""What README and docs/ promise is true: commands run, programs run, links lead somewhere, output is as shown."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sideman.cli.app import app
from tests.cli.run import EXAMPLES, sideman
from tests.readme import ROOT, all_blocks, blocks, commands, documents

# The tutorial's commands build on each other: tests/test_tutorial.py runs them in their order.
TUTORIAL = "docs/training.md"
# The API's examples need a server: tests/web/test_documents.py runs them.
OF_THE_API = "docs/api.md"
ELSEWHERE = {TUTORIAL, OF_THE_API}
SHELL = [
    (block, command) for block in all_blocks("sh") if block.document not in ELSEWHERE for command in commands(block)
]
OURS = [pytest.param(command, id=f"{block}-{command[:50]}") for block, command in SHELL if "sideman " in command]
# README and the page of tasks have whole programs; other pages may show parts, whose imports must hold.
WHOLE = {"README.md", "docs/index.md"}
PROGRAMS = [pytest.param(block.text, id=str(block)) for block in all_blocks("python") if block.document in WHOLE]
PARTS = [pytest.param(block.text, id=str(block)) for block in all_blocks("python") if block.document not in WHOLE]

# A command that names something only its reader has, in capitals, is checked for its options but not run.
# So is a server, which does not end; tests/web starts them.
PLACEHOLDER = re.compile(r"\b[A-Z][A-Z_]{2,}\b|pip install|sideman serve")


@pytest.fixture
def music(tmp_path):
    """A folder as the documents imagine their reader's: song.mp3, music/, examples/."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    shutil.copy(EXAMPLES / "disco nights.mp3", tmp_path / "song.mp3")
    (tmp_path / "music" / "album").mkdir(parents=True)
    shutil.copy(EXAMPLES / "one drop.opus", tmp_path / "music")
    shutil.copy(EXAMPLES / "iron gallop.ogg", tmp_path / "music" / "album")
    return tmp_path


@pytest.fixture
def shell_environment(tmp_path_factory):
    """PATH begins with a ``sideman`` of the interpreter that runs the tests."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "sideman"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sideman "$@"\n')
    script.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


# Commands that speak of a library: they find one in which music/, song.mp3 and examples/ were scanned.
OF_THE_LIBRARY = re.compile(
    r"sideman (scan|ls|tag|undo|similar|path|playlist|recommend|insights|learn|feedback|library)\b"
)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """A folder as `music` makes it, with a library; and a copy of both, to begin each command from."""
    folder, saved = tmp_path_factory.mktemp("reader"), tmp_path_factory.mktemp("saved") / "copy"
    shutil.copytree(EXAMPLES, folder / "examples")
    shutil.copy(EXAMPLES / "disco nights.mp3", folder / "song.mp3")
    (folder / "music" / "album").mkdir(parents=True)
    for recording in sorted(EXAMPLES.glob("*.*")):
        if recording.suffix in {".mp3", ".ogg", ".opus", ".flac"}:
            shutil.copy(recording, folder / "music" / "album")
    done = sideman("scan", "music", "song.mp3", "examples", env={"SIDEMAN_DATABASE": "library.db"}, cwd=folder)
    assert done.returncode == 0, done.stderr.decode()
    shutil.copytree(folder, saved)
    return folder, saved


def in_a_library(command, scanned, environment):
    """Run a command beside a library as it was after the scan; sizes and times of the files are kept."""
    folder, saved = scanned
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.copytree(saved, folder, dirs_exist_ok=True)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=folder, capture_output=True, timeout=300, check=False,
        env={**environment, "SIDEMAN_DATABASE": "library.db"},
    )  # fmt: skip


def needs_plot(text: str) -> None:
    if "--plot" in text:
        pytest.importorskip("matplotlib")


@pytest.mark.skipif(sys.platform == "win32", reason="the documents speak bash")
@pytest.mark.parametrize("command", OURS)
def test_every_command_runs_as_written(command, music, shell_environment, request):
    if PLACEHOLDER.search(command):
        check_options(command)
        return
    needs_plot(command)
    if OF_THE_LIBRARY.search(command):
        done = in_a_library(command, request.getfixturevalue("scanned"), shell_environment)
        assert done.returncode == 0, done.stderr.decode()
        return
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=music, env=shell_environment, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()


def check_options(command: str) -> None:
    """Every --option of each ``sideman`` call exists."""
    for part in re.split(r"&&|\|", command):
        words = shlex.split(part)
        if not words or Path(words[0]).name != "sideman":
            continue
        node, rest = typer.main.get_command(app), words[1:]
        while rest and rest[0] in getattr(node, "commands", {}):
            node, rest = node.commands[rest[0]], rest[1:]
        known = {option for parameter in node.params for option in (*parameter.opts, *parameter.secondary_opts)} | {
            "--help"
        }
        for word in rest:
            assert not word.startswith("--") or word.split("=")[0] in known, f"{word} is no option of {part}"


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_runs_as_written(program, music, shell_environment):
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=music, env=shell_environment, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout


@pytest.mark.parametrize("part", PARTS)
def test_what_parts_of_programs_import_is_there(part):
    imports = [node for node in ast.walk(ast.parse(part)) if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in imports:
        exec(compile(ast.Module([node], []), "document", "exec"), {})


def test_the_readme_has_two_commands_before_anything_else():
    """One installs and runs the main job, the other runs the tests; CI runs both as they stand."""
    first, second = [block for block in blocks(ROOT / "README.md") if block.language == "sh"][:2]
    (install,) = commands(first)
    (test,) = commands(second)
    assert install.endswith("&& .venv/bin/sideman classify examples/")
    assert "pip install" in install
    assert test.endswith("&& .venv/bin/python -m pytest -n auto --dist loadfile")


def test_the_output_shown_is_the_output():
    shown = next(block for block in blocks(ROOT / "README.md") if block.language == "text").text.splitlines()
    done = sideman("classify", "examples/", cwd=ROOT)
    assert done.returncode == 0
    real = done.stdout.decode().splitlines()
    assert len(shown) == len(real)
    for ours, theirs in zip(shown, real, strict=True):
        # Percent and tempo may differ by rounding on another machine; names, answers and keys may not.
        assert re.sub(r"\d+", "#", ours).split() == re.sub(r"\d+", "#", theirs).split()
        for told, heard in zip(re.findall(r"\d+(?=%)", ours), re.findall(r"\d+(?=%)", theirs), strict=True):
            assert abs(int(told) - int(heard)) <= 2


@pytest.mark.parametrize("path", [*documents(), ROOT / "CONTRIBUTING.md"], ids=lambda path: path.name)
def test_links_within_the_repository_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_version_is_everywhere_the_same():
    from sideman import __version__

    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
