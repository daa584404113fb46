import functools
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import SidemanError, WorkerError
from sideman.core.parallel import Outcome, in_order, map_files
from tests.core import work


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_item_yields_one_outcome_with_its_index(workers):
    outcomes = sorted(map_files(work.square, range(40), workers), key=lambda outcome: outcome.index)
    assert [(outcome.index, outcome.item, outcome.value) for outcome in outcomes] == [(n, n, n * n) for n in range(40)]
    assert all(outcome.ok for outcome in outcomes)


def test_no_items_yield_nothing():
    assert list(map_files(work.square, [], 3)) == []
    assert list(map_files(work.square, iter(()), 3)) == []


def test_outcomes_come_as_they_finish_and_in_order_puts_them_back():
    finished = list(map_files(work.sleepy_square, range(12), 2))
    assert finished[0].index != 0
    assert [outcome.index for outcome in in_order(finished)] == list(range(12))


@settings(deadline=None)  # a busy disk or machine is no failure
@given(st.permutations(range(8)))
def test_in_order_releases_any_permutation_in_order(permutation):
    outcomes = [Outcome(index, index, index) for index in permutation]
    assert [outcome.index for outcome in in_order(outcomes)] == list(range(8))


def test_in_order_releases_what_it_holds_when_interrupted():
    def interrupted():
        yield Outcome(0, "a", 0)
        yield Outcome(3, "d", 3)
        yield Outcome(2, "c", 2)
        raise KeyboardInterrupt

    released = []
    with pytest.raises(KeyboardInterrupt):
        released.extend(outcome.index for outcome in in_order(interrupted()))
    seen = []
    with pytest.raises(KeyboardInterrupt):
        for outcome in in_order(interrupted()):
            seen.append(outcome.index)
    assert seen == [0, 2, 3]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_fails_its_item_with_one_line_and_the_rest_goes_on(workers):
    outcomes = list(in_order(map_files(work.misbehave, ["a", "refuse", "bug", "b"], workers)))
    assert [outcome.value for outcome in outcomes] == ["A", None, None, "B"]
    assert outcomes[1].error == "refuse: is not audio"
    assert outcomes[1].details is None
    assert outcomes[2].error == "bug: unexpected ZeroDivisionError: a bug; please report this"
    assert "ZeroDivisionError" in (outcomes[2].details or "")
    with pytest.raises(SidemanError, match="is not audio"):
        outcomes[1].result()
    assert outcomes[0].result() == "A"


@pytest.mark.parametrize(
    "kind, said", [("segfault", "SIGSEGV"), ("kill", "perhaps out of memory"), ("exit", "exit code 7")]
)
def test_a_worker_that_dies_costs_one_item(kind, said):
    kinds = ["a", kind, "b", kind, "c", "d", "e", "f"]
    outcomes = list(in_order(map_files(work.misbehave, kinds, 2)))
    assert [outcome.value for outcome in outcomes] == ["A", None, "B", None, "C", "D", "E", "F"]
    assert said in (outcomes[1].error or "")
    assert (outcomes[1].error or "").startswith(f"{kind}: ")


def test_an_item_that_hangs_is_skipped_at_its_time_limit():
    began_s = time.monotonic()
    outcomes = list(in_order(map_files(work.misbehave, ["a", "hang", "b", "c"], 2, time_limit_s=1.0)))
    assert [outcome.value for outcome in outcomes] == ["A", None, "B", "C"]
    assert outcomes[1].error == "hang: took longer than 1 s; skipped"
    assert time.monotonic() - began_s < 60


def test_a_slow_consumer_does_not_make_finished_items_late():
    outcomes = []
    for outcome in map_files(work.square, range(6), 2, time_limit_s=0.5):
        time.sleep(0.7)
        outcomes.append(outcome)
    assert all(outcome.ok for outcome in outcomes)


def test_a_value_that_cannot_be_pickled_fails_its_item():
    outcomes = list(in_order(map_files(work.misbehave, ["unpicklable", "a"], 2)))
    assert "pickle" in (outcomes[0].error or "").lower()
    assert outcomes[1].value == "A"


def test_big_values_and_big_items_pass():
    assert [len(o.result()) for o in in_order(map_files(work.big, range(6), 2))] == [3_000_000 + n for n in range(6)]
    items = [bytes(1_000_000 + n) for n in range(8)]
    assert [o.value for o in in_order(map_files(work.length, items, 2))] == [len(item) for item in items]


