"""Waiting for changes in real folders."""

import threading
import time

from sideman.library.watch import changes
from tests.library.sounds import write


def waits(folder, act, *, settle_s=0.2, every_s=20.0):
    """Seconds until a change is told after ``act`` ran; None where it took over 10 s."""
    told = threading.Event()
    waiting = changes([str(folder)], settle_s=settle_s, every_s=every_s)

    def wait():
        next(waiting)
        told.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    time.sleep(0.5)
    began = time.monotonic()
    act()
    heard = told.wait(10)
    took = time.monotonic() - began
    if heard:
        waiting.close()
    return took if heard else None


def test_a_new_file_deep_in_a_folder_is_told(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert waits(tmp_path, lambda: write(tmp_path / "a" / "b" / "new.wav")) is not None


def test_a_file_that_goes_is_told(tmp_path):
    path = write(tmp_path / "old.wav")
    assert waits(tmp_path, path.unlink) is not None


def test_reading_changes_nothing_and_time_runs_out_in_the_end(tmp_path):
    path = write(tmp_path / "old.wav")
    took = waits(tmp_path, path.read_bytes, every_s=2.0)
    assert took is not None
    assert took > 1.0
