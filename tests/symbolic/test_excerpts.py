"""Excerpts of MIDI files as sound: what is rendered, what is refused, and that a synthesiser that hangs is ended."""

import mmap
import signal
import sys
import time

import numpy as np
import pytest

pytest.importorskip("symusic")
if sys.platform == "win32":
    pytest.skip("rendering training excerpts needs fork()", allow_module_level=True)

from sideman.core.errors import MissingExtraError, ScoreError
from sideman.symbolic import excerpts
from sideman.symbolic.excerpts import LENGTH_S, ExcerptRenderer
from tests.symbolic.soundfont import make_midi, make_soundfont

RATE_HZ = 22_050
N = LENGTH_S * RATE_HZ


@pytest.fixture(scope="module")
def soundfont(tmp_path_factory):
    return make_soundfont(tmp_path_factory.mktemp("soundfont") / "tone.sf2")


@pytest.fixture(scope="module")
def renderer(soundfont):
    return ExcerptRenderer([(soundfont, 1.0)])


def shared() -> np.ndarray:
    """A row that a child process can write."""
    return np.frombuffer(mmap.mmap(-1, 2 * N), np.int16)


def test_an_excerpt_sounds_and_fills_its_row(renderer, tmp_path):
    row = shared()
    midi = make_midi(tmp_path / "a.mid", seconds=20)
    assert renderer.render_into(row, midi, 0.5, keep_instruments=1.0)
    assert np.abs(row).max() == 30_000
    seconds = row.reshape(LENGTH_S, RATE_HZ).astype(float)
    assert ((seconds**2).mean(1) > 100**2).all()


def test_a_short_piece_is_repeated(renderer, tmp_path):
    row = shared()
    assert renderer.render_into(row, make_midi(tmp_path / "a.mid", seconds=5), 0.5, keep_instruments=1.0)
    assert ((row.reshape(LENGTH_S, RATE_HZ).astype(float) ** 2).mean(1) > 100**2).all()


def test_the_seed_decides(renderer, tmp_path):
    midi = make_midi(tmp_path / "a.mid", seconds=60)
    rows = [shared() for _ in range(3)]
    for row, seed in zip(rows, (0.1, 0.1, 0.9), strict=True):
        assert renderer.render_into(row, midi, seed, keep_instruments=0.0)
    np.testing.assert_array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_drums_sound_too(renderer, tmp_path):
    assert renderer.render_into(shared(), make_midi(tmp_path / "d.mid", drums=True), 0.5, keep_instruments=0.25)


@pytest.mark.parametrize("kind", ["short", "no notes", "text", "empty", "missing"])
def test_what_cannot_be_rendered_gives_nothing_and_costs_nothing(renderer, tmp_path, kind, capfd):
    path = tmp_path / "x.mid"
    if kind == "short":
        make_midi(path, seconds=1)
    elif kind == "no notes":
        make_midi(path, tracks=0)
    elif kind == "text":
        path.write_text("no score")
    elif kind == "empty":
        path.touch()
    row = shared()
    assert not renderer.render_into(row, path, 0.5, keep_instruments=1.0)
    assert not row.any()
    if kind in ("text", "empty", "missing"):
        assert "x.mid" in capfd.readouterr().err


def _hang(self, path, rng, keep_instruments):
    """As native code that never returns to Python would: signals with a Python handler are not served."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    while True:
        try:
            time.sleep(60)
        except BaseException:  # noqa: BLE001
            continue


def test_a_synthesiser_that_hangs_is_ended(renderer, tmp_path, monkeypatch):
    """Found: where the caller had a handler for SIGALRM, as a test runner has, the child never ended."""
    monkeypatch.setattr(excerpts, "TIME_LIMIT_S", 1)
    monkeypatch.setattr(ExcerptRenderer, "_excerpt", _hang)
    start = time.monotonic()
    previous = signal.signal(signal.SIGALRM, lambda number, frame: None)
    try:
        assert not renderer.render_into(shared(), tmp_path / "a.mid", 0.5, keep_instruments=1.0)
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_give_nothing(soundfont, tmp_path, bad):
    """Found: NaN from the synthesiser was cast to 16 bits and kept as an excerpt."""

    class Synthesizer:
        def render(self, score):
            return np.full((2, N), bad, np.float32)

    renderer = ExcerptRenderer([(soundfont, 1.0)])
    renderer._synthesizers = [Synthesizer()]
    assert not renderer.render_into(shared(), make_midi(tmp_path / "a.mid", seconds=20), 0.5, keep_instruments=1.0)


def test_a_child_that_dies_costs_one_excerpt(renderer, tmp_path, monkeypatch):
    import os

    monkeypatch.setattr(ExcerptRenderer, "_excerpt", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    assert not renderer.render_into(shared(), tmp_path / "a.mid", 0.5, keep_instruments=1.0)


def test_soundfonts_are_used_by_their_shares(soundfont, tmp_path):
    other = make_soundfont(tmp_path / "b.sf2")
    renderer = ExcerptRenderer([(soundfont, 0.0), (other, 1.0)])
    renderer._synthesizers[0] = None  # to use it would fail
    midi = make_midi(tmp_path / "a.mid")
    assert all(renderer.render_into(shared(), midi, seed, keep_instruments=1.0) for seed in (0.1, 0.2, 0.3))


def test_a_missing_soundfont_is_named(tmp_path):
    with pytest.raises(ScoreError, match=r"none\.sf2: not there") as caught:
        ExcerptRenderer([(tmp_path / "none.sf2", 1.0)])
    assert "\n" not in str(caught.value)
    with pytest.raises(ScoreError, match="no SoundFont"):
        ExcerptRenderer([])


def test_a_damaged_soundfont_is_named(tmp_path):
    """Found: it ended in the synthesiser's own error."""
    (tmp_path / "bad.sf2").write_bytes(b"nonsense" * 100)
    with pytest.raises(ScoreError, match=r"bad\.sf2: not a SoundFont") as caught:
        ExcerptRenderer([(tmp_path / "bad.sf2", 1.0)])
    assert "\n" not in str(caught.value)


def test_without_symusic_the_extra_is_named(soundfont, monkeypatch):
    monkeypatch.setitem(sys.modules, "symusic", None)
    with pytest.raises(MissingExtraError, match=r"sideman\[train\]"):
        ExcerptRenderer([(soundfont, 1.0)])
