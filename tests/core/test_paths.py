import os
import sys
from pathlib import Path

import pytest

from sideman.core.paths import find_audio


@pytest.fixture
def tree(tmp_path):
    for name in ("b.mp3", "a.FLAC", "notes.txt", ".hidden.mp3", "._b.mp3", "sub/c.ogg", "sub/deep/d.wav", ".git/e.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(found: list[Path], root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in found]


def test_a_folder_is_walked_in_sorted_order_and_hidden_and_other_files_are_passed_over(tree):
    assert names(find_audio([tree]), tree) == ["a.FLAC", "b.mp3", "sub/c.ogg", "sub/deep/d.wav"]


def test_without_recursion_only_the_folder_itself_is_listed(tree):
    assert names(find_audio([tree], recursive=False), tree) == ["a.FLAC", "b.mp3"]


def test_a_file_named_outright_is_taken_whatever_its_name(tree):
    given = [tree / "notes.txt", tree / "missing.mp3", tree / ".hidden.mp3"]
    assert find_audio(given) == given
    assert find_audio([str(given[0])]) == given[:1]


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
def test_links_are_followed_once_and_loops_end(tree, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "f.mp3").touch()
    (tree / "zlink").symlink_to(elsewhere)
    (tree / "loop").symlink_to(tree)
    (tree / "broken.mp3").symlink_to(tree / "nowhere")
    found = names(find_audio([tree]), tree)
    assert found.count("zlink/f.mp3") == 1
    assert "broken.mp3" in found
    assert not any(name.startswith("loop/") for name in found)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes")
def test_names_that_are_no_utf8_are_found(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9\n.mp3"
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    assert [os.fsencode(path) for path in find_audio([tmp_path])] == [name]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_reported(tree):
    (tree / "sub").chmod(0)
    errors = []
    try:
        assert names(find_audio([tree], on_error=errors.append), tree) == ["a.FLAC", "b.mp3"]
    finally:
        (tree / "sub").chmod(0o755)
    assert len(errors) == 1


def test_a_folder_that_vanishes_is_reported(tree, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    errors = []
    assert find_audio([tree], on_error=errors.append) == []
    assert errors[0].errno == 13


def test_a_deep_tree_is_no_problem(tmp_path):
    path = tmp_path
    for _ in range(300):
        path = path / "d"
    path.mkdir(parents=True)
    (path / "x.wav").touch()
    assert find_audio([tmp_path]) == [path / "x.wav"]
