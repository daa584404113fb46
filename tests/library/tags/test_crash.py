"""Killed at any moment, a run of tags damages no file, loses no tag, and leaves a journal that tells the truth."""

import os
import sys
import time

import pytest

from sideman.core.errors import LibraryError
from sideman.library.tags import journal
from sideman.library.tags.write import Outcome
from tests.library.tags import crash

pytestmark = pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs safe forks")


@pytest.mark.parametrize("kills", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_kill_9_at_random_points(tmp_path, kills):
    folder = crash.Folder(tmp_path, seed=kills)
    for _ in range(kills):
        folder.kill_once()
    assert folder.counts["files damaged"] == folder.counts["tags lost"] == 0
    assert folder.counts["cut short"] > 0
    assert folder.counts["writes"] > 0
    assert folder.counts["recovered as done"] + folder.counts["recovered as failed"] == folder.counts["cut short"]


def test_the_harness_sees_a_writer_that_is_not_safe(tmp_path, monkeypatch):
    """The same kills with a writer that edits files in place."""
    folder = crash.Folder(tmp_path, kinds=("flac", "mp3_v24", "ogg"))

    def careless(store, batch, change):
        path = crash.Path(change.path)
        row = journal.plan(store, batch, change, tmp_path / "none")
        with path.open("rb") as file, (tmp_path / "aside").open("w+b") as out:
            crash.checks.format_of(file).rewrite(file, change.new, out)
        data = (tmp_path / "aside").read_bytes()
        with path.open("wb", buffering=0) as file:
            for at in range(0, len(data), 1024):
                file.write(data[at : at + 1024])
                time.sleep(0.001)
        journal.done(store, row, change.path)
        return Outcome(change.path, "done")

    monkeypatch.setattr(crash, "write", careless)
    with pytest.raises((AssertionError, LibraryError)):
        for _ in range(200):
            folder.kill_once()
            assert folder.counts["files damaged"] == folder.counts["tags lost"] == 0
    assert folder.counts["kills"] > 0
