import io
import sys

import pytest

from sideman.core.progress import pace, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_terminal_no_bar(monkeypatch):
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    with progress("listening", 3) as advance:
        advance(1)
    assert stderr.getvalue() == ""


def test_quiet_is_quiet_on_a_terminal(monkeypatch):
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    with progress("listening", 3, quiet=True) as advance:
        advance(1)
    assert stderr.getvalue() == ""


def test_a_terminal_shows_the_bar_on_stderr_only(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stderr, stdout = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(sys, "stdout", stdout)
    with progress("listening", 3) as advance:
        advance(2)
        print("a result")
    assert "listening" in stderr.getvalue()
    assert stdout.getvalue() == "a result\n"


@pytest.mark.parametrize(
    ("per_second", "shown"), [(None, ""), (0.0, ""), (12.34, "12.3/s"), (1.0, "1.0/s"), (0.4, "2.5 s each")]
)
def test_pace(per_second, shown):
    assert pace(per_second) == shown
