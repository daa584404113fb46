import errno
import os
import stat
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.atomic import atomic_folder, atomic_write
from sideman.core.errors import OutputError

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")


@settings(deadline=None)  # a busy disk or machine is no failure
@given(st.binary(max_size=200))
def test_what_is_written_is_what_is_read(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("atomic") / "file"
    with atomic_write(path) as file:
        file.write(data)
    assert path.read_bytes() == data
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_text_is_utf8_and_newlines_stay(tmp_path):
    with atomic_write(tmp_path / "a", "w") as file:
        file.write("é\r\n\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9\r\n\n"


def test_the_file_is_not_there_before_the_block_ends(tmp_path):
    path = tmp_path / "a"
    with atomic_write(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_the_block_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, error):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(error), atomic_write(path) as file:
        file.write(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


@needs_posix
def test_permissions_of_the_old_file_stay_and_new_ones_obey_the_umask(tmp_path):
    old = tmp_path / "old"
    old.touch(0o640)
    old.chmod(0o640)
    with atomic_write(old):
        pass
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "new"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


@needs_posix
def test_a_symbolic_link_keeps_pointing_to_the_new_file(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    with atomic_write(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["ä" * 120, "x" * 250])
def test_long_names_fit(tmp_path, name):
    with atomic_write(tmp_path / name) as file:
        file.write(b"1")
    assert (tmp_path / name).read_bytes() == b"1"


def test_a_missing_folder_and_a_folder_in_the_way_are_one_line(tmp_path):
    for path in (tmp_path / "no" / "file", tmp_path):
        with pytest.raises(OutputError) as caught, atomic_write(path):
            pass
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_unknown_mode_is_refused(tmp_path):
    with pytest.raises(ValueError, match="mode"):
        atomic_write(tmp_path / "a", "a")  # type: ignore[call-overload]


def test_a_folder_appears_whole(tmp_path):
    path = tmp_path / "out"
    with atomic_folder(path) as folder:
        (folder / "a").write_text("1")
        assert not path.exists()
    assert os.listdir(tmp_path) == ["out"]
    assert (path / "a").read_text() == "1"


def test_a_folder_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="half"), atomic_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("1")
        raise ValueError("half")
    assert os.listdir(tmp_path) == []


def test_an_existing_folder_is_replaced_only_on_request(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(OutputError, match="already exists"), atomic_folder(path):
        pass
    with atomic_folder(path, overwrite=True) as folder:
        (folder / "new").touch()
        assert (path / "old").exists()
    assert os.listdir(path) == ["new"]
    assert os.listdir(tmp_path) == ["out"]


def test_a_file_in_the_way_of_a_folder_is_never_replaced(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError), atomic_folder(tmp_path / "out", overwrite=True):
        pass
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_that_another_process_made_meanwhile_is_not_replaced(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"), atomic_folder(tmp_path / "model") as mine:
        (mine / "mine").write_text("second")
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "theirs").write_text("first")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["theirs"]


def test_a_full_disk_names_the_file_that_was_to_be_written(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    message = r"out\.bin: cannot be written \(no space.*free some space"
    with pytest.raises(OutputError, match=message), atomic_write(tmp_path / "out.bin"):
        raise full
    with pytest.raises(OutputError, match="model: cannot be written"), atomic_folder(tmp_path / "model"):
        raise full
    assert not list(tmp_path.iterdir())