def test_items_are_drawn_only_as_workers_get_free():
    drawn = itertools.count()

    def endless():
        while True:
            next(drawn)
            yield 3

    outcomes = map_files(work.square, endless(), 2)
    first = [next(outcomes) for _ in range(10)]
    assert len(first) == 10
    assert next(drawn) <= 10 + 2 * 2 + 1
    outcomes.close()


def test_workers_are_other_processes_with_one_thread_each():
    pids = {outcome.value for outcome in map_files(work.process, range(12), 2)}
    assert os.getpid() not in pids
    assert len(pids) == 2
    before = os.environ.get("OMP_NUM_THREADS")
    assert {outcome.value for outcome in map_files(work.threads, range(4), 2)} == {"1"}
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_one_worker_and_one_item_stay_in_this_process():
    assert {outcome.value for outcome in map_files(work.process, [1, 2], 1)} == {os.getpid()}
    assert {outcome.value for outcome in map_files(work.process, [1], 4)} == {os.getpid()}


def test_closing_the_iterator_ends_the_workers():
    outcomes = map_files(work.process, itertools.count(), 2)
    pids = {next(outcomes).value for _ in range(10)}
    outcomes.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_function_that_cannot_be_sent_is_refused_at_once():
    with pytest.raises(WorkerError, match="use workers=1"):
        map_files(lambda number: number, range(3), 2)
    assert [o.value for o in map_files(functools.partial(pow, 2), range(3), 2) if o.ok]


@pytest.mark.parametrize("arguments", [{"workers": 0}, {"workers": 2, "time_limit_s": 0}])
def test_arguments_outside_their_range_are_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        map_files(work.square, range(3), **arguments)


def test_a_script_without_a_main_guard_gets_one_line_not_a_hang(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from sideman.core.parallel import map_files\nfrom tests.core import work\n"
        "print([o.value for o in map_files(work.square, range(4), 2)])\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode != 0
    assert "__main__" in done.stderr


def until_both_wait(folder, setting_up=""):
    """A process that has finished two items and waits in its two workers for two others; it ends by interrupts."""
    script = folder / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        from sideman.core import interrupts, parallel
        from tests.core import work
        if __name__ == "__main__":
            {setting_up or "pass"}
            seen = []
            items = [({str(folder)!r}, n) for n in range(9)]
            try:
                for outcome in parallel.in_order(parallel.map_files(work.mark_and_wait, items, 2)):
                    seen.append(outcome.error or outcome.value)
            except KeyboardInterrupt as error:
                print("interrupted", seen, interrupts.exit_code(error))
        """)
    )
    child = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    deadline_s = time.monotonic() + 60
    while len(list(folder.glob("waiting*"))) < 2 and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return child


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a process group")
def test_ctrl_c_stops_at_once_and_keeps_what_is_finished(tmp_path):
    child = until_both_wait(tmp_path)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: parent and workers alike
    began_s = time.monotonic()
    out, err = child.communicate(timeout=30)
    assert time.monotonic() - began_s < 10
    assert out == "interrupted [0, 1] 130\n"
    assert err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM to processes")
def test_sigterm_that_reaches_the_workers_first_makes_no_error_of_their_files(tmp_path):
    child = until_both_wait(tmp_path, "interrupts.heed(); parallel._SIGNAL_S = 20")
    workers = [p for p in psutil.Process(child.pid).children() if "spawn_main" in " ".join(p.cmdline())]
    for process in [*workers, psutil.Process(child.pid)]:
        process.terminate()
    out, err = child.communicate(timeout=30)
    assert out == "interrupted [0, 1] 143\n"
    assert err == ""


def test_ctrl_c_in_the_middle_of_an_answer_makes_no_error_of_it(monkeypatch):
    # A message is read in two parts, its length and its body; what follows a length alone is no message.
    receive = Connection._recv
    parts = itertools.count(1)

    def interrupted(self, size, read=os.read):
        if size == 4 or next(parts) != 5:  # the first bodies are the workers' greetings
            return receive(self, size, read)
        raise KeyboardInterrupt

    outcomes = []
    monkeypatch.setattr(Connection, "_recv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        outcomes.extend(map_files(work.big, [1_000] * 50, 2))
    outcomes = [outcome.error for outcome in outcomes]
    assert 1 <= len(outcomes) < 50
    assert set(outcomes) == {None}
