import json

import numpy as np
import pytest
from typer.testing import CliRunner

from sideman.cli import doctor
from sideman.cli.app import app
from tests.cli.run import sideman


@pytest.fixture(scope="module")
def findings():
    done = sideman("doctor", "--json")
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_healthy_machine_passes(findings):
    done, checks = findings
    assert [check for check in checks if check["status"] == "failed"] == []
    assert done.returncode == 0
    assert done.stderr == b""


def test_every_part_is_looked_at(findings):
    _, checks = findings
    assert {check["group"] for check in checks} == {"versions", "extras", "weights", "codecs", "self-test"}
    named = {(check["group"], check["name"]): check["detail"] for check in checks}
    assert {("versions", name) for name in ("python", "sideman", "numpy", "onnxruntime", "libsndfile")} <= set(named)
    assert {("codecs", name) for name in ("wav", "au", "aiff", "flac", "ogg vorbis", "opus", "mp3")} <= set(named)
    assert {("self-test", name) for name in ("classify", "tempo", "key")} <= set(named)
    assert {("extras", name) for name in ("m4a", "plot", "train")} <= set(named)
    assert any(group == "weights" and "sha256" in detail for (group, _), detail in named.items())


def test_the_report_for_people_has_the_same_lines(findings):
    _, checks = findings
    shown = sideman("doctor").stdout.decode()
    assert len(shown.splitlines()) == len(checks) + len({check["group"] for check in checks})


def test_a_missing_extra_is_told_with_its_cure_and_is_no_failure(monkeypatch):
    real = doctor._installed
    monkeypatch.setattr(doctor, "_installed", lambda name: None if name == "av" else real(name))
    (check,) = [check for check in doctor._extras() if check.name == "m4a"]
    assert check.status == "missing"
    assert "pip install 'sideman[m4a]'" in check.detail


def test_damaged_weights_fail(monkeypatch, tmp_path):
    from sideman.inference import cards

    (tmp_path / "genre.json").write_text(json.dumps({"sha256": "0" * 64}))
    (tmp_path / "genre.onnx").write_bytes(b"damaged")
    real = cards.list_weights
    monkeypatch.setattr(cards, "list_weights", lambda: real(tmp_path))
    (check,) = doctor._weights()
    assert check.status == "failed"
    assert "checksum" in check.detail
    monkeypatch.setattr(cards, "list_weights", lambda: real(tmp_path / "nothing"))
    assert [check.status for check in doctor._weights()] == ["failed"]


def test_a_codec_that_gives_something_else_fails(tmp_path, monkeypatch):
    from sideman.audio import decode

    y = doctor.music()
    monkeypatch.setattr(decode, "load", lambda path, sample_rate_hz: (np.zeros_like(y), sample_rate_hz))
    assert {check.status for check in doctor._codecs(y, tmp_path)} == {"failed"}


def test_one_failure_makes_the_exit_code_one(monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda: iter([doctor.Check("codecs", "mp3", "failed", "no mp3")]))
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "no mp3" in result.output


def test_the_test_signal_is_always_the_same_and_within_range():
    y = doctor.music()
    assert np.array_equal(y, doctor.music())
    assert y.dtype == np.float32
    assert np.abs(y).max() == pytest.approx(0.8)
