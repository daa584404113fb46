import os
import sys

import pytest

from sideman.core import tuning


def test_threads_are_one_inside_and_as_before_outside(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with tuning.single_threaded_environment():
        assert {os.environ[name] for name in tuning.THREAD_VARIABLES} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_the_default_of_one_thread_respects_the_user(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    tuning.default_to_one_thread()
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]) == ("4", "1")


@pytest.mark.skipif(sys.platform != "linux" or not os.confstr("CS_GNU_LIBC_VERSION"), reason="glibc only")
def test_glibc_takes_the_allocator_settings():
    assert tuning.tune_allocator() is True


@pytest.mark.parametrize(
    "text, cores", [("max 100000", None), ("200000 100000", 2.0), ("50000 100000", 0.5), ("", None), ("a b", None)]
)
def test_the_containers_quota_is_read(tmp_path, text, cores):
    (tmp_path / "cpu.max").write_text(text)
    assert tuning._cgroup_quota(tmp_path / "cpu.max") == cores


def test_available_cores_is_at_least_one_and_at_most_the_machine():
    assert 1 <= tuning.available_cores() <= (os.cpu_count() or 1)
