"""Requests that take seconds: two run, six wait, the next is told to come again."""

import threading
import time

import pytest

from sideman.web.heavy import heavy
from sideman.web.problems import BusyError


def test_two_run_six_wait_and_the_next_is_sent_away():
    go, lock = threading.Event(), threading.Lock()
    came, running, most = [], [], 0

    def work():
        nonlocal most
        came.append(1)
        with heavy():
            with lock:
                running.append(1)
                most = max(most, len(running))
            go.wait(20)
            with lock:
                running.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 10
    while (len(came), len(running)) != (8, 2) and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.2)  # from having come to waiting
    with pytest.raises(BusyError) as refused, heavy():
        pass
    assert refused.value.retry_after_s > 0
    go.set()
    for thread in threads:
        thread.join(20)
    assert (len(came), most, running) == (8, 2, [])
    with heavy():
        pass  # there is room again


def test_an_error_gives_the_room_back():
    for _ in range(20):
        with pytest.raises(ValueError, match="x"), heavy():
            raise ValueError("x")
    with heavy():
        pass
