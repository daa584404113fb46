"""Damaged files of every format: no crash, no hang, no traceback, nothing on stderr, no memory by a header's word."""

from __future__ import annotations

import pytest

from tests.audio import fuzz_runner
from tests.audio.soundfiles import KINDS

MUTANTS_N = 2_000
MUTANTS_SLOW_N = 50_000
KIND_NAMES = sorted(KINDS)


def _jobs(first_seed: int, total: int) -> list[tuple[str, int]]:
    return [(KIND_NAMES[i % len(KIND_NAMES)], first_seed + i // len(KIND_NAMES)) for i in range(total)]


def _assert_sound(report: fuzz_runner.Report, total: int) -> None:
    assert not report.problems, "\n".join(
        [f"{len(report.problems)} problems", *(problem[:400] for problem in report.problems[:20])]
    )
    assert report.samples_n + report.errors_n == total
    # Both ends of the scale must be reached, or the damage is too weak or too strong to test anything.
    assert report.samples_n > total // 10
    assert report.errors_n > total // 10
    assert report.slowest_s < 20.0


def test_two_thousand_mutants_end_in_samples_or_a_one_line_error() -> None:
    _assert_sound(fuzz_runner.run(_jobs(0, MUTANTS_N)), MUTANTS_N)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_fifty_thousand_mutants_end_in_samples_or_a_one_line_error() -> None:
    _assert_sound(fuzz_runner.run(_jobs(1_000_000, MUTANTS_SLOW_N)), MUTANTS_SLOW_N)


def test_a_worker_that_dies_is_reported() -> None:
    """The net itself: an unknown kind ends the worker as a crash would, and the next job gets a new one."""
    report = fuzz_runner.run([("no-such-kind", 0), ("wav-16", 0)], workers=1)
    assert any("no-such-kind 0: the decoder crashed" in problem for problem in report.problems)
    assert report.samples_n + report.errors_n == 1


def test_a_worker_that_hangs_is_killed_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_runner, "GRACE_S", 0.005)
    monkeypatch.setattr(fuzz_runner, "HANG_WALL_S", 0.005)  # starting Python alone takes longer
    report = fuzz_runner.run([("wav-16", 0)], workers=1)
    assert any("wav-16 0: the decoder hung" in problem for problem in report.problems)
