import contextlib
import os
import signal
import sys
import threading

import pytest

from sideman.core import interrupts
from sideman.core.parallel import map_files

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")


@pytest.fixture(autouse=True)
def handlers_as_before():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *interrupts.ENDING)}
    yield
    interrupts.heeded()
    sys.unraisablehook = sys.__unraisablehook__
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", interrupts.ENDING)
def test_a_signal_that_asks_to_end_is_raised_like_ctrl_c(number):
    signal.signal(number, signal.SIG_DFL)
    interrupts.heed()
    with pytest.raises(KeyboardInterrupt) as raised:
        signal.raise_signal(number)
    assert interrupts.exit_code(raised.value) == 128 + number


def test_ctrl_c_has_the_code_that_shells_know():
    assert interrupts.exit_code(KeyboardInterrupt()) == 130


def test_what_nohup_ignores_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.heed()
    with interrupts.interrupts_noted() as noted:
        signal.raise_signal(signal.SIGHUP)
    interrupts.end_silently()
    signal.raise_signal(signal.SIGHUP)
    assert not noted.is_set()


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_noted_where_work_shall_be_finished_and_heeded_afterwards(number, code):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with interrupts.interrupts_noted() as noted:
        assert not noted.is_set()
        signal.raise_signal(number)
        assert noted.is_set()
    assert interrupts.exit_code(noted.error()) == code
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def strike_where_it_becomes_another_error(_):
    """As pybind11 does where a module begins, and a decoder in a callback."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise ImportError("initialization failed") from None


def strike_where_it_is_lost(_):
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    return "half a result"


@pytest.mark.parametrize("strike", [strike_where_it_becomes_another_error, strike_where_it_is_lost])
def test_an_interrupt_that_comes_out_as_something_else_is_no_result_of_the_file(strike):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts.heed()
    outcomes = []
    with pytest.raises(KeyboardInterrupt):
        outcomes.extend(map_files(strike, ["a.wav", "b.wav"], 1))
    assert outcomes == []


def test_an_interrupt_in_a_finaliser_is_silent_and_not_lost(capsys):
    class Closing:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts.heed()
    closing = Closing()
    del closing
    assert capsys.readouterr().err == ""
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()


def test_what_fails_after_an_answered_interrupt_fails_by_itself():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts.heed()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert interrupts.unheeded()
    interrupts.heeded()
    interrupts.check()
    assert not interrupts.unheeded()


def test_other_threads_are_left_alone():
    def work():
        with interrupts.interrupts_noted() as noted:
            seen.append(noted.is_set())

    seen = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
