"""The private folder: another server that starts at the same moment does not take it for an abandoned one."""

import fcntl

from sideman.web.scratch import Scratch, _remove_abandoned


def test_a_server_that_starts_beside_removes_nothing_that_is_not_locked_yet(tmp_path, monkeypatch):
    lock = fcntl.flock

    def late(file, how):
        if file.name.endswith("lock.new"):  # the other one looks before this one has its lock
            _remove_abandoned(tmp_path)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    scratch = Scratch(tmp_path)
    assert scratch.folder.is_dir()
    _remove_abandoned(tmp_path)
    assert scratch.folder.is_dir()
    scratch.close()
    assert not list(tmp_path.iterdir())


def test_what_a_crashed_server_left_goes_at_the_next_start(tmp_path):
    left = tmp_path / "sideman-serve-x"
    left.mkdir()
    (left / "lock").touch()
    (left / "upload-1").touch()
    scratch = Scratch(tmp_path)
    assert list(tmp_path.iterdir()) == [scratch.folder]
    scratch.close()
